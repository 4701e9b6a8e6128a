"""Whether a daemon keeps the lake, from its lock and its published state, and the lake's health in one word."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from msgspec import Struct

from pointline.io.access import WriteFault
from pointline.io.lock import holder_of
from pointline.phrases import plural
from pointline_daemon.commands.shared.present import bytes_text, duration
from pointline_daemon.condition.health import Health, judge_state
from pointline_daemon.condition.state import last_death, read_state

WORK = ("queued", "in_flight", "unfinished", "scheduled", "partitions_waiting")


class Daemon(Struct, frozen=True, kw_only=True):
    """Who writes the lake at the moment, if anybody does, and what was last published."""

    holder: dict[str, object] | None
    state: dict[str, Any]

    @property
    def is_alive(self) -> bool:
        """A process holds the lake."""
        return self.holder is not None

    @property
    def knows_work(self) -> bool:
        """The published state is that of the process which holds the lake."""
        return self.holder is not None and self.state.get("pid") == self.holder.get("pid")

    @property
    def since(self) -> float:
        """When the holder took the lake, seconds since the epoch by its clock; infinity where that is not known."""
        try:
            return float(str((self.holder or {})["since"]))
        except (KeyError, ValueError):
            return math.inf

    @property
    def last_death(self) -> dict[str, Any] | None:
        """When (``at``, seconds since the epoch) and why the daemon before ended; None where it ended as it should."""
        if not self.is_alive:
            return last_death(self.state)
        # Until a daemon has published for itself, the state is that of the one before.
        return self.state.get("last_death") if self.knows_work else last_death(self.state)

    def work(self) -> dict[str, int]:
        """Return what is on its way into the lake."""
        return {name: int(self.state.get(name, 0)) if self.knows_work else 0 for name in WORK}

    def live(self) -> dict[str, Any]:
        """Return what the daemon published of its progress; empty where there is none."""
        return self.state if self.knows_work else {}

    def older_descriptions(self) -> dict[str, str] | None:
        """Return ``problem`` and ``try`` where the daemon goes by other descriptions than the folder has."""
        return self.live().get("descriptions") or None

    def describe(self, now: float) -> str:
        """Say in a line whether a daemon is running."""
        if self.holder is None:
            return "not running"
        since = float(str(self.holder.get("since", now)))
        purpose = f"pointline {self.holder.get('purpose', '')}".strip()
        held = (self.live().get("machine") or {}).get("rss_bytes")
        memory = f", {bytes_text(held)} of memory" if held else ""
        return f"{purpose}, process {self.holder.get('pid', 'unknown')}, for {duration(now - since)}{memory}"

    def as_json(self, now: float) -> dict[str, object]:
        """Return the facts for programs."""
        died = {} if self.last_death is None else {"last_death": self.last_death}
        if self.holder is None:
            return {"running": False, **died}
        return {
            "running": True,
            **self.holder,
            **died,
            "seconds": round(now - float(str(self.holder.get("since", now))), 1),
            "files_done": self.state.get("files_done", 0) if self.knows_work else 0,
            "rows_written": self.state.get("rows_written", 0) if self.knows_work else 0,
        }


def look_at_daemon(lock_file: Path, state_file: Path) -> Daemon:
    """Look at the lock and at the last published state. Takes and changes nothing."""
    return Daemon(holder=holder_of(lock_file), state=read_state(state_file))


def judge(
    daemon: Daemon, *, unwritten: WriteFault | None, failed: int, disk_is_low: bool, start: str, now: float
) -> Health:
    """Return the health and its reason; the worst problem counts.

    ``start`` is the command that starts the daemon, ``unwritten`` why it may not publish its state.
    """
    state = daemon.state
    if not daemon.is_alive:
        died = daemon.last_death
        reason = f"`{start}` starts the daemon"
        if died is not None:
            reason = f"the last daemon ended {duration(now - float(died['at']))} ago: {died['reason']}; {reason}"
        return Health(word="down", reason=reason)
    health = judge_state(state, now=now) if daemon.knows_work else Health(word="starting")
    if unwritten is not None and health.word in {"starting", "silent"}:
        reason = f"what it does is not known: {unwritten.path} {unwritten.what}"
        return Health(word="silent", reason=reason, serves=False, next_step=unwritten.hint)
    if not daemon.knows_work:
        return health
    if health.word in {"starting", "stopping", "silent", "paused"}:
        return health
    troubles = [health.reason] if health.reason else []
    if failed:
        troubles.append(f"{plural(failed, 'file')} failed")
    if disk_is_low:
        troubles.append("the disk is nearly full")
    is_worse = failed or disk_is_low
    return Health(word="troubled", reason="; ".join(troubles)) if is_worse else health
