"""A lake made by the adapters alone: one part per file of trades, and versions of symbols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from pointline.io.delta.event_table import DeltaEventTable
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.protocols.tables import Part
from pointline.io.symbols.observations import DeltaObservations
from pointline.io.symbols.table import DeltaSymbolTable
from pointline.services.compaction import DICTIONARY
from pointline.tables import dim_symbol
from pointline.tables.registry import event_tables
from pointline.tables.schema import PARTITION_COLUMNS
from pointline.tables.symbols import observations as symbol_observations
from pointline.tables.symbols.observations import Kind, Observed, observe
from pointline.tables.symbols.updates import UPDATE_SCHEMA, typed_updates
from tests.support.told import origin, versions_of

TRADES = event_tables()["trades"]


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def trades(exchange: str, symbol: str, times: Iterable[dt.datetime], file_id: int = 1) -> pl.DataFrame:
    """One trade per time; prices count up."""
    rows = pl.DataFrame({"local_timestamp": list(times)}, schema={"local_timestamp": pl.Datetime("us", "UTC")})
    known = {
        "exchange": pl.lit(exchange),
        "symbol": pl.lit(symbol),
        "timestamp": pl.col("local_timestamp"),
        "side": pl.lit("buy"),
        "price": pl.int_range(1, pl.len() + 1),
        "amount": pl.lit(1.0),
        "date": pl.col("local_timestamp").dt.date(),
        "file_id": pl.lit(file_id),
        "file_seq": pl.int_range(1, pl.len() + 1),
    }
    schema = TRADES.silver_schema
    return rows.select(known.get(name, pl.col(name) if name == "local_timestamp" else pl.lit(None)).cast(kind)
                       .alias(name) for name, kind in schema.items())  # fmt: skip


def add_trades(lake: Path, *files: pl.DataFrame) -> DeltaEventTable:
    """Commit each frame as a part of its own, all at once."""
    table = DeltaEventTable(lake / "silver" / "trades", TRADES)
    table.create()
    table.commit_parts(add=[_part(table, file) for file in files], remove=())
    return table


def _part(table: DeltaEventTable, file: pl.DataFrame) -> Part:
    partition = {name: str(file[name][0]) for name in PARTITION_COLUMNS}
    writer = table.part_writer(partition, DICTIONARY)
    writer.write(file.drop(partition))
    return writer.close()


def add_symbols(lake: Path, versions: Sequence[tuple[str, str, dt.datetime, float | None]]) -> None:
    """``exchange, symbol, valid_from, tick_size``; a tick size of None delists."""
    updates = pl.DataFrame(
        [
            {"exchange": exchange, "symbol": symbol, "valid_from": since, "tick_size": tick, "listed": tick is not None}
            for exchange, symbol, since, tick in versions
        ],
        schema=UPDATE_SCHEMA,
    )
    silver = lake / "silver"
    states = DeltaTableRepository(silver / symbol_observations.STATES_NAME, symbol_observations.STATES_SCHEMA)
    observations = DeltaObservations(silver / symbol_observations.NAME, states)
    table = DeltaSymbolTable(silver / dim_symbol.NAME)
    for repository in (states, observations, table):
        repository.create()
    number = observations.last_batch() + 1
    said = observe(typed_updates(updates), Kind.WINDOWS, None, origin(-1 - number, found=0))
    known = states.read_all()
    new = said.states.join(known, on="state_id", how="anti")
    observations.commit(number, add=replace(said, states=new), remove=[], outcomes=[])
    whole = Observed(rows=observations.read_all(), states=states.read_all())
    table.replace(removed=table.read_all(), added=versions_of([whole]), batch=number)
