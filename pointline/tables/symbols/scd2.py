"""Slowly changing dimension, type 2, from observations: which states of a key held when.

Evidence of a key is a *point*: from ``at`` on it has this state, until the next point of the key. Windows and updates
are points as they stand. A snapshot is a point for every key of its group, those that it lacks included; but neighbours
in time mostly say the same, so snapshots are read as *runs*, stretches over which one of their states is repeated.
"""

from __future__ import annotations

import polars as pl

RUNS = {"state_id": pl.Int64(), "first": pl.UInt32(), "last": pl.UInt32()}


def runs_of(snapshots: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Return the runs of states in snapshots: ``state_id, first, last``, places in ``snapshots``, both included.

    ``snapshots`` hold ``states``, a list of ids, each once, and stand by group and time; a state belongs to one group.
    Each list is compared with its neighbours, so that only what differs is ever looked at in order.
    """
    lists = snapshots.lazy().select("states").with_row_index("place")
    starts = _differences(lists, 1).rename({"place": "first"}).sort("state_id", "first")
    ends = _differences(lists, -1).rename({"place": "last"}).sort("state_id", "last")
    return starts.with_columns(ends["last"]).select(list(RUNS))


def _differences(lists: pl.LazyFrame, neighbour: int) -> pl.DataFrame:
    """Return ``state_id, place`` of what each list holds and its neighbour in front (1) or behind (-1) does not."""
    states = pl.col("states")
    others = states.list.set_difference(states.shift(neighbour).fill_null(pl.lit([], pl.List(pl.Int64))))
    return (
        lists.select(others.alias("state_id"), "place")
        .filter(pl.col("state_id").list.len() > 0)  # an empty list would become a null
        .explode("state_id")
        .collect()
    )


def runs_without(runs: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
    """Return the runs as they are when only some snapshots count; ``kept`` is true for each of these.

    Places are then those among the snapshots that are kept.
    """
    before = kept.cast(pl.UInt32).cum_sum().shift(1, fill_value=0)
    upto = kept.cast(pl.UInt32).cum_sum()
    moved = runs.select(
        "state_id",
        before.gather(runs["first"]).alias("first"),
        upto.gather(runs["last"]).alias("end"),
    ).filter(pl.col("end") > pl.col("first"))
    ordered = moved.sort("state_id", "first")
    touches = (pl.col("state_id") == pl.col("state_id").shift(1)) & (pl.col("first") == pl.col("end").shift(1))
    run = (~touches.fill_null(value=False)).cum_sum()
    joined = ordered.group_by("state_id", run.alias("run")).agg(pl.col("first").min(), pl.col("end").max())
    return joined.select("state_id", "first", (pl.col("end") - 1).alias("last"))


def gaps_of(runs: pl.DataFrame, states: pl.DataFrame) -> pl.DataFrame:
    """Return the stretches over which snapshots name a key and say nothing of it: ``key, first, last``."""
    unsaid = states.filter(pl.col("listed").is_null()).select("state_id", "key")
    return runs.join(unsaid, on="state_id").select("key", "first", "last")


def runs_across(runs: pl.DataFrame, gaps: pl.DataFrame, states: pl.DataFrame) -> pl.DataFrame:
    """Return the runs of what is said, each to the end of the gap that follows on it: there it holds on."""
    said = runs.join(states.filter(pl.col("listed").is_not_null()).select("state_id", "key"), on="state_id")
    following = gaps.select("key", (pl.col("first") - 1).cast(pl.UInt32).alias("last"), pl.col("last").alias("end"))
    return (
        said.join(following.filter(gaps["first"] > 0), on=["key", "last"], how="left")
        .with_columns(pl.coalesce("end", "last").alias("last"))
        .select(list(RUNS))
    )


def changes_of(snapshots: pl.DataFrame, runs: pl.DataFrame, states: pl.DataFrame) -> pl.DataFrame:
    """Return at which snapshots the state of a key changes: ``key, at, place, state_id``, null where it is lacking.

    ``snapshots`` hold ``group, at``; ``states`` hold ``state_id, key``. Sorted by key and time.
    """
    times = snapshots.select("group", "at").with_row_index("place")
    starts = runs.select("state_id", pl.col("first").alias("place"), pl.col("state_id").alias("now"))
    ends = runs.select("state_id", pl.col("last").alias("place"), pl.lit(None, pl.Int64).alias("now"))
    following = times.select(
        "place",
        pl.when(pl.col("group") == pl.col("group").shift(-1)).then(pl.col("place") + 1).alias("next"),
    )
    ends = ends.join(following, on="place").filter(pl.col("next").is_not_null())
    ends = ends.select("state_id", pl.col("next").alias("place"), "now")
    return (
        pl.concat([ends, starts])
        .join(states.select("state_id", "key"), on="state_id")
        .join(times.select("place", "at"), on="place")
        .select("key", "at", "place", pl.col("now").alias("state_id"))
        # A state that ends where another one of the key starts is a change, not a lack.
        .sort("key", "place", "state_id", nulls_last=False)
        .unique(["key", "place"], keep="last", maintain_order=True)
    )


def stated_again(
    points: pl.DataFrame, snapshots: pl.DataFrame, changes: pl.DataFrame, gaps: pl.DataFrame
) -> pl.DataFrame:
    """Return what the snapshot after each point says of its key, as ``changes`` have it; of those that say anything.

    Without it a point would hold on past a snapshot that only repeats what snapshots said before.
    ``points`` hold ``group, key, at``.
    """
    places = snapshots.select("group", "at").with_row_index("place")
    times = places.with_columns(pl.col("at").alias("next"))
    asked = (
        points.select("group", "key", "at")
        .sort("at")
        .join_asof(
            times.sort("at"), on="at", by="group", strategy="forward", allow_exact_matches=False, check_sortedness=False
        )
        .filter(pl.col("next").is_not_null())
        .select("group", "key", "place")
        .unique()
    )
    inside = asked.join(gaps, on="key").filter(pl.col("place").is_between("first", "last"))
    after = inside.select("key", "place", (pl.col("last") + 1).alias("after"))
    asked = (
        asked.join(after, on=["key", "place"], how="left")
        .with_columns(pl.coalesce("after", "place").alias("place"))
        .join(places, on=["group", "place"])  # behind the last gap there may be nothing of this group
        .select("key", "at")
        .unique()
    )
    return (
        asked.sort("at")
        .join_asof(changes.sort("at").select("key", "at", "state_id"), on="at", by="key", check_sortedness=False)
        .select("key", "at", "state_id")
    )


def windows_of(points: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Return the windows that points make: ``key, state_id, valid_from, valid_until``, half open, by key and time.

    ``points`` hold ``key, at, state_id`` once for a key and time. A null state, or one in ``gone``, is none at all.
    A point that repeats what held makes no window; ``valid_until`` is null for the last one of a key.
    """
    is_gone = pl.col("state_id").is_in(gone["state_id"].implode())
    ordered = points.select("key", "at", pl.when(is_gone.not_()).then("state_id").alias("state_id")).sort("key", "at")
    follows = pl.col("key") == pl.col("key").shift(1)
    repeats = follows.fill_null(value=False) & pl.col("state_id").eq_missing(pl.col("state_id").shift(1))
    end = pl.when(pl.col("key") == pl.col("key").shift(-1)).then(pl.col("at").shift(-1))
    return (
        ordered.filter(~repeats)
        .with_columns(end.alias("valid_until"))
        .filter(pl.col("state_id").is_not_null())
        .select("key", "state_id", pl.col("at").alias("valid_from"), "valid_until")
    )
