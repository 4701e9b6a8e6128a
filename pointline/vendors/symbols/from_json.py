"""Symbol metadata in JSON: the instruments of Tardis and the ``exchangeInfo`` of Binance."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping

import polars as pl

from pointline.errors import Rejected
from pointline.tables.schema import UTC_TIME
from pointline.tables.symbols.updates import PLACE, UPDATE_SCHEMA
from pointline.vendors.symbols.faults import Faults
from pointline.vendors.symbols.times import read_milliseconds, read_time

TARDIS_FIELDS: Mapping[str, str] = {
    "base_asset": "baseCurrency",
    "quote_asset": "quoteCurrency",
    "settle_asset": "settlementCurrency",
    "market_type": "type",
    "tick_size": "priceIncrement",
    "lot_size": "amountIncrement",
    "contract_size": "contractMultiplier",
    "min_order_size": "minTradeAmount",
    "expiry": "expiry",
    "strike_price": "strikePrice",
    "option_type": "optionType",
}

ENDED = frozenset(
    {"BREAK", "CLOSE", "DELIVERED", "DELIVERING", "SETTLING", "EXPIRED", "INACTIVE", "PRE_TRADING", "PENDING_TRADING"}
)
"""Binance's statuses of what cannot be traded any more, or not yet. ``BREAK`` is also a planned pause; the share that a
snapshot may lack keeps a pause of the whole venue from delisting it."""

Fields = Mapping[str, object]


def parse_json(data: bytes) -> object:
    """Return what a JSON file holds. Raises ``Rejected``."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"not JSON: {error}", hint="fetch it again, it may be incomplete") from error


def tardis_updates(content: object, known_at: dt.datetime | None = None, faults: Faults | None = None) -> pl.DataFrame:
    """Return the updates that Tardis instruments (``/v1/instruments/{exchange}``) amount to: all of their history.

    ``changes[]`` tells the past: each entry names the fields that were different ``until`` then. A field that an entry
    does not name was as the next later entry, or the instrument itself, has it. An instrument is listed from
    ``availableSince`` to ``availableTo``; one that is not ``active`` and does not say since when ended with its expiry,
    or at ``known_at``. Ids that Tardis writes in lower case, as some venues' streams do, become the
    upper case of the data.
    """
    items = [content] if isinstance(content, dict) and "id" in content else content
    rows = []
    for number, item in enumerate(_objects(items, "Tardis instruments"), 1):
        key = {"exchange": _text(item, "exchange"), "symbol": _text(item, "id"), PLACE: f"item {number}"}
        try:
            rows += list(_tardis_rows(item, key, known_at))
        except Rejected as error:
            _keep_apart(item, key, error, faults)
    return pl.DataFrame(rows, schema={PLACE: pl.String(), **UPDATE_SCHEMA})


def _tardis_rows(item: Fields, key: Fields, known_at: dt.datetime | None) -> Iterator[dict[str, object]]:
    end = _tardis_end(item, known_at)
    for since, state in _tardis_states(item, end):
        attributes = {name: _value(state, field, name) for name, field in TARDIS_FIELDS.items()}
        yield {**key, **attributes, "valid_from": since, "listed": True}
    if end is not None:
        yield {**key, "valid_from": end, "listed": False}


def _keep_apart(item: Fields, key: Fields, error: Rejected, faults: Faults | None) -> None:
    if faults is None:
        raise error
    row = {**key, "item": json.dumps(item)}
    faults.take(pl.DataFrame([row], schema=dict.fromkeys(row, pl.String())), error, rule="unparseable", column="")


def _tardis_end(item: Fields, known_at: dt.datetime | None) -> dt.datetime | None:
    if item.get("availableTo") is not None:
        end = _time(item, "availableTo")
        if end <= _time(item, "availableSince"):
            raise Rejected(
                f"{_text(item, 'id')} ends before it begins: availableSince {item['availableSince']}, availableTo "
                f"{item['availableTo']}",
                hint="fetch it again",
            )
        return end
    if item.get("active") is not False:
        return None
    expiry = _time(item, "expiry") if item.get("expiry") is not None else known_at
    if expiry is None:
        raise Rejected(
            f"{_text(item, 'id')} is not active and does not say since when",
            hint="fetch it again; in bronze the day of its folder counts",
        )
    return expiry


def _tardis_states(item: Fields, last: dt.datetime | None) -> Iterator[tuple[dt.datetime, Fields]]:
    """What the instrument was, from when on; newest first."""
    first = _time(item, "availableSince")
    state = item
    changes = sorted(_objects(item.get("changes") or [], "changes"), key=lambda one: _time(one, "until"), reverse=True)
    for change in changes:
        until = _time(change, "until")
        if until <= first:
            break
        if last is None or until < last:
            yield until, state
        state = {**state, **change}
    yield first, state


def binance_updates(content: object, exchange: str, faults: Faults | None = None) -> tuple[pl.DataFrame, dt.datetime]:
    """Return the rows of an ``exchangeInfo`` and the server's time, at which they hold.

    The answer does not name its exchange. ``contractType`` tells spot from contracts; symbols whose status is in
    ``ENDED`` are not listed.
    """
    if not isinstance(content, dict) or "symbols" not in content or "serverTime" not in content:
        raise Rejected(f"not an exchangeInfo of Binance{_told(content)}", hint="fetch it again")
    at = _milliseconds(content, "serverTime")
    items = _objects(content["symbols"], "symbols of an exchangeInfo")
    rows = []
    for number, item in enumerate(items, 1):
        key = {"exchange": exchange, "symbol": _text(item, "symbol"), PLACE: f"symbol {number}"}
        try:
            rows.append({**key, **_binance_row(item), "valid_from": at})
        except Rejected as error:
            _keep_apart(item, key, error, faults)
    return pl.DataFrame(rows, schema={PLACE: pl.String(), **UPDATE_SCHEMA}), at


def _binance_row(item: Fields) -> dict[str, object]:
    filters = {one.get("filterType"): one for one in _objects(item.get("filters") or [], "filters")}
    price, lot = filters.get("PRICE_FILTER", {}), filters.get("LOT_SIZE", {})
    contract = str(item.get("contractType") or "")
    perpetual = contract.endswith("PERPETUAL")
    # 2100-12-25 is what Binance writes where nothing is ever delivered.
    delivered = bool(contract) and not perpetual and bool(item.get("deliveryDate"))
    return {
        "base_asset": _value(item, "baseAsset", "base_asset"),
        "quote_asset": _value(item, "quoteAsset", "quote_asset"),
        "settle_asset": _value(item, "marginAsset", "settle_asset"),
        "market_type": "perpetual" if perpetual else "future" if contract else "spot",
        "tick_size": _value(price, "tickSize", "tick_size"),
        "lot_size": _value(lot, "stepSize", "lot_size"),
        "contract_size": _value(item, "contractSize", "contract_size") or (1.0 if contract else None),
        "min_order_size": _value(lot, "minQty", "min_order_size"),
        "expiry": _milliseconds(item, "deliveryDate") if delivered else None,
        "listed": (item.get("status") or item.get("contractStatus")) not in ENDED,
    }


def _objects(content: object, what: str) -> list[Fields]:
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise Rejected(f"not a list of {what}{_told(content)}", hint="fetch it again, it may be an error answer")
    return content


def _told(content: object) -> str:
    """What an error answer says of itself, for the message."""
    if not isinstance(content, dict):
        return ""
    told = content.get("message") or content.get("msg") or content.get("error")
    return f", but an answer that says: {str(told)[:200]}" if told else ""


def _text(item: Fields, field: str) -> str:
    value = item.get(field)
    if not isinstance(value, str) or not value:
        raise Rejected(f"a symbol without {field}: {json.dumps(item)[:200]}", hint="fetch it again")
    return value


def _value(item: Fields, field: str, name: str) -> object:
    """The value of an attribute; numbers may be written as text, and an absent one is null."""
    value = item.get(field)
    if value is None:
        return None
    if UPDATE_SCHEMA[name] == UTC_TIME:
        return _time(item, field)
    if UPDATE_SCHEMA[name] == pl.String():
        return str(value)
    try:
        return float(str(value))  # a boolean is no number here
    except ValueError as error:
        raise _unreadable(item, field) from error


def _time(item: Fields, field: str) -> dt.datetime:
    try:
        return read_time(item.get(field))
    except ValueError as error:
        raise _unreadable(item, field, str(error)) from error


def _milliseconds(item: Fields, field: str) -> dt.datetime:
    try:
        return read_milliseconds(item.get(field))
    except ValueError as error:
        raise _unreadable(item, field, str(error)) from error


def _unreadable(item: Fields, field: str, fault: str = "") -> Rejected:
    name = item.get("id") or item.get("symbol") or "an answer"
    if item.get(field) is None:
        return Rejected(f"{name}: {field} is missing", hint="fetch it again")
    why = f", {fault}" if fault else ""
    return Rejected(f"{name}: {field} cannot be read: {item.get(field)!r}{why}", hint="fetch it again")
