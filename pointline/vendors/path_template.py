"""How a vendor's paths are written down: ``{span:daily|monthly}/trades/{symbol}/{symbol}-trades-{date:%Y-%m-%d}.zip``.

A template is compared with the end of a path, folder by folder. ``{name}`` stands for what is there, without ``/``;
a name that comes twice has to be the same twice. ``{name:a|b}`` is one of these words, ``{a|b}`` the same without a
name; in the words of a name ``*`` stands for letters and digits, ``#`` for digits: ``{symbol:*-*-SWAP|*-*-#}``. What
holds ``%`` is a part of the file's time, in the letters of ``strptime``: ``%Y %m %d %H``. Outside of braces ``*`` is
anything without ``/``, ``/**`` any number of folders, none too.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise

FIELD = re.compile(r"\{([^{}]*)\}|(/\*\*|\*)")
NAME = re.compile(r"[a-z_][a-z0-9_]*")
ANYTHING = {"*": "[^/]*", "/**": "(?:/.*)?"}
DIGITS = {"%Y": r"[0-9]{4}", "%m": r"[0-9]{2}", "%d": r"[0-9]{2}", "%H": r"[0-9]{1,2}"}


class Span(Enum):
    """How much time one file covers."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    NONE = "none"
    """The path names no time."""


class BadTemplate(ValueError):
    """A template that nobody could mean; the text says why."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a path says: the fields by name, and when the file's time begins, without a zone."""

    fields: dict[str, str]
    begins: dt.datetime | None
    problem: str = ""
    """Why the path cannot be right though it fits."""


class PathTemplate:
    """One template. Matching a folder is remembered: files come by the folder."""

    def __init__(self, text: str) -> None:
        """Raise BadTemplate with what is wrong."""
        self.text = text
        self._time: list[str] = []
        self._seen: set[str] = set()
        self._groups: list[str] = []
        folder, slash, name = text.strip("/").rpartition("/")
        folders, names = self._pattern(folder), self._pattern(name)
        self._folder = re.compile(f"(?:.*/)?{folders}" if slash else ".*", re.DOTALL)
        self._name = re.compile(names, re.DOTALL)
        self.fields = tuple(sorted(self._seen))
        self.span = self._span()
        self._in_folder = lru_cache(maxsize=4096)(self._folder.fullmatch)

    def holds(self, folder: str) -> bool:
        """Tell whether a folder may hold such files."""
        return self._in_folder(folder) is not None

    def match(self, folder: str, name: str) -> Match | None:
        """Return what the path of a file says, None where it is not of this template."""
        above = self._in_folder(folder)
        if above is None:
            return None
        found = self._name.fullmatch(name)
        if found is None:
            return None
        values: dict[str, str] = {}
        for key, value in [*above.groupdict().items(), *found.groupdict().items()]:
            field = key.rpartition("__")[0]
            if values.setdefault(field, value) != value:
                if field.startswith("time_"):
                    return None
                two = f"{values[field]!r} and {value!r}"
                return Match(values, None, f"it names two {field}s, {two}: rename what is wrong")
        times = [values.pop(f"time_{number}") for number in range(len(self._time))]
        return _with_time(values, times, self._time)

    def _pattern(self, text: str) -> str:
        pattern, end = "", 0
        for found in FIELD.finditer(text):
            pattern += re.escape(text[end : found.start()])
            pattern += ANYTHING[found[2]] if found[2] else self._field(found[1])
            end = found.end()
        rest = text[end:]
        if "{" in rest or "}" in rest:
            raise BadTemplate(f"{self.text!r} has a brace without its other one")
        return pattern + re.escape(rest)

    def _field(self, text: str) -> str:
        name, colon, what = text.partition(":")
        if not colon and "|" in name:
            return f"(?:{'|'.join(map(re.escape, name.split('|')))})"
        if not NAME.fullmatch(name):
            raise BadTemplate(f"{self.text!r} has a field {name!r}: a name is small letters, digits and _")
        if "%" in what:
            return self._time_field(what)
        count = sum(key.startswith(f"{name}__") for key in self._groups)
        self._seen.add(name)
        self._groups.append(f"{name}__{count}")
        inner = "|".join(map(_shape, what.split("|"))) if what else "[^/]+?"
        return f"(?P<{name}__{count}>{inner})"

    def _time_field(self, format_: str) -> str:
        if format_ in self._time:  # the same time, said again in a folder
            number = self._time.index(format_)
        else:
            number = len(self._time)
            self._time.append(format_)
        pattern = re.escape(format_)
        for letter, digits in DIGITS.items():
            pattern = pattern.replace(re.escape(letter), digits).replace(letter, digits)
        if "%" in pattern:
            raise BadTemplate(f"{self.text!r}: of {format_!r} only %Y, %m, %d and %H are known")
        key = f"time_{number}__{sum(one.startswith(f'time_{number}__') for one in self._groups)}"
        self._groups.append(key)
        return f"(?P<{key}>{pattern})"

    def _span(self) -> Span:
        letters = "".join(self._time)
        for letter, span in (("%H", Span.HOUR), ("%d", Span.DAY), ("%m", Span.MONTH), ("%Y", Span.YEAR)):
            if letter in letters:
                return span
        return Span.NONE


def _shape(word: str) -> str:
    return re.escape(word).replace(r"\*", "[A-Za-z0-9]+").replace(r"\#", "[0-9]+")


def _with_time(values: dict[str, str], times: list[str], formats: list[str]) -> Match:
    """Read the time: each part with a year begins one; where a path says it twice, both have to agree."""
    found: dt.datetime | None = None
    starts = [number for number, format_ in enumerate(formats) if "%Y" in format_]
    for start, end in pairwise([*starts, len(formats)]):
        text, format_ = " ".join(times[start:end]), " ".join(formats[start:end])
        try:
            begins = dt.datetime.strptime(text, format_)  # noqa: DTZ007 - its zone is the feed's
        except ValueError:
            return Match(values, None, f"the date {text!r} does not exist: rename it to the right one")
        if found is not None and begins.strftime(formats[starts[0]]) != found.strftime(formats[starts[0]]):
            two = f"{found:%Y-%m-%d} and {begins:%Y-%m-%d}"
            return Match(values, None, f"it names two dates, {two}: rename what is wrong")
        found = begins
    return Match(values, found)
