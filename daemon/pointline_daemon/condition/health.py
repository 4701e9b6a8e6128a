"""How a running daemon is, in one word, by its live state."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

SILENT_SECONDS = 60.0
"""The state is published at least every ten seconds."""

NO_EVENTS = "no events"
"""Trouble that lets files in later than usual, and nothing worse: bronze is not watched, and scanned the more often."""

DESCRIPTIONS = "vendors"
"""Files of a vendor whose description is refused wait; all others get in."""

STATE_DISK = "the disk of .pointline"

NEXT = {
    "ingest": "`pointline doctor` says what is wrong; restart the daemon if it finds nothing",
    "rescan": "`pointline doctor` says what is wrong with bronze",
    "the disk": "free space on the disk of the lake; ingest goes on by itself",
    STATE_DISK: "free space on the disk that holds .pointline",
    "bronze": "mount bronze again; if its files are gone for good, restart the daemon: silver keeps their rows",
    NO_EVENTS: "`pointline doctor` says which limit to raise; until then bronze is scanned",
    "metrics": "free the port, or set metrics.port to another one",
    "maintenance": "`pointline doctor` says what is wrong; maintenance is tried again automatically",
}
"""What to do about each trouble, by what is in trouble."""
OTHERWISE = "`pointline doctor` says what is wrong; it is tried again automatically"
WORDS = {
    "stopping": (
        "it was told to stop and commits what it has read; a second signal ends it at once",
        "wait; what is not read by then is read at the next start",
    ),
    "paused": ("no space left on the disk: free some, ingest resumes by itself", NEXT["the disk"]),
}
"""What is a state of its own, in which no file gets in: why, and what to do."""
NO_INODES = (
    "no inodes left on the disk: remove files, ingest resumes by itself",
    "remove files from the disk of the lake, whatever their size (`df -i`); ingest goes on by itself",
)
"""The same of ``paused``, where there is room for bytes and not for files."""


class Health(Struct, frozen=True, kw_only=True):
    """``word`` is one of healthy, starting, stopping, degraded, paused, troubled, silent, down; not all have a reason.

    ``serves``: files that arrive get in.
    """

    word: str
    reason: str = ""
    serves: bool = True
    next_step: str = ""
    """What a person can do about the first reason; empty where there is nothing to do."""


def judge_state(state: dict[str, Any], *, now: float) -> Health:
    """Find the one word for a state published at ``state["at"]``, worst first, and the reason for it."""
    if state.get("starting") and not state.get("paused"):
        return Health(word="starting", serves=False)
    age = now - float(state.get("at", 0.0))
    if age > SILENT_SECONDS:
        reason = f"no sign of life for {age:.0f} s: restart it"
        return Health(word="silent", reason=reason, serves=False, next_step="restart the daemon, then look at its log")
    machine = state.get("machine") or {}
    words = WORDS | ({"paused": NO_INODES} if machine.get("no_inodes") else {})
    for word, (reason, next_step) in words.items():
        died = word == "stopping" and state.get("troubles")  # why it stops says more
        if state.get(word) and not died:
            return Health(word=word, reason=reason, serves=False, next_step=next_step)
    stuck = [f"{what}: {text}" for what, text in (state.get("stuck") or {}).items()]
    first = next(iter(state.get("stuck") or ()), "the disk")
    if machine.get("disk_full"):
        stuck.append("the disk is full: there is no room for another batch")
    passing = _passing(state)
    troubles = [*stuck, *(f"{what}: {text}" for what, text in passing.items())]
    if not troubles:
        return Health(word="healthy")
    step = NEXT.get(first if stuck else next(iter(passing)), OTHERWISE)
    if not stuck and next(iter(passing)) == DESCRIPTIONS:
        step = state["descriptions"]["try"]
    if not stuck and passing.keys() <= {NO_EVENTS, DESCRIPTIONS}:
        return Health(word="degraded", reason="; ".join(troubles), next_step=step)
    return Health(word="troubled", reason="; ".join(troubles), serves=not stuck, next_step=step)


def _passing(state: dict[str, Any]) -> dict[str, str]:
    """Return what does not work and does not keep every file out, worst first."""
    found = dict(state.get("troubles") or {}) | dict(state.get("retrying") or {})
    if vanished := state.get("vanished"):
        found["bronze"] = f"all {vanished:,} files of the ledger vanished from it at once: is it mounted?"
    if state.get("maintenance"):
        found["maintenance"] = state["maintenance"]
    if (state.get("machine") or {}).get("state_disk_full"):
        found[STATE_DISK] = "it is full: what the daemon notes and tells of itself is not written"
    if refused := state.get("descriptions"):
        found[DESCRIPTIONS] = refused["problem"]
    return found
