"""What follows when files leave bronze, or rows leave silver: who is closed, and who may be read again.

Pure: over rows of the ledger. A refused file names the one in whose way it is (``superseded_by``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl
from msgspec import Struct, field

from pointline.services.files.identity.ledger_row import REFUSED
from pointline.tables.ingest_manifest import Status, stands_at


class Departures(Struct, frozen=True, kw_only=True):
    """Files that were closed because they are gone, and files that are to be read again. Paths by file id."""

    gone: Mapping[int, str] = field(default_factory=dict)
    freed: Mapping[int, str] = field(default_factory=dict)
    regained: Mapping[int, str] = field(default_factory=dict)
    """Files in silver that are read again for days that they had left to files which are not in the lake now."""


def absent_files(entries: pl.DataFrame, survey: pl.DataFrame) -> pl.DataFrame:
    """Return the refused files, and those in whose way they are, that are not in bronze; ``survey`` has ``path``."""
    asked = whose_absence_counts(entries)
    there = survey.filter(pl.col("path").is_in(asked["bronze_file_path"].unique().to_list()))
    return asked.join(there.select(bronze_file_path="path"), on="bronze_file_path", how="anti")


def whose_absence_counts(entries: pl.DataFrame) -> pl.DataFrame:
    """Return the refused files, and those in whose way they are: from nothing else follows anything when it is gone."""
    _, others = _refused_and_others(entries)
    return pl.concat([entries.filter(stands_at(*REFUSED)), others])


def closed_by_absence(absent: pl.DataFrame) -> dict[int, str]:
    """Return those of these versions that never got in: their files are gone, and nothing is left to be done."""
    return _paths(absent.filter(stands_at(*REFUSED)))


def refused_because_of(entries: pl.DataFrame, file_ids: Collection[int]) -> dict[int, str]:
    """Return the refused files that were in the way of one of these, with their paths."""
    if not file_ids:
        return {}
    return _paths(entries.filter(stands_at(Status.QUARANTINED), pl.col("superseded_by").is_in(list(file_ids))))


def freed_by_departure(entries: pl.DataFrame) -> dict[int, str]:
    """Return the refused files that were in the way of one whose rows have left silver since."""
    refused, others = _refused_and_others(entries)
    in_silver = others.filter(stands_at(Status.SUCCESS)).select(superseded_by="file_id")
    return _paths(refused.join(in_silver, on="superseded_by", how="anti"))


def freed_by_absence(entries: pl.DataFrame, absent: pl.DataFrame) -> dict[int, str]:
    """Return the refused files that were in the way of one that is not in bronze now.

    Whether that one may be replaced is decided when the file is read again. Where it was gone before, nothing is new.
    """
    refused, _ = _refused_and_others(entries)
    pairs = refused.join(absent.select(superseded_by="file_id"), on="superseded_by", how="semi")
    return _paths(pairs)


def _paths(entries: pl.DataFrame) -> dict[int, str]:
    return dict(entries.select("file_id", "bronze_file_path").iter_rows())


def _refused_and_others(entries: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    refused = entries.filter(stands_at(Status.QUARANTINED), pl.col("superseded_by").is_not_null())
    if refused.is_empty():
        return refused, refused
    others = entries.filter(pl.col("file_id").is_in(refused["superseded_by"].unique().to_list()))
    return refused, others
