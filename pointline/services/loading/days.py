"""The data files that the rows of a file, or of small files together, go into: one for each day that they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import polars as pl

from pointline.io.protocols import Part, PartWriter


class Days:
    """Writers by day. ``start`` begins one; ``claimed`` is the day of files whose rows are all of one."""

    def __init__(self, start: Callable[[str], PartWriter], claimed: str) -> None:
        self._start = start
        self._claimed = claimed
        self._writers: dict[str, PartWriter] = {}
        self._file_ids: dict[str, set[int]] = {}
        self._rows: dict[int, dict[str, int]] = {}

    def rows_by_day(self, file_id: int) -> dict[str, int] | None:
        """Return how many rows of a file are of each day; None where its path claims one for all of them."""
        return self._rows.get(file_id)

    def write(self, silver: pl.DataFrame, leaving: Mapping[int, AbstractSet[str]], *, is_one_day: bool) -> None:
        """Append rows with ``file_id``. The day of a row is the UTC date of its ``local_timestamp``.

        ``leaving`` has all of the files, and which days of each are counted and not written.
        """
        if silver.is_empty():
            return
        if is_one_day:
            self._append(self._claimed, silver, leaving)
            return
        dates = silver["local_timestamp"].dt.date()
        first, last = dates.min(), dates.max()
        if first == last:
            self._count(str(first), silver)
            self._append(str(first), silver, leaving)
            return
        rows = silver.with_columns(dates.alias("date"))
        counts = rows.group_by("date", "file_id").len()
        for date, file_id, count in counts.iter_rows():
            self._add(str(date), file_id, count)
        kept = [date for date, file_id, _ in counts.iter_rows() if str(date) not in leaving[file_id]]
        days = rows.filter(pl.col("date").is_in(kept)).partition_by("date", as_dict=True, maintain_order=True)
        for (date,), of_day in days.items():
            there = dict.fromkeys(of_day["file_id"].unique().to_list())
            self._append(str(date), of_day.drop("date"), {file_id: leaving[file_id] for file_id in there})

    def close(self) -> Iterator[tuple[Part, PartWriter, set[int]]]:
        """Finish all data files; yield each with its writer and the ids of the files that it has rows of."""
        while self._writers:
            date = next(iter(self._writers))
            part = self._writers[date].close()
            yield part, self._writers.pop(date), self._file_ids.pop(date)

    def discard(self) -> Iterator[PartWriter]:
        """Remove all data files; yield their writers."""
        while self._writers:
            _, writer = self._writers.popitem()
            writer.discard()
            yield writer

    def _count(self, date: str, rows: pl.DataFrame) -> None:
        for file_id, count in rows["file_id"].value_counts().iter_rows():
            self._add(date, file_id, count)

    def _add(self, date: str, file_id: int, count: int) -> None:
        of_file = self._rows.setdefault(file_id, {})
        of_file[date] = of_file.get(date, 0) + count

    def _append(self, date: str, silver: pl.DataFrame, leaving: Mapping[int, AbstractSet[str]]) -> None:
        kept = [file_id for file_id, days in leaving.items() if date not in days]
        if len(kept) < len(leaving):
            silver = silver.filter(pl.col("file_id").is_in(kept))
        if silver.is_empty():
            return
        if date not in self._writers:
            self._writers[date] = self._start(date)
            self._file_ids[date] = set()
        self._writers[date].write(silver)
        self._file_ids[date].update(kept)
