"""Every setting: its name, its kind, its bounds and its default; and how a value that someone wrote becomes one.

In the order in which they are documented. A setting whose name ends in ``_bytes`` is a size, which may be written with
a unit (``256 MiB``); one that may be None is written ``off`` for that; words are taken in upper or lower case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, field

MIB: Final = 1024 * 1024
PATTERN_GROUPS: Final = ("exchange", "data_type", "date", "symbol")
UNFINISHED_NAMES: Final = (
    *("*.unconfirmed", "*.part", "*.partial", "*.tmp", "*.crdownload", "*.download", "*.filepart", "*.aria2"),
    ".*",
)
"""Downloads and copies in progress, and hidden names."""
COMPANION_NAMES: Final = (
    *("*.checksum", "*.md5", "*.sha1", "*.sha256", "*.sha512", "*.sig", "*.asc", "md5sums", "sha256sums"),
    *("manifest.json", "metadata.json", "symbology.json", "condition.json"),
    *("_success", "_metadata", "_common_metadata"),
    *("__macosx", "thumbs.db", "desktop.ini", "@eadir", "lost+found"),
)
"""What vendors and programs lay beside data: checksums, descriptions of a delivery, marks of file managers."""
DEFAULT_IGNORE: Final = UNFINISHED_NAMES + COMPANION_NAMES
SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)

Treatment = Literal["count", "quarantine", "off"]
NonEmpty = Annotated[str, Meta(min_length=1)]


def _default_workers() -> int:
    return min(8, max(2, os.cpu_count() or 2))


class Section(Struct, frozen=True, kw_only=True):
    """Settings that belong together."""


class IngestSettings(Section, frozen=True):
    workers: Annotated[int, Meta(ge=1, le=64)] = field(default_factory=_default_workers)
    queue_size: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    settle_seconds: Annotated[float, Meta(ge=0, le=3600)] = 2.0
    rescan_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 300.0
    batch_max_files: Annotated[int, Meta(ge=1, le=100_000)] = 2000
    # Of compressed input.
    batch_max_bytes: Annotated[int, Meta(ge=1)] = 256 * MIB
    batch_max_seconds: Annotated[float, Meta(ge=0, le=600)] = 2.0
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 8
    # Two different files of one exchange, type, symbol and date whose time ranges overlap.
    overlap: Literal["quarantine", "allow"] = "quarantine"
    # Of the rows that a file replaces; one with fewer is held until a person accepts it.
    min_replacement_share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    # Of a file's rows, if at least ten cannot be kept: more than that, and nothing of the file goes in.
    max_quarantined_share: Annotated[float, Meta(ge=0, le=1)] = 0.2
    # Against gzip bombs: decompressed to compressed size, looked at only beyond 64 MiB decompressed.
    max_expansion_ratio: Annotated[float, Meta(ge=2, le=100_000)] = 200.0
    max_line_bytes: Annotated[int, Meta(ge=1024, le=1024 * MIB)] = MIB
    # How long the rest of a file that ends early is waited for.
    unfinished_seconds: Annotated[float, Meta(ge=0, le=7 * 86_400)] = 60.0
    # How long a stop waits for files that are being read. None: until all of them are.
    drain_seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = 2.0


class BronzeSettings(Section, frozen=True):
    # Beyond the layouts recognised out of the box; matched against the path relative to bronze.
    patterns: tuple[str, ...] = ()
    # Names of files that hold many symbols, beyond SPOT, FUTURES, PERPETUALS and OPTIONS.
    groups: tuple[NonEmpty, ...] = ()
    # Matched against each name in that path by itself.
    ignore: tuple[NonEmpty, ...] = DEFAULT_IGNORE
    # Beside these, so that a name can be added without writing all of them down again.
    ignore_also: tuple[NonEmpty, ...] = ()
    # Links to folders, and links out of bronze.
    follow_links: bool = False

    @property
    def left_alone(self) -> tuple[str, ...]:
        """All names that are left alone."""
        return *self.ignore, *self.ignore_also


class CheckSettings(Section, frozen=True):
    """What happens to rows that are odd but real: kept and counted, quarantined, or not looked at."""

    crossed_book: Treatment = "count"
    locked_book: Treatment = "count"
    nonpositive_price: Treatment = "count"
    negative_amount: Treatment = "count"
    time_backwards: Treatment = "count"
    equal_rows: Treatment = "count"
    negative_latency: Treatment = "count"
    half_level: Treatment = "count"
    ohlc_order: Treatment = "count"


class MaintenanceSettings(Section, frozen=True):
    enabled: bool = True
    interval_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 60.0
    min_small_files: Annotated[int, Meta(ge=2, le=100_000)] = 8
    # Of a data file of several source files: to replace one of these rewrites so much at most.
    target_file_bytes: Annotated[int, Meta(ge=MIB, le=16 * 1024 * MIB)] = 64 * MIB
    z_order: tuple[NonEmpty, ...] = ()
    # Not below an hour: a full vacuum also takes files that are still being written.
    vacuum_retention_hours: Annotated[float, Meta(ge=1, le=87_600)] = 168.0
    # Of the bytes that readers need; where files that no version needs take more, they go before their retention is
    # over, but not within an hour.
    max_dead_share: Annotated[float, Meta(ge=0, le=1000)] = 0.5
    vacuum_interval_hours: Annotated[float, Meta(ge=0.01, le=87_600)] = 24.0


class SymbolSettings(Section, frozen=True):
    # Of an exchange's symbols; a snapshot that lacks more is taken for a partial or an error answer.
    max_missing_share: Annotated[float, Meta(ge=0, le=1)] = 0.25


class LogSettings(Section, frozen=True):
    format: Literal["auto", "json", "pretty"] = "auto"
    level: Literal["debug", "info", "warning", "error", "critical"] = "info"


class MetricsSettings(Section, frozen=True):
    # None: no metrics endpoint.
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None


SECTIONS: Final[Mapping[str, type[Section]]] = {
    "ingest": IngestSettings,
    "bronze": BronzeSettings,
    "checks": CheckSettings,
    "maintenance": MaintenanceSettings,
    "symbols": SymbolSettings,
    "log": LogSettings,
    "metrics": MetricsSettings,
}
KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    name: {one.name: one.type for one in msgspec.structs.fields(section)} for name, section in SECTIONS.items()
}
"""The type of each setting, by section and key."""


def values_of(section: Section) -> dict[str, Any]:
    """Return the settings of a section by key."""
    return msgspec.structs.asdict(section)


def is_size(key: str) -> bool:
    """Tell whether a setting counts bytes."""
    return key.endswith("_bytes")


def is_list(section: str, key: str) -> bool:
    """Tell whether a setting is a list."""
    return get_origin(KINDS[section].get(key)) is tuple


def read_value(section: str, key: str, written: object) -> object:
    """Return what was written as the value of a setting. Raises ValueError, which says what is expected."""
    kind = KINDS[section][key]
    if get_origin(kind) is tuple and not isinstance(written, list | tuple):
        raise ValueError('a list is expected, in the environment written as JSON: ["one", "two"]')
    if get_origin(kind) is Literal:
        return _read_word(get_args(kind), written)
    if isinstance(written, str):
        text = written.strip().lower()
        if type(None) in get_args(kind) and text in ("off", ""):
            return None
        written = _read_size(text) if is_size(key) else SWITCHES.get(text, text) if kind is bool else text
    try:
        value = msgspec.convert(written, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(_plain(str(error))) from error
    if (check := CHECKS.get((section, key))) is not None:
        check(value)
    return value


def _read_word(words: tuple[str, ...], written: object) -> str:
    word = written.lower() if isinstance(written, str) else written
    if word not in words:
        *others, last = map(repr, words)
        raise ValueError(f"{', '.join(others)} or {last} is expected")
    return str(word)


def _read_size(text: str) -> int:
    if (found := SIZE.fullmatch(text)) is None:
        raise ValueError("a number of bytes is expected, such as 268435456 or 256 MiB")
    number, unit, binary = found.groups()
    try:
        return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(unit.lower() or " "))
    except OverflowError:
        raise ValueError("a smaller number of bytes is expected") from None


def _plain(message: str) -> str:
    """Say what msgspec says in words of this program: what is expected, and of which item of a list."""
    expected, _, place = message.partition(" - at `$[")
    expected = expected.partition(", got ")[0].removeprefix("Expected ")
    for theirs, ours in WORDS.items():
        expected = expected.replace(theirs, ours)
    item = f" as item {int(place.rstrip(']`')) + 1}" if place else ""
    return f"{expected} is expected{item}"


def _check_patterns(patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        try:
            groups = re.compile(pattern).groupindex
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        if missing := [name for name in PATTERN_GROUPS if name not in groups]:
            raise ValueError(f"{pattern!r} lacks the named groups {', '.join(missing)}")


def _check_distinct(names: tuple[str, ...]) -> None:
    if len(set(names)) < len(names):
        raise ValueError("names a column twice")


CHECKS: Final[Mapping[tuple[str, str], Callable[[Any], None]]] = {
    ("bronze", "patterns"): _check_patterns,
    ("maintenance", "z_order"): _check_distinct,
}
WORDS: Final = {
    "Number out of range": "a number that is not so large",
    "`int | null`": "a whole number or `off`",
    "`float | null`": "a number or `off`",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`str` of length >= 1": "a text that is not empty",
    "`str`": "a text",
}
SWITCHES: Final = {"yes": True, "on": True, "no": False, "off": False}
