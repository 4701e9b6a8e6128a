"""A metrics port with nothing behind it but an account, a flow and a state that tests set as they like."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointline_daemon.condition.account import Account, BatchDone, FileDone
from pointline_daemon.condition.state import StatePublisher
from pointline_daemon.page.board import Board
from pointline_daemon.page.metrics import Metrics
from pointline_daemon.page.web import WebServer
from pointline_daemon.process.flow import Flow

from pointline.config import load_config
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Entry, Timing
from pointline.tables.ingest_manifest import Status

TABLES = ("trades", "quotes")


class Observed:
    """The objects a web server looks at. ``state`` is what the supervisor would collect."""

    def __init__(self, folder: Path) -> None:
        self.state: dict[str, Any] = {"paused": False, "queued": 0, "in_flight": 0}
        self.publisher = StatePublisher(folder / "state.json", lambda: self.state)
        self.account = Account(TABLES)
        self.flow = Flow(lambda: None)
        self.config = load_config(folder, environ={})
        self.board = Board(self.config, self.account.minutes)
        self.metrics = Metrics(state=self.publisher, account=self.account, flow=self.flow, ledger=lambda: None)

    @contextmanager
    def served(self) -> Iterator[int]:
        """Serve it on a free port until the end of the block."""
        port = free_port()
        with served(port, self):
            yield port


@contextmanager
def served(port: int, observed: Observed) -> Iterator[WebServer]:
    server = WebServer(port, state=observed.publisher, metrics=observed.metrics, board=observed.board)
    stopping = threading.Event()
    thread = threading.Thread(target=server.run, args=[stopping])
    thread.start()
    try:
        yield server
    finally:
        stopping.set()
        server.wake()
        thread.join(10)
        assert not thread.is_alive()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def file_done(
    file_id: int = 1,
    *,
    status: Status = Status.SUCCESS,
    table: str = "trades",
    rows: int = 100,
    set_aside: int = 0,
    size: int = 1000,
    seconds: float = 0.2,
    path: str = "a.csv",
) -> FileDone:
    meta = BronzeFileMetadata(
        exchange="binance",
        data_type=table,
        symbol="S",
        date=dt.date(2024, 5, 1),
        bronze_file_path=path,
        file_size_bytes=size,
        last_modified_ts=0,
    )
    outcome = Outcome(
        file_id=file_id, status=status, rows_read=rows + set_aside, rows_written=rows, rows_quarantined=set_aside
    )
    return FileDone(
        entry=Entry(file_id=file_id, candidate=Candidate(meta=meta)),
        outcome=outcome,
        attempts=1,
        waited_seconds=0.1,
        timing=Timing(parse_ms=1.0, write_ms=1.0),
        seconds=seconds,
    )


def batch_done(*files: FileDone, number: int = 0, seconds: float = 0.03, **set_aside: int) -> BatchDone:
    """A batch; further keywords are rows of trades set aside by rule."""
    by_rule = {("trades", rule): rows for rule, rows in set_aside.items()}
    return BatchDone(number=number, files=files, set_aside=by_rule, commit_seconds=seconds)
