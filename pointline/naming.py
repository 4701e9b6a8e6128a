"""Names of exchanges and symbols that a query gives: one that the table holds on no day is a slip, and said to be."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import polars as pl
from msgspec import Struct

from pointline.asked import exchange_ids, near, require
from pointline.errors import UnknownValue
from pointline.io.delta.reading import Parts
from pointline.io.delta.table_path import scan_data_files
from pointline.io.ledger.known_names import KnownNames, known_names

ALL = '`pointline.symbols("{table}")` lists all'


class Reading(Struct, frozen=True, kw_only=True):
    """The version of a table that a query reads."""

    table: str
    columns: Collection[str]
    parts: Parts
    silver: Path
    has_events: bool
    """The table is one of events: the ledger knows which exchanges and symbols it has rows of."""


def require_names(reading: Reading, exchanges: Sequence[str] | None, symbols: Sequence[str] | None) -> None:
    """Raise UnknownValue for an exchange or a symbol of which the table has no row on any day.

    What the Delta log proves needs no look at the ledger. Of a table without rows, and of one that holds no events, the
    names of the whole lake are good: that there are none there yet says nothing against a name.
    """
    if not exchanges and not symbols:
        return
    if not reading.has_events or reading.parts.files.is_empty():
        names = () if reading.has_events else ("exchange", "symbol")
        own = {name: reading.parts.values(name) for name in names if name in reading.columns}
        require_known(reading.silver, exchanges or (), symbols or (), own)
        return
    _require_exchanges(reading, exchanges or ())
    ids = exchange_ids(exchanges)
    unproven = [name for name in symbols or () if not reading.parts.surely_hold(name, ids)]
    if unproven:
        _require_symbols(reading, unproven, exchanges)


def require_known(
    silver: Path,
    exchanges: Sequence[str],
    symbols: Sequence[str],
    own: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> None:
    """Raise UnknownValue for an exchange or a symbol that no file of the ledger has, nor ``own`` names."""
    known = known_names(silver)
    for kind, names, of_lake in (
        ("exchange", exchanges, known.exchanges()),
        ("symbol", symbols, known.symbols()),
    ):
        if there := of_lake.union(own.get(kind, ())):
            require(kind, [name for name in names if not {name, name.lower()} & there], there)


def _require_exchanges(reading: Reading, exchanges: Sequence[str]) -> None:
    there = reading.parts.exchanges()
    odd = next((name for name in exchanges if not {name, name.lower()} & there), None)
    if odd is None:
        return
    elsewhere = sorted(set(known_names(reading.silver).held.filter(exchange=odd.lower())["table"]))
    said = [f"the lake has {odd.lower()} in {', '.join(elsewhere)}"] if elsewhere else []
    said += [f"did you mean {' or '.join(alike)}?"] if (alike := near(odd, there)) else []
    said.append(f"{reading.table} has rows of {', '.join(sorted(there))}")
    raise UnknownValue(f"{reading.table} has no rows of the exchange {odd!r}", subject=odd, hint=_joined(said))


def _require_symbols(reading: Reading, symbols: Sequence[str], exchanges: Sequence[str] | None) -> None:
    known = known_names(reading.silver)
    ids = exchange_ids(exchanges)
    held = known.symbols_of(reading.table, ids)
    for symbol in symbols:
        maybe = reading.parts.may_hold(symbol, ids)
        if symbol not in held and not (maybe and _is_in(reading, symbol, maybe, known, ids)):
            of = f" of {' or '.join(exchanges)}" if exchanges else ""
            hint = _meant(reading.table, symbol, held, known)
            if known.is_claimed(reading.table, symbol, ids):
                became = f"`pointline files --symbol {shlex.quote(symbol)}` says what became of its files"
                hint = _joined([became, ALL.format(table=reading.table)])
            raise UnknownValue(f"{reading.table} has no rows of the symbol {symbol!r}{of}", subject=symbol, hint=hint)


def _is_in(reading: Reading, symbol: str, maybe: Sequence[str], known: KnownNames, ids: Collection[str] | None) -> bool:
    """Tell whether files that may have rows of a symbol have to be taken to have them, though the ledger has not.

    The ledger is of now: it knows nothing of an earlier version, of what is just being committed, and of rows that no
    file of bronze brought. Only of these the column itself is read.
    """
    if reading.parts.is_of_old_version or known.is_untold(reading.table, ids):
        return True
    if known.symbols_of(reading.table, ids):
        return False
    column = scan_data_files(reading.parts.table, list(maybe), {"symbol": pl.String()})
    return not column.filter(symbol=symbol).head(1).collect().is_empty()


def _meant(table: str, symbol: str, held: Collection[str], known: KnownNames) -> str:
    places = known.places_of(symbol)
    said = [f"it is in {', '.join(places[:3])}"] if places else []
    if alike := near(symbol, held) or ([] if places else near(symbol, known.symbols())):
        said.append(f"did you mean {' or '.join(alike)}?")
    return _joined([*said, ALL.format(table=table)])


def _joined(sentences: Sequence[str]) -> str:
    return "; ".join(sentences).replace("?;", "?")
