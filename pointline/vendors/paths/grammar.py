"""What the text of a template of paths says: its parts, each with what it matches, its fields and its times."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pointline.vendors.paths.time_of_path import DIGITS, FROM_ZERO, Span

FIELD = re.compile(r"\{([^{}]*)\}|(/\*\*|\*)")
NAME = re.compile(r"[a-z_][a-z0-9_]*")
CSV = ("csv", "csv.gz", "csv.zst")
ENDING = re.compile(r"(?:\.[a-z0-9]+)+")
ANYTHING = {"*": "[^/]*", "/**": "(?:/.*)?"}
SHORTEST, LONGEST = "[^/]+?", "[^/]+"
UNTIL = "until"
TIMES = {"date": "%Y-%m-%d", "day": "%d", "month": "%m", "year": "%Y", "hour": "%H"}
"""Fields that people mean as a part of the time, each with how it may be written."""


class BadTemplate(ValueError):
    """A template that nobody could mean; the text says why."""


Piece = tuple[str, str]
"""A part of a template as it is written, and the pattern of what it matches."""


class Grammar:
    """Reads the text of one template."""

    def __init__(self, text: str) -> None:
        """Raise BadTemplate with what is wrong."""
        self.text = text
        self.times: list[str] = []
        self.until = ""
        self.words: dict[str, str] = {}
        """Of fields that are one of some words, wherever in the template it says so."""
        self.fields: set[str] = set()
        self._groups: list[str] = []
        folder, _, name = text.strip("/").rpartition("/")
        self.folder, self.name = self._pieces(folder), self._pieces(name)
        if self.times and "%Y" not in self.times[0]:
            raise BadTemplate(f"{text!r}: the year has to come before the other parts of the time")

    @property
    def span(self) -> Span:
        """The finest part of the time."""
        letters = "".join(self.times).replace(FROM_ZERO, "%m")
        for letter, span in (("%H", Span.HOUR), ("%d", Span.DAY), ("%m", Span.MONTH), ("%Y", Span.YEAR)):
            if letter in letters:
                return span
        return Span.NONE

    def _pieces(self, text: str) -> list[Piece]:
        """Return the parts of a template as they are written, each with what it matches."""
        pieces, end = [], 0
        for found in FIELD.finditer(text):
            between = text[end : found.start()]
            pieces.append((between, re.escape(between)))
            pieces.append((found[0], ANYTHING[found[2]] if found[2] else self._field(found[1])))
            end = found.end()
        rest = text[end:]
        if "{" in rest or "}" in rest:
            raise BadTemplate(f"{self.text!r} has a brace without its other one")
        ending = f"(?i:{re.escape(rest)})" if ENDING.fullmatch(rest) else re.escape(rest)
        return [piece for piece in [*pieces, (rest, ending)] if piece[0]]

    def _field(self, text: str) -> str:
        name, colon, what = text.partition(":")
        if not colon and "|" in name:
            return f"(?i:{'|'.join(map(re.escape, packed(name.split('|'))))})"
        if not NAME.fullmatch(name):
            raise BadTemplate(f"{self.text!r} has a field {name!r}: a name is lower-case letters, digits and _")
        if name == UNTIL:
            if "%Y" not in what or self.until not in ("", what):
                raise BadTemplate(f"{self.text!r}: until is one last day, month or year, such as {{until:%Y%m%d}}")
            self.until = what
            return self._part_of_time(UNTIL, what)
        if "%" in what:
            return self._time_field(what)
        if not what and name in TIMES:
            raise BadTemplate(f"{self.text!r}: {{{name}}} says no format: write {{{name}:{TIMES[name]}}}")
        count = sum(key.startswith(f"{name}__") for key in self._groups)
        self.fields.add(name)
        self._groups.append(f"{name}__{count}")
        inner = "|".join(map(_shape, what.split("|"))) if what else SHORTEST
        if what:
            self.words[name] = inner
        return f"(?P<{name}__{count}>{inner})"

    def _time_field(self, format_: str) -> str:
        if format_ in self.times:  # the same time, said again in a folder
            number = self.times.index(format_)
        else:
            number = len(self.times)
            self.times.append(format_)
        return self._part_of_time(f"time_{number}", format_)

    def _part_of_time(self, name: str, format_: str) -> str:
        if format_ == FROM_ZERO:
            format_ = "%m"
        pattern = re.escape(format_)
        for letter, digits in DIGITS.items():
            pattern = pattern.replace(re.escape(letter), digits).replace(letter, digits)
        if "%" in pattern:
            known = "only %Y, %m, %d and %H are known, and %0m by itself"
            raise BadTemplate(f"{self.text!r}: of {format_!r} {known}")
        key = f"{name}__{sum(one.startswith(f'{name}__') for one in self._groups)}"
        self._groups.append(key)
        return f"(?P<{key}>{pattern})"


def packed(words: Sequence[str]) -> list[str]:
    """Add how else a file of text may be packed: people pack again what they have downloaded."""
    return list(dict.fromkeys([*words, *(CSV if any(word in CSV for word in words) else ())]))


def _shape(word: str) -> str:
    return re.escape(word).replace(r"\*", "[A-Za-z0-9]+").replace(r"\#", "[0-9]+")
