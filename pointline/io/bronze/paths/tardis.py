"""The layouts in which files of Tardis lie: hive folders, the name of its client, the folders of its URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from msgspec import Struct

from pointline.io.bronze.paths.path_reading import Reading, contradiction, percent_decoded
from pointline.settings import PATTERN_GROUPS
from pointline.tables.dim_symbol import INSTRUMENTS

DEFAULT_VENDOR = "tardis"
_HIVE_KEY = re.compile(r"(exchange|type|date|symbol)=(.+)", re.DOTALL)
_HIVE_FIELDS = {"exchange": "exchange", "type": "data_type", "date": "date_text", "symbol": "symbol"}
_HIVE_OF_ALL_SYMBOLS = {"exchange", "type", "date"}
# Exchange ids hold no underscore and data types no hyphen, so the first date divides the name without doubt.
_CLIENT_NAME = re.compile(r"([^_]+)_([A-Za-z0-9_]+?)_([0-9]{4}-[0-9]{2}-[0-9]{2})_(.+)", re.DOTALL)
_URL_FOLDER = re.compile(r"(?:.*/)?([^/=]+)/([^/=]+)/([0-9]{4}/[0-9]{2}/[0-9]{2})", re.DOTALL)
FILE_NAME = "the file name"
"""Says what a file is, where its folders do not."""


class Folder(Struct, frozen=True):
    """What a folder tells about every file in it. ``last`` is its own name, ``keys`` are the hive keys so far.

    ``clash`` says that a key stands there twice, with two values.
    """

    last: str
    ignored: bool
    keys: dict[str, str]
    vendor: str
    clash: str
    hive: Reading | None
    hive_is_whole: bool
    url: Reading | None


class TardisLayouts:
    """Reads paths, by ``patterns`` of the settings too; remembers folders, and what they say.

    ``ignores`` tells names to stay away from, ``knows_type`` whether a word is a data type.
    """

    def __init__(
        self, patterns: Sequence[re.Pattern[str]], ignores: Callable[[str], bool], knows_type: Callable[[str], bool]
    ) -> None:
        self._patterns = patterns
        self._ignores = ignores
        self._knows_type = knows_type
        self.folder = lru_cache(maxsize=8192)(self._read_folder)

    def readings(self, path: str, folder: Folder, stem: str) -> list[Reading]:
        """What the path says, whole readings first; nothing where none is whole.

        A hive file may be called anything, and a name below URL folders is the symbol only where nothing else says it.
        """
        whole = self._configured(path) if self._patterns else []
        if folder.hive is not None and folder.hive_is_whole:
            whole.append(folder.hive)
        client = _CLIENT_NAME.fullmatch(stem)
        if client is not None:
            whole.append(Reading(FILE_NAME, *client.groups()))
        url = folder.url
        if not whole:
            return [Reading(url.said_by, url.exchange, url.data_type, url.date_text, stem)] if url and stem else []
        others = []
        if url is not None and self._knows_type(url.data_type):
            others.append(url)  # else its folders are called something else: archive/btc/2024/05/01
        if folder.hive is not None and not folder.hive_is_whole:
            others.append(folder.hive)
        return whole + others

    def _configured(self, path: str) -> list[Reading]:
        readings = []
        for number, pattern in enumerate(self._patterns, 1):
            found = pattern.search(path)
            if found is not None and all(found.group(*PATTERN_GROUPS)):
                said_by = f"pattern {number} of bronze.patterns"
                readings.append(Reading(said_by, *map(percent_decoded, found.group(*PATTERN_GROUPS))))
        return readings

    def _read_folder(self, path: str) -> Folder:
        """Builds on the folder above, which is cached: a tree with one file per folder costs one component a file."""
        if not path:
            return Folder(
                "", ignored=False, keys={}, vendor=DEFAULT_VENDOR, clash="", hive=None, hive_is_whole=False, url=None
            )
        above_path, _, last = path.rpartition("/")
        above = self.folder(above_path)
        keys, vendor, clash, hive = above.keys, above.vendor, above.clash, above.hive
        key = _HIVE_KEY.fullmatch(last)
        if key is not None:
            if not keys:
                vendor = above.last or DEFAULT_VENDOR
            field, value = _HIVE_FIELDS[key[1]], percent_decoded(key[2])
            outer = hive or Reading("the folder")
            inner = Reading("the folder in it", **{field: value})
            clash = clash or contradiction(outer, [inner]) or ""
            hive, keys = outer._replace(**{field: value}), keys | {key[1]: value}
        found = _URL_FOLDER.fullmatch(path)
        url = None if found is None else Reading("the folder", found[1], found[2], found[3])
        is_of_all_symbols = keys.keys() == _HIVE_OF_ALL_SYMBOLS and keys["type"] == INSTRUMENTS
        is_whole = len(keys) == len(_HIVE_FIELDS) or is_of_all_symbols
        return Folder(last, above.ignored or self._ignores(last), keys, vendor, clash, hive, is_whole, url)
