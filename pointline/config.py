"""Where the lake is, every path in it, and every setting; nothing else reads the environment.

A setting comes from the first place that names it: a flag, the environment variable ``POINTLINE_<SECTION>__<KEY>``,
``<LAKE_ROOT>/pointline.toml``, the default. All of it is validated as a whole and all problems are reported at once.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, cast, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pointline.errors import ConfigurationError

PREFIX: Final = "POINTLINE_"
MIB: Final = 1024 * 1024
SHOWN_CHARACTERS: Final = 80
PATTERN_GROUPS: Final = frozenset({"exchange", "data_type", "date", "symbol"})


def _default_workers() -> int:
    return min(8, max(2, os.cpu_count() or 2))


def _check_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if missing := sorted(PATTERN_GROUPS - groups.keys()):
        raise ValueError(f"lacks the named groups {', '.join(missing)}")
    return pattern


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("names a column twice")
    return names


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _off_as_none(value: object) -> object:
    """TOML and the environment have no null; ``off`` stands for it."""
    return None if value in ("off", "") else value


NonEmpty = Annotated[str, Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Treatment = Literal["count", "quarantine", "off"]


class Section(BaseModel):
    """One section. Sizes may be written with a unit (``256 MiB``)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IngestSettings(Section):
    workers: int = Field(default_factory=_default_workers, ge=1, le=64)
    queue_size: int = Field(default=10_000, ge=1, le=10_000_000)
    settle_seconds: float = Field(default=2.0, ge=0, le=3600)
    rescan_seconds: float = Field(default=300.0, ge=0.1, le=86_400)
    batch_max_files: int = Field(default=2000, ge=1, le=100_000)
    # Of compressed input.
    batch_max_bytes: ByteSize = Field(default=ByteSize(256 * MIB), ge=1)
    batch_max_seconds: float = Field(default=2.0, ge=0, le=600)
    max_attempts: int = Field(default=8, ge=1, le=100)
    # Two different files of one exchange, type, symbol and date whose time ranges overlap.
    overlap: Literal["quarantine", "allow"] = "quarantine"
    # Against gzip bombs: decompressed to compressed size, looked at only beyond 64 MiB decompressed.
    max_expansion_ratio: float = Field(default=200.0, ge=2, le=100_000)
    max_line_bytes: ByteSize = Field(default=ByteSize(MIB), ge=1024, le=1024 * MIB)
    # How long the rest of a file that ends early is waited for.
    unfinished_seconds: float = Field(default=60.0, ge=0, le=7 * 86_400)


class BronzeSettings(Section):
    # Beyond the layouts recognised out of the box; matched against the path relative to bronze.
    patterns: tuple[Pattern, ...] = ()
    ignore: tuple[NonEmpty, ...] = ("*.unconfirmed", "*.part", "*.partial", "*.tmp", "*.crdownload", ".*")


class CheckSettings(Section):
    """What happens to rows that are odd but real: kept and counted, set aside, or not looked at."""

    crossed_book: Treatment = "count"
    nonpositive_price: Treatment = "count"
    negative_amount: Treatment = "count"
    time_backwards: Treatment = "count"
    equal_rows: Treatment = "count"
    negative_latency: Treatment = "count"
    half_level: Treatment = "count"


class MaintenanceSettings(Section):
    enabled: bool = True
    interval_seconds: float = Field(default=60.0, ge=0.1, le=86_400)
    min_small_files: int = Field(default=8, ge=2, le=100_000)
    target_file_bytes: ByteSize = Field(default=ByteSize(128 * MIB), ge=MIB, le=16 * 1024 * MIB)
    z_order: Annotated[tuple[NonEmpty, ...], AfterValidator(_check_distinct)] = ()
    # Not below an hour: a full vacuum also takes files that are still being written.
    vacuum_retention_hours: float = Field(default=168.0, ge=1, le=87_600)
    vacuum_interval_hours: float = Field(default=24.0, ge=0.01, le=87_600)


class SymbolSettings(Section):
    # Of an exchange's symbols; a snapshot that lacks more is taken for a partial or an error answer.
    max_missing_share: float = Field(default=0.25, ge=0, le=1)


class LogSettings(Section):
    format: Literal["auto", "json", "pretty"] = "auto"
    level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)] = "info"


class MetricsSettings(Section):
    # None, written `off`: no metrics endpoint.
    port: Annotated[Port | None, BeforeValidator(_off_as_none)] = None


class Settings(BaseModel):
    """All sections, validated together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ingest: IngestSettings = Field(default_factory=IngestSettings)
    bronze: BronzeSettings = Field(default_factory=BronzeSettings)
    checks: CheckSettings = Field(default_factory=CheckSettings)
    maintenance: MaintenanceSettings = Field(default_factory=MaintenanceSettings)
    symbols: SymbolSettings = Field(default_factory=SymbolSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)


SECTIONS: Final = {name: cast("type[Section]", field.annotation) for name, field in Settings.model_fields.items()}


@dataclass(frozen=True, slots=True)
class LakePaths:
    """Every place in a lake. ``root`` is absolute and free of symbolic links."""

    root: Path

    @property
    def bronze(self) -> Path:
        return self.root / "bronze"

    @property
    def silver(self) -> Path:
        return self.root / "silver"

    @property
    def state(self) -> Path:
        return self.root / ".pointline"

    @property
    def lock_file(self) -> Path:
        return self.state / "lock"

    @property
    def state_file(self) -> Path:
        return self.state / "state.json"

    @property
    def requests(self) -> Path:
        return self.state / "requests"

    @property
    def settings_file(self) -> Path:
        return self.root / "pointline.toml"

    def table(self, name: str) -> Path:
        return self.silver / name


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One lake and how to treat it. ``sources`` says of ``lake_root`` and each ``section.key`` where it came from."""

    paths: LakePaths
    ingest: IngestSettings
    bronze: BronzeSettings
    checks: CheckSettings
    maintenance: MaintenanceSettings
    symbols: SymbolSettings
    log: LogSettings
    metrics: MetricsSettings
    sources: dict[str, str]


@dataclass(frozen=True, slots=True)
class Layer:
    """Values by section and key, and the name of the exact place each of them stands in."""

    values: Mapping[str, Mapping[str, object]]
    name_place: Callable[[str, str], str]


def load_config(
    lake_root: str | Path | None = None,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Find the lake and read its settings; ``ConfigurationError`` lists everything that is wrong with them.

    An override of ``None`` means "flag not given". The lake itself need not exist yet.
    """
    environ = os.environ if environ is None else environ
    root, root_source = _find_root(lake_root, environ)
    paths = LakePaths(root)
    problems: list[str] = []
    layers = (
        _read_flags(overrides or {}),
        _read_environment(environ, problems),
        _read_toml(paths.settings_file, problems),
    )

    merged: dict[str, dict[str, object]] = {}
    for layer in reversed(layers):
        for name, section in layer.values.items():
            merged[name] = {**merged.get(name, {}), **section}
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        problems += [_describe_problem(detail, layers) for detail in error.errors(include_url=False)]
        raise ConfigurationError(problems) from error
    if problems:
        raise ConfigurationError(problems)
    sources = {
        f"{name}.{key}": _source_of(layers, name, key)
        for name, section in SECTIONS.items()
        for key in section.model_fields
    }
    sections = {name: getattr(settings, name) for name in SECTIONS}
    return Config(paths=paths, sources={"lake_root": root_source} | sources, **sections)


def notify_address(environ: Mapping[str, str] | None = None) -> str:
    """Return where the service manager that started the process listens, as systemd names it; empty where none does."""
    return (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")


def describe(config: Config) -> list[tuple[str, object, str]]:
    """Rows of (key, value, source): the lake first, then the sections in their documented order."""
    rows: list[tuple[str, object, str]] = [("lake_root", str(config.paths.root), config.sources["lake_root"])]
    for name in SECTIONS:
        values: Section = getattr(config, name)
        rows += [(f"{name}.{key}", value, config.sources[f"{name}.{key}"]) for key, value in values]
    return rows


def _find_root(lake_root: str | Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    given, source = (
        (lake_root, "flag") if lake_root is not None else (environ.get("LAKE_ROOT"), "environment LAKE_ROOT")
    )
    if given is None or not str(given).strip():
        raise ConfigurationError(
            ["lake_root: no lake is named"],
            hint="set LAKE_ROOT to the lake's folder or pass --lake-root; `pointline demo` makes a lake to try",
        )
    try:
        root = Path(given).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError([_problem("lake_root", str(given), source, f"not a usable path: {error}")]) from error
    if root.exists() and not root.is_dir():
        raise ConfigurationError([_problem("lake_root", str(given), source, "not a folder")])
    return root, source


def _read_flags(overrides: Mapping[str, Mapping[str, object]]) -> Layer:
    given = {name: {key: value for key, value in keys.items() if value is not None} for name, keys in overrides.items()}
    return Layer({name: keys for name, keys in given.items() if keys}, lambda _section, _key: "flag")


def _read_environment(environ: Mapping[str, str], problems: list[str]) -> Layer:
    """Variables of a known section. Others with the prefix are left alone unless they look like a slip of the pen."""
    values: dict[str, dict[str, object]] = {}
    names: dict[tuple[str, str], str] = {}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        text, place = environ[name], f"environment {name}"
        if separator and section in SECTIONS:
            values.setdefault(section, {})[key] = _decode(text, SECTIONS[section].model_fields.get(key))
            names[section, key] = place
        elif separator and (close := _closest(section, SECTIONS)):
            problems.append(_problem(f"{section}.{key}", text, place, f"no such section; did you mean {close}.{key}?"))
        elif section.partition("_")[0] in SECTIONS:
            what = f"no such setting; two underscores join section and key: {PREFIX}<SECTION>__<KEY>"
            problems.append(_problem(section, text, place, what))
    return Layer(values, lambda section, key: names[section, key])


def _decode(text: str, field: FieldInfo | None) -> object:
    """Lists are written as JSON; what is none is left as it is, for validation to report."""
    if field is not None and get_origin(field.annotation) is tuple:
        with suppress(ValueError):
            return json.loads(text)
    return text


def _read_toml(path: Path, problems: list[str]) -> Layer:
    content: dict[str, object] = {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        problems.append(_one_line(f"{path.name} ({path}): cannot be read: {error}"))
    tables = {name: table for name, table in content.items() if isinstance(table, dict)}
    what = "not a section; settings stand in sections such as [ingest]"
    problems += [_problem(name, value, str(path), what) for name, value in content.items() if name not in tables]
    return Layer(tables, lambda _section, _key: str(path))


def _source_of(layers: tuple[Layer, ...], section: str, key: str) -> str:
    places = (layer.name_place(section, key) for layer in layers if key in layer.values.get(section, {}))
    return next(places, "default")


def _describe_problem(detail: ErrorDetails, layers: tuple[Layer, ...]) -> str:
    section, *rest = (str(part) for part in detail["loc"])
    if not rest:
        place = next(layer.name_place(section, "") for layer in layers if section in layer.values)
        return _problem(section, detail["input"], place, f"no such section{_suggestion(_closest(section, SECTIONS))}")
    key, *indices = rest
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if detail["type"] == "extra_forbidden":
        message = f"no such setting{_suggestion(_closest_setting(section, key))}"
    elif detail["type"] == "tuple_type":
        message = 'a list is expected, in the environment written as JSON: ["one", "two"]'
    path = f"{section}.{key}" + "".join(f"[{index}]" for index in indices)
    return _problem(path, detail["input"], _source_of(layers, section, key), message)


def _closest(name: str, names: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, names, n=1)), "")


def _closest_setting(section: str, key: str) -> str:
    if close := _closest(key, SECTIONS[section].model_fields):
        return f"{section}.{close}"
    return next((f"{name}.{key}" for name, other in SECTIONS.items() if key in other.model_fields), "")


def _suggestion(name: str) -> str:
    return f"; did you mean {name}?" if name else ""


def _problem(path: str, value: object, source: str, what: str) -> str:
    shown = repr(value)
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]}…"
    return _one_line(f"{path} = {shown} ({source}): {what}")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
