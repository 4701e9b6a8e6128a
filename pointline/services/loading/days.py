"""The data files that the rows of a file, or of small files together, go into: one for each day that they are of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from itertools import pairwise
from operator import or_

import polars as pl

from pointline.io.protocols.tables import Part, PartWriter
from pointline.services.rows.end_to_end import neighbours

MOST_OPEN = 512
MOST_RUNS = 2_000
"""Stretches of rows of one day and file that are taken one by one: rows in the order of their times have fewer."""


class Days:
    """Writers by day. ``start`` begins one; ``claimed`` is the day of files whose rows are all of one.

    No more than ``most_open`` are open at a time. For another one the one that was not written to for longest is
    finished; rows of its day that come later go into a data file of their own.
    """

    def __init__(self, start: Callable[[str], PartWriter], claimed: str, most_open: int = MOST_OPEN) -> None:
        self._start = start
        self._claimed = claimed
        self._most_open = most_open
        self._writers: dict[str, PartWriter] = {}
        """Those that were written to last come last."""
        self._finished: list[tuple[Part, PartWriter, set[int]]] = []
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
            kept = [file_id for file_id, days in leaving.items() if self._claimed not in days]
            own = silver if len(kept) == len(leaving) else silver.filter(pl.col("file_id").is_in(kept))
            self._append(self._claimed, [own], kept)
            return
        dates, ids = silver["local_timestamp"].dt.date(), silver["file_id"]
        starts = _starts(dates, ids)
        if len(starts) > MOST_RUNS:  # the days are mixed
            silver = silver.with_columns(dates.alias("date")).sort("date", maintain_order=True)
            dates, ids = silver.drop_in_place("date"), silver["file_id"]
            starts = _starts(dates, ids)
        kept_on: dict[str, list[pl.DataFrame]] = {}
        ids_on: dict[str, set[int]] = {}
        for start, end in pairwise([*starts, silver.height]):
            date, file_id = str(dates[start]), ids[start]
            of_file = self._rows.setdefault(file_id, {})
            of_file[date] = of_file.get(date, 0) + end - start
            if date not in leaving[file_id]:
                kept_on.setdefault(date, []).append(silver.slice(start, end - start))
                ids_on.setdefault(date, set()).add(file_id)
        for date, rows in kept_on.items():
            self._append(date, rows, ids_on[date])

    def close(self) -> Iterator[tuple[Part, PartWriter, set[int]]]:
        """Finish all data files; yield each with its writer and the ids of the files that it has rows of."""
        while self._finished or self._writers:
            if not self._finished:
                self._finish_oldest()
            yield self._finished.pop()

    def discard(self) -> Iterator[PartWriter]:
        """Remove all data files; yield their writers."""
        while self._writers:
            _, writer = self._writers.popitem()
            writer.discard()
            yield writer
        while self._finished:
            _, writer, _ = self._finished.pop()
            writer.discard()
            yield writer

    def _finish_oldest(self) -> None:
        date = next(iter(self._writers))
        part = self._writers[date].close()
        self._finished.append((part, self._writers.pop(date), self._file_ids.pop(date)))

    def _append(self, date: str, rows: Sequence[pl.DataFrame], file_ids: Collection[int]) -> None:
        silver = rows[0] if len(rows) == 1 else pl.concat(rows)
        if silver.is_empty():
            return
        if date not in self._writers:
            if len(self._writers) >= self._most_open:
                self._finish_oldest()
            self._writers[date] = self._start(date)
            self._file_ids[date] = set()
        elif len(self._writers) > 1:
            self._writers[date] = self._writers.pop(date)
        self._writers[date].write(silver)
        self._file_ids[date].update(file_ids)


def _starts(*columns: pl.Series) -> list[int]:
    """Return the rows at which any of these columns has another value than in the row before, and the first one."""
    changed = [one != before for one, before in map(neighbours, columns)]
    return [0, *(place + 1 for place in reduce(or_, changed).arg_true())]
