"""Files of lines of JSON as vendors write them: rows that follow each other are entries of the lists of one object."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tests.support.vendor_files import Form

LIST = "list"


@dataclass(frozen=True, kw_only=True, repr=False)
class JsonForm(Form):
    """``columns`` are fields by where they are, ``data.s``, ``list`` and the names in an entry."""

    lists: Mapping[str, str] = field(default_factory=dict)
    """The field of each word of ``list``, in the order of a line."""
    entry: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    """Fields that are whole numbers; others are text."""
    unproved: Mapping[str, str] = field(
        default_factory=lambda: {"a blank line first": "one broken record; all others are in"}
    )
    spaced: bool = False
    """With blanks after separators, as other programs write it."""

    def file(self, lines: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> bytes:
        names = list(self.columns if header is None else header)
        is_cut = bool(lines) and len(lines[-1]) < len(names)
        cells = [dict(zip(names, [*line, *[""] * (len(names) - len(line))], strict=True)) for line in lines]
        objects = [self._object(list(rows)) for _, rows in groupby(_numbered(cells, list(self.lists)), key=_group)]
        separators = (", ", ": ") if self.spaced else (",", ":")
        text = "".join(json.dumps(one, separators=separators) + self.line_end for one in objects)
        return text[: -20 if is_cut else None].encode()

    def _object(self, rows: list[tuple[int, dict[str, str]]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        first = rows[0][1]
        for name, value in first.items():
            if name not in (LIST, *self.entry):
                _put(made, name, int(value) if name in self.whole and value.isdigit() else value)
        for word, place in self.lists.items():
            _put(made, place, [[row[name] for name in self.entry] for _, row in rows if row[LIST] == word])
        return made


def _numbered(cells: Sequence[dict[str, str]], words: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Rows with the number of their object: another begins where fields differ, or a list comes before the last one."""
    found: list[tuple[int, dict[str, str]]] = []
    for row in cells:
        number, last = found[-1] if found else (0, row)
        goes_on = _fields(last) == _fields(row) and words.index(row[LIST]) >= words.index(last[LIST])
        found.append((number if goes_on else number + 1, row))
    return found


def _fields(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in (LIST, "price", "size", "orders")}


def _group(pair: tuple[int, dict[str, str]]) -> int:
    return pair[0]


def _put(made: dict[str, Any], name: str, value: object) -> None:
    *above, last = name.split(".")
    for one in above:
        made = made.setdefault(one, {})
    made[last] = value
