"""Where the lake is, every path in it, and every setting; nothing else reads the environment.

A setting comes from the environment variable ``POINTLINE_<SECTION>__<KEY>``, else from ``<LAKE_ROOT>/pointline.toml``,
else it is the default; a flag may name ``lake_root``. All are validated together, and all problems reported at once.
"""

from __future__ import annotations

import difflib
import json
import os
import stat
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from pointline.errors import ConfigurationError, NoAccess
from pointline.io.lake_links import refuse_link_to_nothing
from pointline.io.ownership import name_of_user
from pointline.io.small_file import read_small_file, why_unreadable
from pointline.settings import (
    KINDS,
    SECTIONS,
    BronzeSettings,
    CheckSettings,
    IngestSettings,
    LogSettings,
    MaintenanceSettings,
    MetricsSettings,
    SymbolSettings,
    is_list,
    read_value,
    values_of,
)

PREFIX: Final = "POINTLINE_"
SHOWN_CHARACTERS: Final = 80
NAME_IT: Final = "name the lake's folder by --lake-root or LAKE_ROOT; `pointline demo` makes a lake to try"


class LakePaths(Struct, frozen=True):
    """Every place in a lake. ``root`` is absolute and free of symbolic links."""

    root: Path

    @property
    def bronze(self) -> Path:
        return self.root / "bronze"

    @property
    def silver(self) -> Path:
        return self.root / "silver"

    @property
    def disk(self) -> Path:
        """A place on the disk that fills: silver may be on another than the lake."""
        return self.silver if self.silver.is_dir() else self.root

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
    def last_id_file(self) -> Path:
        return self.state / "last_file_id"

    @property
    def requests(self) -> Path:
        return self.state / "requests"

    @property
    def settings_file(self) -> Path:
        return self.root / "pointline.toml"

    def table(self, name: str) -> Path:
        return self.silver / name


class Config(Struct, frozen=True, kw_only=True):
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
    problems: tuple[str, ...] = ()
    """What is wrong with settings that were not needed; their defaults stand in for them."""


class Problem(Struct, frozen=True):
    """``setting`` is ``section.key``, a section, or empty where all of them are concerned. ``text`` is one line."""

    setting: str
    text: str

    def concerns(self, needs: Collection[str]) -> bool:
        """Tell whether it stands in the way of one of these sections and settings."""
        if not self.setting:
            return bool(needs)
        return any(f"{self.setting}.".startswith(f"{one}.") or one.startswith(f"{self.setting}.") for one in needs)


class Layer(Struct, frozen=True):
    """Values by section and key, and the name of the exact place each of them stands in."""

    values: Mapping[str, Mapping[str, object]]
    name_place: Callable[[str, str], str]


def load_config(
    lake_root: str | Path | None = None,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    needs: Collection[str] | None = None,
) -> Config:
    """Find the lake and read its settings; ``ConfigurationError`` lists everything that is wrong with them.

    An override of ``None`` means "flag not given". The lake itself need not exist yet. ``needs`` names the sections and
    the settings (``section.key``) that are made use of: what is wrong with others is no error then, and noted.
    """
    environ = os.environ if environ is None else environ
    root, root_source = _find_root(lake_root, environ)
    paths = LakePaths(root)
    problems: list[Problem] = []
    layers = (
        _read_flags(overrides or {}),
        _read_environment(environ, problems),
        _read_toml(paths.settings_file, problems),
    )

    values = {name: _read_section(name, layers, problems) for name in SECTIONS}
    for layer in layers:
        problems += [_no_such_section(name, layer) for name in layer.values if name not in SECTIONS]
    if fatal := [one.text for one in problems if needs is None or one.concerns(needs)]:
        raise ConfigurationError(fatal)
    sources = {
        f"{name}.{key}": _source_of(layers, name, key) if key in values[name] else "default"
        for name, keys in KINDS.items()
        for key in keys
    }
    sections: dict[str, Any] = {name: section(**values[name]) for name, section in SECTIONS.items()}
    return Config(
        paths=paths,
        sources={"lake_root": root_source} | sources,
        problems=tuple(one.text for one in problems),
        **sections,
    )


def lake_named(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the lake that a command line means, None where it names none; without looking whether it is there."""
    named = (os.environ if environ is None else environ).get("LAKE_ROOT", "")
    for position, one in enumerate(arguments):
        if one == "--lake-root":
            named = next(iter(arguments[position + 1 :]), named)
        elif one.startswith("--lake-root="):
            named = one.partition("=")[2]
    return Path(named).expanduser().absolute() if named.strip() else None


def names_lake(lake_root: str | Path | None, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether a flag or the environment names a lake at all."""
    given = (os.environ if environ is None else environ).get("LAKE_ROOT") if lake_root is None else str(lake_root)
    return bool(given and given.strip())


def notify_address(environ: Mapping[str, str] | None = None) -> str:
    """Return where the service manager that started the process listens, as systemd names it; empty where none does."""
    return (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")


def invoking_user(environ: Mapping[str, str] | None = None) -> str:
    """Return who called sudo, empty where nobody did."""
    return (os.environ if environ is None else environ).get("SUDO_USER", "")


def describe(config: Config) -> list[tuple[str, object, str]]:
    """Rows of (key, value, source): the lake first, then the sections in their documented order."""
    rows: list[tuple[str, object, str]] = [("lake_root", str(config.paths.root), config.sources["lake_root"])]
    for name in SECTIONS:
        values = values_of(getattr(config, name))
        rows += [(f"{name}.{key}", value, config.sources[f"{name}.{key}"]) for key, value in values.items()]
    return rows


def _find_root(lake_root: str | Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    given, source = (
        (lake_root, "flag") if lake_root is not None else (environ.get("LAKE_ROOT"), "environment LAKE_ROOT")
    )
    if given is None or not str(given).strip():
        raise ConfigurationError(
            ["lake_root: no lake is named"],
            hint="set LAKE_ROOT to the lake's folder or pass --lake-root, in Python lake_root=; "
            "`pointline demo` makes a lake to try",
        )
    try:
        root = Path(given).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _unusable(given, source, f"not a usable path: {error}") from error
    if root.is_symlink():  # Python 3.13 resolves it to itself; those before it raise
        raise _unusable(given, source, "not a usable path: the link leads to itself")
    if any("\udc80" <= letter <= "\udcff" for letter in str(root)):
        what = "the path is not UTF-8, and neither delta-rs nor Polars opens such a path: rename the folder"
        raise _unusable(given, source, what)
    _require_access(root)
    if (lake := _lake_around(root)) is not None:
        raise _unusable(given, source, f"it lies inside a lake: name the lake itself, {lake}")
    refuse_link_to_nothing(root / "silver")  # a lake without it looks like a new one
    if root.exists() and not root.is_dir():
        raise _unusable(given, source, "not a folder")
    return root, source


def _lake_around(root: Path) -> Path | None:
    """Return the lake in whose bronze or silver folder this one is: people name these for the lake."""
    for lake in root.parents:
        if root.relative_to(lake).parts[0] in {"bronze", "silver"} and (lake / "silver" / "ingest_manifest").is_dir():
            return lake
    return None


def _unusable(given: str | Path, source: str, what: str) -> ConfigurationError:
    return ConfigurationError([_problem("lake_root", str(given), source, what).text], hint=NAME_IT)


def _require_access(root: Path) -> None:
    """Raise NoAccess where this process may not enter the lake's folder, one above it, or silver."""
    way = (*reversed(root.parents), root, root / "silver")
    shut = next((one for one in way if one.is_dir() and not os.access(one, os.X_OK)), None)
    if shut is not None:
        status = shut.stat()
        owner = name_of_user(status.st_uid)
        is_own = status.st_uid == os.geteuid()
        raise NoAccess(
            f"you have no access to the lake: {shut} belongs to {owner} and has mode "
            f"{stat.S_IMODE(status.st_mode):04o}",
            subject=str(root),
            hint=f"`chmod u+rwx {shut}`" if is_own else f"`sudo chmod a+rX {shut}`, or become {owner}",
        )


def _read_flags(overrides: Mapping[str, Mapping[str, object]]) -> Layer:
    given = {name: {key: value for key, value in keys.items() if value is not None} for name, keys in overrides.items()}
    return Layer({name: keys for name, keys in given.items() if keys}, lambda _section, _key: "flag")


def _read_environment(environ: Mapping[str, str], problems: list[Problem]) -> Layer:
    """Variables of a known section. Others with the prefix are left alone unless they look like a slip of the pen."""
    values: dict[str, dict[str, object]] = {}
    names: dict[tuple[str, str], str] = {}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        text, place = environ[name], f"environment {name}"
        if separator and section in SECTIONS:
            values.setdefault(section, {})[key] = _decode(text, as_list=is_list(section, key))
            names[section, key] = place
        elif separator and (close := _closest(section, SECTIONS)):
            problems.append(_problem(f"{section}.{key}", text, place, f"no such section; did you mean {close}.{key}?"))
        elif section.partition("_")[0] in SECTIONS:
            what = f"no such setting; two underscores join section and key: {PREFIX}<SECTION>__<KEY>"
            problems.append(_problem(section, text, place, what))
    return Layer(values, lambda section, key: names[section, key])


def _decode(text: str, *, as_list: bool) -> object:
    """Lists are written as JSON; what is none is left as it is, to be reported."""
    if as_list:
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def _read_toml(path: Path, problems: list[Problem]) -> Layer:
    content: dict[str, object] = {}
    try:
        content = tomllib.loads(read_small_file(path).decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            what = f"{path.name} ({path}): a link to nothing: put the file there, or remove the link"
            problems.append(Problem("", what))
    except (OSError, ValueError, RecursionError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        problems.append(Problem("", _one_line(f"{path.name} ({path}): cannot be read: {why_unreadable(error)}")))
    tables = {name: table for name, table in content.items() if isinstance(table, dict)}
    what = "not a section; settings stand in sections such as [ingest]"
    problems += [_problem(name, value, str(path), what) for name, value in content.items() if name not in tables]
    return Layer(tables, lambda _section, _key: str(path))


def _read_section(section: str, layers: Sequence[Layer], problems: list[Problem]) -> dict[str, object]:
    """Return the settings that a layer names, each from the first that does; what is wrong is added to ``problems``."""
    merged: dict[str, object] = {}
    for layer in reversed(layers):
        merged |= layer.values.get(section, {})
    values: dict[str, object] = {}
    for key, written in merged.items():
        what = f"no such setting{_suggestion(_closest_setting(section, key))}"
        try:
            if key in KINDS[section]:
                values[key] = read_value(section, key, written)
                continue
        except ValueError as error:
            what = str(error)
        problems.append(_problem(f"{section}.{key}", written, _source_of(layers, section, key), what))
    return values


def _no_such_section(name: str, layer: Layer) -> Problem:
    what = f"there is no section of that name{_suggestion(_closest(name, SECTIONS))}"
    return Problem(name, f"[{name}] ({layer.name_place(name, '')}): {what}")


def _source_of(layers: Sequence[Layer], section: str, key: str) -> str:
    places = (layer.name_place(section, key) for layer in layers if key in layer.values.get(section, {}))
    return next(places, "default")


def _closest(name: str, names: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, names, n=1)), "")


def _closest_setting(section: str, key: str) -> str:
    if close := _closest(key, KINDS[section]):
        return f"{section}.{close}"
    return next((f"{name}.{key}" for name, keys in KINDS.items() if key in keys), "")


def _suggestion(name: str) -> str:
    return f"; did you mean {name}?" if name else ""


def _problem(path: str, value: object, source: str, what: str) -> Problem:
    shown = repr(value)
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]}…"
    return Problem(path, _one_line(f"{path} = {shown} ({source}): {what}"))


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
