"""Why rows of a file cannot be kept, in words: what was found in them, with an example, and what is wanted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from fractions import Fraction

import polars as pl
from msgspec.structs import replace

from pointline.parse import text_path
from pointline.parse.feed import REPEATED, SKIPPED, WANTED, Feed, Target
from pointline.parse.rules import DAY_US, IMPLAUSIBLE, PLAUSIBLE_US, Belonging
from pointline.tables.schema import Column, Kind

MOST_PHRASES = 5
MOST_NAMES = 3
OUTSIDE_DAY = "outside_day"
LONGEST_CELL = 40
LONGEST_LINE = 120
HOUR_US = 3_600_000_000
MOST_HOURS = 14
"""No zone is further from UTC."""
LEAST_SPAN_US = 12 * HOUR_US
"""Rows of fewer hours say nothing of where their day was cut."""
LEAST_OUTSIDE = 5
MOST_GAP_US = 2 * HOUR_US
"""On both sides of midnight: rows of a day that was cut elsewhere just go on there."""
FRACTIONS = {
    Fraction(1, 4): "a quarter",
    Fraction(1, 3): "a third",
    Fraction(1, 2): "half",
    Fraction(2, 3): "two thirds",
}
CR_TOO_MANY = "a CR is left at the end of each of these lines, as in CR CR LF: write the file again with line feeds"
FOREIGN = {"other_exchange": "exchange", "other_symbol": "symbol"}
CLOCKS = {
    SKIPPED: "there is no such time: clocks skip it in {}",
    REPEATED: 'clocks show it twice in {}: say ambiguous = "earlier" or "later" of the time to keep such rows',
}
DECIMAL_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}([ .]\d{3})+),\d*")
ODD_TIMES = (
    (re.compile(r"\d{4}-\d\d-\d\d"), "an ISO time"),
    (re.compile(r"\d([.,]\d+)?[Ee]\+?\d+"), "a number as a spreadsheet rounds it, with digits lost"),
    (re.compile(r"\d+\.\d*"), "a number with a decimal point"),
)


class Complaint:
    """What is wrong with the quarantined rows of one file: ``file_seq, rule, column, raw``, in file order."""

    def __init__(self, rows: pl.DataFrame, feed: Feed, header: Sequence[str], belonging: Belonging) -> None:
        self._rows = rows
        self._feed = feed
        self._header = list(header)
        self._belonging = belonging

    def phrases(self) -> str:
        """Return one phrase per broken rule, most frequent first."""
        counts = self._rows.group_by("rule", "column").agg(pl.len().alias("rows"), pl.col("raw").first())
        ordered = counts.sort("rows", "rule", "column", descending=[True, False, False])
        phrases = []
        for rule, column, rows, raw in ordered.head(MOST_PHRASES).iter_rows():
            what = f"{rows:,} x {rule} ({column})" if column else f"{rows:,} x {rule}"
            phrases.append(what + self._detail(rule, column, raw))
        more = ordered.height - MOST_PHRASES
        said = ", ".join([*phrases, *([f"and {more} rules more"] if more > 0 else [])])
        return f"{said}; {CR_TOO_MANY}" if self._rows["raw"].str.ends_with("\r").all() else said

    def first(self) -> str:
        """Name the first of the rows."""
        seq, raw = self._rows.select("file_seq", "raw").row(0)
        return f"the first of them is row {seq}: {shown(raw, LONGEST_LINE)}"

    def foreign(self) -> tuple[str, list[str], str] | None:
        """Return the column, the names found and the name claimed, where all rows are of another exchange or symbol.

        Where all of them are of one other day: ``date``, that day and the one claimed.
        """
        [rule, *others] = self._rows["rule"].unique().to_list()
        if not others and rule == OUTSIDE_DAY:
            return self._other_day()
        if others or rule not in FOREIGN:
            return None
        column = FOREIGN[rule]
        return column, self._names(column), self._claim(column)

    def _other_day(self) -> tuple[str, list[str], str] | None:
        times = self._times(OUTSIDE_DAY) if self._belonging.is_one_day else []
        if not times or len(times) < self._rows.height:
            return None
        day, *others = {dt.datetime.fromtimestamp(time // 1_000_000, dt.UTC).date() for time in times}
        return None if others else ("date", [str(day)], str(self._belonging.date))

    def zone(self, kept: tuple[int, int] | None, rows: int) -> str | None:
        """Name the zone by whose day the file was cut, where the times of its ``rows`` show one.

        ``kept`` is the range of the times of the rows that can be kept, in microseconds.
        """
        if not self._belonging.is_one_day:
            return None
        times = self._times(OUTSIDE_DAY)
        if kept is None or len(times) < LEAST_OUTSIDE:
            return None
        day_us = self._belonging.first_us
        low, high = min(times), max(times)
        if high < day_us:
            hours = -((low - day_us) // HOUR_US)
            from_us, to_us, gap_us, zone = low, kept[1], kept[0] - high, f"UTC+{hours}"
            where = f"before 00:00 UTC of {self._belonging.date}, from {_minute(low)} on"
        elif low >= day_us + DAY_US:
            hours = -((day_us + DAY_US - 1 - high) // HOUR_US)
            from_us, to_us, gap_us, zone = kept[0], high, low - kept[1], f"UTC-{hours}"
            where = f"after 24:00 UTC of {self._belonging.date}, until {_minute(high)}"
        else:
            return None
        if hours > MOST_HOURS or gap_us > MOST_GAP_US or not LEAST_SPAN_US <= to_us - from_us < DAY_US:
            return None
        share = _share(len(times), rows)
        return f"{share} of the rows ({len(times):,} of {rows:,}) lie {where}; are these days cut at {zone}?"

    def _detail(self, rule: str, column: str, raw: str) -> str:
        if rule == "broken_line":
            return f": {self._feed.json_lines.why_broken(raw)}" if self._feed.json_lines is not None else ""
        cells = text_path.split_cells(raw, self._feed.dialect)
        if rule == "ragged":
            return f": {self._why_ragged(raw, cells)}"
        source = self._feed.source_of(column, self._belonging)
        if not column or len(cells) != len(self._header) or rule == "missing" or source not in self._header:
            return ""  # it comes from the path
        target = self._feed.target_of(column, self._belonging)
        cell = self._cell(source, target, cells)
        found, wanted = f", such as {cell}", ""
        told = self._feed.column(source)
        if rule in CLOCKS:
            wanted = CLOCKS[rule].format(target.zone if target is not None else "")
        elif rule == "unparseable":
            found, wanted = self._unparseable(column, told, cell)
        elif rule == "unknown_value":
            known = told.choices or (*self._feed.where.get(source, ()), *self._feed.leave_out.get(source, ()))
            wanted = self._feed.wanted(column, self._belonging) or f"known are {', '.join(filter(None, known))}"
        elif rule in FOREIGN:
            found, wanted = f": {_listed(self._names(column))}", f"the name says {self._claim(column)}"
        elif rule == OUTSIDE_DAY:
            found = "".join(f", such as {_minute(time)} UTC" for time in self._times(rule)[:1])
            wanted = self._claimed_time()
        elif rule == IMPLAUSIBLE or rule.startswith("time_in_"):
            wanted = self._feed.wanted(column, self._belonging) or WANTED[Kind.TIME]
            wanted = f"{wanted}, of the years 2000 to 2199" if rule == IMPLAUSIBLE else wanted
        return f"{found}; {wanted}" if wanted else found

    def _why_ragged(self, raw: str, cells: Sequence[str]) -> str:
        if not raw.strip():
            return "a line without anything in it"
        return f"{len(cells)} cells where the header has {len(self._header)}" if cells else "broken quoting"

    def _cell(self, source: str, target: Target | None, cells: Sequence[str]) -> str:
        """Return a cell, with those that are read together with it."""
        several = target.sources if target is not None and source in target.sources else (source,)
        return shown(" ".join(cells[self._header.index(name)] for name in several if name in self._header))

    def _unparseable(self, column: str, told: Column, cell: str) -> tuple[str, str]:
        """Return what was found and what is wanted instead."""
        forms = ODD_TIMES if told.kind is not Kind.SECONDS else ODD_TIMES[:-1]  # these have a decimal point
        odd = next((f": {name}" for form, name in forms if form.match(cell[1:])), "")
        wanted = self._feed.wanted(column, self._belonging)
        is_odd = told.kind in {Kind.TIME, Kind.SECONDS} or (wanted and told.kind is Kind.INTEGER)
        has_comma = self._feed.dialect.has_decimal_comma
        if (
            told.kind in {Kind.NUMBER, Kind.SECONDS, Kind.TEXT}
            and not has_comma
            and DECIMAL_COMMA.fullmatch(cell[1:-1])
        ):
            odd, is_odd = ": a number with a decimal comma", True
            wanted = f'{wanted or self._wanted_of(told.kind)}; a description may say decimal = ","'
        return f"{odd if is_odd else ''}, such as {cell}", wanted or self._wanted_of(told.kind)

    def _wanted_of(self, kind: Kind) -> str:
        if kind is Kind.NUMBER and self._feed.dialect.has_decimal_comma:
            return "a number such as 1234,5 is wanted"
        return WANTED.get(kind, "")

    def _claim(self, column: str) -> str:
        return self._belonging.exchange if column == "exchange" else self._belonging.symbol or ""

    def _names(self, column: str) -> list[str]:
        raws = self._rows.filter(pl.col("column") == column, pl.col("rule") == f"other_{column}")["raw"]
        place = self._header.index(self._feed.source_of(column, self._belonging))
        found: dict[str, None] = {}
        for raw in raws.unique(maintain_order=True):
            cells = text_path.split_cells(raw, self._feed.dialect)
            if len(cells) == len(self._header):
                found[cells[place]] = None
            if len(found) > MOST_NAMES:
                break
        return list(found)

    def _times(self, rule: str) -> list[int]:
        if self._feed.targets is not None:
            return self._read_again(self._rows.filter(pl.col("rule") == rule)["raw"])
        if "local_timestamp" not in self._header:
            return []
        place = self._header.index("local_timestamp")
        cells = (
            self._rows.filter(pl.col("rule") == rule)["raw"]
            .str.split(",")
            .list.get(place, null_on_oob=True)
            .str.strip_chars('"')
        )
        return cells.cast(pl.Int64, strict=False).drop_nulls().to_list()

    def _read_again(self, raws: pl.Series) -> list[int]:
        """The times of rows whose only fault is their day."""
        lines = "".join(f"{raw}\n" for raw in raws).encode()
        of_any_day = replace(self._belonging, period=PLAUSIBLE_US, escalated=frozenset())
        rows, _ = text_path.parse(self._feed, self._header, lines, of_any_day)
        return rows["local_timestamp"].to_list()

    def _claimed_time(self) -> str:
        if self._feed.targets is None and self._belonging.is_one_day:
            return f"the name says {self._belonging.date}"
        first_us, last_us = self._belonging.first_us, self._belonging.end_us - 1
        return f"the name says {_minute(first_us)} to {_minute(last_us)} UTC"


def shown(text: str, longest: int = LONGEST_CELL) -> str:
    """Return the text in quotes on one line, what cannot be seen escaped, cut where it is long."""
    visible = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:longest])
    return f"'{visible}{'...' if len(text) > longest else ''}'"


def _listed(names: Sequence[str]) -> str:
    more = ["and others"] if len(names) > MOST_NAMES else []
    return ", ".join([*(shown(name)[1:-1] for name in names[:MOST_NAMES]), *more])


def _minute(time_us: int) -> str:
    return f"{dt.datetime.fromtimestamp(time_us // 1_000_000, dt.UTC):%Y-%m-%d %H:%M}"


def _share(part: int, whole: int) -> str:
    nearest = min(FRACTIONS, key=lambda one: abs(one - Fraction(part, whole)))
    is_near = abs(nearest - Fraction(part, whole)) < Fraction(1, 50)
    return FRACTIONS[nearest] if is_near else f"{part / whole:.0%}"
