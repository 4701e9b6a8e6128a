"""Files of which each line goes on in a file beside them, to be read again because of what that one is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import polars as pl

from pointline.io.protocols import BronzeReader
from pointline.parse.feed import Beside
from pointline.phrases import NOT_BESIDE
from pointline.tables.ingest_manifest import Status, stands_at

BesideOf: TypeAlias = Callable[[str, str], Beside | None]


class ByTheOther(NamedTuple):
    """Files to read again, with their paths."""

    refused: dict[int, str]
    """Refused files: the other one is there now, or is another one than it was."""
    in_silver: dict[int, str]
    """Files whose rows are in silver, made with what the other one was before."""


def paths_needing_another(entries: pl.DataFrame, beside_of: BesideOf) -> list[str]:
    """Return the paths of files, refused or in silver, that need the one beside them."""
    return [path for _, path, _ in _needing_another(entries, beside_of)]


def told_by_the_other(
    entries: pl.DataFrame,
    rows_of: Callable[[list[int]], pl.DataFrame],
    reader: BronzeReader,
    beside_of: BesideOf,
) -> ByTheOther:
    """Return such files.

    ``rows_of`` returns whole rows of the ledger, ``entries`` are those in memory; ``beside_of`` a path and its feed
    tells which file such a file needs. That one has changed where its ctime is later than what became of the first.
    """
    others = {file_id: beside.path_of(path) for file_id, path, beside in _needing_another(entries, beside_of)}
    found = ByTheOther({}, {})
    if not others:
        return found
    rows = rows_of(list(others)).select("file_id", "bronze_file_path", "status", "error", "updated_at_us")
    for file_id, path, status, error, judged_us in rows.iter_rows():
        is_in = status == Status.SUCCESS
        if is_in and reader.is_gone(path):
            continue
        other = reader.look(others[file_id])
        has_changed = other is not None and (other.changed_us or other.last_modified_ts) > judged_us
        if is_in and has_changed:
            found.in_silver[file_id] = path
        elif not is_in and (has_changed or (NOT_BESIDE in (error or "") and not reader.is_gone(others[file_id]))):
            found.refused[file_id] = path
    return found


def _needing_another(entries: pl.DataFrame, beside_of: BesideOf) -> Iterator[tuple[int, str, Beside]]:
    asked = entries.filter(stands_at(Status.QUARANTINED, Status.SUCCESS), pl.col("feed") != "")
    for files in asked.partition_by("data_type", "exchange", "feed"):
        if (beside := beside_of(files["bronze_file_path"][0], files["feed"][0])) is not None:
            for file_id, path in files.select("file_id", "bronze_file_path").iter_rows():
                yield file_id, path, beside
