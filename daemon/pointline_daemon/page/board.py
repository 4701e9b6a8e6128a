"""What the live page shows of the lake itself, by its ledger: the same before and after a restart of the daemon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import polars as pl

from pointline.config import Config
from pointline.errors import PointlineError
from pointline.io.ledger.reader import scan_ledger
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, rows_in_quarantine, stands_at
from pointline_daemon.condition.minutes import MINUTES, SECONDS, Minutes
from pointline_daemon.page.coverage_map import draw_coverage

FRESH_SECONDS = 3.0
COVERAGE_FRESH_SECONDS = 30.0
MOST_SHARE = 0.05
"""Of the time, that is spent on looking: a large ledger is looked at less often."""
REFUSED_SHOWN = 8
LAST_SHOWN = 10

T = TypeVar("T")


class Fresh:
    """Makes something anew when it is asked for and old. Thread-safe: one thread makes it, the others wait."""

    def __init__(self, make: Callable[[], T], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._lock = threading.Lock()
        self._due = float("-inf")
        self._made: Any = None

    def get(self) -> Any:  # noqa: ANN401 - JSON
        """Return it, not older than the seconds, or than twenty times as long as it takes to make."""
        with self._lock:
            begun = time.monotonic()
            if begun >= self._due:
                self._made = self._make()
                now = time.monotonic()
                self._due = now + max(self._seconds, (now - begun) / MOST_SHARE)
            return self._made


class Board:
    """Answers the page. ``minutes`` counts what gets in; what got in before is taken from the ledger when first asked.

    Who opens no page pays for none of this.
    """

    def __init__(self, config: Config, minutes: Minutes) -> None:
        self._config = config
        self._ledger = config.paths.table(ingest_manifest.NAME)
        self._minutes = minutes
        self._telling = threading.Lock()
        self._lake = Fresh(self._look, FRESH_SECONDS)
        self._coverage = Fresh(lambda: draw_coverage(config.paths), COVERAGE_FRESH_SECONDS)

    def lake(self) -> dict[str, Any]:
        """Return tables, refused files, the files that changed last and the counts per minute, ready for JSON."""
        return {**self._lake.get(), "minutes": self._minutes.as_json()}

    def coverage(self) -> str:
        """Return a section of HTML without a script."""
        return str(self._coverage.get())

    def story(self, file_id: int) -> dict[str, Any]:
        """Return what `pointline explain` says of a file, ready for JSON."""
        from pointline_daemon.commands.files.explain import answers  # noqa: PLC0415 - when it is asked for

        with self._telling:  # of many clicks one at a time
            try:
                (found,) = answers(self._config, [str(file_id)], on_problem=lambda _: None)
            except PointlineError as error:
                return {"error": str(error), "subject": error.subject, "try": error.hint}
            return found.as_json()

    def _look(self) -> dict[str, Any]:
        try:
            ledger = scan_ledger(self._ledger)
            if not self._minutes.is_told:
                self._minutes.tell(_landed_between(ledger, self._minutes.oldest_at, self._minutes.began_at))
            return _view(ledger)
        except PointlineError as error:
            return {"error": str(error), "subject": error.subject, "try": error.hint}


def _view(ledger: pl.LazyFrame) -> dict[str, Any]:
    from pointline_daemon.commands.shared.ledger_view import NEXT_STEPS  # noqa: PLC0415 - as above

    landed = stands_at(Status.SUCCESS)
    statuses = [one for one in Status if one is not Status.SUCCESS]
    by_table = (
        ledger.group_by(pl.col("data_type").alias("table"))
        .agg(
            landed.sum().alias("files"),
            pl.col("rows_written").filter(landed).sum().alias("rows"),
            rows_in_quarantine(),
            *(stands_at(one).sum().alias(one.value) for one in statuses),
        )
        .sort("rows", "table", descending=[True, False])
    )
    shown = ("file_id", "status", "error", "rows_written", "rows_quarantined")
    newest = ledger.select(*shown, path="bronze_file_path", table="data_type", at_us="updated_at_us")
    order = ["at_us", "file_id"]
    refused = newest.filter(stands_at(Status.QUARANTINED, Status.FAILED)).top_k(REFUSED_SHOWN, by=order)
    last = newest.filter(~stands_at(Status.GONE)).top_k(LAST_SHOWN, by=order)
    tables, refusals, files = pl.collect_all([by_table, *(one.sort(order, descending=True) for one in (refused, last))])
    return {
        "tables": tables.to_dicts(),
        "refused": [{**one, "next": NEXT_STEPS[Status(one["status"])]} for one in refusals.iter_rows(named=True)],
        "last_files": files.drop("error").to_dicts(),
    }


def _landed_between(ledger: pl.LazyFrame, first: float, last: float) -> list[tuple[int, int, int]]:
    """Return ``minute, files, rows`` of files that got in between two times."""
    at = pl.col("updated_at_us")
    minute = (at // (SECONDS * 1_000_000)).alias("minute")
    between = ledger.filter(stands_at(Status.SUCCESS), at >= int(first * 1e6), at < int(last * 1e6))
    found = between.group_by(minute).agg(pl.len(), pl.col("rows_written").sum()).top_k(MINUTES, by="minute")
    return [(int(minute), int(files), int(rows)) for minute, files, rows in found.collect().iter_rows()]
