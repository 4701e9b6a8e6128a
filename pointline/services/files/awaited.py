"""Files of which each line goes on in a file beside them, to be read again because of what that one is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.parse.feed import Beside
from pointline.phrases import NOT_BESIDE
from pointline.tables.ingest_manifest import CLOSED, Status, stands_at

BesideOf: TypeAlias = Callable[[str, str], Beside | None]


class ByTheOther(NamedTuple):
    """Files to read again, with their paths."""

    refused: dict[int, str]
    """Refused files: the other one is there now, or is another one than it was."""
    in_silver: dict[int, str]
    """Files whose rows are in silver, made with what the other one was before."""


def paths_needing_another(entries: pl.DataFrame, beside_of: BesideOf) -> list[str]:
    """Return the paths of files, refused or in silver, that need the one beside them."""
    return [one.path for one in _needing_another(entries, beside_of)]


def told_by_the_other(
    entries: pl.DataFrame,
    rows_of: Callable[[list[int]], pl.DataFrame],
    reader: BronzeReader,
    beside_of: BesideOf,
) -> ByTheOther:
    """Return such files.

    ``rows_of`` returns whole rows of the ledger, ``entries`` are those in memory; ``beside_of`` a path and its feed
    tells which file such a file needs. That one has changed where its ctime is later than what became of the first, or
    where it became a new version after that: a file that was made before may be moved into its place.
    """
    found = ByTheOther({}, {})
    unchanged: dict[int, str] = {}
    needing = list(_needing_another(entries, beside_of))
    if not needing:
        return found
    others = entries.filter(pl.col("bronze_file_path").is_in([one.other for one in needing]), ~stands_at(*CLOSED))
    known_since = dict(others.group_by("bronze_file_path").agg(pl.col("created_at_us").max()).iter_rows())
    for one in needing:
        if one.is_in and reader.is_gone(one.path):
            continue
        changed_us = reader.changed_at(one.other)
        if changed_us is not None and max(changed_us, known_since.get(one.other, 0)) > one.judged_us:
            (found.in_silver if one.is_in else found.refused)[one.file_id] = one.path
        elif not one.is_in and not reader.is_gone(one.other):
            unchanged[one.file_id] = one.path
    if unchanged:  # it may have come with an old ctime since; what was said of it is on disk alone
        told = rows_of(list(unchanged)).filter(pl.col("error").str.contains(NOT_BESIDE, literal=True))
        found.refused.update({file_id: unchanged[file_id] for file_id in told["file_id"]})
    return found


class _Needing(NamedTuple):
    file_id: int
    path: str
    other: str
    is_in: bool
    judged_us: int


def _needing_another(entries: pl.DataFrame, beside_of: BesideOf) -> Iterator[_Needing]:
    asked = entries.filter(stands_at(Status.QUARANTINED, Status.SUCCESS), pl.col("feed") != "")
    for files in asked.partition_by("data_type", "exchange", "feed"):
        if (beside := beside_of(files["bronze_file_path"][0], files["feed"][0])) is not None:
            facts = files.select("file_id", "bronze_file_path", stands_at(Status.SUCCESS), "updated_at_us")
            for file_id, path, is_in, judged_us in facts.iter_rows():
                yield _Needing(file_id, path, beside.path_of(path), is_in, judged_us)
