"""The components of a daemon and how they are connected. ``threads`` says which thread runs which."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from pointline.io.lock import LakeLock
from pointline.services.ingest.effects import IngestService
from pointline.services.loading.load import Loader
from pointline_daemon.arrival.bronze_presence import BronzePresence, Identity
from pointline_daemon.arrival.bronze_watch import BronzeWatch
from pointline_daemon.arrival.descriptions import Descriptions
from pointline_daemon.arrival.inbox import Inbox
from pointline_daemon.arrival.rescanner import Rescanner
from pointline_daemon.arrival.touched import Touched
from pointline_daemon.condition.account import Account
from pointline_daemon.condition.state import read_state
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.requests import Maintain, Retry, UpdateSymbols, Withdraw
from pointline_daemon.process.committing.commits import Commits
from pointline_daemon.process.comparison import Comparison
from pointline_daemon.process.flow import Flow
from pointline_daemon.process.live import LiveState
from pointline_daemon.process.maintenance.thread import Maintenance
from pointline_daemon.process.request_answers import RequestAnswers
from pointline_daemon.process.request_desk import RequestDesk


class Components:
    """All of them are there from the start, so that their state is published while the lake is recovered.

    Only the service and its loader come later.
    """

    def __init__(self, lake: Lake, *, lock: LakeLock, once: bool) -> None:
        self.lake = lake
        self.lock = lock
        self.once = once
        paths, settings = lake.config.paths, lake.config.ingest
        self.inbox = Inbox(settings.queue_size)
        self.flow = Flow(self.inbox.wake)
        self.pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
        self.touched = Touched(paths.state / "touched.parquet")
        comparison = Comparison(self.service, lake.source.feeds)
        self.rescanner = Rescanner(
            inbox=self.inbox,
            postpone=None if once else self.flow.postpone,
            source=lake.source,
            manifest=lake.manifest,
            asks=comparison.asks,
            compare=comparison.compare,
            clock=lake.clock,
            interval_seconds=settings.rescan_seconds,
            touched=self.touched,
            presence=BronzePresence(_identity_in(read_state(paths.state_file))),
            descriptions=Descriptions(paths.root, lake.source.feeds),
        )
        self.watch = BronzeWatch(
            paths.bronze, inbox=self.inbox, rescanner=self.rescanner, rescan_seconds=settings.rescan_seconds
        )
        self.account = Account(lake.batch_tables)
        self.maintenance = Maintenance(
            lake,
            oldest_batch_seconds=self.flow.oldest_batch_seconds,
            on_done=self.account.add_upkeep,
            require_lake=lock.require,
            refresh_symbols=lambda: self.service().refresh_symbols(),
        )
        self.commits = Commits(
            account=self.account, maintenance=self.maintenance, inbox=self.inbox, rescanner=self.rescanner
        )
        self.live = LiveState(
            config=lake.config,
            inbox=self.inbox,
            flow=self.flow,
            rescanner=self.rescanner,
            maintenance=self.maintenance,
            reader=lake.reader,
            account=self.account,
        )
        answers = RequestAnswers(self.service, self.rescanner)
        self.desk = RequestDesk(
            paths,
            {
                Retry: answers.retry,
                Withdraw: answers.withdraw,
                UpdateSymbols: answers.update_symbols,
                Maintain: self.maintenance.ask,
            },
        )

    @cached_property
    def ingest(self) -> tuple[IngestService, Loader]:
        """The service and its loader. They begin where the ledger ends, so it has to be recovered before."""
        return self.lake.ingest(once=self.once)

    def service(self) -> IngestService:
        return self.ingest[0]

    @property
    def is_done(self) -> bool:
        """The scan is through and nothing of it is on its way any more."""
        flow = self.flow
        # A path that is to be tried again waits before it has landed, and is queued before it waits no more.
        nothing_moves = not flow.waiting and self.inbox.is_idle and flow.is_idle and not flow.waiting
        return self.rescanner.scans > 0 and nothing_moves


def _identity_in(state: Mapping[str, Any]) -> Identity | None:
    """Return the folder in which an earlier daemon saw files."""
    match state.get("bronze"):
        case [int(device), int(inode)]:
            return Identity(device, inode)
    return None
