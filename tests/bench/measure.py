"""A measured number: what it is, how far it spread, what it must reach and what it should."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Verdict = Literal["aim", "reached", "MISSED", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One row of the table. ``notes`` are what was found about the number and stand beside it."""

    work: str
    what: str
    unit: str
    value: float
    low: float
    high: float
    samples: tuple[float, ...]
    must: float | None = None
    aim: float | None = None
    more_is_better: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def median(
        cls,
        work: str,
        what: str,
        unit: str,
        samples: Sequence[float],
        *,
        must: float | None = None,
        aim: float | None = None,
        more_is_better: bool = False,
        notes: Sequence[str] = (),
    ) -> Measure:
        """The median of samples, and the least and greatest of them."""
        return cls(
            work=work,
            what=what,
            unit=unit,
            value=statistics.median(samples),
            low=min(samples),
            high=max(samples),
            samples=tuple(samples),
            must=must,
            aim=aim,
            more_is_better=more_is_better,
            notes=tuple(notes),
        )

    def with_notes(self, notes: Sequence[str]) -> Measure:
        """The same with more to say about it."""
        return replace(self, notes=(*self.notes, *notes))

    @property
    def verdict(self) -> Verdict:
        if self.aim is not None and self._reaches(self.aim):
            return "aim"
        if self.must is None:
            return ""
        return "reached" if self._reaches(self.must) else "MISSED"

    def _reaches(self, bound: float) -> bool:
        return self.value >= bound if self.more_is_better else self.value <= bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How to measure: where, how often, and whether only to try it."""

    scratch: Path
    runs: int
    quick: bool = False
    profile: bool = False
    peers: bool = False

    def size(self, full: int, quick: int) -> int:
        """A size of the work: the real one, or one that takes seconds and proves no more than that it works."""
        return quick if self.quick else full

    def folder(self, work: str) -> Path:
        """Where the lakes of a work lie; removed when it is done."""
        folder = self.scratch / "work" / work
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def percentile(samples: Sequence[float], share: float) -> float:
    """The least sample that ``share`` of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
