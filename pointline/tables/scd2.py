"""Slowly changing dimension, type 2, as a timeline: what held when, as points at which it changes.

A key's history is a list of *points*: from ``at`` on these attributes hold, or the key is not listed. Versions are the
stretches between points. Laying updates over versions is then no case analysis: take the points of both, let an update
win where it meets a recorded point, drop the points that change nothing, and read the versions off again.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_RANK = "_rank"


def overlay(
    versions: pl.DataFrame, updates: pl.DataFrame, *, key: Sequence[str], attributes: Sequence[str]
) -> pl.DataFrame:
    """Return the versions of these keys after ``updates``, sorted by key and ``valid_from``.

    ``versions`` and the result hold ``key, valid_from, valid_until, attributes``, half open, ``valid_until`` null while
    current. ``updates`` hold ``key, valid_from, listed, attributes``, one row at most for a key and a time,
    and null attributes where ``listed`` is false.

    A point holds until the next recorded one, be it a version or a delisting. Versions that touch always differ, so an
    update equal to what already held makes none, and one equal to the version that follows on it makes that version
    begin earlier: the change was then known too late.
    """
    columns = [*key, "valid_from", "listed", *attributes]
    ends = versions.filter(pl.col("valid_until").is_not_null()).select(
        *key,
        pl.col("valid_until").alias("valid_from"),
        pl.lit(value=False).alias("listed"),
        *(pl.lit(None, versions.schema[name]).alias(name) for name in attributes),
    )
    starts = versions.with_columns(listed=True).select(columns)
    points = (
        # Of points at one time the last wins: the end of a version gives way to the start of the next one.
        pl.concat(
            [
                frame.with_columns(pl.lit(rank).alias(_RANK))
                for rank, frame in enumerate((ends, starts, updates.select(columns)))
            ]
        )
        .sort(*key, "valid_from", _RANK)
        .filter(~_same_as_next(*key, "valid_from"))
    )
    first = ~_same_as_previous(*key)
    changing = pl.when(first).then("listed").otherwise(~_same_as_previous("listed", *attributes))
    return (
        points.filter(changing)
        .with_columns(pl.when(_same_as_next(*key)).then(pl.col("valid_from").shift(-1)).alias("valid_until"))
        .filter("listed")
        .select(*key, "valid_from", "valid_until", *attributes)
    )


def _same_as_previous(*columns: str) -> pl.Expr:
    return _same_as(1, *columns)


def _same_as_next(*columns: str) -> pl.Expr:
    return _same_as(-1, *columns)


def _same_as(shift: int, *columns: str) -> pl.Expr:
    """The row equals its neighbour in all of ``columns``; false where there is none. The first is never null."""
    return pl.all_horizontal(
        pl.col(columns[0]).eq(pl.col(columns[0]).shift(shift)).fill_null(value=False),
        *(pl.col(column).eq_missing(pl.col(column).shift(shift)) for column in columns[1:]),
    )
