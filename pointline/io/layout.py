"""Which market-data file a path in bronze names. Pure string work: nothing here touches a disk.

Tried in this order, at any depth:

1. the configured patterns: regular expressions with the groups ``exchange, data_type, date, symbol``
2. hive: ``…/exchange=X/type=T/date=D/symbol=S/<any>``, the keys in any order; they win over the file's name
3. the Tardis client's default name: ``{exchange}_{data_type}_{YYYY-MM-DD}_{symbol}`` in any folder
4. the Tardis URL: ``…/{exchange}/{data_type}/{yyyy}/{mm}/{dd}/{symbol}``

Instruments (``type=instruments``), which tell of all symbols of an exchange, need no ``symbol=`` and may be JSON.

A name that fits none of them is foreign and nobody's business. A name that fits one but cannot be right is refused with
a reason, so that its owner hears of it.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pointline.errors import ConfigurationError
from pointline.tables.dim_symbol import INSTRUMENTS

DEFAULT_IGNORE = (".*", "*.unconfirmed", "*.part", "*.partial", "*.tmp", "*.crdownload")
DEFAULT_VENDOR = "tardis"
PATTERN_GROUPS = ("exchange", "data_type", "date", "symbol")

ENDING = re.compile(r"\.(?:(?:csv|json)(?:\.gz|\.zst)?|parquet)\Z", re.IGNORECASE)
JSON_ENDING = re.compile(r"\.json(?:\.gz|\.zst)?\Z", re.IGNORECASE)
ALL_SYMBOLS = "ALL"
_HIVE_KEY = re.compile(r"(exchange|type|date|symbol)=(.+)", re.DOTALL)
# Exchange ids hold no underscore and data types no hyphen, so the first date divides the name without doubt.
_CLIENT_NAME = re.compile(r"([^_]+)_([A-Za-z0-9_]+?)_([0-9]{4}-[0-9]{2}-[0-9]{2})_(.+)", re.DOTALL)
_URL_FOLDER = re.compile(r"(?:.*/)?([^/]+)/([^/]+)/([0-9]{4}/[0-9]{2}/[0-9]{2})", re.DOTALL)
_PREFIX_GLOB = re.compile(r"[^*?\[]+\*")
_SUFFIX_GLOB = re.compile(r"\*[^*?\[]+")
_DATE = re.compile(r"([0-9]{4})([-/_.]?)([0-9]{2})\2([0-9]{2})")


_FOLDER_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""An exchange id names a folder in silver and a partition value, which other engines must be able to read."""


class Recognised(NamedTuple):
    """The market data a path names; fields as spelled in the path. A tuple, because a lake has a million of them."""

    exchange: str
    data_type: str
    symbol: str
    date: dt.date
    vendor: str = DEFAULT_VENDOR


class Refused(NamedTuple):
    """A path that claims to be market data and cannot be; ``reason`` is for the person who named it."""

    exchange: str
    data_type: str
    symbol: str
    date: dt.date | None
    reason: str
    vendor: str = DEFAULT_VENDOR


class _Claim(NamedTuple):
    """What a path says of itself, before anyone has checked it. ``symbol`` is empty if the file's name holds it."""

    exchange: str
    data_type: str
    date_text: str
    symbol: str
    vendor: str = DEFAULT_VENDOR


@dataclass(frozen=True, slots=True)
class _Folder:
    """What a folder tells about every file in it. ``last`` is its own name, ``keys`` are the hive keys so far."""

    last: str
    ignored: bool
    keys: dict[str, str]
    vendor: str
    claim: _Claim | None


class Layout:
    """Recognises paths relative to bronze, in POSIX style.

    ``ignore`` holds globs for single path components (a file's name or any folder above it), without regard to case.
    ``known_types`` are the data types that have a table; ``None`` takes every type.
    Raises ``ConfigurationError`` with every pattern that cannot be used.
    """

    def __init__(
        self,
        patterns: Sequence[str] = (),
        ignore: Sequence[str] = DEFAULT_IGNORE,
        known_types: Collection[str] | None = None,
    ) -> None:
        self._patterns = _compile(patterns, ignore)
        self.ignore = tuple(ignore)
        self.ignores = name_filter(ignore)
        """Whether one path component is a name to stay away from, such as a download in progress."""
        self._known_types = None if known_types is None else frozenset(known_types)
        self._folder = lru_cache(maxsize=8192)(self._read_folder)

    def recognise(self, path: str) -> Recognised | Refused | None:
        """``None`` for a path that is foreign or ignored."""
        folder_path, _, name = path.rpartition("/")
        ending = ENDING.search(name)
        if ending is None or self.ignores(name):
            return None
        folder = self._folder(folder_path)
        if folder.ignored:
            return None
        claim = self._configured(path) or _claimed(folder, name[: ending.start()])
        if claim is None or (JSON_ENDING.search(name) and claim.data_type != INSTRUMENTS):
            return None
        return self._judge(claim)

    def _configured(self, path: str) -> _Claim | None:
        for pattern in self._patterns:
            found = pattern.search(path)
            if found is not None and all(found.group(*PATTERN_GROUPS)):
                return _Claim(*found.group(*PATTERN_GROUPS))
        return None

    def _judge(self, claim: _Claim) -> Recognised | Refused:
        date = _date(claim.date_text)
        unknown = self._known_types is not None and claim.data_type not in self._known_types
        plain = _FOLDER_WORD.fullmatch(claim.exchange) is not None
        if date is not None and not unknown and plain:
            return Recognised(claim.exchange, claim.data_type, claim.symbol, date, claim.vendor)
        reasons = []
        if date is None:
            reasons.append(f"the date {claim.date_text!r} does not exist")
        if not plain:
            reasons.append(f"{claim.exchange!r} is no exchange id: at most 64 letters, digits, '.', '-', '_'")
        if unknown:
            known = ", ".join(sorted(self._known_types or ()))
            reasons.append(f"there is no table for data type {claim.data_type!r}; there is one for {known}")
        return Refused(claim.exchange, claim.data_type, claim.symbol, date, "; ".join(reasons), claim.vendor)

    def _read_folder(self, path: str) -> _Folder:
        """Builds on the folder above, which is cached: a tree with one file per folder costs one component a file."""
        if not path:
            return _Folder("", ignored=False, keys={}, vendor=DEFAULT_VENDOR, claim=None)
        above_path, _, last = path.rpartition("/")
        above = self._folder(above_path)
        keys, vendor = above.keys, above.vendor
        key = _HIVE_KEY.fullmatch(last)
        if key is not None:
            if not keys:
                vendor = above.last or DEFAULT_VENDOR
            keys = keys | {key[1]: key[2]}
        if len(keys) == len(PATTERN_GROUPS) - 1 and "symbol" not in keys and keys["type"] == INSTRUMENTS:
            claim: _Claim | None = _Claim(keys["exchange"], keys["type"], keys["date"], ALL_SYMBOLS, vendor)
        elif len(keys) == len(PATTERN_GROUPS):
            claim = _Claim(keys["exchange"], keys["type"], keys["date"], keys["symbol"], vendor)
        else:
            url = _URL_FOLDER.fullmatch(path)
            claim = None if url is None else _Claim(url[1], url[2], url[3], "")
        return _Folder(last, above.ignored or self.ignores(last), keys, vendor, claim)


def _claimed(folder: _Folder, stem: str) -> _Claim | None:
    """What a built-in layout makes of a file with this stem (its name without the ending) in this folder."""
    if folder.claim is not None and folder.claim.symbol:
        return folder.claim
    client = _CLIENT_NAME.fullmatch(stem)
    if client is not None:
        return _Claim(client[1], client[2], client[3], client[4])
    if folder.claim is not None and stem:
        exchange, data_type, date_text, _, vendor = folder.claim
        return _Claim(exchange, data_type, date_text, stem, vendor)
    return None


def name_filter(globs: Sequence[str]) -> Callable[[str], bool]:
    """Matches a name against all globs; nearly all are ``prefix*`` or ``*suffix``, which need no regular expression."""
    lower = [glob.lower() for glob in globs]
    prefixes = tuple(glob[:-1] for glob in lower if _PREFIX_GLOB.fullmatch(glob))
    suffixes = tuple(glob[1:] for glob in lower if _SUFFIX_GLOB.fullmatch(glob))
    others = [glob for glob in lower if not _PREFIX_GLOB.fullmatch(glob) and not _SUFFIX_GLOB.fullmatch(glob)]
    pattern = re.compile("|".join(map(fnmatch.translate, others))) if others else None

    def matches(name: str) -> bool:
        name = name.lower()
        if name.startswith(prefixes) or name.endswith(suffixes):
            return True
        return pattern is not None and pattern.match(name) is not None

    return matches


@lru_cache(maxsize=8192)
def _date(text: str) -> dt.date | None:
    """The day that ``2024-08-09``, ``2024/08/09`` or ``20240809`` names, if there is one."""
    parts = _DATE.fullmatch(text)
    if parts is None:
        return None
    try:
        return dt.date(int(parts[1]), int(parts[3]), int(parts[4]))
    except ValueError:
        return None


def _compile(patterns: Sequence[str], ignore: Sequence[str]) -> list[re.Pattern[str]]:
    compiled: list[re.Pattern[str]] = []
    problems = [
        f"bronze.ignore: {glob!r} can never match: each name in a path is looked at by itself, without '/'"
        for glob in ignore
        if "/" in glob
    ]
    for text in patterns:
        try:
            pattern = re.compile(text)
        except re.error as error:
            problems.append(f"bronze.patterns: {text!r} is not a regular expression: {error}")
            continue
        missing = [group for group in PATTERN_GROUPS if group not in pattern.groupindex]
        if missing:
            problems.append(f"bronze.patterns: {text!r} lacks the named groups {', '.join(missing)}")
        compiled.append(pattern)
    if problems:
        raise ConfigurationError(problems)
    return compiled
