"""The gaps of a coverage as a list: grouped for people, one by one for a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from pointline.phrases import count, plural
from pointline.services.coverage.asked import GAPS, PAIR, RULE, SERIES, State, urgency
from pointline.tables.ingest_manifest import Status
from pointline_daemon.commands.coverage.maps import WORDS
from pointline_daemon.commands.coverage.text import encodable, print_wrapped
from pointline_daemon.commands.shared.ledger_view import NEXT_STEPS
from pointline_daemon.commands.shared.present import Column, is_terminal, print_lines, print_table

SHOWN: Final = 6
"""Of each kind, on a terminal."""
NAMED: Final = 3
INDENT: Final = 13
TRY: Final[Mapping[str, str]] = {
    State.FAILED: NEXT_STEPS[Status.FAILED],
    State.QUARANTINED: NEXT_STEPS[Status.QUARANTINED],
    State.MISSING: "fetch these days from the vendor and put the files into bronze",
    State.FEW: "compare with the vendor's file; a file that is replaced in bronze is ingested automatically",
    State.PENDING: NEXT_STEPS[Status.PENDING],
}
ONLY_A_COPY: Final = "only a copy"
"""A day of which the only file has the content of another one."""
TRY_COPY: Final = "fetch the file of that day again: the one that came has the content of another"


def grouped(gaps: pl.DataFrame, *, most: int) -> tuple[pl.DataFrame, int]:
    """Put symbols of an exchange and table together to which the same days never came.

    Returns at most that many of each kind, the most urgent kind and its widest gaps first, and how many more there are.
    """
    same_days = ("state", *PAIR, "first", "last", "days", "files", "rows", "usual", "file_id", "error")
    symbols = (pl.len().alias("symbols"), pl.col("symbol").head(NAMED).alias("names"))
    together = gaps.group_by(same_days, maintain_order=True).agg(symbols)
    widest = pl.col("days") * pl.col("symbols")
    together = together.sort(urgency(), widest, descending=[False, True], maintain_order=True)
    shown = together.filter(pl.int_range(pl.len()).over("state") < most)
    return shown, together.height - shown.height


def where(gap: Mapping[str, Any]) -> str:
    """Name the place of a grouped gap. Names are as the files have them."""
    more = gap["symbols"] - len(gap["names"])
    names = ", ".join(gap["names"]) + (f" and {more:,} more" if more else "")
    return f"{gap['exchange']} {gap['data_type']} {names}"


def what(gap: Mapping[str, Any]) -> str:
    """Say what is known of a gap; empty where there is nothing to say."""
    if gap["state"] == State.FEW:
        return f"{plural(gap['rows'], 'row')}, usually {count(round(gap['usual']))}"
    if gap["file_id"] is None:
        return ""
    told = gap["error"] or "not in yet"
    also = f"; {plural(gap['rows'], 'row')} of the day are in the lake" if gap["rows"] else ""
    return f"file {gap['file_id']}: {told}{also}"


def steps(gaps: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield what can be done, for each kind of gap that occurs."""
    words = {_word(gap): State(gap["state"]) for gap in gaps.select("state", "file_id").unique().iter_rows(named=True)}
    for word, state in sorted(words.items(), key=lambda one: GAPS.index(one[1])):
        yield word, TRY_COPY if word == ONLY_A_COPY else TRY[state]


def show_gaps(gaps: pl.DataFrame) -> None:
    """Print the gaps, then what to do about them."""
    if gaps.is_empty():
        print_lines(["", "no gaps"])
        return
    print_lines(["", plural(gaps.height, "gap")])
    if is_terminal():
        _show_grouped(gaps)
    else:
        columns = [Column(title=title) for title in ("gap", "from", "to", "days", *SERIES, "what")]
        print_table(columns, [_cells(gap) for gap in gaps.iter_rows(named=True)])
    print_lines([""])
    for word, step in steps(gaps):
        print_wrapped(f"{word + ':':<{INDENT}}{step}", indent=INDENT)
    if State.FEW.value in gaps["state"]:
        print_wrapped(RULE, indent=INDENT)


def _word(gap: Mapping[str, Any]) -> str:
    is_copy = gap["state"] == State.MISSING and gap["file_id"] is not None
    return ONLY_A_COPY if is_copy else WORDS.get(gap["state"], gap["state"])


def _show_grouped(gaps: pl.DataFrame) -> None:
    shown, more = grouped(gaps, most=SHOWN)
    rows = []
    for gap in shown.iter_rows(named=True):
        place = "\n".join(filter(None, (encodable(where(gap)), encodable(what(gap)))))
        rows.append([_word(gap), str(gap["first"]), count(gap["days"]), place])
    columns = [
        Column(title="gap"),
        Column(title="from"),
        Column(title="days", align="right"),
        Column(title="where", fold=True),
    ]
    print_table(columns, rows)
    if more:
        print_lines([f"and {more:,} more: on a pipe and with --json all are listed"])


def _cells(gap: Mapping[str, Any]) -> list[str]:
    plain = [_word(gap), gap["first"], gap["last"], gap["days"], *(gap[name] for name in SERIES), what(gap)]
    return [encodable(str(cell)) for cell in plain]
