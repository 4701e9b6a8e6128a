"""How a vendor's paths are written down: ``{span:daily|monthly}/trades/{symbol}/{symbol}-trades-{date:%Y-%m-%d}.zip``.

A template is compared with the end of a path, folder by folder. ``{name}`` stands for what is there, without ``/``;
a name that comes twice has to be the same twice. ``{name:a|b}`` is one of these words, ``{a|b}`` the same without a
name, in capitals or not; among endings, ``csv`` stands for ``csv.gz`` and ``csv.zst`` too. In the words of a name
``*`` stands for letters and digits, ``#`` for digits: ``{symbol:*-*-SWAP|*-*-#}``. What holds ``%`` is a part of the
file's time, in the letters of ``strptime``: ``%Y %m %d %H``, and ``%0m`` for a month counted from 00; as ``until`` it
is the last day or month of a file of several: ``{date:%Y%m%d}-{until:%Y%m%d}``. Outside of braces ``*`` is anything
without ``/``, ``/**`` any number of folders, none too. An ending such as ``.csv.gz`` may be in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple

from pointline.vendors.paths.time_of_path import DIGITS, FROM_ZERO, Match, Span, read_times, with_last
from pointline.vendors.paths.written_out import shortened

FIELD = re.compile(r"\{([^{}]*)\}|(/\*\*|\*)")
NAME = re.compile(r"[a-z_][a-z0-9_]*")
CSV = ("csv", "csv.gz", "csv.zst")
ENDING = re.compile(r"(?:\.[a-z0-9]+)+")
ANYTHING = {"*": "[^/]*", "/**": "(?:/.*)?"}
SHORTEST, LONGEST = "[^/]+?", "[^/]+"
UNTIL = "until"
NAMED = re.compile(r"\?P<[^>]+>")
NAMED_GROUP = re.compile(r"(\(\?P<[^>]+>)(.*)\)")
TIMES = {"date": "%Y-%m-%d", "day": "%d", "month": "%m", "year": "%Y", "hour": "%H"}
"""Fields that people mean as a part of the time, each with how it may be written."""
NEARLY = 0.4
"""How near a name is that only has an unknown word where one of some belongs."""


class BadTemplate(ValueError):
    """A template that nobody could mean; the text says why."""


class Miss(NamedTuple):
    """How a path fails to fit a template. ``near`` is greater the more of it fits; ``why`` is empty where all does."""

    fits_name: bool
    fits_folder: bool
    near: float
    why: str


class PathTemplate:
    """One template. Matching a folder is remembered: files come by the folder."""

    def __init__(self, text: str) -> None:
        """Raise BadTemplate with what is wrong."""
        self.text = text
        self._time: list[str] = []
        self._until = ""
        self._words: dict[str, str] = {}
        """Of fields that are one of some words, wherever in the template it says so."""
        self._seen: set[str] = set()
        self._groups: list[str] = []
        folder, slash, name = text.strip("/").rpartition("/")
        self.folder_text, self.name_text = folder, name
        self._folder_pieces, self._name_pieces = self._pieces(folder), self._pieces(name)
        self._is_in_folders = bool(slash)
        if self._time and "%Y" not in self._time[0]:
            raise BadTemplate(f"{text!r}: the year has to come before the other parts of the time")
        self.fields = tuple(sorted(self._seen))
        self.span = self._span()
        self._endings = _endings([piece for piece, _ in self._name_pieces])
        self._letters = max((piece for piece, _ in self._name_pieces[:-1] if piece[0] not in "{*"), key=len, default="")
        """What every name has in it: most names are told from it alone."""
        exact = (piece for piece, pattern in self._folder_pieces if pattern == re.escape(piece))
        self._folder_letters = max(exact, key=len, default="")
        """What every folder has in it."""
        self._in_folder = lru_cache(maxsize=4096)(self._match_folder)

    # Most templates of those that ship are never asked for more than their letters: patterns are made when needed.

    @cached_property
    def _folder(self) -> Sequence[re.Pattern[str]]:
        return _ways(self._folder_pieces, "(?:.*/)?") if self._is_in_folders else [re.compile(".*", re.DOTALL)]

    @cached_property
    def _name(self) -> Sequence[re.Pattern[str]]:
        return _ways(self._name_pieces)

    def _match_folder(self, folder: str) -> list[dict[str, str]]:
        return _readings(self._folder, folder) if self._folder_letters in folder else []

    def holds(self, folder: str) -> bool:
        """Tell whether a folder may hold such files."""
        return bool(self._in_folder(folder))

    def may_end(self, ending: str) -> bool:
        """Tell whether names of such files may have these small letters behind their last dot."""
        return self._endings is None or ending in self._endings

    @property
    def has_last(self) -> bool:
        """Tell whether files are of several days, months or years, and the path names the last."""
        return bool(self._until)

    def match(self, folder: str, name: str) -> Match | None:
        """Return what the path of a file says, None where it is not of this template."""
        if self._letters not in name:
            return None
        above = self._in_folder(folder)
        if not above:
            return None
        merged = [_merged(*both) for both in product(above, _readings(self._name, name))]
        if not merged:
            return None
        fitting = [values for values, field, _ in merged if not field]
        if len(fitting) > 1:
            return Match(_named(fitting[0]), None, _two_readings(fitting))
        if not fitting:
            values, field, second = merged[0]
            two = f"it names two {field}s, {values[field]!r} and {second!r}: rename what is wrong"
            return None if field.startswith("time_") else Match(values, None, two)
        values = fitting[0]
        times = [values.pop(f"time_{number}") for number in range(len(self._time))]
        made = read_times(values, times, self._time)
        return with_last(made, values.pop(UNTIL), self._until) if self._until else made

    @property
    def telling(self) -> tuple[int, int]:
        """How much a name says of whose it is: its letters outside of fields, and its parts."""
        between = "".join(piece for piece, _ in self._name_pieces if not piece.startswith(("{", "*")))
        return sum(letter.isalpha() for letter in between.partition(".")[0]), len(self._name_pieces)

    def fits_name(self, name: str) -> bool:
        """Tell whether files of such paths may have this name, wherever they lie."""
        return self._miss_of_name(name)[0] == 1.0

    def said_by_name(self, name: str) -> list[tuple[str, str, str]]:
        """Return what a name says that fits: each field, ``time`` for a part of the time, its value and its format."""
        found = self._name[0].fullmatch(name) if self.fits_name(name) else None
        said = []
        for key, value in ({} if found is None else found.groupdict()).items():
            field = key.rpartition("__")[0]
            number = field.removeprefix("time_")
            said.append((field, value, "") if number == field else ("time", value, self._time[int(number)]))
        return said

    @property
    def fields_of_name(self) -> set[str]:
        """The fields that the name has."""
        return {piece[1:-1].partition(":")[0] for piece, _ in self._name_pieces if piece.startswith("{")}

    def stem_pattern(self, fields: Collection[str]) -> str:
        """Return a pattern for names without their endings, with a group for each of these fields."""
        found: list[str] = []
        named: set[str] = set()
        for piece, pattern in _stem(self._name_pieces):
            name = piece[1:-1].partition(":")[0] if piece.startswith("{") else ""
            if name not in fields or "%" in piece:
                found.append(NAMED.sub("?:", pattern))
            elif name in named:
                found.append(f"(?P={name})")
            else:
                words = "" if name == "symbol" else self._words.get(name, "")
                found.append(f"(?P<{name}>{words or LONGEST})")
                named.add(name)
        return "".join(found)

    def miss(self, folder: str, name: str) -> Miss:
        """Say how far the path of a file is from this template."""
        fits_folder = self.holds(folder)
        letters, folder_gap = (0, "") if fits_folder else _gap(self._folder_pieces, f"/{folder}", "(?:.*/)")
        near, name_gap = self._miss_of_name(name)
        said = [
            *([f"its name does not match {shortened(self.name_text)}: {name_gap}"] if name_gap else []),
            *([] if fits_folder else [f"it is not in folders {shortened(self.folder_text)}: {folder_gap}"]),
        ]
        if not said and self.match(folder, name) is None:
            said.append("its folder and its name say two times")
        return Miss(not name_gap, fits_folder, near + letters / 1000, "; ".join(said))

    def _miss_of_name(self, name: str) -> tuple[float, str]:
        """Return the share of a name that fits, and what does not."""
        found = self._name[0].fullmatch(name)
        if found is None:
            letters, gap = _gap(self._name_pieces, name)
            return letters / max(1, len(self.name_text)), gap
        for key, value in found.groupdict().items():
            field = key.rpartition("__")[0]
            if field in self._words and re.fullmatch(self._words[field], value) is None:
                return NEARLY, f"{value!r} is no {field}"
        return 1.0, ""

    def _pieces(self, text: str) -> list[tuple[str, str]]:
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
            return f"(?i:{'|'.join(map(re.escape, _packed(name.split('|'))))})"
        if not NAME.fullmatch(name):
            raise BadTemplate(f"{self.text!r} has a field {name!r}: a name is lower-case letters, digits and _")
        if name == UNTIL:
            if "%Y" not in what or self._until not in ("", what):
                raise BadTemplate(f"{self.text!r}: until is one last day, month or year, such as {{until:%Y%m%d}}")
            self._until = what
            return self._part_of_time(UNTIL, what)
        if "%" in what:
            return self._time_field(what)
        if not what and name in TIMES:
            raise BadTemplate(f"{self.text!r}: {{{name}}} says no format: write {{{name}:{TIMES[name]}}}")
        count = sum(key.startswith(f"{name}__") for key in self._groups)
        self._seen.add(name)
        self._groups.append(f"{name}__{count}")
        inner = "|".join(map(_shape, what.split("|"))) if what else SHORTEST
        if what:
            self._words[name] = inner
        return f"(?P<{name}__{count}>{inner})"

    def _time_field(self, format_: str) -> str:
        if format_ in self._time:  # the same time, said again in a folder
            number = self._time.index(format_)
        else:
            number = len(self._time)
            self._time.append(format_)
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

    def _span(self) -> Span:
        letters = "".join(self._time).replace(FROM_ZERO, "%m")
        for letter, span in (("%H", Span.HOUR), ("%d", Span.DAY), ("%m", Span.MONTH), ("%Y", Span.YEAR)):
            if letter in letters:
                return span
        return Span.NONE


def _stem(pieces: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out the ending: a last choice of words without a name, and what is behind the last dot."""
    found = list(pieces)
    if found and found[-1][0].startswith("{") and "|" in found[-1][0] and ":" not in found[-1][0]:
        found.pop()
    if found and "." in found[-1][0] and not found[-1][0].startswith(("{", "*")):
        text = found.pop()[0].partition(".")[0]
        found += [(text, re.escape(text))] if text else []
    return found


def _ways(pieces: Sequence[tuple[str, str]], before: str = "") -> list[re.Pattern[str]]:
    """Return the patterns of these parts by which each takes as little as it can, and as much; one where all is fixed.

    What both read alike can be read in one way alone.
    """
    patterns = [pattern for _, pattern in pieces]
    ways = [patterns, list(map(_the_other_way, patterns))]
    return [re.compile(before + "".join(one), re.DOTALL) for one in (ways[:1] if ways[0] == ways[1] else ways)]


def _the_other_way(pattern: str) -> str:
    """Return a part of a pattern that takes what it can in the other order."""
    if pattern == ANYTHING["*"]:
        return f"{pattern}?"
    found = NAMED_GROUP.fullmatch(pattern)
    if found is None or found[1].startswith(("(?P<time_", f"(?P<{UNTIL}__")):
        return pattern
    inner = LONGEST if found[2] == SHORTEST else "|".join(reversed(found[2].replace("]+", "]+?").split("|")))
    return f"{found[1]}{inner})"


def _readings(ways: Sequence[re.Pattern[str]], text: str) -> list[dict[str, str]]:
    """Return the groups of a text, once for each way to read it."""
    found: list[dict[str, str]] = []
    for way in ways:
        match = way.fullmatch(text)
        if match is None:
            return found
        if match.groupdict() not in found:
            found.append(match.groupdict())
    return found


def _merged(*groups: Mapping[str, str]) -> tuple[dict[str, str], str, str]:
    """Return the fields of a folder and a name, and the first that is said in two ways, with the second of them."""
    values: dict[str, str] = {}
    for key, value in (pair for one in groups for pair in one.items()):
        field = key.rpartition("__")[0]
        if values.setdefault(field, value) != value:
            return values, field, value
    return values, "", ""


def _named(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if not name.startswith("time_") and name != UNTIL}


def _two_readings(ways: Sequence[Mapping[str, str]]) -> str:
    """Say how a name can be read."""
    said = [", ".join(f"{name} {value!r}" for name, value in _named(one).items()) for one in ways]
    return (
        f"it can be read in two ways: {said[0]}; or {said[1]}: say in the path of the description how a field looks, "
        "such as {symbol:*_*}"
    )


def _gap(pieces: Sequence[tuple[str, str]], text: str, before: str = "") -> tuple[int, str]:
    """Return how many letters of a template fit, part by part, and which part does not."""
    fits = 0
    while fits < len(pieces):
        pattern = "".join(piece for _, piece in pieces[: fits + 1])
        if re.match(before + pattern, text, re.DOTALL) is None:
            break
        fits += 1
    letters = sum(len(piece) for piece, _ in pieces[:fits] if not piece.startswith(("*", "/**")))
    if fits == len(pieces):
        return letters, f"there is more after {pieces[-1][0]}" if pieces else "it is in a folder"
    after = f" after {shortened(pieces[fits - 1][0])}" if fits else ""
    return letters, f"there is no {shortened(pieces[fits][0])}{after}"


def _endings(pieces: Sequence[str]) -> frozenset[str] | None:
    """Return what may stand behind the last dot of a name, in small letters; None where that can be anything."""
    last = pieces[-1] if pieces else ""
    if last.startswith("*") or ":" in last or (last.startswith("{") and "|" not in last):
        return None
    words = _packed(last[1:-1].split("|")) if last.startswith("{") else [last]
    whole = [word if "." in word else "".join(pieces[-2:-1]) + word for word in words]
    has_dots = all("." in word and not word.startswith(("{", "*")) for word in whole)
    return frozenset(word.rpartition(".")[2].lower() for word in whole) if has_dots else None


def _packed(words: Sequence[str]) -> list[str]:
    """Add how else a file of text may be packed: people pack again what they have downloaded."""
    return list(dict.fromkeys([*words, *(CSV if any(word in CSV for word in words) else ())]))


def _shape(word: str) -> str:
    return re.escape(word).replace(r"\*", "[A-Za-z0-9]+").replace(r"\#", "[0-9]+")
