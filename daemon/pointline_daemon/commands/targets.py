"""Files that a person names on the command line: by id, by path, or all below a folder."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pointline.config import Config
from pointline.errors import PointlineError
from pointline.io.whereabouts import find_path


def chosen_files(config: Config, ledger: pl.LazyFrame, targets: Sequence[str]) -> list[int] | None:
    """Return the ids of the file versions that are meant, rising; None where nothing is named, which means all.

    Raises PointlineError, naming it, where a target is no file of the ledger.
    """
    if not targets:
        return None
    chosen: set[int] = set()
    known = ledger.select("file_id", "bronze_file_path").collect()
    for target in targets:
        if target.isdecimal():
            found = known.filter(pl.col("file_id") == int(target))
        else:
            path = find_path(config.paths.bronze, target.rstrip("/") or "/")
            column = pl.col("bronze_file_path")
            found = known.filter((column == path) | column.str.starts_with(f"{path}/"))
        if found.is_empty():
            what = f"file {target}" if target.isdecimal() else f"file at {target}"
            hint = "`pointline files` lists them" if target.isdecimal() else f"`pointline explain {target}` says why"
            raise PointlineError(f"the ledger knows no {what}", hint=hint)
        chosen |= set(found["file_id"])
    return sorted(chosen)
