"""Where the lake is, every path in it, and every setting; nothing else reads the environment.

A setting comes from the environment variable ``POINTLINE_<SECTION>__<KEY>``, else from ``<LAKE_ROOT>/pointline.toml``,
else it is the default; a flag may name ``lake_root``. All are validated together, and all problems reported at once.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from pointline.config.layers import (
    Problem,
    no_such_section,
    read_environment,
    read_flags,
    read_section,
    read_toml,
    source_of,
)
from pointline.config.paths import LakePaths, find_root
from pointline.errors import ConfigurationError
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
    values_of,
)

__all__ = [
    "Config",
    "LakePaths",
    "describe",
    "invoking_user",
    "lake_named",
    "load_config",
    "names_lake",
    "notify_address",
]


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
    root, root_source = find_root(lake_root, environ)
    paths = LakePaths(root)
    problems: list[Problem] = []
    layers = (
        read_flags(overrides or {}),
        read_environment(environ, problems),
        read_toml(paths.settings_file, problems),
    )

    values = {name: read_section(name, layers, problems) for name in SECTIONS}
    for layer in layers:
        problems += [no_such_section(name, layer) for name in layer.values if name not in SECTIONS]
    if fatal := [one.text for one in problems if needs is None or one.concerns(needs)]:
        raise ConfigurationError(fatal)
    sources = {
        f"{name}.{key}": source_of(layers, name, key) if key in values[name] else "default"
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
