"""Whether a daemon keeps the lake, from its lock and its published state, and how the lake is in one word."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.commands.present import bytes_text, duration, plural
from daemon.health import Health, judge_state
from pointline.io.lock import holder_of

WORK = ("queued", "in_flight", "unfinished", "scheduled", "partitions_waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
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

    def work(self) -> dict[str, int]:
        """Return what is on its way into the lake."""
        return {name: int(self.state.get(name, 0)) if self.knows_work else 0 for name in WORK}

    def live(self) -> dict[str, Any]:
        """Return what the daemon published of its progress; empty where there is none."""
        return self.state if self.knows_work else {}

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
        if self.holder is None:
            return {"running": False}
        return {
            "running": True,
            **self.holder,
            "seconds": round(now - float(str(self.holder.get("since", now))), 1),
            "files_done": self.state.get("files_done", 0) if self.knows_work else 0,
            "rows_written": self.state.get("rows_written", 0) if self.knows_work else 0,
        }


def look_at_daemon(lock_file: Path, state_file: Path) -> Daemon:
    """Look at the lock and at the last published state. Takes and changes nothing."""
    try:
        state = json.loads(state_file.read_bytes())
    except (OSError, ValueError):
        state = {}
    return Daemon(holder=holder_of(lock_file), state=state if isinstance(state, dict) else {})


def judge(daemon: Daemon, *, failed: int, disk_is_low: bool, now: float) -> Health:
    """Find the one word, worst first, and the reason for it."""
    state = daemon.state
    age = now - float(state.get("at", 0.0))
    if not daemon.is_alive:
        if state.get("running"):
            return Health(word="down", reason=f"the last daemon ended unexpectedly about {duration(age)} ago")
        return Health(word="down", reason="`pointline run` starts the daemon")
    if not daemon.knows_work:
        return Health(word="starting")
    health = judge_state(state, now=now)
    if health.word in {"silent", "paused"}:
        return health
    troubles = [health.reason] if health.reason else []
    if failed:
        troubles.append(f"{plural(failed, 'file')} failed")
    if disk_is_low:
        troubles.append("the disk is nearly full")
    return Health(word="troubled", reason="; ".join(troubles)) if troubles else health
