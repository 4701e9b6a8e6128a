"""The daemon as it is at this moment: what is on its way, how fast, until when, and what is in its way."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from pointline.config import Config
from pointline.io.content.file_content import Reading
from pointline.io.content.file_reader import FileReader
from pointline.io.health import free_inodes, headroom
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.condition.account import Account, Counts
from pointline_daemon.process.flow import Flow
from pointline_daemon.process.maintenance.thread import Maintenance

SHOWN_READING = 4
SHOWN_PARTITIONS = 3
RATE_SECONDS = 60.0
SAMPLE_SECONDS = 1.0
MACHINE_SECONDS = 5.0
LEAST_STATE_BYTES = 64 << 10
"""On a disk of its own, ``.pointline`` needs no more room than that for what is written there again and again."""
STALLED_SECONDS = 120.0
OVERDUE_SECONDS = 600.0
"""A scan that takes so much longer than the interval hangs."""

State = dict[str, Any]


class _Sample(Struct, frozen=True, kw_only=True):
    at: float
    bytes: int
    files: int
    rows: int


class LiveState:
    """Looks at the parts and at the account. Used by the supervisor's thread; takes and changes nothing."""

    def __init__(
        self,
        *,
        config: Config,
        inbox: Inbox,
        flow: Flow,
        rescanner: Rescanner,
        maintenance: Maintenance,
        reader: FileReader,
        account: Account,
    ) -> None:
        self._paths = config.paths
        self._batch_bytes = int(config.ingest.batch_max_bytes)
        self._rescan_seconds = config.ingest.rescan_seconds
        self._inbox = inbox
        self._flow = flow
        self._rescanner = rescanner
        self._maintenance = maintenance
        self._reader = reader
        self._account = account
        self._samples: deque[_Sample] = deque()
        self._machine_due = 0.0
        self._machine_seen: State = {}
        self._progress: tuple[int, ...] = ()
        self._progress_at = time.monotonic()
        self._scanned: tuple[float, float] = (0.0, time.monotonic())
        """When bronze was last compared, by the clock of the wall, and when that was seen here, by the steady one."""

    def collect(self) -> State:
        """Return the state, ready for JSON."""
        reading = sorted(self._reader.reading(), key=lambda one: -one.bytes)
        total, read = self._flow.bytes_in_flight({one.path: one.read_bytes for one in reading})
        work = {
            "paused": self._flow.is_paused,
            "queued": self._inbox.depth,
            "to_offer": self._rescanner.to_offer,
            "in_flight": self._flow.files_in_flight,
            "in_flight_bytes": total,
            "in_flight_read_bytes": read,
            "reading": [_as_json(one) for one in reading[:SHOWN_READING]],
            "unfinished": self._flow.unfinished,
            "scheduled": self._flow.scheduled,
        }
        return {
            "lake": str(self._paths.root),
            **work,
            **self._pace(work),
            **self._account.recent(),
            "partitions_waiting": self._maintenance.waiting,
            "partitions": self._maintenance.first_waiting(SHOWN_PARTITIONS),
            "tables": self._maintenance.space,
            "last_scan": self._rescanner.last_scan,
            "unrecognised": self._rescanner.unread.state,
            "scanned_at": self._rescanner.scanned_at if self._rescanner.scans else None,
            "bronze": self._rescanner.presence.identity,
            "descriptions": self._rescanner.refused_descriptions,
            "vanished": self._rescanner.presence.vanished,
            "stuck": self._stuck(work),
            "retrying": {**self._flow.failing, **_few(self._flow.partitions_held_up)},
            "maintenance": self._maintenance.failing,
            "machine": self._machine(),
        }

    def _pace(self, work: State) -> State:
        """Return the rates of the last minute of work, per second, and the seconds until all that is known is in."""
        now = time.monotonic()
        if not work["in_flight"] and not work["queued"]:
            self._samples.clear()
            return {"rate": None, "eta_seconds": None}
        committed = self._account.read(_totals)
        sample = _Sample(
            at=now, bytes=committed[0] + work["in_flight_read_bytes"], files=committed[1], rows=committed[2]
        )
        if not self._samples or now - self._samples[-1].at >= SAMPLE_SECONDS:
            self._samples.append(sample)
        while len(self._samples) > 2 and now - self._samples[1].at > RATE_SECONDS:
            self._samples.popleft()
        first = self._samples[0]
        seconds = now - first.at
        if seconds < SAMPLE_SECONDS:
            return {"rate": None, "eta_seconds": None}
        rate = {name: max(0, getattr(sample, name) - getattr(first, name)) / seconds for name in _RATES}
        files, size = committed[1] + work["in_flight"], committed[0] + work["in_flight_bytes"]
        to_come = (work["queued"] + work["to_offer"]) * (size / files if files else 0)
        left = work["in_flight_bytes"] - work["in_flight_read_bytes"] + to_come
        return {
            "rate": {name: round(value, 1) for name, value in rate.items()},
            "eta_seconds": round(left / rate["bytes"]) if rate["bytes"] else None,
        }

    def _stuck(self, work: State) -> dict[str, str]:
        """Name what hangs or fails so that files do not get in, apart from a full disk."""
        now = time.monotonic()
        stuck = {}
        progress = (self._account.read(lambda counts: counts.batches), work["in_flight"], work["in_flight_read_bytes"])
        busy = work["in_flight"] or work["queued"]
        if not busy or work["paused"] or progress != self._progress:
            self._progress, self._progress_at = progress, now
        if now - self._progress_at > STALLED_SECONDS:
            since = time.strftime("%H:%M:%S", time.gmtime(time.time() - (now - self._progress_at)))
            stuck["ingest"] = f"no progress since {since} UTC"
        if self._rescanner.scanned_at != self._scanned[0]:
            self._scanned = self._rescanner.scanned_at, now
        scanned_seconds = now - self._scanned[1]
        if self._rescanner.failing:
            stuck["rescan"] = self._rescanner.failing
        elif not self._rescanner.to_offer and scanned_seconds > self._rescan_seconds + OVERDUE_SECONDS:
            stuck["rescan"] = "bronze was not compared with the ledger for too long"
        return stuck

    def _machine(self) -> State:
        """Return what is looked at every few seconds: asking for it costs more than all the rest."""
        now = time.monotonic()
        if now >= self._machine_due:
            self._machine_due = now + MACHINE_SECONDS
            self._machine_seen = self._look_at_machine()
        return self._machine_seen

    def _look_at_machine(self) -> State:
        free = total = inodes = None
        with suppress(OSError):
            usage = shutil.disk_usage(self._paths.disk)
            free, total = usage.free, usage.total
            inodes = free_inodes(self._paths.disk)
        return {
            "disk_free_bytes": free,
            "disk_total_bytes": total,
            "disk_full": free is not None and total is not None and free < headroom(self._batch_bytes, total, 1),
            "no_inodes": inodes == 0,
            "state_disk_full": self._is_state_disk_full(),
            "rss_bytes": resident_bytes(),
        }

    def _is_state_disk_full(self) -> bool:
        """Tell whether ``.pointline`` is on a disk of its own that is full."""
        with suppress(OSError):
            is_another = self._paths.state.stat().st_dev != self._paths.root.stat().st_dev
            return is_another and shutil.disk_usage(self._paths.state).free < LEAST_STATE_BYTES
        return False


_RATES = ("bytes", "files", "rows")


def _few(held_up: dict[str, str]) -> dict[str, str]:
    """Return the first of many."""
    first = dict(sorted(held_up.items())[:SHOWN_PARTITIONS])
    more = len(held_up) - len(first)
    return first | ({"more": f"{more} more partitions"} if more > 0 else {})


def _totals(counts: Counts) -> tuple[int, int, int]:
    return counts.bytes.total(), counts.files.total(), counts.rows.total()


def _as_json(one: Reading) -> State:
    return {"path": one.path, "bytes": one.bytes, "read_bytes": one.read_bytes}


def resident_bytes() -> int:
    """Return the memory this process holds; where the kernel does not tell, the most it ever held."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
