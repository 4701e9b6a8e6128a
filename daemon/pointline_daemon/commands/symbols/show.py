"""``pointline symbols show``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pointline.errors import PointlineError, WrongUse
from pointline.phrases import no_lake, plural, printable
from pointline.tables import dim_symbol
from pointline.tables.schema import UTC_TIME
from pointline_daemon.commands.shared.known import LISTS_SYMBOLS, known_exchange, known_symbols, require_symbol
from pointline_daemon.commands.shared.present import (
    Column,
    is_terminal,
    print_json,
    print_lines,
    print_problem,
    print_table,
)
from pointline_daemon.commands.shared.settings import settings_for
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK

SHOWN = 50
BRINGS = (
    "drop a file of Tardis instruments into bronze, or type `pointline symbols update FILE`; "
    "`pointline help tables` says which files are read"
)
COLUMNS = (
    Column(title="exchange"),
    Column(title="symbol"),
    Column(title="from"),
    Column(title="until"),
    Column(title="was", fold=True),
)
SAID = {
    "tick_size": "tick",
    "lot_size": "lot",
    "contract_size": "contract",
    "min_order_size": "min. order",
    "settle_asset": "settled in",
    "expiry": "expires",
    "strike_price": "strike",
    "option_type": "option",
}
"""How an attribute is named on a line."""


def show(lake_root: Path | None, symbol: str | None, *, exchange: str | None, at: str | None, as_json: bool) -> int:
    """Print versions of symbols: those that hold now or held at a time, or all of one symbol."""
    config = settings_for(lake_root)
    if not config.paths.silver.is_dir():
        raise no_lake(config.paths.root)
    time = None if at is None else parsed_time("--at", at)
    table = known_symbols(config)
    if table.head(1).collect().is_empty():
        raise PointlineError("the lake has no symbols yet", hint=BRINGS)
    exchange = known_exchange(table, exchange)
    require_symbol(
        table if exchange is None else table.filter(pl.col("exchange") == exchange), symbol, lists=LISTS_SYMBOLS
    )
    named = {"symbol": symbol, "exchange": exchange}
    wanted = [pl.col(name) == value for name, value in named.items() if value is not None]
    if time is not None:
        wanted.append(dim_symbol.in_force(pl.lit(time, UTC_TIME)))
    elif symbol is None:
        wanted.append(pl.col("is_current"))
    found = table.filter(*wanted).sort(*dim_symbol.KEY, "valid_from").collect()
    if as_json:
        print_json(found.to_dicts())
    elif found.is_empty():
        print_problem("no version of a symbol matches", "leave out --at, or give a later time")
    else:
        most = SHOWN if is_terminal() else found.height
        print_table(COLUMNS, [_row(row) for row in found.head(most).iter_rows(named=True)])
        more = f"; a pipe or --json shows all of {found.height:,}" if found.height > most else ""
        print_lines(["", f"{plural(min(most, found.height), 'version')}{more}"])
    return EXIT_FINDINGS if found.is_empty() else EXIT_OK


def parsed_time(option: str, text: str) -> dt.datetime:
    """Read a time, UTC unless it says otherwise. Raises WrongUse."""
    try:
        time = dt.datetime.fromisoformat(text)
        return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        hint = "write it as 2024-05-01 or 2024-05-01T12:00"
        raise WrongUse(f"{option} {text!r} is not a time", subject=text, hint=hint) from None


def short_time(time: dt.datetime | str) -> str:
    """Write a time without what is zero at its end."""
    moment = dt.datetime.fromisoformat(time) if isinstance(time, str) else time
    text = f"{moment:%Y-%m-%d %H:%M:%S.%f}"
    for ending in (".000000", ":00", " 00:00"):
        text = text.removesuffix(ending)
    return text


def _row(version: Mapping[str, Any]) -> tuple[str, ...]:
    until = "" if version["valid_until"] is None else short_time(version["valid_until"])
    names = (printable(version[name]) for name in dim_symbol.KEY)
    return (*names, short_time(version["valid_from"]), until, printable(_attributes(version)))


def _attributes(version: Mapping[str, Any]) -> str:
    assets = "/".join(version[name] for name in ("base_asset", "quote_asset") if version[name])
    first = " ".join(word for word in (assets, version["market_type"]) if word)
    rest = [f"{word} {_value(version[name])}" for name, word in SAID.items() if version[name] is not None]
    return ", ".join(filter(None, [first, *rest]))


def _value(value: object) -> str:
    if isinstance(value, dt.datetime):
        return short_time(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
