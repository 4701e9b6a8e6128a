"""Files that a person names on the command line: by id, by path, or all below a folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import polars as pl

from pointline.config import Config
from pointline.errors import UnknownValue
from pointline.io.bronze.whereabouts import find_path
from pointline.unknown import near_names
from pointline_daemon.commands.shared.known import unknown_file

MOST_NEAR = 3


def chosen_files(config: Config, ledger: pl.LazyFrame, targets: Sequence[str]) -> list[int] | None:
    """Return the ids of the file versions that are meant, rising; None where nothing is named, which means all.

    Raises UnknownValue, naming it, where a target is no file of the ledger.
    """
    if not targets:
        return None
    chosen: set[int] = set()
    known = ledger.select("file_id", "bronze_file_path").collect()
    for target in targets:
        path = ""
        if target.isdecimal():
            found = known.filter(pl.col("file_id") == int(target))
        else:
            path = find_path(config.paths.bronze, target.rstrip("/") or "/")
            column = pl.col("bronze_file_path")
            found = known.filter((column == path) | column.str.starts_with(f"{path}/"))
        if found.is_empty():
            raise unknown_file(target) if target.isdecimal() else _unknown_path(target, path, known)
        chosen |= set(found["file_id"])
    return sorted(chosen)


def _unknown_path(target: str, path: str, known: pl.DataFrame) -> UnknownValue:
    """Return the error for a path that no file of the ledger has: names of the same spelling come first."""
    paths = known["bronze_file_path"].to_list()
    name = path.rpartition("/")[2]
    alike = [one for one in paths if one.rpartition("/")[2] == name][:MOST_NEAR] or near_names(path, paths)
    hint = f"did you mean {' or '.join(alike)}? " if alike else ""
    words = f"there is no file at {target} in the ledger"
    return UnknownValue(words, subject=target, hint=f"{hint}`{shlex.join(['pointline', 'explain', target])}` says why")
