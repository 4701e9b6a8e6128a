"""Whether a file begins as a file of its table does. Columns are found by name, in any order; others are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pointline.errors import Rejected
from pointline.services.complaint import shown
from pointline.tables.schema import EventTable, Kind

SHOWN = 5
LONGEST_NAME = 40
MOST_NAMED = 8
LONGEST_HEADER = 80
SEPARATORS = {";": "';'", "\t": "TAB", "|": "'|'", " ": "a blank"}
WANTED = {
    Kind.TEXT: "text",
    Kind.NUMBER: "numbers",
    Kind.TIME: "time stamps, or integer microseconds since 1970",
    Kind.FLAG: "flags",
    Kind.CHOICE: "text",
}


def wanted_columns(table: EventTable) -> dict[str, str]:
    """Return the columns of a table with what each holds, in words."""
    return {column.name: WANTED[column.kind] for column in table.columns}


def unknown_columns(table: EventTable, header: Sequence[str]) -> dict[str, int]:
    """Return a warning for each column that the table does not have: its cells are kept out."""
    known = table.raw_schema
    unknown = [name for name in header if name not in known]
    named = {f"unknown_column:{shown(name, LONGEST_NAME)[1:-1]}": 1 for name in unknown[:MOST_NAMED]}
    return {**named, "unknown_columns_not_named": len(unknown) - len(named)} if len(unknown) > len(named) else named


def check_header(table: EventTable, header: Sequence[str], path: str) -> None:
    """Raise Rejected, with the reason, where rows under this header cannot be rows of the table."""
    if header == tuple(table.raw_schema):
        return
    missing = [name for name in table.raw_schema if name not in header]
    if missing and (known := _known_trouble(table, header)) is not None:
        what, hint = known
        raise Rejected(f"{path}: {what}", subject=path, hint=hint)
    if len(missing) == len(table.raw_schema):
        raise Rejected(
            f"{path} does not begin with the header of {table.name} but with {_beginning(header)}",
            subject=path,
            hint="is it this vendor's file, and of this data type?",
        )
    doubled = sorted(name for name, count in Counter(header).items() if count > 1)
    if doubled:
        raise Rejected(
            f"{path}: the header names {_listed(doubled)} twice", subject=path, hint="download the file again"
        )
    if missing:
        raise Rejected(
            f"{path}: the header lacks {_listed(missing)}", subject=path, hint=f"is it really a file of {table.name}?"
        )


def _known_trouble(table: EventTable, header: Sequence[str]) -> tuple[str, str] | None:
    """Return what a person or a program did to the header, and what to do about it."""
    text = ",".join(header)
    if text.lower().startswith("sep="):
        return f"its first line is {_beginning(header)}, which spreadsheets write", "remove that line"
    if "\r" in text:
        return "its lines end with CR alone, as on old Macs", "write it again with line feeds (`tr '\\r' '\\n'`)"
    for separator, name in SEPARATORS.items():
        if len(_known(table, text.split(separator))) > len(_known(table, header)):
            return f"its cells are separated by {name}: {_beginning(header)}", "write it again with commas"
    if _is_better(table, header, [name.strip() for name in header]):
        return f"its column names have blanks around them: {_beginning(header)}", "write the header without them"
    if _is_better(table, header, [name.strip().casefold() for name in header]):
        names = _listed(list(table.raw_schema))
        return f"its column names are in another case: {_beginning(header)}", f"write them as the vendor does: {names}"
    return None


def _known(table: EventTable, names: Sequence[str]) -> set[str]:
    return {name.strip(' "').casefold() for name in names} & {name.casefold() for name in table.raw_schema}


def _is_better(table: EventTable, header: Sequence[str], names: Sequence[str]) -> bool:
    known = {name.casefold() for name in table.raw_schema}
    return len(known.intersection(names)) > len(known.intersection(header))


def _beginning(header: Sequence[str]) -> str:
    return shown(",".join(header), LONGEST_HEADER)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name, LONGEST_NAME)[1:-1] for name in names[:SHOWN])
