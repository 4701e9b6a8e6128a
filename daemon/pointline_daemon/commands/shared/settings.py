"""The settings of a command: what it needs has to be right, what else is wrong is said and left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from pointline.config import Config, load_config, names_lake
from pointline.errors import ConfigurationError
from pointline.phrases import printable
from pointline.unknown import meant, near_names

READING: Final = ("ingest.max_expansion_ratio", "ingest.max_line_bytes")
"""What is needed to read a file of bronze."""
NO_LAKE: Final = Path(os.devnull) / "lake"
"""A place where there is no lake and never will be."""
INGEST: Final = ("ingest", "bronze", "checks", "symbols")


def settings_for(lake_root: Path | None, *, needs: Collection[str] = ()) -> Config:
    """Load the settings; ``needs`` as for ``load_config``. Without any, bad settings stop no command."""
    config = load_config(lake_root, needs=needs)
    for problem in config.problems:
        warn(problem)
    return config


def settings_with_or_without(lake_root: Path | None, *, needs: Collection[str] = ()) -> Config:
    """Load the settings of a lake, and the defaults where none is named: for commands that need no lake."""
    if not names_lake(lake_root):
        return load_config(NO_LAKE, environ={}, needs=())
    return settings_for(lake_root, needs=needs)


def warn(problem: str) -> None:
    """Say what is wrong with something that the command does not need."""
    print(f"warning: {printable(problem)}; this command goes on without it", file=sys.stderr)


def refused_at_start(config: Config) -> list[str]:
    """Return what is wrong with the settings; a lake's descriptions of vendors are looked at elsewhere."""
    problems = list(config.problems)
    for check in (require_columns, _require_patterns):
        try:
            check(config)
        except ConfigurationError as error:
            problems += error.problems
    return problems


def _require_patterns(config: Config) -> None:
    if config.bronze.patterns or any("/" in one for one in config.bronze.left_alone):
        from pointline.io.bronze.paths.names import compile_patterns  # noqa: PLC0415 - few lakes have any

        compile_patterns(config.bronze.patterns, config.bronze.left_alone)


def require_columns(config: Config) -> None:
    """Refuse columns of ``maintenance.z_order`` that no table has; each table is ordered by those that it has."""
    if not config.maintenance.z_order:
        return
    from pointline.io.descriptions import lake_tables  # noqa: PLC0415 - loads every table

    known = {name for table in lake_tables(config.paths.root).values() for name in table.silver_schema}
    place = config.sources["maintenance.z_order"]
    found = []
    for name in config.maintenance.z_order:
        if name not in known:
            told = (f"no table has a column {name!r}", meant(near_names(name, known)))
            found.append(f"maintenance.z_order ({place}): {'; '.join(filter(None, told))}")
    if found:
        raise ConfigurationError(found)
