"""What the service manager is told: systemd's notification protocol, one datagram of ``KEY=value`` lines at a time.

``WATCHDOG=1`` says that since the last one the loop of every thread has turned, so the manager's own limit
(``WatchdogSec=``) is the longest that a thread may take for one turn. While the daemon drains, the thread that it
waits for must go on turning, or the time to stop is not extended any more.
"""

from __future__ import annotations

import datetime as dt
import socket
import time
from typing import TYPE_CHECKING

import structlog

from pointline.phrases import count, plural, printable
from pointline_daemon import events

if TYPE_CHECKING:
    from pointline_daemon.process.supervisor import Supervisor

LEAST_SECONDS = 1.0
"""Between two messages, but for READY and STOPPING."""
DRAIN_SECONDS = 120.0
"""How long a part that is being drained may go without a turn: what one turn takes on a slow disk, and some more."""
STATUS_CHARACTERS = 500

log = structlog.get_logger()


class Notifier:
    """The supervisor's ``on_tick``. ``address`` is a path, or a name behind ``@`` in Linux's abstract namespace."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._sent_at = 0.0
        self._said_ready = False
        self._said_stopping = False
        self._status = ""
        self._turns: dict[str, int] = {}
        self._in_trouble = False

    def __call__(self, supervisor: Supervisor) -> None:
        """Say what is new. A message that does not get through is made again at the next tick."""
        turns = {part.name: part.turns for part in supervisor.parts if part.is_running}
        ready = not self._said_ready and not supervisor.is_stopping and _is_ready(supervisor, turns)
        stopping = not self._said_stopping and supervisor.is_stopping
        if not ready and not stopping and time.monotonic() - self._sent_at < LEAST_SECONDS:
            return
        lines = ["READY=1"] * ready + ["STOPPING=1"] * stopping
        worked = False
        if supervisor.is_stopping:
            worked = stopping or _goes_on_draining(self._turns, turns)
            lines += [f"EXTEND_TIMEOUT_USEC={int(DRAIN_SECONDS * 1_000_000)}"] * worked
        elif self._said_ready:
            worked = all(now > self._turns.get(name, 0) for name, now in turns.items())
            lines += ["WATCHDOG=1"] * worked
        status = describe(supervisor, starting=not ready and not self._said_ready)
        if status != self._status:
            lines.append(f"STATUS={status}")
        if lines and self._send("\n".join(lines)):
            self._sent_at = time.monotonic()
            self._said_ready |= ready
            self._said_stopping |= stopping
            self._status = status
            if worked:
                self._turns = turns

    def _send(self, message: str) -> bool:
        """Send without waiting; False where the message did not get through. Trouble is logged when it begins."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.settimeout(0)
                manager.sendto(message.encode("utf-8", "backslashreplace"), self._address)
        except BlockingIOError:
            return False  # the manager is busy
        except OSError as error:
            if not self._in_trouble:
                self._in_trouble = True
                hint = "look whether NOTIFY_SOCKET is what the service manager set, and reachable from a sandbox"
                log.warning(events.NOTIFY_FAILED, error=str(error), hint=hint)
            return False
        if self._in_trouble:
            self._in_trouble = False
            log.info(events.NOTIFY_RESUMED)
        return True


def _is_ready(supervisor: Supervisor, turns: dict[str, int]) -> bool:
    """The first scan has begun and the loop of every thread runs."""
    is_turning = bool(turns) and len(turns) == len(supervisor.parts) and all(turns.values())
    return is_turning and supervisor.components.rescanner.has_begun


def _goes_on_draining(before: dict[str, int], now: dict[str, int]) -> bool:
    """Parts are drained one after the other: the first that still runs is the one waited for."""
    waited_for = next(iter(now), None)
    return waited_for is not None and now[waited_for] > before.get(waited_for, 0)


def describe(supervisor: Supervisor, *, starting: bool) -> str:
    """Say the daemon's status in a line: the queue, the last commit, trouble. No name in it can end the line."""
    flow, commits = supervisor.components.flow, supervisor.components.commits
    word = "stopping: " if supervisor.is_stopping else "starting: " if starting else ""
    said = [f"{word}{count(supervisor.components.inbox.depth)} queued, {count(flow.files_in_flight)} in flight"]
    if flow.scheduled:
        said.append(f"{count(flow.scheduled)} to try again")
    if commits.last_at is None:
        said.append("nothing committed yet")
    else:
        last = dt.datetime.fromtimestamp(commits.last_at, dt.UTC)
        said.append(f"last commit {last:%Y-%m-%d %H:%M:%S} UTC")
        said.append(f"{plural(commits.files_done, 'file')}, {plural(commits.rows_written, 'row')} since the start")
    health = supervisor.state.health()
    if health.reason:
        said.append(f"{health.word}: {health.reason}")  # as `pointline status` has it
    return printable("; ".join(said))[:STATUS_CHARACTERS]
