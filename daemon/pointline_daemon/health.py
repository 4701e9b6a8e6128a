"""How a running daemon is, in one word, by its live state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SILENT_SECONDS = 60.0
"""The state is published at least every ten seconds."""

NO_EVENTS = "no events"
"""Trouble that lets files in later than usual, and nothing worse: bronze is not watched, and scanned the more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``word`` is one of healthy, starting, degraded, paused, troubled, silent, down; ``reason`` may be empty.

    ``serves``: files that arrive get in.
    """

    word: str
    reason: str = ""
    serves: bool = True


def judge_state(state: dict[str, Any], *, now: float) -> Health:
    """Find the one word for a state published at ``state["at"]``, worst first, and the reason for it."""
    if state.get("starting"):
        return Health(word="starting", serves=False)
    age = now - float(state.get("at", 0.0))
    if age > SILENT_SECONDS:
        return Health(word="silent", reason=f"no sign of life for {age:.0f} s: restart it", serves=False)
    if state.get("paused"):
        reason = "no space left on the disk: free some, ingest resumes by itself"
        return Health(word="paused", reason=reason, serves=False)
    stuck = [f"{what}: {text}" for what, text in (state.get("stuck") or {}).items()]
    if (state.get("machine") or {}).get("disk_full"):
        stuck.append("the disk is full: there is no room for another batch")
    passing = dict(state.get("troubles") or {}) | dict(state.get("retrying") or {})
    if vanished := state.get("vanished"):
        passing["bronze"] = f"it is empty, all {vanished:,} files of the ledger vanished at once: is it mounted?"
    if state.get("maintenance"):
        passing["maintenance"] = state["maintenance"]
    troubles = [*stuck, *(f"{what}: {text}" for what, text in passing.items())]
    if not troubles:
        return Health(word="healthy")
    if not stuck and passing.keys() <= {NO_EVENTS}:
        return Health(word="degraded", reason="; ".join(troubles))
    return Health(word="troubled", reason="; ".join(troubles), serves=not stuck)
