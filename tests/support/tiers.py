"""A partition as its planner sees it: sizes alone, so that a day of it takes a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pointline.tables.size_tiers import runs_to_merge

FOOTER_BYTES, ROW_BYTES = 3_000, 15
"""Of a data file of trades, about: what it has besides its rows, and each of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    """A data file."""

    rows: int

    @property
    def size_bytes(self) -> int:
        return FOOTER_BYTES + ROW_BYTES * self.rows


@dataclass(slots=True)
class Tiers:
    """Takes data files, merges what the planner says, and counts."""

    full_bytes: int
    files: list[Sized] = field(default_factory=list)
    ingested_bytes: int = 0
    rewritten_bytes: int = 0
    most_files: int = 0

    def add(self, rows: int) -> None:
        """Take a data file."""
        self.files.append(Sized(rows))
        self.ingested_bytes += self.files[-1].size_bytes
        self.most_files = max(self.most_files, len(self.files))

    def merge(self, *, ratio: float, most: int) -> None:
        """Look once what is worth merging."""
        for run in runs_to_merge(self.files, ratio=ratio, full_bytes=self.full_bytes, most=most):
            merged = Sized(sum(one.rows for one in run))
            self.rewritten_bytes += merged.size_bytes
            self.files[self.files.index(run[0])] = merged
            for one in run[1:]:
                self.files.remove(one)

    @property
    def rewritten_share(self) -> float:
        """Bytes rewritten for each that came in."""
        return self.rewritten_bytes / self.ingested_bytes

    def take(self, count: int, rows: Callable[[int], int], *, look_every: int, ratio: float, most: int) -> None:
        """Take many, looking after each few of them."""
        for number in range(count):
            self.add(rows(number))
            if number % look_every == 0:
                self.merge(ratio=ratio, most=most)
