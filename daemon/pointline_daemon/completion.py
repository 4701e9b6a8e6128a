"""What a shell offers for a value while it is typed: ids, paths, tables, rules, exchanges, ... of the lake.

A shell asks at each press of a key: what cannot be known, because no lake is named or it cannot be read, is offered as
nothing, in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

import typer

if TYPE_CHECKING:
    import polars as pl

    from pointline.config import Config

Offer: TypeAlias = str | tuple[str, str]
"""A value, or a value with what it is."""

MOST: Final = 200


def statuses(_context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the statuses of files."""
    from pointline.tables.ingest_manifest import Status

    return _begin(incomplete, [one.value for one in Status])


def file_tables(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the tables that a file may be of."""
    from pointline_daemon.commands.shared.known import file_tables as known

    return _of_lake(context, incomplete, known)


def event_tables(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the event tables."""
    from pointline_daemon.commands.shared.known import event_tables_of

    return _of_lake(context, incomplete, event_tables_of)


def all_tables(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the event tables and those that the lake keeps about itself."""
    from pointline.tables import dim_symbol, ingest_manifest, quarantine
    from pointline_daemon.commands.shared.known import event_tables_of

    about_itself = (ingest_manifest.NAME, quarantine.NAME, dim_symbol.NAME)
    return _of_lake(context, incomplete, lambda config: [*event_tables_of(config), *about_itself])


def vendors(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the vendors that ship and those of the lake, each with its title."""
    from pointline_daemon.opening.bronze_access import make_feeds

    def known(config: Config) -> list[Offer]:
        found = make_feeds(config, on_problem=lambda _problem: None).vendors
        return [(one.name, one.title) for one in found]

    return _of_lake(context, incomplete, known)


def exchanges(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the exchanges of the files in the ledger."""
    from pointline_daemon.commands.shared.known import exchanges_in, ledger_rows

    return _of_lake(context, incomplete, lambda config: exchanges_in(ledger_rows(config)))


def symbols(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the symbols of the files in the ledger, of the exchange where one was given."""
    from pointline_daemon.commands.shared.known import ledger_rows, symbols_in

    return _of_lake(context, incomplete, lambda config: symbols_in(_of_exchange(context, ledger_rows(config))))


def described_exchanges(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the exchanges of ``dim_symbol``."""
    from pointline_daemon.commands.shared.known import exchanges_in, known_symbols

    return _of_lake(context, incomplete, lambda config: exchanges_in(known_symbols(config)))


def described_symbols(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the symbols of ``dim_symbol``, of the exchange where one was given."""
    from pointline_daemon.commands.shared.known import known_symbols, symbols_in

    return _of_lake(context, incomplete, lambda config: symbols_in(_of_exchange(context, known_symbols(config))))


def rules(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the rules that quarantined rows broke, else all there are."""
    from pointline.tables.rule_names import RULES
    from pointline_daemon.commands.shared.known import rules_in

    return _of_lake(context, incomplete, lambda config: [(one, RULES.get(one, "")) for one in rules_in(config)])


def partitions(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the partitions of the event tables, as exchange/date."""
    from pointline_daemon.commands.shared.known import partitions_in

    table = context.params.get("table")
    return _of_lake(context, incomplete, lambda config: partitions_in(config, table))


def file_ids(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer the ids of files, the newest first, each with its path."""
    from pointline_daemon.commands.shared.known import newest_files

    return _of_lake(context, incomplete, lambda config: newest_files(config, incomplete, MOST))


def files(context: typer.Context, incomplete: str) -> list[Offer]:
    """Offer ids of files, and paths where what was typed is no number."""
    from pointline_daemon.commands.shared.known import paths_in

    if not incomplete or incomplete.isdecimal():
        return file_ids(context, incomplete)
    return _of_lake(context, incomplete, lambda config: paths_in(config, incomplete, MOST))


def _of_exchange(context: typer.Context, rows: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    exchange = context.params.get("exchange")
    return rows if exchange is None else rows.filter(pl.col("exchange") == exchange)


def _of_lake(context: typer.Context, incomplete: str, known: Callable[[Config], Iterable[Offer]]) -> list[Offer]:
    """Offer what is known of the lake that is named; where none is, what comes with the program."""
    from pointline_daemon.commands.shared.settings import settings_with_or_without

    try:
        return _begin(incomplete, known(settings_with_or_without(context.params.get("lake_root"))))
    except _failures():
        return []


def _failures() -> tuple[type[Exception], ...]:
    from polars.exceptions import PolarsError

    from pointline.errors import PointlineError

    return PointlineError, OSError, PolarsError


def _begin(incomplete: str, offers: Iterable[Offer]) -> list[Offer]:
    found = (one for one in offers if (one if isinstance(one, str) else one[0]).startswith(incomplete))
    return list(islice(found, MOST))
