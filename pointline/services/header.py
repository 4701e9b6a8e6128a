"""Whether a file begins as a file of its table does. Columns are found by name, in any order; others are ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pointline.errors import Rejected
from pointline.tables.schema import EventTable

SHOWN = 5
LONGEST_NAME = 40


def check_header(table: EventTable, header: Sequence[str], path: str) -> None:
    """Raise Rejected, with the reason, where rows under this header cannot be rows of the table."""
    if header == tuple(table.raw_schema):
        return
    doubled = sorted(name for name, count in Counter(header).items() if count > 1)
    if doubled:
        raise Rejected(
            f"{path}: the header names {_listed(doubled)} twice", subject=path, hint="download the file again"
        )
    missing = [name for name in table.raw_schema if name not in header]
    if len(missing) == len(table.raw_schema):
        raise Rejected(
            f"{path} does not begin with the header of {table.name}",
            subject=path,
            hint="is it this vendor's file, and of this data type?",
        )
    if missing:
        raise Rejected(
            f"{path}: the header lacks {_listed(missing)}", subject=path, hint=f"is it really a file of {table.name}?"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:LONGEST_NAME] for name in names[:SHOWN])
