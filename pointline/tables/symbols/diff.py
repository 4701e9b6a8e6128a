"""What an upsert changes, for a person to read."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from pointline.tables.dim_symbol import ATTRIBUTES, KEY, Changes


class Change(StrEnum):
    """What becomes of one version."""

    ADDED = "added"
    CLOSED = "closed"
    """Was current and now has an end."""
    MOVED = "moved"
    """Ends at another time than before; a version that is open again too."""
    CORRECTED = "corrected"
    """Begins when it did, with other attributes."""
    REMOVED = "removed"
    """Another version or a delisting takes its place."""


def diff(changes: Changes) -> pl.DataFrame:
    """Return one row per version that changes: ``change, exchange, symbol, valid_from, valid_until, what``.

    By key and ``valid_from``. ``what`` names the attributes that differ, ``tick_size 0.1 → 0.01``: for a corrected
    version from what it said before, for an added one from the version that it follows on. It is empty where there is
    none, as in a listing.
    """
    place = [*KEY, "valid_from"]
    was = changes.removed.select(*place, *(pl.col(name).alias(f"was_{name}") for name in ("valid_until", *ATTRIBUTES)))
    same_key = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in KEY)
    follows = same_key & (pl.col("valid_until").shift(1) == pl.col("valid_from"))
    now = changes.after.with_columns(
        follows.fill_null(value=False).alias("follows"),
        *(pl.when(follows).then(pl.col(name).shift(1)).alias(f"last_{name}") for name in ATTRIBUTES),
    ).join(changes.added.select(place), on=place, how="semi")
    both = now.join(was.with_columns(known=True), on=place, how="left")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"was_{name}")) for name in ATTRIBUTES)
    change = (
        pl.when(pl.col("known").is_null())
        .then(pl.lit(Change.ADDED.value))
        .when(differs)
        .then(pl.lit(Change.CORRECTED.value))
        .when(pl.col("was_valid_until").is_null())
        .then(pl.lit(Change.CLOSED.value))
        .otherwise(pl.lit(Change.MOVED.value))
    )
    known = pl.col("known").is_not_null()
    what = pl.concat_str(
        [
            pl.when((known | pl.col("follows")) & pl.col(name).ne_missing(before)).then(
                pl.concat_str(pl.lit(f"{name} "), _written(before), pl.lit(" → "), _written(pl.col(name)))
            )
            for name in ATTRIBUTES
            for before in [pl.when(known).then(pl.col(f"was_{name}")).otherwise(pl.col(f"last_{name}"))]
        ],
        separator=", ",
        ignore_nulls=True,
    )
    columns = ["change", *place, "valid_until", "what"]
    standing = both.with_columns(change.alias("change"), what.alias("what")).select(columns)
    gone = changes.removed.join(changes.after.select(place), on=place, how="anti").with_columns(
        pl.lit(Change.REMOVED.value).alias("change"), pl.lit("").alias("what")
    )
    return pl.concat([standing, gone.select(columns)]).sort(place)


def _written(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.String()).fill_null("none")
