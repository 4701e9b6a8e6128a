"""What is counted about a file while its rows go by: rows, time range, oddities, rows set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from pointline.errors import Rejected
from pointline.io.protocols import Outcome
from pointline.services.batch import Entry
from pointline.tables import quarantine, text_path
from pointline.tables.ingest_manifest import Status
from pointline.tables.schema import Check

MOST_PHRASES = 5
MOST_BAD_ROWS = 200_000
"""A file whose rows are all bad is given up here: it is the file that is wrong, and its lines are in bronze."""


def facts(checks: Sequence[Check]) -> list[pl.Expr]:
    """Expressions over typed raw rows of one file: ``rows, first_us, last_us`` and a count per check."""
    return [
        pl.len().alias("rows"),
        pl.col("local_timestamp").min().alias("first_us"),
        pl.col("local_timestamp").max().alias("last_us"),
        *(check.found.sum().alias(check.name) for check in checks),
    ]


class Tally:
    """The running account of one file. Not thread-safe: a file is read by one worker."""

    def __init__(self, entry: Entry, content_hash: str, checks: Sequence[Check]) -> None:
        self.entry = entry
        self.rows_read = 0
        self.set_aside: list[pl.DataFrame] = []
        self._content_hash = content_hash
        self._checks = checks
        self._rows_quarantined = 0
        self._first_us: int | None = None
        self._last_us: int | None = None
        self._warnings: Counter[str] = Counter()
        self._last_row: pl.DataFrame | None = None

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Account for rows that go in: the next ones of the file, the table's typed raw columns and no others."""
        if frame.is_empty():
            return
        self.add_facts(frame.select(facts(self._checks)).row(0, named=True))
        pairs = [check.found.sum().alias(check.name) for check in self._checks if check.looks_back]
        if self._last_row is not None and pairs:
            border = pl.concat([self._last_row, frame.head(1)])
            self._warnings.update(border.select(pairs).row(0, named=True))
        self._last_row = frame.tail(1)

    def add_facts(self, counts: Mapping[str, int | None]) -> None:
        """Account for rows that go in, by their ``facts``."""
        first, last = counts["first_us"], counts["last_us"]
        assert first is not None
        assert last is not None
        self.rows_read += counts["rows"] or 0
        self._first_us = first if self._first_us is None else min(first, self._first_us)
        self._last_us = last if self._last_us is None else max(last, self._last_us)
        self._warnings.update({check.name: counts[check.name] or 0 for check in self._checks})

    def add_set_aside(self, bad: pl.DataFrame) -> None:
        """Account for rows that do not go in: ``file_seq, rule, column, raw``."""
        if bad.is_empty():
            return
        meta = self.entry.meta
        self.rows_read += bad.height
        self._rows_quarantined += bad.height
        self.set_aside.append(
            bad.with_columns(
                pl.lit(self.entry.file_id, pl.Int64).alias("file_id"),
                pl.lit(meta.exchange).alias("exchange"),
                pl.lit(meta.date, pl.Date).alias("date"),
                pl.lit(meta.data_type).alias("data_type"),
            ).select(list(quarantine.SCHEMA))
        )
        if self._first_us is None and self._rows_quarantined > MOST_BAD_ROWS:
            path = meta.bronze_file_path
            raise Rejected(
                f"{path}: none of the first {self._rows_quarantined} rows can be kept: {self._phrases()}",
                subject=path,
                hint="is it this vendor's file, of this day and data type?",
            )

    def outcome(self) -> Outcome:
        """Return what became of the file."""
        written = self.rows_read - self._rows_quarantined
        return Outcome(
            file_id=self.entry.file_id,
            status=Status.QUARANTINED if self.rows_read and not written else Status.SUCCESS,
            content_hash=self._content_hash,
            rows_read=self.rows_read,
            rows_written=written,
            rows_quarantined=self._rows_quarantined,
            first_local_us=self._first_us,
            last_local_us=self._last_us,
            warnings={name: count for name, count in self._warnings.items() if count},
            error=self._complaint(),
        )

    def _complaint(self) -> str | None:
        if not self.set_aside:
            return None
        return f"{self._rows_quarantined} of {self.rows_read} rows set aside: {self._phrases()}"

    def _phrases(self) -> str:
        return ", ".join(list(text_path.describe(pl.concat(self.set_aside)))[:MOST_PHRASES])
