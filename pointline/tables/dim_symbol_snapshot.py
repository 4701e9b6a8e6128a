"""Snapshots: all symbols of an exchange as they stand at one time. What is not in it is no longer listed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import polars as pl

from pointline.errors import Rejected, SuspectSnapshot
from pointline.tables.dim_symbol import ATTRIBUTES, KEY, UPDATE_SCHEMA, in_force, scd2_upsert, typed_updates
from pointline.tables.dim_symbol_columns import read_columns
from pointline.tables.schema import UTC_TIME

MAX_MISSING_SHARE = 0.25
"""The share of an exchange's symbols that a snapshot may lack before it is taken for a partial or an error answer."""


def snapshot(
    current: pl.DataFrame,
    snapshot: pl.DataFrame,
    effective_at: dt.datetime,
    *,
    exchanges: Collection[str] = (),
    max_missing_share: float = MAX_MISSING_SHARE,
    insist: bool = False,
) -> pl.DataFrame:
    """Return the table after a snapshot. Arguments and errors as for ``snapshot_updates``."""
    updates = snapshot_updates(
        current, snapshot, effective_at, exchanges=exchanges, max_missing_share=max_missing_share, insist=insist
    )
    return scd2_upsert(current, updates)


def snapshot_updates(
    current: pl.DataFrame,
    snapshot: pl.DataFrame,
    effective_at: dt.datetime,
    *,
    exchanges: Collection[str] = (),
    max_missing_share: float = MAX_MISSING_SHARE,
    insist: bool = False,
) -> pl.DataFrame:
    """Return the updates that a snapshot amounts to: what it holds, and a delisting of each symbol that it lacks.

    It speaks for the exchanges that it names and for ``exchanges``; symbols of others stay. Columns may bear any name
    that ``dim_symbol_columns`` knows; a ``valid_from`` of its own counts for nothing. A symbol that it holds with
    ``listed`` false counts as lacking. ``effective_at`` needs a time zone.

    Only symbols that were listed at ``effective_at`` can be delisted by it. A snapshot older than what is recorded
    holds until the next recorded version of each symbol, as every late update does; applying the later snapshots again
    in order of time leads to the table that applying all in order would have led to.

    Raises ``SuspectSnapshot``, unless ``insist``ed on, where more than ``max_missing_share`` of the listed symbols of
    one exchange are lacking.
    """
    if effective_at.tzinfo is None:
        raise Rejected(f"the time of a snapshot without a zone: {effective_at}", hint="state it with one, as in …Z")
    at = pl.lit(effective_at, UTC_TIME)
    rows = snapshot.drop("valid_until", strict=False).with_columns(at.alias("valid_from"))
    present = typed_updates(read_columns(rows))
    speaks_for = {*exchanges, *present["exchange"].unique()}
    if not speaks_for:
        raise SuspectSnapshot(
            "the snapshot holds no symbol at all",
            hint="fetch it again; to delist all symbols of an exchange, name the exchange and insist",
        )
    listed = current.lazy().filter(pl.col("exchange").is_in(list(speaks_for)), in_force(at)).select(KEY).collect()
    missing = listed.join(present.filter("listed"), on=KEY, how="anti")
    if not insist:
        _refuse_partial(listed, missing, max_missing_share)
    delisted = missing.sort(KEY).select(
        *KEY,
        *(pl.lit(None, kind).alias(name) for name, kind in ATTRIBUTES.items()),
        at.alias("valid_from"),
        pl.lit(value=False).alias("listed"),
    )
    return pl.concat([present.filter("listed"), delisted.select(list(UPDATE_SCHEMA))])


def _refuse_partial(listed: pl.DataFrame, missing: pl.DataFrame, max_missing_share: float) -> None:
    shares = (
        listed.group_by("exchange")
        .len("listed")
        .join(missing.group_by("exchange").len("missing"), on="exchange")
        .filter(pl.col("missing") > max_missing_share * pl.col("listed"))
        .sort(pl.col("missing") / pl.col("listed"), "exchange", descending=[True, False])
    )
    if shares.height:
        worst = ", ".join(f"{missing} of {listed} of {exchange}" for exchange, listed, missing in shares.head(3).rows())
        more = f" and of {shares.height - 3} more exchanges" if shares.height > 3 else ""
        raise SuspectSnapshot(
            f"the snapshot lacks {worst}{more}: more than {max_missing_share:.0%} would be delisted",
            hint="fetch it again, it may be partial; if they are really gone, insist",
        )
