"""What was odd about files whose rows are kept: the warnings of the ledger in words."""

from __future__ import annotations

import json

import polars as pl

from pointline.io.protocols.file_version import ACCEPTED, LEFT_TO, OTHER_IS_GONE, PROCESS_ENDED, ROWS_LOST
from pointline.phrases import plural
from pointline.services.telling.next_steps import CUT_SHORT
from pointline.tables.ingest_manifest import NO_ROWS, Status, stands_at

NOTES = (ACCEPTED, LEFT_TO, OTHER_IS_GONE, PROCESS_ENDED)
"""How the names of those begin that say nothing odd of the file itself."""
_NOTE = rf'"(?:{"|".join(NOTES)})[^"]*"'


def is_odd() -> pl.Expr:
    """True for rows of the ledger of files that are in, and of which something is odd."""
    rest = pl.col("warnings").fill_null("").str.replace_all(_NOTE, "")
    return stands_at(Status.SUCCESS) & rest.str.contains('"', literal=True)


def oddities(warnings: str | None) -> list[str]:
    """Return what the warnings of a file say, a sentence each."""
    found: dict[str, int] = json.loads(warnings or "{}")
    return [_said(name, count) for name, count in found.items() if not name.startswith(NOTES)]


def _said(name: str, count: int) -> str:
    """One thing that was odd in a file whose rows are kept."""
    kind, _, about = name.partition(":")
    column, _, value = about.partition("=")
    said = {
        "unknown_column": f"The column {about} is not one that the table knows; it was left out",
        "unknown_columns_not_named": f"{count:,} more columns are unknown and were left out",
        NO_ROWS: "It has no row",
        CUT_SHORT: "The last line has no line end; it was read as a whole line, and may be cut in its last value",
        "nanoseconds_cut": f"{plural(count, 'time')} had digits beyond the microsecond; those digits were cut off",
        ROWS_LOST: f"{plural(count, 'row')} of it were lost later, when bronze no longer had this version",
        "rows_left_out": f"{plural(count, 'row')} left out: the description of the feed says which rows are meant",
        "left_out": f"{plural(count, 'row')} of those have {value!r} in {column}, which the description does not name",
        "left_out_others": f"{plural(count, 'row')} more of those have other values that the description does not name",
        "too_early_for": f"{plural(count, 'bar')} came too soon after the one before, for bars of {about}; they stay",
        "far_apart_for": f"{plural(count, 'bar')} come as long after the one before as those of a longer interval, "
        f"and the name says {about}; they stay",
        "implausible_time": f"{plural(count, 'row')} with a {about} before 2000 or after 2199, which was left out",
        "held": f"What it says of {about} is held: it lacks {plural(count, 'symbol')} of those listed before",
    }
    found = "it" if count == 1 else "them"
    odd = f"{plural(count, 'row')} kept though the check {name} found {found} odd (setting checks.{name})"
    return said.get(kind, odd)
