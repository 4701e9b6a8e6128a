"""Symbol metadata in columns: CSV and Parquet, under the names that sources have used for them over the years.

Besides files with the columns of ``dim_symbol`` this reads QuantConnect's ``symbol-properties-database.csv``, whose
header has grown since 2016 (``pip_size`` became ``minimum_price_variation``) and whose rows are shorter than it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from pointline.errors import Rejected
from pointline.tables.dim_symbol import ATTRIBUTES, KEY
from pointline.tables.schema import UTC_TIME
from pointline.tables.symbols.updates import PLACE, REQUIRED, UPDATE_SCHEMA
from pointline.vendors.symbols.faults import Faults, keep_apart
from pointline.vendors.symbols.times import HINT, fault_of, typed_times

ALIASES: Mapping[str, tuple[str, ...]] = {
    "exchange": ("venue", "market"),
    "symbol": ("id", "instrument"),
    "base_asset": ("base", "base_currency"),
    "quote_asset": ("quote", "quote_currency"),
    "settle_asset": ("settlement_currency", "margin_asset"),
    "market_type": ("type", "instrument_type"),
    "tick_size": ("pip_size", "minimum_price_variation", "price_increment"),
    "lot_size": ("step_size", "amount_increment"),
    "contract_size": ("contract_multiplier",),
    "min_order_size": ("minimum_order_size", "min_trade_amount", "min_qty"),
    "expiry": ("expiration", "expiry_date"),
    "strike_price": ("strike",),
    "option_type": ("option_kind",),
    "valid_from": ("effective_at", "effective_from"),
    "valid_until": ("effective_until",),
}
"""Other names of a column; case and everything but letters and digits do not count. The column's own name wins."""

_ANY_SYMBOL = "[*]"
TIMES = ("valid_from", "valid_until", "expiry")

ACTIVE = ("listed", "active", "is_active", "tradable", "is_tradable", "status", "state", "contract_status")
"""Columns that say whether the venue lets a symbol be traded; one of them counts, the first of these."""
IS_ACTIVE: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "yes", "active", "trading", "live", "open", "online", "enabled", "listed"), True),
    **dict.fromkeys(
        ("false", "0", "no", "inactive", "break", "close", "closed", "delivered", "delivering", "settled", "settling",
         "expired", "delisted", "offline", "disabled", "suspend", "suspended", "preopen", "pre_trading"),
        False,
    ),
}  # fmt: skip
LONGEST_HEADER = 80


def read_csv(data: bytes) -> pl.DataFrame:
    """Return the cells of a CSV as text, and where each row stands; lines that begin with ``#`` are comments."""
    try:
        cells = pl.read_csv(data, infer_schema=False, comment_prefix="#", truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as error:
        raise Rejected(f"not a CSV of symbols: {str(error).splitlines()[0]}", hint="give it a header line") from error
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    told = [number for number, line in enumerate(lines, 1) if line and not line.startswith(b"#")][1:]
    if len(told) == cells.height:
        cells = cells.with_columns(pl.format("line {}", pl.Series(told, dtype=pl.Int64)).alias(PLACE))
    else:  # a cell has several lines
        cells = _with_rows(cells)
    return cells.filter(~pl.all_horizontal(pl.exclude(PLACE).is_null()))


def _with_rows(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.format("row {}", pl.int_range(1, pl.len() + 1)).alias(PLACE))


def read_parquet(data: bytes) -> pl.DataFrame:
    """Return the rows of a Parquet file."""
    try:
        return _with_rows(pl.read_parquet(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Rejected(f"not a Parquet file: {str(error).splitlines()[0]}", hint="fetch it again") from error


def read_columns(
    frame: pl.DataFrame, *, known_at: dt.datetime | None = None, faults: Faults | None = None
) -> pl.DataFrame:
    """Return updates (``UPDATE_SCHEMA``, ``valid_from`` where there is one) from columns under any known name.

    Text becomes numbers and times (``symbol_times``). A row with ``valid_until`` is delisted then, unless another row
    of its symbol begins at that time, so that a table that was written out comes back as it was. A row that the venue
    calls inactive was listed until ``valid_until``, or is not any more at ``known_at``. Unknown columns are left out.

    Raises ``Rejected`` for two columns that mean the same, text that is no number or time, and windows that overlap.
    With ``faults`` the rows of such texts and windows are kept apart instead.
    """
    frame = frame if PLACE in frame.columns else _with_rows(frame)
    named = _renamed(frame)
    active = _active(frame, named, faults)
    if {"market", "type"} <= set(frame.columns):
        named = _quantconnect(named)
    elif active is not None:
        named = named.with_columns(active)
    wanted = {PLACE: pl.String(), **UPDATE_SCHEMA, "valid_until": UTC_TIME}
    typed = named.select(_typed(named, name, wanted[name], faults) for name in wanted if name in named.columns)
    typed = typed if faults is None else faults.rest(typed)
    if "valid_from" not in typed.columns:
        return typed
    if active is not None and active.name != "listed":
        typed = _ended(typed, known_at)
    if "valid_until" not in typed.columns:
        return typed
    typed = reject_overlap(typed, faults)
    listed = typed if "listed" in typed.columns else typed.with_columns(listed=pl.lit(value=True))
    return with_ends(listed)


def with_ends(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows without ``valid_until``, and a delisting for each one that has it."""
    ends = rows.filter(pl.col("valid_until").is_not_null()).select(
        *(name for name in (PLACE, *KEY) if name in rows.columns),
        pl.col("valid_until").alias("valid_from"),
        pl.lit(value=False).alias("listed"),
    )
    return pl.concat([rows.drop("valid_until"), ends], how="diagonal")


def _ended(windows: pl.DataFrame, known_at: dt.datetime | None) -> pl.DataFrame:
    """What is inactive has ended: where its row says, or as of when that was known."""
    if "valid_until" not in windows.columns:
        windows = windows.with_columns(valid_until=pl.lit(None, UTC_TIME))
    is_open = ~pl.col("listed") & pl.col("valid_until").is_null()
    found = windows.filter(is_open)
    if found.height and known_at is None:
        raise Rejected(
            f"{found.height} rows are inactive and do not say since when, one is {found[PLACE][0]}",
            hint="give them a valid_until",
        )
    end = pl.when(is_open).then(pl.lit(known_at, UTC_TIME)).otherwise("valid_until")
    ended = windows.with_columns(end.alias("valid_until"))
    return ended.filter(~is_open | (pl.col("valid_from") < pl.col("valid_until"))).with_columns(
        listed=pl.lit(value=True)
    )


def _active(frame: pl.DataFrame, named: pl.DataFrame, faults: Faults | None) -> pl.Series | None:
    """Return whether each row is active, as the first column that tells it has it; None where there is none."""
    columns = {_squashed(column): column for column in reversed(frame.columns)}
    name = next((name for name in ACTIVE if _squashed(name) in columns), None)
    if name is None:
        return None
    told = frame[columns[_squashed(name)]]
    text = told.cast(pl.String).str.strip_chars().str.to_lowercase()
    active = text.replace_strict(IS_ACTIVE, default=None, return_dtype=pl.Boolean)
    text = text.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
    is_unknown = text.is_not_null() & active.is_null()
    unknown = frame.filter(is_unknown)
    if unknown.height:
        value = unknown[told.name][0]
        error = Rejected(
            f"{_rows(unknown)} whose {told.name} is neither active nor inactive, one is {value!r} "
            f"({unknown[PLACE][0]})",
            hint="write true or false",
        )
        keep_apart(named, named.filter(is_unknown), error, faults, rule="unknown_value", column=told.name)
    return active.fill_null(value=True).alias("listed")


def reject_overlap(windows: pl.DataFrame, faults: Faults | None) -> pl.DataFrame:
    """Return windows that neither end before they begin nor overlap; raises where nobody keeps the others apart."""
    key = [name for name in KEY if name in windows.columns]
    ordered = windows.sort(*key, "valid_from", "valid_until", nulls_last=True)
    end = pl.col("valid_until")
    follows = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key)
    early = follows & (pl.col("valid_from") != pl.col("valid_from").shift(1)) & (pl.col("valid_from") < end.shift(1))
    found = ordered.filter(early | (end <= pl.col("valid_from")))
    if found.height:
        symbol = " ".join(str(found[name][0]) for name in key)
        error = Rejected(
            f"{_rows(found)} whose window is empty or begins before the last one ended, one is {symbol} "
            f"from {found['valid_from'][0]} ({found[PLACE][0]})",
            hint="let valid_until of a row be valid_from of the next one, or earlier, or leave it empty",
        )
        rest = keep_apart(windows, found, error, faults, rule="window", column="valid_until")
        return reject_overlap(rest, faults)
    return windows


def _renamed(frame: pl.DataFrame) -> pl.DataFrame:
    """Give every known column its own name; a column already there by its own name wins over aliases."""
    meanings = {_squashed(alias): name for name, aliases in ALIASES.items() for alias in aliases}
    meanings |= {_squashed(name): name for name in [*UPDATE_SCHEMA, "valid_until"]}
    known: dict[str, list[str]] = {}
    for column in frame.columns:
        if _squashed(column) in meanings:
            known.setdefault(meanings[_squashed(column)], []).append(column)
    chosen = {}
    for name, columns in known.items():
        own = [column for column in columns if column == name] or columns
        if len(own) > 1:
            raise Rejected(f"columns {', '.join(own)} all mean {name}", hint=f"keep one of them and call it {name}")
        chosen[name] = own[0]
    if not chosen:
        first = ",".join(name for name in frame.columns if name != PLACE)
        what = f"no column of it is one of a symbol, it has {first[:LONGEST_HEADER]!r}"
        raise Rejected(what, hint="a file of symbols begins with a header such as symbol,base_asset,quote_asset,...")
    return frame.select(PLACE, *(pl.col(column).alias(name) for name, column in chosen.items() if name != "listed"))


def _rows(found: pl.DataFrame) -> str:
    return "1 row" if found.height == 1 else f"{found.height:,} rows"


def _squashed(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _quantconnect(frame: pl.DataFrame) -> pl.DataFrame:
    """Map the key ``market, symbol, type`` to ``exchange, symbol``: ``binance``, but ``binance-cryptofuture``.

    Rows for any symbol (``[*]``) are defaults, not symbols. Where a file holds a key twice, its first row counts. The
    base asset is what stands before the quote in the symbol, as far as it does.
    """
    kind = pl.col("market_type").str.strip_chars()
    pair = kind.is_in(["crypto", "cryptofuture", "forex"]) & pl.col("symbol").str.ends_with(pl.col("quote_asset"))
    base = pl.col("symbol").str.strip_suffix(pl.col("quote_asset"))
    named = (
        frame.filter(pl.col("symbol") != _ANY_SYMBOL)
        .with_columns(
            pl.when(kind == "crypto")
            .then("exchange")
            .otherwise(pl.format("{}-{}", pl.col("exchange"), kind))
            .alias("exchange"),
            pl.when(pair & (base != "")).then(base).alias("base_asset"),
            pl.when(kind == "crypto").then(pl.lit("spot")).otherwise(kind).alias("market_type"),
        )
        .unique(subset=KEY, keep="first", maintain_order=True)
    )
    absent = [name for name in REQUIRED if name not in named.columns]
    return named.with_columns(pl.lit(None, ATTRIBUTES[name]).alias(name) for name in absent)


def _typed(frame: pl.DataFrame, name: str, wanted: pl.DataType, faults: Faults | None) -> pl.Series:
    given = frame[name]
    if name in TIMES:
        return _typed_times(frame, given, faults)
    if given.dtype == pl.String:
        text = given.str.strip_chars()
        given = text.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
        typed = given.cast(pl.Float64, strict=False) if wanted == pl.Float64() else given
    elif wanted == pl.Float64() and not given.dtype.is_numeric() and given.dtype != pl.Null:
        typed = pl.Series(name, [None] * len(given), pl.Float64)
    else:
        return given
    failed = given.is_not_null() & typed.is_null()
    if failed.any():
        first = frame.filter(failed)
        error = Rejected(
            f"{_rows(first)} whose {name} cannot be read, one is {first[name][0]!r} ({first[PLACE][0]})",
            hint="write numbers as 0.01, and nothing where there is no value",
        )
        keep_apart(frame, first, error, faults, rule="unparseable", column=name)
    return typed


def _typed_times(frame: pl.DataFrame, given: pl.Series, faults: Faults | None) -> pl.Series:
    if given.dtype == pl.String:
        text = given.str.strip_chars()
        given = text.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
    typed = typed_times(given)
    failed = given.is_not_null() & typed.is_null()
    if failed.any():
        first = frame.filter(failed)
        value = first[given.name][0]
        error = Rejected(
            f"{_rows(first)} whose {given.name} cannot be read, "
            f"one is {str(value)!r} ({first[PLACE][0]}): {fault_of(value)}",
            hint=HINT,
        )
        keep_apart(frame, first, error, faults, rule="time", column=given.name)
    return typed.alias(given.name)
