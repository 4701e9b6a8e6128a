"""What is counted about a file while its rows go by: rows, symbols, time range, oddities, quarantined rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from pointline.errors import Rejected
from pointline.io.protocols.file_version import Outcome
from pointline.parse.feed import CUT, Feed
from pointline.parse.rules import Belonging, is_doubtful
from pointline.phrases import plural
from pointline.services.ingest.batch import Entry, Span
from pointline.services.rows.bar_interval import BarInterval, WrongInterval
from pointline.services.rows.block import Block
from pointline.services.rows.complaint import OUTSIDE_DAY, Complaint
from pointline.services.rows.restart import Beginning, least_rows
from pointline.services.rows.steps import has_bars
from pointline.tables import quarantine
from pointline.tables.ingest_manifest import Status
from pointline.tables.schema import Check

MOST_BAD_ROWS = 200_000
"""A file whose rows are all bad is given up here: it is the file that is wrong, and its lines are in bronze."""
MOST_BAD_BYTES = 256 << 20
"""Lines that are kept for quarantine while a file is read, whatever else is in it: they lie in memory."""
LEAST_BAD_ROWS = 10
"""Fewer quarantined rows never refuse a file, whatever share of it they are."""
NO_WARNINGS = ("rows", "first_us", "last_us", "file_id")
"""Facts of a file that count nothing odd."""
LONGEST_WORD, MOST_WARNINGS = 60, 40
"""Of values that were left out, whose number nobody knows."""
PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+")
FOLDERS = re.compile(r"[/_=]")


def facts(checks: Sequence[Check], doubtful: Sequence[str] = (), *, many_symbols: bool) -> list[pl.Expr]:
    """Expressions over typed raw rows of one file: ``rows, first_us, last_us``, counts by check and doubtful column."""
    return [
        pl.len().alias("rows"),
        pl.col("local_timestamp").min().alias("first_us"),
        pl.col("local_timestamp").max().alias("last_us"),
        *(check.found_among(many_symbols=many_symbols).sum().alias(check.name) for check in checks),
        *(is_doubtful(column).sum().alias(f"implausible_time:{column}") for column in doubtful),
    ]


def spans_of(frame: pl.DataFrame) -> dict[str, Span]:
    """Return the span of each symbol in typed raw rows."""
    times = [
        pl.col("local_timestamp").min().alias("first_us"),
        pl.col("local_timestamp").max().alias("last_us"),
        pl.len().alias("rows"),
    ]
    found = frame.group_by("symbol").agg(times)
    return {symbol: Span(first_us=first, last_us=last, rows=rows) for symbol, first, last, rows in found.iter_rows()}


class Tally:
    """The running account of one file. Not thread-safe: a file is read by one worker."""

    def __init__(
        self, entry: Entry, *, feed: Feed, header: Sequence[str], belonging: Belonging, checks: Sequence[Check]
    ) -> None:
        self.entry = entry
        self.belonging = belonging
        self.rows_read = 0
        self.set_aside: list[pl.DataFrame] = []
        self.spans: dict[str, Span] = {}
        self._feed = feed
        self._header = header
        self._checks = checks
        self._rows_quarantined = 0
        self._bytes_quarantined = 0
        self._first_us: int | None = None
        self._last_us: int | None = None
        self.checksum: str | None = None
        """What the file beside it says."""
        self.lines = 0
        """Rows of the file so far, whatever became of them."""
        self._warnings: Counter[str] = Counter()
        self._last_row: pl.DataFrame | None = None
        self._beginning = Beginning(least=least_rows(is_sorted=feed.is_sorted))
        self._interval = BarInterval(feed, belonging) if has_bars(feed.table) or feed.has_steps else None

    def warn(self, warnings: Mapping[str, int]) -> None:
        """Count what is odd about the file itself."""
        if warnings:
            self._warnings.update(warnings)

    def add_block(self, block: Block) -> None:
        """Account for the rows of a block that are none of the table, and for those that cannot be kept."""
        self.lines += block.lines
        self.warn({"rows_left_out": block.left_out} if block.left_out else {})
        self.warn({CUT: block.cut} if block.cut else {})
        for word, count in block.words.items():
            name = f"left_out:{word if len(word) <= LONGEST_WORD else word[:LONGEST_WORD] + '...'}"
            is_named = name in self._warnings or len(self._warnings) < MOST_WARNINGS
            self.warn({name if is_named else "left_out_others": count})
        self.add_quarantined(block.bad)

    def add_frame(self, frame: pl.DataFrame, seq: Sequence[int] | pl.Series, doubtful: Sequence[str] = ()) -> None:
        """Account for rows that go in: the next ones of the file, the table's typed raw columns, and their numbers.

        Raises Rejected where the file starts again from its beginning.
        """
        if frame.is_empty():
            return
        if (again := self._beginning.find(frame, seq)) is not None:
            raise self._starts_again(again)
        if self._interval is not None:
            self._interval.add(frame)
        symbols = frame["symbol"]
        many = bool((symbols != symbols[0]).any())
        counts = frame.select(facts(self._checks, doubtful, many_symbols=many)).row(0, named=True)
        if many:
            spans = spans_of(frame)
        else:
            spans = {symbols[0]: Span(first_us=counts["first_us"], last_us=counts["last_us"], rows=counts["rows"])}
        self.add_facts(counts, spans)
        pairs = [
            check.found_among(many_symbols=True).sum().alias(check.name) for check in self._checks if check.looks_back
        ]
        if self._last_row is not None and pairs:
            border = pl.concat([self._last_row, frame.head(1)])
            self._warnings.update(border.select(pairs).row(0, named=True))
        self._last_row = frame.tail(1)

    def add_facts(self, counts: Mapping[str, int | None], spans: Mapping[str, Span]) -> None:
        """Account for rows that go in, by their ``facts`` and the spans of their symbols."""
        first, last = counts["first_us"], counts["last_us"]
        assert first is not None
        assert last is not None
        self.rows_read += counts["rows"] or 0
        self._first_us = first if self._first_us is None else min(first, self._first_us)
        self._last_us = last if self._last_us is None else max(last, self._last_us)
        for name, count in counts.items():
            if count and name not in NO_WARNINGS:
                self._warnings[name] += count
        for symbol, span in spans.items():
            self.spans[symbol] = _joined(self.spans[symbol], span) if symbol in self.spans else span

    def add_quarantined(self, bad: pl.DataFrame) -> None:
        """Account for rows that do not go in: ``file_seq, rule, column, raw``."""
        if bad.is_empty():
            return
        meta = self.entry.meta
        self.rows_read += bad.height
        self._rows_quarantined += bad.height
        self._bytes_quarantined += int(bad["raw"].str.len_bytes().sum())
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
                f"{path}: none of the first {self._rows_quarantined} rows can be kept: {self._complaint().phrases()}",
                subject=path,
                hint="is it this vendor's file, of this day and data type?",
            )
        if self._bytes_quarantined > MOST_BAD_BYTES:
            path = meta.bronze_file_path
            raise Rejected(
                f"{path}: {self._rows_quarantined} of the first {self.rows_read} rows cannot be kept, "
                f"{self._bytes_quarantined >> 20} MiB of lines: {self._complaint().phrases()}",
                subject=path,
                hint="put the right file in its place, or cut this one into several",
            )

    def check_end(self) -> None:
        """Raise Rejected where the last rows are the first ones again, or bars are none of the interval that is said.

        To be called when there are no more rows.
        """
        if (again := self._beginning.at_end()) is not None:
            raise self._starts_again(again)
        if self._interval is not None and (wrong := self._interval.wrong()) is not None:
            self._judge_interval(wrong)
        if self._interval is not None and (far := self._interval.far()) is not None:
            interval, bars = far
            self.warn({f"far_apart_for:{interval}": bars})

    def is_refused(self, max_quarantined_share: float) -> bool:
        """Tell whether so many rows cannot be kept that nothing of the file may go in."""
        bad = self._rows_quarantined
        if self.entry.candidate.is_accepted or not 0 < bad < self.rows_read:
            return False
        return bad > max_quarantined_share * self.rows_read and (bad >= LEAST_BAD_ROWS or self._zone() is not None)

    def refusal(self, content_hash: str) -> Outcome:
        """Return the outcome of a file that is refused because of the rows that cannot be kept."""
        rest = self.rows_read - self._rows_quarantined
        command = f"`pointline retry {self.entry.file_id} --accept`"
        right = "a file that is cut at 00:00 UTC" if self._zone() else "the right file"
        sentences = [
            self.why_refused(),
            "so nothing of the file is in silver",
            f"put {right} in its place, or {command} takes the other {plural(rest, 'row')} alone",
        ]
        return Outcome(
            file_id=self.entry.file_id,
            status=Status.QUARANTINED,
            content_hash=content_hash,
            error="; ".join(sentences),
        )

    def why_refused(self) -> str:
        """Say which rows cannot be kept, and why."""
        complaint = self._complaint()
        sentences = [
            f"{self._rows_quarantined:,} of {self.rows_read:,} rows cannot be kept: {complaint.phrases()}",
            self._zone(),
            complaint.first(),
        ]
        return "; ".join(sentence for sentence in sentences if sentence)

    def outcome(self, content_hash: str, days: Mapping[str, int] | None = None) -> Outcome:
        """Return what became of the file. ``days``: how many rows are of each, where they may be of several."""
        written = self.rows_read - self._rows_quarantined
        return Outcome(
            file_id=self.entry.file_id,
            status=Status.QUARANTINED if self.rows_read and not written else Status.SUCCESS,
            content_hash=content_hash,
            rows_read=self.rows_read,
            rows_written=written,
            rows_quarantined=self._rows_quarantined,
            first_local_us=self._first_us,
            last_local_us=self._last_us,
            symbols=tuple(sorted(self.spans)),
            days=days,
            checksum=self.checksum,
            warnings={name: count for name, count in self._warnings.items() if count},
            error=self._reason() if self._rows_quarantined else None,
        )

    def _reason(self) -> str:
        complaint = self._complaint()
        bad, rows = self._rows_quarantined, self.rows_read
        if bad == rows and (foreign := complaint.foreign()) is not None:
            return self._misnamed(*foreign)
        said = f"{bad:,} of {rows:,} rows quarantined: {complaint.phrases()}"
        return f"{said}; {zone}" if (zone := self._zone()) else said

    def _misnamed(self, column: str, names: Sequence[str], claim: str) -> str:
        found = ", ".join(names)
        rows = f"{self.rows_read:,} of {self.rows_read:,} rows are of" if self.rows_read > 1 else "the only row is of"
        rule = f" ({OUTSIDE_DAY})" if column == "date" else ""
        said = f"{rows} {found}, the name says {claim}{rule}"
        folder, _, name = self.entry.meta.bronze_file_path.rpartition("/")
        right = names[0].replace("/", "-").replace(":", "-") if len(names) == 1 else ""
        written = re.compile(re.escape(claim), re.IGNORECASE)
        places = list(written.finditer(name))
        in_folders = _parts_of_date(claim, right) & {*FOLDERS.split(folder)} if column == "date" else set()
        if places and not written.search(folder) and not in_folders and PLAIN_NAME.fullmatch(right):
            start, end = places[-1].span()
            return f"{said}; rename the file to {name[:start]}{right}{name[end:]}; if that is there, keep the right one"
        return f"{said}; rename or move the file so that its path says the {column} of its rows"

    def _zone(self) -> str | None:
        if self._first_us is None or self._last_us is None:
            return None
        return self._complaint().zone((self._first_us, self._last_us), self.rows_read)

    def _judge_interval(self, wrong: WrongInterval) -> None:
        if wrong.is_rare or (wrong.accepted_as and self.entry.candidate.is_accepted):
            self.warn({f"too_early_for:{wrong.accepted_as}": wrong.rows})
            return
        path, number, hint = self.entry.meta.bronze_file_path, self.entry.file_id, wrong.hint
        if wrong.accepted_as and number:
            hint += f"; `pointline retry {number} --accept` takes them as bars of {wrong.accepted_as} all the same"
        raise Rejected(f"{path}: {wrong.what}", subject=path, hint=hint)

    def _complaint(self) -> Complaint:
        return Complaint(pl.concat(self.set_aside), self._feed, self._header, self.belonging)

    def _starts_again(self, row: int) -> Rejected:
        path = self.entry.meta.bronze_file_path
        return Rejected(
            f"{path} starts again from its beginning at row {row}: its rows are in it twice",
            subject=path,
            hint=f"download the file again, or keep only what is before row {row}, and before a second header there",
        )


def _parts_of_date(claim: str, right: str) -> set[str]:
    """Return how folders may say a part of a date that is wrong: its year, month or day."""
    wrong, other = (
        {day[:4], day[5:7], day[8:], day[:7], day[:7].replace("-", ""), day[5:], day.replace("-", "")}
        for day in (claim, right)
    )
    return wrong - other


def _joined(one: Span, other: Span) -> Span:
    return Span(
        first_us=min(one.first_us, other.first_us),
        last_us=max(one.last_us, other.last_us),
        rows=one.rows + other.rows,
    )
