"""The beginning of a description of files that nothing describes yet: what was seen in one of them, and what to decide.

It proposes and decides nothing: every column stands in ``decide``, and what the file cannot say is a ``?``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from pointline.vendors.drafts.proposals import SAMPLES, WRITTEN, names_no_zone, proposal, quoted
from pointline.vendors.drafts.undecided import MARK
from pointline.vendors.language import JSON
from pointline.vendors.values import is_number

SEPARATORS = (",", ";", "\t", "|")
ZONE = (
    "# Its times name no zone. Name the one that its clock shows, such as:",
    '# day_zone = "UTC"  or  "America/New_York"  or  "+08:00"',
    f'day_zone = "{MARK}"',
)
LONGEST_SAMPLE = 28
MOST_TITLES = 3
DECIMAL_COMMA = re.compile(r"[-+]?[0-9][0-9. ]*,[0-9]+")
QUOTED = re.compile('"[^"]*"')
DATES = (
    (re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)"), "{date:%Y-%m-%d}"),
    (re.compile(r"(?<!\d)\d{4}/\d{2}/\d{2}(?!\d)"), "{date:%Y/%m/%d}"),
    (re.compile(r"(?<!\d)(?:19|20)\d{2}[01]\d[0-3]\d(?!\d)"), "{date:%Y%m%d}"),
    (re.compile(r"(?<!\d)\d{4}-\d{2}(?!\d)"), "{date:%Y-%m}"),
)
DECODERS = {".dbn": "dbn", ".dbn.zst": "dbn", ".bi5": "bi5"}
"""What reads files with these endings, which are no text."""
JSON_LINES = re.compile(r"\.(?:jsonl|ndjson|json)(?:\.(?:gz|zst|zip))?$", re.IGNORECASE)
BI5 = re.compile(r"[^/]+/\d{4}/\d{2}/\d{2}/\d{1,2}(?=h_ticks\.bi5$)")


class _Seen(Struct, frozen=True, kw_only=True):
    titles: int
    """Lines above the others that have fewer cells."""
    separator: str
    header: str
    """What the first line seems to be, as a feed says it."""
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    lists: Sequence[str] = ()
    """Fields of lines of JSON that are lists."""


def decoder_of(path: str) -> str:
    """Return what reads a file that is no lines of cells, by its name; else empty."""
    usual = JSON if JSON_LINES.search(path) else ""
    return next((decoder for ending, decoder in DECODERS.items() if path.lower().endswith(ending)), usual)


def skeleton(path: str, lines: Sequence[str], decoder: str = "") -> str:
    """Return a description to complete, from the path of a file and its first lines.

    ``decoder``: what made them of a file that is no text, and the first of them names the columns; or ``json``.
    Raises ValueError where a line that has to be an object of JSON is none.
    """
    lines = [line.removesuffix("\r") for line in lines]
    seen = _look_at_json(lines) if decoder == JSON else _look(lines)
    template = _template(path, _constant_cells(seen))
    columns = [f"    {quoted(name)}," for name in seen.columns]
    places = {name: place for place, name in reversed(list(enumerate(seen.columns)))}
    decide = [f"{quoted(name)} = {quoted(_said(name, seen, place))}" for name, place in reversed(places.items())]
    return "\n".join(
        [
            "# Begun by `pointline vendors try --new`. Decide each ? and each entry of [feed.decide]:",
            "# `pointline vendors check FILE` says what is left, `pointline vendors help` what may be written.",
            f'vendor = "{MARK}"',
            'title = ""',
            "",
            "[[feed]]",
            f'name = "{MARK}"',
            f'table = "{MARK}"',
            f'exchange = "{MARK}"',
            f"# The file was {_comment(path)}; perhaps:",
            f"# path = {quoted(template)}",
            *([] if "{symbol}" in template else ["# Which part of it is the symbol, if any? Write {symbol} there."]),
            f'path = "{MARK}"',
            *([f"decoder = {quoted(decoder)}"] if decoder else _header(seen)),
            *([] if seen.separator == "," else [f"separator = {quoted(seen.separator)}"]),
            *_odd_lines(seen),
            *(ZONE if names_no_zone(cell for row in seen.cells for cell in row) else ()),
            *_lists(seen),
            "columns = [",
            *columns,
            "]",
            "drop = []",
            "",
            "[feed.map]",
            "",
            "# Each column: map it above or name it in drop, then take it out of here.",
            "[feed.decide]",
            *decide,
            "",
            "# What the rows of these lines have to become: `pointline vendors check` compares them.",
            "[[feed.example]]",
            f"path = {quoted(path)}",
            "lines = [",
            *(f"    {quoted(line)}," for line in lines[: seen.titles + 1 + (seen.header == "required")]),
            "]",
            "rows = []",
            "",
            "# Files of another kind: append a [[feed]] of theirs, such as `pointline vendors try --new` begins it.",
            "",
        ]
    )


def _header(seen: _Seen) -> list[str]:
    return [
        f"# Its first line {'looks like a row' if seen.header == 'absent' else 'looks like a header'}; perhaps:",
        f'# header = "{seen.header}"',
        f'header = "{MARK}"',
    ]


def _look(lines: Sequence[str]) -> _Seen:
    bare = [QUOTED.sub("", line) for line in lines]
    counts = {one: [line.count(one) for line in bare] for one in SEPARATORS}
    titles, separator = _titles(counts)
    cells = list(csv.reader(lines[titles:], delimiter=separator))
    names = [name.strip() for name in cells[0]] if cells else []
    has_header = bool(names) and not any(is_number(name) or not name or WRITTEN.match(name) for name in names)
    if has_header:
        return _Seen(titles=titles, separator=separator, header="required", columns=names, cells=cells[1:])
    columns = [f"column_{number}" for number in range(1, len(names) + 1)]
    return _Seen(titles=titles, separator=separator, header="absent", columns=columns, cells=cells)


def _look_at_json(lines: Sequence[str]) -> _Seen:
    lists: dict[str, None] = {}
    rows = [dict(_fields(json.loads(line), lists)) for line in lines]
    columns = list(dict.fromkeys(name for row in rows for name in row if name not in lists))
    cells = [[row.get(name, "") for name in columns] for row in rows]
    return _Seen(titles=0, separator=",", header="absent", columns=columns, cells=cells, lists=list(lists))


def _fields(line: object, lists: dict[str, None], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the fields of an object, named by where they are, with their values as text."""
    if not isinstance(line, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - of a file, not of a program
    for name, value in line.items():
        if isinstance(value, dict):
            yield from _fields(value, lists, f"{above}{name}.")
        elif isinstance(value, list):
            lists[f"{above}{name}"] = None
        else:
            yield f"{above}{name}", value if isinstance(value, str) else json.dumps(value)


def _lists(seen: _Seen) -> list[str]:
    """Return what there is to decide of lists in lines."""
    if not seen.lists:
        return []
    named = ", ".join(f'{quoted(name)} = "{MARK}"' for name in seen.lists)
    return [
        "# A line has lists. Where each entry of one is a row, name the list by a word, and what stands in an entry;",
        "# else name it in columns and drop. Perhaps:",
        f"# lists = {{ {named} }}",
        '# entry = ["price", "size"]',
    ]


def _titles(counts: Mapping[str, Sequence[int]]) -> tuple[int, str]:
    """Return how many lines are above those of as many cells as the last ones, and what separates these.

    ``counts`` are those of each separator in each line.
    """
    for titles in range(MOST_TITLES + 1):
        even = [one for one in SEPARATORS if len(found := counts[one][titles:]) > 1 and len({*found}) == 1 and found[0]]
        if even:
            separator = max(even, key=lambda one: (counts[one][-1], -SEPARATORS.index(one)))
            if all(count < counts[separator][-1] for count in counts[separator][:titles]):
                return titles, separator
    return 0, max(SEPARATORS, key=lambda one: ((counts[one] or [0])[0], -SEPARATORS.index(one)))


def _odd_lines(seen: _Seen) -> list[str]:
    """Return what there is to decide of a title and of decimal commas."""
    found = []
    if seen.titles:
        found += [f"# Above its other lines there is a title; perhaps:\n# skip = {seen.titles}", f'skip = "{MARK}"']
    rows = [cell for row in seen.cells for cell in row]
    if any(DECIMAL_COMMA.fullmatch(cell.strip()) for cell in rows):
        found += [
            "# Numbers in it seem to have a decimal comma (thousands separators cannot be read); perhaps:",
            '# decimal = ","',
            f'decimal = "{MARK}"',
        ]
    return found


def _constant_cells(seen: _Seen) -> set[str]:
    """Return the texts that are the same in all rows, as a symbol is."""
    columns = list(zip(*seen.cells, strict=False))
    return {column[0].strip() for column in columns if len({*column}) == 1 and re.search("[A-Za-z]", column[0])}


def _said(name: str, seen: _Seen, place: int) -> str:
    cells = [row[place].strip() for row in seen.cells if place < len(row)]
    given = [cell for cell in cells if cell]
    samples = " | ".join(cell[:LONGEST_SAMPLE] for cell in given[:SAMPLES]) or "empty"
    meant = proposal(name, given, is_bar="open" in map(str.lower, seen.columns))
    return f"{samples}; perhaps {meant}" if meant else samples


def _template(path: str, constant: Collection[str]) -> str:
    """Write the date that a path names as a field, wherever it names it, and the symbol where it is seen to be one.

    A part of the name is seen to be the symbol where the folder that it lies in, or a column of ``constant`` cells, has
    it too; folders above that one tend to repeat the kind of the data.
    """
    if BI5.search(path):
        return BI5.sub("{symbol}/{year:%Y}/{month:%0m}/{day:%d}/{hour:%H}", path)
    days = (_date(found[0]) for pattern, _ in DATES for found in pattern.finditer(path))
    day = next((one for one in days if one), "")
    for pattern, field in DATES:
        for written in {found[0] for found in pattern.finditer(path)}:
            if day and day.startswith(_date(written)):
                path = re.sub(rf"(?<!\d){re.escape(written)}(?!\d)", field, path)
        last = re.compile(rf"({re.escape(field)}[-_])({pattern.pattern})")  # the last day of several follows the first
        if (found := last.search(path)) and _date(found[2]) > day:
            path = path.replace(found[0], found[1] + field.replace("date", "until"))
    folder, slash, name = path.rpartition("/")
    nearest = [one for one in folder.split("/") if "%" not in one][-1:]
    known = {one for one in (*constant, *nearest) if one and "%" not in one}
    symbol = max((one for one in known if _part(one).search(name)), key=len, default="")
    if symbol:
        name = _part(symbol).sub("{symbol}", name)
        folder = "/".join("{symbol}" if one == symbol else one for one in folder.split("/"))
    return f"{folder}{slash}{name}"


def _date(text: str) -> str:
    """Return the digits of a date, or of a month."""
    return re.sub(r"\D", "", text)


def _part(text: str) -> re.Pattern[str]:
    """Find a text where it is not a piece of a word."""
    return re.compile(rf"(?<![A-Za-z0-9{{%]){re.escape(text)}(?![A-Za-z0-9:}}])")


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
