"""How the rows of a lake are read from Python, beside a running daemon or without one.

Lazy: no row is read before ``collect``.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from pointline.asked import Names, Time, exchange_ids, lake_paths, near, window, words
from pointline.errors import PointlineError, UnknownValue, WrongUse
from pointline.io.delta.lake_frame import of_lake
from pointline.io.delta.reading import Parts, Wanted
from pointline.io.descriptions import lake_tables
from pointline.naming import Reading, require_names
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.registry import event_tables
from pointline.tables.schema import PARTITION_COLUMNS, EventTable
from pointline.tables.symbols import observations as symbol_observations
from pointline.unknown import no_such

ORDER = ("local_timestamp", "file_id", "file_seq")
"""The order in which events arrived, the same in every run."""


def scan(
    table: str,
    *,
    exchange: Names | None = None,
    symbol: Names | None = None,
    start: Time | None = None,
    end: Time | None = None,
    columns: Names | None = None,
    lake_root: str | Path | None = None,
    in_order: bool = False,
    version: int | None = None,
) -> pl.LazyFrame:
    """Return the rows of a table as it is now, lazily.

    >>> import pointline
    >>> day = pointline.scan("trades", exchange="deribit", start="2024-05-01", end="2024-05-02")
    >>> day.select("symbol", "price").collect()  # doctest: +SKIP
    >>> pointline.scan("trades", symbol=["BTCUSDT", "ETHUSDT"], columns="price")  # doctest: +SKIP

    ``exchange`` (upper or lower case) and ``symbol`` name one or several, ``columns`` the columns wanted.
    ``start`` and ``end`` are of ``local_timestamp``, half open: ``end`` itself is not included. Each is a text such as
    "2024-05-01" or "2024-05-01T12:30", a date or a datetime; without a zone it is UTC.
    Only data files that can hold such rows are opened. Without ``in_order`` the rows of a file stand in its order, but
    files in none; with it all are sorted by ``local_timestamp, file_id, file_seq``.
    ``version`` reads the table as an earlier commit left it: ``pointline.tables()`` names the newest version of each.
    The lake is ``lake_root``, or else the environment variable ``LAKE_ROOT``.

    What is returned keeps to the current version. Its data files stay for ``maintenance.vacuum_retention_hours``, or
    for an hour at least (``maintenance.max_dead_share``), those of ``ingest_manifest`` and ``quarantine`` for an hour;
    collecting it later raises PointlineError, which says so.

    Raises PointlineError, with the near names, for an unknown table or column, and for an exchange or symbol that the
    table has rows of on no day. A table without any row is empty, whatever is asked of it that the lake knows.
    """
    schema, partition_by = _described(table, lake_root)
    first, last = window(start, end)
    exchanges, symbols, chosen = exchange_ids(exchange), words(symbol), words(columns)
    wanted = Wanted(exchanges=exchanges, symbols=symbols, start=first, end=last)
    _require_columns(table, schema, chosen or ())
    if start is not None or end is not None:
        _require_times(table, schema, "start and end select", ORDER[:1])
    if in_order:
        _require_times(table, schema, "in_order sorts", ORDER)
    _require_columns(table, schema, wanted.columns())
    paths = lake_paths(lake_root)
    parts = Parts(paths.table(table), _version(version))
    reading = Reading(table=table, columns=schema, parts=parts, silver=paths.silver, has_events=bool(partition_by))
    require_names(reading, words(exchange), symbols)
    rows = parts.scan(schema, partition_by, wanted)
    if in_order:
        rows = rows.sort(ORDER)
    return of_lake(rows if chosen is None else rows.select(chosen))


def _described(table: str, lake_root: str | Path | None) -> tuple[Mapping[str, pl.DataType], tuple[str, ...]]:
    """Return a table's columns and what it is partitioned by. A lake's descriptions are read only where need be."""
    known: Mapping[str, EventTable] = event_tables()
    others = other_tables()
    if table in others:
        return others[table], ()
    hint = f"`{dim_symbol.NAME}` has what files of instruments say" if table == dim_symbol.INSTRUMENTS else ""
    if table not in known:
        with suppress(PointlineError):  # without a lake the name is wrong all the same
            paths = lake_paths(lake_root)
            problems: list[str] = []
            known = lake_tables(paths.root, problems.append)
            if (paths.table(str(table)) / "_delta_log").is_dir():
                where = paths.vendors
                hint = f"it is in {paths.silver}: put its description back into {where}"
                if problems:
                    hint = f"it is in {paths.silver}; in {where} something is wrong: {'; '.join(problems)}"
    if table not in known:
        raise no_such("table", str(table), [*known, *others], hint=hint)
    return known[table].silver_schema, PARTITION_COLUMNS


def other_tables() -> dict[str, Mapping[str, pl.DataType]]:
    """Return the columns of the tables that hold no events, by name."""
    others: dict[str, Mapping[str, pl.DataType]] = {
        module.NAME: module.SCHEMA for module in (dim_symbol, ingest_manifest, quarantine, symbol_observations)
    }
    others[symbol_observations.STATES_NAME] = symbol_observations.STATES_SCHEMA
    return others


def _version(given: int | None) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise WrongUse(
            f"version is {given!r}, and versions are whole numbers",
            hint="`pointline.tables()` names the newest version of each table",
        )
    return operator.index(given)


def _require_times(table: str, schema: Mapping[str, pl.DataType], what: str, columns: Sequence[str]) -> None:
    """Raise UnknownValue where an option goes by columns that nobody named, and that the table lacks."""
    if missing := [name for name in columns if name not in schema]:
        raise UnknownValue(
            f"{what} by {', '.join(columns)}, and {table} has no {' and no '.join(missing)}",
            subject=table,
            hint="leave it out, and filter or sort the frame by its own columns",
        )


def _require_columns(table: str, schema: Mapping[str, pl.DataType], asked: Sequence[str]) -> None:
    missing = list(dict.fromkeys(name for name in asked if name not in schema))
    if not missing:
        return
    noun = "column" if len(missing) == 1 else "columns"
    meant = list(dict.fromkeys(name for one in missing for name in near(str(one), schema)))
    hint = f"did you mean {' or '.join(meant)}? " if meant else ""
    raise UnknownValue(
        f"{table} has no {noun} {', '.join(repr(name) for name in missing)}",
        subject=table,
        hint=f"{hint}it has {', '.join(schema)}",
    )
