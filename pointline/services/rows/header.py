"""Whether a file begins as a file of its table does. Columns are found by name, in any order; others are left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pointline.errors import OtherHeader, Rejected
from pointline.io.protocols.bronze import LOCAL_TIMES, MOMENTS, BronzeContent
from pointline.parse import text_path
from pointline.parse.feed import Feed, Header
from pointline.phrases import CR_ENDS, CR_HINT
from pointline.services.rows.complaint import shown
from pointline.tables.schema import EventTable, Kind
from pointline.vendors.values import is_number

SHOWN = 5
LONGEST_NAME = 40
MOST_NAMED = 8
LONGEST_HEADER = 80
SHOWN_BYTES = 16
NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
DAMAGED_HINT = "is it packed or encrypted, or damaged on its way? Download it again"
NOTHING_SAID: Mapping[str, str] = MappingProxyType({})
SEPARATORS = {",": "commas", ";": "';'", "\t": "TAB", "|": "'|'", " ": "a blank"}
OTHER_COLUMNS = (
    "if it is of another data type, rename it; else rename its columns, or describe the file: "
    "`pointline vendors try --new FILE` begins a description"
)
WANTED = {
    Kind.TEXT: "text",
    Kind.NUMBER: "numbers",
    Kind.SECONDS: "numbers",
    Kind.INTEGER: "whole numbers",
    Kind.TIME: "time stamps, or integer microseconds since 1970",
    Kind.FLAG: "flags",
    Kind.CHOICE: "text",
}


def wanted_columns(feed: Feed) -> dict[str, str]:
    """Return the columns that a feed reads with what each holds, in words."""
    local = {**WANTED, Kind.TEXT: LOCAL_TIMES, Kind.INTEGER: MOMENTS}
    return {
        column.name: (local if column.name in feed.by_local_clock else WANTED)[column.kind] for column in feed.columns
    }


def unknown_columns(table: EventTable, header: Sequence[str]) -> dict[str, int]:
    """Return a warning for each column that the table does not have: its cells are kept out."""
    known = table.raw_schema
    unknown = [name for name in header if name not in known]
    named = {f"unknown_column:{shown(name, LONGEST_NAME)[1:-1]}": 1 for name in unknown[:MOST_NAMED]}
    return {**named, "unknown_columns_not_named": len(unknown) - len(named)} if len(unknown) > len(named) else named


def read_header(
    feed: Feed, content: BronzeContent, path: str, says: Mapping[str, str] = NOTHING_SAID
) -> tuple[tuple[str, ...], bytes]:
    """Return the names of a file's cells, and its first line where that is a row. ``says``: the fields of the path.

    Raises Rejected where the file does not begin as the feed says.
    """
    if not feed.headers:
        return content.header(), b""
    line = content.first_line(feed.member, feed.decoder, feed.dialect.skip, feed.dialect.separator)
    _check_said(content.says, says, path)
    if not line:
        names = content.header()
        cut = feed.dialect.header_cut
        if names and (
            feed.dialect.skip or feed.dialect.has_decimal_comma or (cut and any(cut in one for one in names))
        ):
            what = (
                f"{path}: it has no lines of text, and {feed.name} says skip, decimal or header_cut, which are of such"
            )
            raise Rejected(what, subject=path, hint="describe its Parquet files by a feed of their own")
        return (names if not names else _known_names(feed, names, path, is_ordered=False)), b""
    text = line.decode(feed.dialect.encoding, "replace")
    cells = text_path.split_cells(text, feed.dialect)
    if feed.header is Header.ABSENT or (feed.header is Header.AUTO and _begins_as_row(cells)):
        for names in feed.headers:
            if len(names) == len(cells):
                return names, line
        _refuse_no_lines(line, path, feed.dialect.separator)
        counts = " or ".join(str(len(names)) for names in feed.headers)
        raise Rejected(
            f"{path}: its first line has {len(cells)} cells, files of {feed.name} have {counts}: "
            f"{_beginning(cells, feed.dialect.separator)}",
            subject=path,
            hint=f"is it a whole file of {feed.vendor}, of this kind?",
        )
    try:
        return _known_names(feed, cells, path), b""
    except Rejected:
        _refuse_no_lines(line, path, feed.dialect.separator)
        raise


def _refuse_no_lines(line: bytes, path: str, separator: str) -> None:
    """Say of a first line that is not as it should be that it is no text, or all of the file, where that is so."""
    if (found := _no_lines(line, separator)) is not None:
        raise Rejected(f"{path}: {found[0]}", subject=path, hint=found[1])


def _no_lines(line: bytes, separator: str) -> tuple[str, str] | None:
    if NO_TEXT.search(line):
        begins = line[:SHOWN_BYTES].decode("ascii", "backslashreplace")
        return f"it is not text: it begins with {shown(begins, LONGEST_HEADER)}", DAMAGED_HINT
    if b"\r" in line and separator.encode() in line.partition(b"\r")[0]:
        return CR_ENDS, CR_HINT
    return None


def _check_said(file_says: Mapping[str, str], path_says: Mapping[str, str], path: str) -> None:
    """Raise Rejected where a file, or the name of its member, says something else than its path does."""
    for name, found in file_says.items():
        claimed = path_says.get(name, found)
        if _plain(name, claimed) != _plain(name, found):
            raise Rejected(
                f"{path}: the {name} in the file is {shown(found)}, the path says {shown(claimed)}",
                subject=path,
                hint="give it the name under which it was published",
            )


def _plain(name: str, said: str) -> str:
    """Databento writes a dataset as GLBX.MDP3 and as glbx-mdp3."""
    return said.casefold().replace(".", "-") if name == "dataset" else said.casefold()


def _known_names(feed: Feed, cells: Sequence[str], path: str, *, is_ordered: bool = True) -> tuple[str, ...]:
    """Return the columns of a file, by their names. Cells of Parquet have names too: their order says nothing."""
    cut = feed.dialect.header_cut
    given = [cell.partition(cut)[0] if cut else cell for cell in cells]
    names = tuple(feed.aliases.get(name, name) for name in given)
    if names in feed.headers or (not is_ordered and sorted(names) in map(sorted, feed.headers)):
        return names
    nearest = min(feed.headers, key=lambda one: len(set(one) ^ set(names)))
    if doubled := next((name for name, count in Counter(names).items() if count > 1 and name in nearest), ""):
        same = [cell for cell, name in zip(given, names, strict=True) if name == doubled]
        raise Rejected(
            f"{path}: {' and '.join(map(shown, same))} are columns of the same meaning to {feed.name}",
            subject=path,
            hint="leave one of them out",
        )
    missing = [name for name in nearest if name not in names]
    unknown = [name for name in names if name not in nearest]
    said = [
        *([f"the header lacks {_listed(missing)}"] if missing else []),
        *([f"it has {_listed(unknown)}, which no description of {feed.name} has"] if unknown else []),
    ]
    if missing and (known := _known_trouble(nearest, names, feed.dialect.separator)) is not None:
        raise Rejected(f"{path}: {known[0]}", subject=path, hint=known[1])
    separator = feed.dialect.separator
    wanted = _beginning(nearest, separator)
    hint = f"files of {feed.name} have {wanted}; is it a file of {feed.vendor}, as it was published?"
    hint = f"{hint} Of such files: {feed.note}" if feed.note else hint
    if len(names) < len(nearest) and not {*names} & {*nearest}:
        title = "is its first line a title above the header? Remove that line; in a description of your own, `skip = 1`"
        hint = f"{title} leaves it out; {hint}"
    if not said:
        said = [f"its columns are in another order: {_beginning(names, separator)}"]
    raise OtherHeader(f"{path}: {', '.join(said)}", subject=path, hint=hint, line=separator.join(cells))


def _begins_as_row(cells: Sequence[str]) -> bool:
    """Tell whether a line begins as a row does, not as a header: its first cell is a number."""
    return bool(cells) and is_number(cells[0])


def check_header(table: EventTable, header: Sequence[str], path: str) -> None:
    """Raise Rejected, with the reason, where rows under this header cannot be rows of the table."""
    if header == tuple(table.raw_schema):
        return
    missing = [name for name in table.raw_schema if name not in header]
    if missing and (known := _known_trouble(tuple(table.raw_schema), header)) is not None:
        what, hint = known
        raise Rejected(f"{path}: {what}", subject=path, hint=hint)
    if len(missing) == len(table.raw_schema):
        raise OtherHeader(
            f"{path} does not begin with the header of {table.name} but with {_beginning(header)}",
            subject=path,
            hint=_without_header(table, header),
            line=",".join(header),
        )
    doubled = sorted(name for name, count in Counter(header).items() if count > 1)
    if doubled:
        raise Rejected(
            f"{path}: the header names {_listed(doubled)} twice", subject=path, hint="download the file again"
        )
    if missing:
        unknown = [name for name in header if name not in table.raw_schema]
        has = f" and has {_listed(unknown)}, which {table.name} do not have" if unknown else ""
        what = f"{path}: the header lacks {_listed(missing)}{has}"
        raise OtherHeader(what, subject=path, hint=OTHER_COLUMNS, line=",".join(header))


def _without_header(table: EventTable, first_line: Sequence[str]) -> str:
    """Say what to do about a file that begins with none of the names of its columns."""
    if len(first_line) == len(table.raw_schema) and any(map(is_number, first_line)):
        return f"its header is missing: put this line first: {','.join(table.raw_schema)}"
    return f"rows of {table.name} have the columns {','.join(table.raw_schema)}; {OTHER_COLUMNS}"


def _known_trouble(wanted: Sequence[str], header: Sequence[str], separator: str = ",") -> tuple[str, str] | None:
    """Return what a person or a program did to the header, and what to do about it."""
    text = separator.join(header)
    if text.lower().startswith("sep="):
        return f"its first line is {_beginning(header)}, which spreadsheets write", "remove that line"
    if (found := _no_lines(text.encode(), separator)) is not None:
        return found
    for other, name in SEPARATORS.items():
        if other != separator and len(_known(wanted, text.split(other))) > max(1, len(_known(wanted, header))):
            wanted_one = SEPARATORS.get(separator, repr(separator))
            what = f"its cells are separated by {name}, not by {wanted_one}: {_beginning(header)}"
            return what, f"write it again with {wanted_one} between them"
    if _is_better(wanted, header, str.strip):
        return f"its column names have blanks around them: {_beginning(header)}", "write the header without them"
    if {*map(_squashed, wanted)} <= {*map(_squashed, header)}:
        return (
            f"its column names are in another case: {_beginning(header)}",
            f"write them as here: {_beginning(wanted)}",
        )
    return None


def _known(wanted: Sequence[str], names: Sequence[str]) -> set[str]:
    return {name.strip(' "').casefold() for name in names} & {name.casefold() for name in wanted}


def _is_better(wanted: Sequence[str], header: Sequence[str], convert: Callable[[str], str]) -> bool:
    return len({*map(convert, wanted)} & {*map(convert, header)}) > len({*wanted} & {*header})


def _squashed(name: str) -> str:
    return name.strip().casefold()


def _beginning(header: Sequence[str], separator: str = ",") -> str:
    return shown(separator.join(header), LONGEST_HEADER)


def _listed(names: Sequence[str]) -> str:
    shown_names = [shown(name, LONGEST_NAME)[1:-1] or "a column without a name" for name in names[:SHOWN]]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(shown_names) + more
