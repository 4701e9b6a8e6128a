"""Files that a person names on the command line: by id, by path, or all below a folder."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pointline.config import Config
from pointline.errors import UnknownValue, WrongUse
from pointline.io.bronze.whereabouts import find_path
from pointline.unknown import near_names
from pointline_daemon.commands.shared.known import unknown_file

MOST_NEAR = 3
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""No lake has a file of more digits."""


def chosen_files(config: Config, ledger: pl.LazyFrame, targets: Sequence[str]) -> list[int] | None:
    """Return the ids of the file versions that are meant, rising; None where nothing is named, which means all.

    Raises UnknownValue, naming it, where a target is no file of the ledger.
    """
    if not targets:
        return None
    chosen: set[int] = set()
    known = ledger.select("file_id", "bronze_file_path").collect()
    for target in targets:
        path, file_id = "", id_in(config.paths.bronze, target)
        if file_id is not None:
            found = known.filter(pl.col("file_id") == file_id)
        else:
            path = path_in(config.paths.bronze, target)
            column = pl.col("bronze_file_path")
            found = known.filter((column == path) | column.str.starts_with(f"{path}/"))
        if found.is_empty():
            raise _unknown_path(config, target, path, known) if file_id is None else unknown_file(target)
        chosen |= set(found["file_id"])
    return sorted(chosen)


def path_in(bronze: Path, target: str) -> str:
    """Return the path from bronze that a person means. Raises WrongUse for bronze itself, also as ``.`` in it."""
    path = find_path(bronze, target.rstrip("/") or "/")
    if path == "." or (Path(path).is_absolute() and path == os.path.realpath(bronze)):
        raise WrongUse(f"{target} is bronze itself", subject=target, hint="name files or folders in it")
    return path


def id_in(bronze: Path, target: str) -> int | None:
    """Return the file id that a person means; None for a path. ``02`` is a path: so folders of days are called.

    Raises WrongUse where it may be both.
    """
    if not NUMBER.fullmatch(target):
        return None
    path = find_path(bronze, target)
    if not Path(path).is_absolute() and os.path.lexists(bronze / path):
        raise WrongUse(
            f"{target} may be a file id, and may be {path} in bronze",
            subject=target,
            hint=f"type {shlex.quote(str(bronze / path))} for that, or the path of file {target} "
            "(`pointline files --last 0` lists them)",
        )
    return int(target)


def _unknown_path(config: Config, target: str, path: str, known: pl.DataFrame) -> UnknownValue:
    """Return the error for a path that no file of the ledger has: names of the same spelling come first."""
    paths = known["bronze_file_path"].to_list()
    name = path.rpartition("/")[2]
    alike = [one for one in paths if one.rpartition("/")[2] == name][:MOST_NEAR] or near_names(path, paths)
    hint = f"did you mean {' or '.join(alike)}? " if alike else ""
    if os.path.lexists(config.paths.bronze / path):
        words = f"there is no file at {target} in the ledger"
        hint += f"`{shlex.join(['pointline', 'explain', target])}` says why"
    else:
        words = f"there is no file at {target}, neither in the ledger nor in bronze"
        hint += "check the spelling; `pointline files` lists the files that are known"
    return UnknownValue(words, subject=target, hint=hint)
