"""Days of which two files were published that do not agree, as a part of ``pointline coverage``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import asdict

from pointline.phrases import count, plural
from pointline.services.coverage.asked import Selection
from pointline.services.coverage.differing import Differing
from pointline.tables.spelling import symbol_key
from pointline_daemon.commands.coverage.text import encodable, print_wrapped
from pointline_daemon.commands.shared.present import Column, is_terminal, print_lines, print_table

SHOWN: Final = 6
"""On a terminal."""


def selected(days: Sequence[Differing], wanted: Selection) -> list[Differing]:
    """Return the days that were asked for."""
    return [
        one
        for one in days
        if wanted.exchange in (None, one.exchange)
        and wanted.table in (None, one.data_type)
        and (wanted.symbol is None or symbol_key(wanted.symbol) == symbol_key(one.symbol))
        and (wanted.first is None or one.date >= wanted.first)
        and (wanted.last is None or one.date <= wanted.last)
    ]


def show_differing(days: Sequence[Differing]) -> None:
    """Print them, and what can be done; nothing where there are none."""
    if not days:
        return
    print_lines(["", f"{plural(len(days), 'day')} with fewer rows than another file of the day has"])
    shown = days[:SHOWN] if is_terminal() else days
    columns = [Column(title=title) for title in ("date", "exchange", "table", "symbol", "in the lake", "left out")]
    print_table(columns, [_cells(one) for one in shown])
    if len(shown) < len(days):
        print_lines([f"and {len(days) - len(shown):,} more: on a pipe and with --json all are listed"])
    print_wrapped(
        "`pointline explain ID` of the file that was left out says more; `pointline withdraw ID` of the one that is in "
        "the lake brings the rows of the other"
    )


def as_json(days: Sequence[Differing]) -> list[dict[str, Any]]:
    """Return them under the names of the columns of files."""
    return [{"table" if name == "data_type" else name: value for name, value in asdict(one).items()} for one in days]


def _cells(one: Differing) -> list[str]:
    there, left = (f"{count(rows)} of file {of}" for rows, of in ((one.rows_there, one.by), (one.rows, one.file_id)))
    return [str(one.date), *map(encodable, (one.exchange, one.data_type, one.symbol)), there, left]
