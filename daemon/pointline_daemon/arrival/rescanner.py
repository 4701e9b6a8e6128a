"""The rescanner thread: compares bronze with the manifest at start, by timer, and whenever hints were lost."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection

import polars as pl
import structlog

from pointline.errors import Transient
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.paths.unrecognised import Seen, Unrecognised
from pointline.io.clock import Clock
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.services.ingest.backlog import Sieve, backlog
from pointline.services.ingest.departure import Departures
from pointline.services.ingest.schedule import next_try_us
from pointline.tables.ingest_manifest import CLOSED, stands_at
from pointline_daemon import events
from pointline_daemon.arrival.bronze_presence import BronzePresence, Identity
from pointline_daemon.arrival.descriptions import Descriptions
from pointline_daemon.arrival.first_files import FirstFiles, ScanStopped
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.touched import Touched
from pointline_daemon.arrival.unread import Unread
from pointline_daemon.memory import rare_collections

LONGEST_WAIT_SECONDS = 1.0

log = structlog.get_logger()


class Rescanner:
    """Puts into the inbox what bronze holds and the ledger has not settled. Waits for room; hints never do.

    Files that failed before go to ``postpone`` with the time of their next try; without it they are tried at once.
    """

    def __init__(
        self,
        *,
        inbox: Inbox,
        postpone: Callable[[str, int], None] | None,
        source: FolderBronzeSource,
        manifest: IngestionManifestRepository,
        asks: Callable[[pl.DataFrame], Collection[str]],
        compare: Callable[[pl.DataFrame, pl.DataFrame], Departures],
        clock: Clock,
        interval_seconds: float,
        touched: Touched,
        presence: BronzePresence,
        descriptions: Descriptions,
    ) -> None:
        self._descriptions = descriptions
        self.presence = presence
        self._longest_seconds = math.inf
        self._inbox = inbox
        self._postpone = postpone
        self._source = source
        self._manifest = manifest
        self._asks = asks
        self._compare = compare
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._wanted = threading.Event()
        self._wanted.set()
        self._reasons: set[str] = {"start"}
        self._folders: set[str] = set()
        self._touched = touched
        self._lock = threading.Lock()
        self.has_begun = False
        self.scans = 0
        self.to_offer = 0
        self.failing = ""
        self.scanned_at = time.time()
        self.last_scan: dict[str, object] = {}
        self.unread = Unread(source.why_unread)
        self._foreign: list[str] = []
        self._offered: set[str] = set()
        """By the scan under way, before its end: the intake looks at them later than the scan did."""

    @property
    def refused_descriptions(self) -> dict[str, str]:
        """What is wrong with the descriptions in the lake's folder, and what to do; those of before hold meanwhile."""
        return self._descriptions.refused

    def ask(self, reason: str) -> None:
        """Ask for a scan of all of bronze soon. Never blocks."""
        with self._lock:
            self._reasons.add(reason)
        self._wanted.set()

    def ask_folder(self, folder: str) -> None:
        """Ask for a scan of a folder that appeared. Never blocks."""
        with self._lock:
            self._folders.add(folder)
        self._wanted.set()

    def scan_at_least_every(self, seconds: float) -> None:
        """Let no more time pass between two scans of all of bronze, however long the setting is."""
        self._longest_seconds = seconds

    def wake(self) -> None:
        """Let the thread look at its stop event."""
        self._wanted.set()

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread."""
        scanned_at = time.monotonic()
        while True:
            left = scanned_at + min(self._interval_seconds, self._longest_seconds) - time.monotonic()
            if stopping.is_set():
                self._touched.save()
                return
            if self._descriptions.take_up_changes():
                self.ask("descriptions changed")
            reasons, folders = self._take_requests(timer=left <= 0)
            if reasons:
                self._scan("", reasons, stopping)
                scanned_at = time.monotonic()
            elif folders:
                for folder in folders:
                    self._scan(folder, [], stopping)
            else:
                self._touched.save()
                self.unread.say()
                self._wanted.wait(min(left, LONGEST_WAIT_SECONDS))

    def _take_requests(self, *, timer: bool) -> tuple[list[str], list[str]]:
        """Return why all of bronze has to be scanned, and the folders to scan where it has not."""
        with self._lock:
            self._wanted.clear()
            reasons, self._reasons = self._reasons, set()
            folders, self._folders = self._folders, set()
        if timer:
            reasons.add("timer")
        if self._inbox.take_overflow():
            reasons.add("queue full")
        return sorted(reasons), _outermost(folders)

    def _scan(self, folder: str, reasons: list[str], stopping: threading.Event) -> None:
        started = time.monotonic()
        self.has_begun = True
        self._foreign.clear()
        self._offered.clear()
        left_out: list[Unrecognised] = []
        departed = Departures()
        if not folder:
            self.unread.scan_begins()
        known = self._manifest.entries()
        try:
            keep = Sieve(known, () if folder else self._asks(known))
            first = FirstFiles(lambda files: self._offer_first(keep.unknown(files), stopping), stopping.is_set)
            with rare_collections():
                survey = self._source.survey(folder, left_out, on_files=first, keep=keep)
            is_whole = not folder and not any(one.is_unreadable for one in left_out)  # what cannot be seen is not gone
            if is_whole and keep.seen:
                departed = self._compare(survey, known)
                log_departures(departed)
        except ScanStopped:
            return
        except Transient as error:
            if self._postpone is None:
                raise  # nobody waits for the next scan
            if not self.failing:  # said when it begins; the next scan that is finished says that it has passed
                log.error(events.RESCAN_FAILED, error=str(error), hint=error.hint)
            self.failing = str(error)
            return
        waiting = backlog(survey, self._manifest.entries(), self._touched.frame(), list(departed.regained.values()))
        offered = self._offer(waiting.sort("path"), stopping)
        if folder:
            for path in (*self._foreign, *(one.path for one in left_out)):
                self.unread.met(path)
            return
        if not stopping.is_set():
            self.unread.scanned(Seen(list(self._foreign), left_out, self._source.feeds))
            self.unread.say()
        self._note_presence(keep.seen, known)
        self._source.mounts.note()
        self.scans += 1
        self.failing, self.scanned_at = "", time.time()
        self.last_scan = {
            "reasons": reasons,
            "files": keep.seen,
            "offered": offered,
            "unrecognised": (self.unread.state or {}).get("files"),
            "seconds": round(time.monotonic() - started, 3),
        }
        log.info(events.RESCAN_FINISHED, **self.last_scan)

    def _note_presence(self, files: int, known: pl.DataFrame) -> None:
        found = self._source.identity()
        identity = None if found is None else Identity(*found)
        in_ledger = known.filter(~stands_at(*CLOSED))["bronze_file_path"].hash().n_unique() if not files else 0
        if not self.presence.note(files=files, in_ledger=in_ledger, identity=identity):
            return
        if self.presence.vanished:
            hint = "look whether bronze is mounted; what silver holds stays, and files that come back are known"
            log.error(events.BRONZE_VANISHED, files=self.presence.vanished, hint=hint)
        else:
            log.info(events.BRONZE_RETURNED, files=files)

    def _offer_first(self, files: pl.DataFrame, stopping: threading.Event) -> bool:
        """Offer files while the scan goes on, as long as nobody has to wait for room; tell whether there is some."""
        waiting = backlog(files, self._manifest.entries(), self._touched.frame())
        for path, *version, attempts, _ in waiting.sort("path").iter_rows():
            if not self._inbox.has_room or stopping.is_set():
                return False
            if not attempts and self._source.describe(path, *version) is not None:
                self._inbox.put(path, finished=False, give_up=stopping.is_set)
                self._offered.add(path)
        return True

    def _offer(self, waiting: pl.DataFrame, stopping: threading.Event) -> int:
        offered = 0
        for position, (path, *version, attempts, tried_us) in enumerate(waiting.iter_rows()):
            self.to_offer = waiting.height - position
            if stopping.is_set():
                break
            if path in self._offered:
                offered += 1
                continue
            if self._source.describe(path, *version) is None:
                self._foreign.append(path)
                continue  # no market data by its name
            due_us = self._due_us(path, attempts, tried_us) if attempts else 0
            if self._postpone is not None and due_us > self._clock.now_us():
                self._postpone(path, due_us)
                continue
            if not self._inbox.put(path, finished=False, give_up=stopping.is_set):
                break
            offered += 1
        self.to_offer = 0
        return offered

    def _due_us(self, path: str, attempts: int, tried_us: int) -> int:
        """A try at a time that no clock has shown yet was made under a wrong clock: nothing is waited for."""
        age = self._clock.age(tried_us / 1_000_000)
        if age is None:
            return 0
        return next_try_us(path, attempts, self._clock.now_us() - int(age * 1_000_000))


def log_departures(found: Departures) -> None:
    """Say which refused files are closed, and which files are read again."""
    for file_id, path in found.gone.items():
        log.info(events.FILE_GONE, file_id=file_id, path=path)
    for file_id, path in (*found.freed.items(), *found.regained.items()):
        log.info(events.FILE_REOPENED, file_id=file_id, path=path)


def _outermost(folders: set[str]) -> list[str]:
    """Return the folders that lie in none of the others."""
    outermost: list[str] = []
    for folder in sorted(folders):
        if not outermost or not f"{folder}/".startswith(f"{outermost[-1]}/"):
            outermost.append(folder)
    return outermost
