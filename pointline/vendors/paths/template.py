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

from pointline.vendors.paths.grammar import LONGEST, UNTIL, Grammar
from pointline.vendors.paths.patterns import NAMED, endings, gap, readings, stem, ways
from pointline.vendors.paths.time_of_path import Match, read_times, with_last
from pointline.vendors.paths.written_out import shortened

NEARLY = 0.4
"""How near a name is that only has an unknown word where one of some belongs."""


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
        self.folder_text, slash, self.name_text = text.strip("/").rpartition("/")
        said = Grammar(text)
        self._folder_pieces, self._name_pieces = said.folder, said.name
        self._is_in_folders = bool(slash)
        self._time, self._until, self._words = said.times, said.until, said.words
        self.fields = tuple(sorted(said.fields))
        self.span = said.span
        self._endings = endings([piece for piece, _ in self._name_pieces])
        self._letters = max((piece for piece, _ in self._name_pieces[:-1] if piece[0] not in "{*"), key=len, default="")
        """What every name has in it: most names are told from it alone."""
        exact = (piece for piece, pattern in self._folder_pieces if pattern == re.escape(piece))
        self._folder_letters = max(exact, key=len, default="")
        """What every folder has in it."""
        self._in_folder = lru_cache(maxsize=4096)(self._match_folder)

    # Most templates of those that ship are never asked for more than their letters: patterns are made when needed.

    @cached_property
    def _folder(self) -> Sequence[re.Pattern[str]]:
        return ways(self._folder_pieces, "(?:.*/)?") if self._is_in_folders else [re.compile(".*", re.DOTALL)]

    @cached_property
    def _name(self) -> Sequence[re.Pattern[str]]:
        return ways(self._name_pieces)

    def _match_folder(self, folder: str) -> list[dict[str, str]]:
        return readings(self._folder, folder) if self._folder_letters in folder else []

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
        merged = [_merged(*both) for both in product(above, readings(self._name, name))]
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
        for piece, pattern in stem(self._name_pieces):
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
        letters, folder_gap = (0, "") if fits_folder else gap(self._folder_pieces, f"/{folder}", "(?:.*/)")
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
            letters, why = gap(self._name_pieces, name)
            return letters / max(1, len(self.name_text)), why
        for key, value in found.groupdict().items():
            field = key.rpartition("__")[0]
            if field in self._words and re.fullmatch(self._words[field], value) is None:
                return NEARLY, f"{value!r} is no {field}"
        return 1.0, ""


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
