"""Coverage on a terminal or a pipe: calendars with months as rows, or one line per exchange and table."""

from __future__ import annotations

import datetime as dt
import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from pointline.phrases import count, plural, printable
from pointline_daemon.commands.coverage.maps import TONES, Cell, Map, percent, total
from pointline_daemon.commands.shared.present import is_terminal, make_console, print_lines, terminal_width

LABEL: Final = 8
DAYS: Final = 31
CALENDAR_WIDTH: Final = LABEL + 2 * DAYS + 5
BETWEEN: Final = 4
SHOWN_MONTHS: Final = 12
WIDEST_NAME: Final = 38

Line = list[tuple[str, str]]
"""Pieces of text, each with its style."""


class Brush(Struct, frozen=True, kw_only=True):
    """What standard output can show."""

    glyphs: bool
    width: int
    months: int | None
    """How many months of a calendar are shown; None for all."""

    def cell(self, tone: str | None) -> tuple[str, str]:
        """Return the sign of a tone and its style."""
        if tone is None:
            return " ", ""
        return (TONES[tone].glyph if self.glyphs else TONES[tone].plain), TONES[tone].style


def make_brush(*, all_months: bool) -> Brush:
    """Look at standard output."""
    wide = terminal_width() if is_terminal() else CALENDAR_WIDTH
    return Brush(glyphs=_holds_glyphs(), width=wide, months=None if all_months or not is_terminal() else SHOWN_MONTHS)


def draw_calendars(maps: Sequence[Map], brush: Brush) -> None:
    """Print one calendar per map, side by side where there is room."""
    blocks = [_calendar(one, brush) for one in maps]
    beside = max(1, (brush.width + BETWEEN) // (CALENDAR_WIDTH + BETWEEN))
    for start in range(0, len(blocks), beside):
        for lines in zip_longest(*blocks[start : start + beside], fillvalue=[]):
            _print([_joined(lines)])
        _print([[]])
    _print([_legend(maps, brush)])


def draw_overview(maps: Sequence[Map], brush: Brush, *, unit: str) -> None:
    """Print a line per map: how much of it is covered, and a sign for each of the newest days or months."""
    names = [_fit(one.title, WIDEST_NAME) for one in maps]
    name_width = max(map(len, names))
    numbers = [(percent(sum_.covered, sum_.expected), count(one.symbols)) for one in maps for sum_ in (total([one]),)]
    symbols_width = max(len("symbols"), *(len(symbols) for _, symbols in numbers))
    dates = sorted({cell.date for one in maps for cell in one.cells if cell.expected})
    room = max(1, brush.width - name_width - symbols_width - len("    covered  "))
    dates = dates[-room:]
    _print([[(f"{'exchange and table':<{name_width}}  {'symbols':>{symbols_width}}  covered", "bold")]])
    for one, name, (share, symbols) in zip(maps, names, numbers, strict=True):
        by_date = {cell.date: cell for cell in one.cells}
        signs = [brush.cell(one.tone(by_date[date]) if date in by_date else None) for date in dates]
        _print([[(f"{name:<{name_width}}  {symbols:>{symbols_width}}  {share:>7}  ", ""), *signs]])
    length = len("2024-05") if unit == "month" else len("2024-05-01")
    span = f"{str(dates[0])[:length]} to {str(dates[-1])[:length]}, a {unit} each" if dates else ""
    if dates and _months_between(dates[0], dates[-1]) + 2 > len({(date.year, date.month) for date in dates}):
        span += "; months without a file are left out"
    _print([[], [(span, "")], _legend(maps, brush)])


def encodable(text: str) -> str:
    """Return the text without what steers a terminal or cannot be said in its encoding."""
    if text.isascii() and text.isprintable():
        return text
    encoding = sys.stdout.encoding or "utf-8"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


def print_wrapped(text: str, *, indent: int = 0) -> None:
    """Print a sentence, in several lines where a terminal is narrow."""
    width = terminal_width() if is_terminal() else len(text)
    print_lines(textwrap.wrap(text, max(indent + 20, width), subsequent_indent=" " * indent))


def _calendar(one: Map, brush: Brush) -> list[Line]:
    months = one.months
    hidden = len(months) - brush.months if brush.months is not None and len(months) > brush.months else 0
    whole = total([one])
    symbols = "" if one.symbol is not None else f", {plural(one.symbols, 'symbol')}"
    share = percent(whole.covered, whole.expected)
    tail = f"{symbols}, {share} of {plural(whole.expected, 'day')}"
    numbers = "".join(f"{day:<2}" if day == 1 or day % 5 == 0 else "  " for day in range(1, DAYS + 1))
    lines: list[Line] = [[(_fit(one.title, CALENDAR_WIDTH - len(tail)), "bold"), (tail, "")]]
    lines.append([(f"{'':<{LABEL}}{numbers}", "dim")])
    if hidden:
        text = f"{'...':<{LABEL}}{plural(hidden, 'earlier month')}: --from {months[0][0].date}"
        lines.append([(text, "dim")])
    before: Cell | None = None
    for days in months[hidden:]:
        if before is not None and (without := _months_between(before.date, days[0].date)):
            lines.append([(f"{'...':<{LABEL}}{plural(without, 'month')} without a file", "dim")])
        lines.append(_month(one, days, brush))
        before = days[0]
    return lines


def _month(one: Map, days: Sequence[Cell], brush: Brush) -> Line:
    whole = total(days)
    line: Line = [(str(days[0].date)[:7].ljust(LABEL), "")]
    for cell in days:
        line += [brush.cell(one.tone(cell)), (" ", "")]
    line.append(("  " * (DAYS - len(days)), ""))
    line.append((f"{percent(whole.covered, whole.expected):>5}", "" if whole.covered == whole.expected else "bold"))
    return line


def _months_between(before: dt.date, after: dt.date) -> int:
    return 12 * (after.year - before.year) + after.month - before.month - 1


def _legend(maps: Iterable[Map], brush: Brush) -> Line:
    found = {tone for one in maps for tone in one.tones}
    line: Line = []
    for name in TONES:
        if name in found:
            line += [brush.cell(name), (f" {TONES[name].means}   ", "")]
    return line


def _joined(lines: Sequence[Line]) -> Line:
    joined: Line = []
    for line in lines:
        if joined:
            joined.append((" " * BETWEEN, ""))
        joined += line
        joined.append((" " * (CALENDAR_WIDTH - sum(len(text) for text, _ in line)), ""))
    return joined


def _print(lines: Sequence[Line]) -> None:
    if not is_terminal():
        print_lines(["".join(text for text, _ in line).rstrip() for line in lines])
        return
    from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

    console = make_console()
    for line in lines:
        text = Text.assemble(*line)
        text.rstrip()
        console.print(text, no_wrap=True, crop=False, overflow="ignore")


def _fit(name: str, width: int) -> str:
    shown = encodable(name)
    return shown if len(shown) <= width else shown[: width - 3] + "..."


def _holds_glyphs() -> bool:
    try:
        "".join(tone.glyph for tone in TONES.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
