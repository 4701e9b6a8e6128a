"""What was said of symbols, and when: the observations that ``dim_symbol`` is computed from.

One row is what one file, or one ``symbols update``, said of one exchange: a *snapshot* (all symbols that it lists at
one time), *windows* (what symbols were from when to when), or a *partial* update (some symbols from one time on). The
states that it names stand in a table of their own, each once, however many snapshots repeat them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b

import polars as pl
from msgspec import Struct

from pointline.tables.dim_symbol import ATTRIBUTES, KEY
from pointline.tables.schema import UTC_TIME

NAME = "symbol_observations"
STATES_NAME = "symbol_states"


class Kind(StrEnum):
    """How an observation is meant."""

    SNAPSHOT = "snapshot"
    WINDOWS = "windows"
    PARTIAL = "partial"
    RECORDED = "recorded"
    """Versions that an earlier release wrote without keeping what they came from."""


SCHEMA: dict[str, pl.DataType] = {
    "file_id": pl.Int64(),
    "found": pl.Int64(),
    "exchange": pl.String(),
    "kind": pl.String(),
    "at": UTC_TIME,
    "source": pl.String(),
    "is_list": pl.Boolean(),
    "accepted": pl.Boolean(),
    "max_missing_share": pl.Float64(),
    "rows": pl.Int64(),
    "states": pl.List(pl.Int64()),
    "times": pl.List(pl.Int64()),
}
"""``file_id`` counts downwards from -1 for what no file said. ``found`` orders both: of an update it is the newest file
before it. ``at`` is the time of a snapshot or partial update, null for windows. ``source`` is the list that a snapshot
belongs to; with ``is_list`` it names several exchanges. ``accepted`` says that a person took it as it is,
``max_missing_share`` what it might lack by the settings of its day. ``times`` has, for each of ``states``, from when on
it holds, in microseconds since the epoch; it is empty for a snapshot, whose states hold from ``at`` on."""

HEAD = tuple(name for name in SCHEMA if name not in {"states", "times"})
"""The columns that tell of an observation without what it holds."""

STATES_SCHEMA: dict[str, pl.DataType] = {
    "state_id": pl.Int64(),
    **dict.fromkeys(KEY, pl.String()),
    "listed": pl.Boolean(),
    **ATTRIBUTES,
}
"""What a symbol was said to be; where ``listed`` is false it was said not to be there, and the attributes are null.
Where ``listed`` is null a snapshot named it in a row that cannot be right, which says nothing."""


class Observed(Struct, frozen=True, kw_only=True):
    """Rows of the two tables."""

    rows: pl.DataFrame
    states: pl.DataFrame

    @classmethod
    def join(cls, several: Iterable[Observed]) -> Observed:
        """Return what several said, states once."""
        parts = list(several)
        rows = pl.concat([pl.DataFrame(schema=SCHEMA), *(one.rows for one in parts)])
        states = pl.concat([pl.DataFrame(schema=STATES_SCHEMA), *(one.states for one in parts)])
        return cls(rows=rows, states=states.unique("state_id", maintain_order=True))


class Origin(Struct, frozen=True, kw_only=True):
    """Who said it, and in what order it was found. ``source`` is the exchange or list that the file claims to be of."""

    file_id: int
    found: int
    max_missing_share: float
    source: str = ""
    accepted: bool = False


def observe(updates: pl.DataFrame, kind: Kind, at: dt.datetime | None, origin: Origin, *, of: str = "") -> Observed:
    """Return what typed updates (``updates.UPDATE_SCHEMA``) amount to, one row per exchange.

    ``of`` names an exchange that a snapshot speaks for even where it holds no symbol of it. A symbol that a snapshot
    calls not listed counts as lacking, one of which ``listed`` is null as neither there nor lacking (``with_unsaid``).
    """
    named = sorted({*updates["exchange"].unique(), *([of] if of else [])})
    stated = with_state_ids(updates)
    held = stated.filter(pl.col("listed").fill_null(value=True)) if kind is Kind.SNAPSHOT else stated
    times = pl.lit([], pl.List(pl.Int64)) if kind is Kind.SNAPSHOT else pl.col("time")
    lists = (
        held.with_columns(pl.col("valid_from").to_physical().alias("time"))
        .sort("state_id")
        .group_by("exchange")
        .agg(pl.col("state_id").alias("states"), pl.col("time"))
        .select("exchange", "states", times.alias("times"))
    )
    empty = pl.lit([], pl.List(pl.Int64))
    rows = (
        pl.DataFrame({"exchange": named}, schema={"exchange": pl.String})
        .join(updates.group_by("exchange").agg(pl.col("listed").count().alias("rows")), on="exchange", how="left")
        .join(lists, on="exchange", how="left")
        .with_columns(
            pl.lit(origin.file_id).alias("file_id"),
            pl.lit(origin.found).alias("found"),
            pl.lit(kind.value).alias("kind"),
            pl.lit(at, UTC_TIME).alias("at"),
            pl.lit(origin.source).alias("source"),
            pl.lit(kind is Kind.SNAPSHOT and len(named) > 1).alias("is_list"),
            pl.lit(origin.accepted).alias("accepted"),
            pl.lit(origin.max_missing_share).alias("max_missing_share"),
            pl.col("rows").fill_null(0),
            pl.col("states", "times").fill_null(empty),
        )
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
        .sort("exchange")
    )
    return Observed(rows=rows, states=held.select(list(STATES_SCHEMA)).unique("state_id", maintain_order=True))


def observe_at(updates: pl.DataFrame, at: dt.datetime, origin: Origin, *, of: str = "") -> Observed:
    """Return a snapshot at a time of what updates tell of, and what they say of the time after it, as windows."""
    after = updates.filter(pl.col("valid_from") > pl.lit(at, UTC_TIME))
    if after.is_empty() and not updates.select(pl.struct(KEY).is_duplicated().any()).item():
        return observe(updates, Kind.SNAPSHOT, at, origin, of=of)
    before = updates.filter(pl.col("valid_from") <= pl.lit(at, UTC_TIME)).sort("valid_from", maintain_order=True)
    now = before.unique(KEY, keep="last", maintain_order=True).with_columns(pl.lit(at, UTC_TIME).alias("valid_from"))
    # Symbols that only come later are not there yet, but their exchange is spoken for.
    names = {*updates["exchange"].unique(), *([of] if of else [])} - set(now["exchange"].unique())
    said = [observe(now, Kind.SNAPSHOT, at, origin, of=name) for name in sorted(names)[:1]] or [
        observe(now, Kind.SNAPSHOT, at, origin)
    ]
    later = observe(after, Kind.WINDOWS, None, origin)
    return Observed.join([*said, Observed(rows=later.rows.with_columns(rows=pl.lit(0, pl.Int64)), states=later.states)])


def with_unsaid(updates: pl.DataFrame, symbols: pl.DataFrame | None, at: dt.datetime) -> pl.DataFrame:
    """Add symbols (``exchange, symbol``) that a snapshot at a time names and of which it says nothing."""
    if symbols is None or symbols.is_empty():
        return updates
    return pl.concat([updates, symbols.with_columns(pl.lit(at, UTC_TIME).alias("valid_from"))], how="diagonal")


def with_state_ids(updates: pl.DataFrame) -> pl.DataFrame:
    """Add ``state_id``: 63 bits of the BLAKE2b hash of what is said of the symbol, the same on every machine.

    Numbers are hashed by their bits: no library decides how they are written.
    """
    parts = [
        *(pl.col(name) for name in KEY),
        pl.col("listed").cast(pl.String),
        *(_as_text(name, kind) for name, kind in ATTRIBUTES.items()),
    ]
    text = pl.concat_str([part.fill_null("\1") for part in parts], separator="\0")
    texts = updates.select(text.alias("text")).to_series()
    hashes = [int.from_bytes(blake2b(one.encode(), digest_size=8).digest()) >> 1 for one in texts]
    return updates.with_columns(pl.Series("state_id", hashes, pl.Int64))


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Float64():
        return (pl.col(name) + 0.0).reinterpret(signed=True).cast(pl.String)  # minus zero is zero
    if kind == UTC_TIME:
        return pl.col(name).to_physical().cast(pl.String)
    return pl.col(name)


def unnamed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return, as empty snapshots, the exchanges that lists name no longer.

    A list speaks for every exchange that an earlier list of its source named, if that one shares an exchange with it:
    lists of other exchanges are another matter. ``rows`` need the columns of ``HEAD`` only; so has the result.
    """
    lists = rows.filter("is_list").select(HEAD).sort("source", "at", "found", "file_id")
    missing: list[tuple[dict[str, object], str]] = []
    for (_,), of_source in lists.group_by("source", maintain_order=True):
        seen: set[frozenset[str]] = set()
        for (_,), of_time in of_source.group_by("at", maintain_order=True):
            now: set[frozenset[str]] = set()
            for (_,), of_file in of_time.group_by("file_id", maintain_order=True):
                named = frozenset(of_file["exchange"])
                expected = frozenset().union(*(one for one in seen if one & named))
                head = of_file.row(0, named=True)
                missing += [(head, exchange) for exchange in sorted(expected - named)]
                now.add(named)
            seen |= now
    made = [{**head, "exchange": exchange, "rows": 0} for head, exchange in missing]
    return pl.DataFrame(made, schema={name: SCHEMA[name] for name in HEAD})


def recorded(versions: pl.DataFrame) -> Observed:
    """Return versions of ``dim_symbol`` as if one observer had told of them, for want of what they were made from."""
    attributes = [pl.lit(None, kind).alias(name) for name, kind in ATTRIBUTES.items()]
    starts = versions.select(*KEY, *ATTRIBUTES, "valid_from", pl.lit(value=True).alias("listed"))
    ends = versions.filter(pl.col("valid_until").is_not_null()).select(
        *KEY, *attributes, pl.col("valid_until").alias("valid_from"), pl.lit(value=False).alias("listed")
    )
    ends = ends.join(starts, on=[*KEY, "valid_from"], how="anti")
    origin = Origin(file_id=-1, found=0, max_missing_share=1.0)
    return observe(pl.concat([starts, ends]), Kind.RECORDED, None, origin)
