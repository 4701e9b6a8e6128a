"""From observations to the versions of ``dim_symbol``: one function, whatever order they came in.

Evidence of a symbol counts from its time on until the next evidence. At one time windows count before partial updates
and these before snapshots; of one kind, what was found later counts before what was found earlier. A symbol that a
snapshot lacks is delisted at the snapshot's time; one that it names in a row that cannot be right stays what it was.
Snapshots that lack too much are held (``guard``).
"""

from __future__ import annotations

import datetime as dt

import polars as pl
from msgspec import Struct

from pointline.tables.dim_symbol import ATTRIBUTES, KEY, as_of, symbol_ids
from pointline.tables.dim_symbol import SCHEMA as VERSIONS
from pointline.tables.schema import UTC_TIME
from pointline.tables.symbols import scd2
from pointline.tables.symbols.guard import judge
from pointline.tables.symbols.observations import Kind

RANKS = {Kind.RECORDED: 0, Kind.PARTIAL: 1, Kind.WINDOWS: 2}
"""Of what has points; snapshots rank below."""
ORDER = ("found", "turn")
"""Of a file, ``turn`` is 0; updates that were made after the same file follow it in their order."""

HELD: dict[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "exchange": pl.String(),
    "at": UTC_TIME,
    "missing": pl.Int64(),
    "listed": pl.Int64(),
    "is_named": pl.Boolean(),
}
"""A snapshot that does not count for an exchange: it lacks ``missing`` of its ``listed`` symbols. ``is_named`` is false
where it is a list that names the exchange no longer."""


class History(Struct, frozen=True, kw_only=True):
    """``versions`` of ``dim_symbol``, by exchange, symbol and time, and what was ``held``."""

    versions: pl.DataFrame
    held: pl.DataFrame


def history(
    observations: pl.DataFrame,
    states: pl.DataFrame,
    *,
    unnamed: pl.DataFrame,
    now: dt.datetime,
) -> History:
    """Compute the versions of the exchanges that are told of.

    ``observations`` are all that stand of these exchanges, ``states`` all that they name, and perhaps more; ``unnamed``
    what lists no longer name of them (``symbol_observations.unnamed``). ``now`` tells which versions are current.
    """
    keys = states.select(KEY).unique().sort(KEY).with_row_index("key")
    numbered = states.select("state_id", "listed", *KEY).join(keys, on=KEY).unique("state_id")
    points = _points(observations, numbered)
    snapshots = _snapshots(observations, unnamed)
    runs = scd2.runs_of(snapshots)
    judged = judge(snapshots, runs, points, numbered)
    counts = pl.Series(judged.counts, dtype=pl.Boolean)
    if not counts.all():
        snapshots, everything = snapshots.filter(counts), snapshots
        runs = scd2.runs_without(runs, counts)
    else:
        everything = snapshots
    gaps = scd2.gaps_of(runs, numbered)
    changes = scd2.changes_of(snapshots, scd2.runs_across(runs, gaps, numbered), numbered)
    evidence = pl.concat(
        [
            frame.select("key", "at", "state_id", pl.lit(rank).alias("rank"))
            for rank, frame in enumerate((changes, scd2.stated_again(points, snapshots, changes, gaps), points))
        ]
    )
    evidence = evidence.sort("key", "at", "rank").unique(["key", "at"], keep="last", maintain_order=True)
    windows = scd2.windows_of(evidence, numbered.filter(~pl.col("listed")))
    held = everything.select("file_id", "exchange", "at", "is_named")[[one.place for one in judged.held]].with_columns(
        pl.Series("missing", [one.missing for one in judged.held], pl.Int64),
        pl.Series("listed", [one.listed for one in judged.held], pl.Int64),
    )
    return History(versions=_versions(windows, keys, states, now), held=held.select(list(HELD)).cast(HELD))  # type: ignore[arg-type]


def _in_turn(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.when(pl.col("file_id") > 0).then(0).otherwise(-pl.col("file_id")).alias("turn"))


def _snapshots(observations: pl.DataFrame, unnamed: pl.DataFrame) -> pl.DataFrame:
    """Snapshots by exchange, time and as they were found: ``group`` and more."""
    named = observations.filter(pl.col("kind") == Kind.SNAPSHOT).with_columns(is_named=pl.lit(value=True))
    others = unnamed.with_columns(
        pl.lit([], pl.List(pl.Int64)).alias("states"),
        pl.lit([], pl.List(pl.Int64)).alias("times"),
        is_named=pl.lit(value=False),
    )
    both = pl.concat([named, others.select(named.columns)])
    return (
        _in_turn(both)
        .sort("exchange", "at", *ORDER)
        .select(
            pl.col("exchange").alias("group"),
            "exchange",
            "at",
            "file_id",
            "accepted",
            "max_missing_share",
            "is_named",
            "states",
        )
    )


def _points(observations: pl.DataFrame, numbered: pl.DataFrame) -> pl.DataFrame:
    """What windows and updates say, once for a key and time: ``group, key, at, state_id, listed``."""
    told = observations.filter(pl.col("kind") != Kind.SNAPSHOT)
    # What was recorded counts as long as nothing else is known of its exchange.
    others = observations.filter(pl.col("kind") != Kind.RECORDED)["exchange"].unique()
    told = told.filter((pl.col("kind") != Kind.RECORDED) | ~pl.col("exchange").is_in(others.implode()))
    rank = pl.col("kind").replace_strict({str(kind): rank for kind, rank in RANKS.items()}, return_dtype=pl.Int8)
    return (
        _in_turn(told)
        .filter(pl.col("states").list.len() > 0)
        .select(rank.alias("rank"), *ORDER, "states", "times")
        .explode("states", "times")
        .join(numbered, left_on="states", right_on="state_id")
        .select(
            pl.col("exchange").alias("group"),
            "key",
            pl.col("times").cast(UTC_TIME).alias("at"),
            pl.col("states").alias("state_id"),
            "listed",
            "rank",
            *ORDER,
        )
        .sort("key", "at", "rank", *ORDER)
        .unique(["key", "at"], keep="last", maintain_order=True)
        .drop("rank", *ORDER)
    )


def _versions(windows: pl.DataFrame, keys: pl.DataFrame, states: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    stated = states.select("state_id", *ATTRIBUTES).unique("state_id")
    found = (
        windows.join(keys, on="key", how="left", maintain_order="left")
        .join(stated, on="state_id", how="left", maintain_order="left")
        .drop("state_id")
    )
    return as_of(found.with_columns(symbol_ids(found).alias("symbol_id")), now).select(list(VERSIONS))
