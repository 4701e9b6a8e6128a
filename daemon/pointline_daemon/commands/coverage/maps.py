"""Coverage as maps: what the terminal, the web page and the picture draw, and in which tones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

import polars as pl
from msgspec import Struct

from pointline.services.coverage.asked import PAIR, SERIES, State
from pointline.services.coverage.cells import cells, never_came
from pointline.services.coverage.days import Coverage

MOST_SHARE: Final = 0.9
SOME_SHARE: Final = 0.5


class Tone(Struct, frozen=True, kw_only=True):
    """How a day looks: ``glyph`` where the encoding can hold it, else ``plain``; ``style`` is rich's."""

    glyph: str
    plain: str
    style: str
    colour: str
    means: str


TONES: Final[Mapping[str, Tone]] = {
    "present": Tone(glyph="█", plain="#", style="color(34)", colour="#2ea043", means="in the lake"),
    "few": Tone(glyph="▄", plain="~", style="color(220)", colour="#f2c62e", means="few rows"),
    "empty": Tone(glyph="▁", plain="_", style="color(75)", colour="#8cc4e8", means="no data, says the vendor"),
    "pending": Tone(glyph="p", plain="p", style="color(33)", colour="#3b82d6", means="pending"),
    "quarantined": Tone(glyph="Q", plain="Q", style="bold color(134)", colour="#9b4dca", means="quarantined"),
    "failed": Tone(glyph="F", plain="F", style="bold color(124)", colour="#7a1414", means="failed"),
    "missing": Tone(glyph="x", plain="x", style="bold color(160)", colour="#d1353b", means="never came"),
    "all": Tone(glyph="█", plain="#", style="color(34)", colour="#2ea043", means="all symbols"),
    "most": Tone(glyph="▓", plain="+", style="color(148)", colour="#a5cc2b", means=f"{MOST_SHARE:.0%} or more"),
    "some": Tone(glyph="▒", plain="=", style="color(220)", colour="#f2c62e", means=f"{SOME_SHARE:.0%} or more"),
    "little": Tone(glyph="░", plain="-", style="color(208)", colour="#f08c2e", means=f"under {SOME_SHARE:.0%}"),
    "none": Tone(glyph="x", plain="x", style="bold color(160)", colour="#d1353b", means="none in the lake"),
}
WORDS: Final[Mapping[str, str]] = {State.MISSING: "never came", State.FEW: "few rows"}
"""What a state is called before people, where it is not its own name."""


class Cell(Struct, frozen=True, kw_only=True):
    """A day, or a month, of one map. ``counts`` are symbols (times days) per state; ``expected`` is their sum.

    ``covered`` are those of which a file is in, also where another file of the day was refused or still waits.
    """

    date: dt.date
    expected: int
    rows: int
    covered: int
    counts: Mapping[str, int]


class Map(Struct, frozen=True, kw_only=True):
    """The calendar of one exchange and table, or of one symbol of it. Names are as the files have them: escape them."""

    exchange: str
    table: str
    symbol: str | None
    symbols: int
    cells: tuple[Cell, ...]
    undrawn: int = 0
    """Days that never came, of months without any file: they have no cell, and count."""

    @property
    def months(self) -> list[list[Cell]]:
        """The cells month by month, each month whole."""
        return [list(days) for _, days in groupby(self.cells, lambda cell: (cell.date.year, cell.date.month))]

    @property
    def title(self) -> str:
        """What the map is of."""
        return " ".join(filter(None, (self.exchange, self.table, self.symbol)))

    def tone(self, cell: Cell) -> str | None:
        """Name the tone of a cell; None where nothing is expected."""
        if not cell.expected:
            return None
        if self.symbol is not None and cell.expected == 1:
            return next(state for state, number in cell.counts.items() if number)
        share = cell.covered / cell.expected
        if share == 1:
            return "all"
        if share >= MOST_SHARE:
            return "most"
        if share >= SOME_SHARE:
            return "some"
        return "little" if share else "none"

    @property
    def tones(self) -> set[str]:
        """The tones that occur."""
        return {tone for cell in self.cells if (tone := self.tone(cell))}


def series_in(coverage: Coverage) -> int:
    """How many symbols there are, counted per exchange and table."""
    return _series(coverage).height


def _series(coverage: Coverage) -> pl.DataFrame:
    """Those with a file, and those that ought to have one."""
    return pl.concat([coverage.days.select(SERIES), coverage.spans.select(SERIES)]).unique()


def make_maps(coverage: Coverage, *, most_symbols: int) -> list[Map]:
    """Return a map per symbol where there are few, else one per exchange and table."""
    by = SERIES if series_in(coverage) <= most_symbols else PAIR
    return list(_maps(cells(coverage, by), coverage, by))


def month_maps(coverage: Coverage) -> list[Map]:
    """Return a map per exchange and table whose cells are months, dated by their first day."""
    by_day = cells(coverage, PAIR)
    numbers = pl.col(*State, "expected", "covered", "rows").sum()
    by_month = by_day.group_by(*PAIR, pl.col("date").dt.month_start()).agg(numbers).sort(*PAIR, "date")
    return list(_maps(by_month, coverage, PAIR))


def percent(covered: int, expected: int) -> str:
    """Say a share, rounded down: what is not whole is never 100%."""
    return "" if not expected else f"{100 * covered // expected}%"


def total(maps_or_cells: Sequence[Map] | Sequence[Cell]) -> Cell:
    """Add cells up, or all that maps are of, drawn or not."""
    flat = [cell for one in maps_or_cells for cell in (one.cells if isinstance(one, Map) else (one,))]
    undrawn = sum(one.undrawn for one in maps_or_cells if isinstance(one, Map))
    counts = {state.value: sum(cell.counts[state.value] for cell in flat) for state in State}
    return Cell(
        date=flat[0].date if flat else dt.date.min,
        expected=sum(cell.expected for cell in flat) + undrawn,
        rows=sum(cell.rows for cell in flat),
        covered=sum(cell.covered for cell in flat),
        counts=counts | {State.MISSING.value: counts[State.MISSING.value] + undrawn},
    )


def describe(cell: Cell) -> str:
    """Say in words what a cell holds."""
    known = {state: number for state, number in cell.counts.items() if number}
    if cell.expected == 1:
        (state,) = known
        word = WORDS.get(state, state)
        return word if state == State.PRESENT and not cell.rows else f"{word}, {cell.rows:,} rows"  # not known
    return ", ".join(f"{number:,} {WORDS.get(state, state)}" for state, number in known.items())


def _maps(frame: pl.DataFrame, coverage: Coverage, by: Sequence[str]) -> Iterator[Map]:
    numbers = _series(coverage).group_by(by).agg(pl.len().alias("number"))
    symbols = {key: number for *names, number in numbers.iter_rows() if (key := tuple(names))}
    never = never_came(coverage, by)
    states = [state.value for state in State]
    columns = ["date", "expected", "covered", "rows", *states]
    for key, part in frame.group_by(by, maintain_order=True):
        names = [str(name) for name in key]
        drawn = int(part[State.MISSING.value].sum())
        yield Map(
            exchange=names[0],
            table=names[1],
            symbol=names[2] if len(names) > len(PAIR) else None,
            symbols=symbols[key],
            undrawn=max(0, never.get(key, drawn) - drawn),
            cells=tuple(
                Cell(
                    date=date,
                    expected=expected,
                    covered=covered,
                    rows=rows,
                    counts=dict(zip(states, counts, strict=True)),
                )
                for date, expected, covered, rows, *counts in part.select(columns).iter_rows()
            ),
        )
