"""Symbol metadata in columns: CSV and Parquet, under the names that sources have used for them over the years.

Besides files with the columns of ``dim_symbol`` this reads QuantConnect's ``symbol-properties-database.csv``, whose
header has grown since 2016 (``pip_size`` became ``minimum_price_variation``) and whose rows are shorter than it.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pointline.errors import Rejected
from pointline.tables.dim_symbol import ATTRIBUTES, KEY, REQUIRED, UPDATE_SCHEMA
from pointline.tables.schema import UTC_TIME

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

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.f%z"
_ANY_SYMBOL = "[*]"


def read_csv(data: bytes) -> pl.DataFrame:
    """Return the cells of a CSV as text; lines that begin with ``#`` are comments."""
    try:
        cells = pl.read_csv(data, infer_schema=False, comment_prefix="#", truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as error:
        raise Rejected(f"not a CSV of symbols: {str(error).splitlines()[0]}", hint="give it a header line") from error
    return cells.filter(~pl.all_horizontal(pl.all().is_null()))


def read_parquet(data: bytes) -> pl.DataFrame:
    """Return the rows of a Parquet file."""
    try:
        return pl.read_parquet(data)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Rejected(f"not a Parquet file: {str(error).splitlines()[0]}", hint="fetch it again") from error


def read_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Return updates (``UPDATE_SCHEMA``, ``valid_from`` where there is one) from columns under any known name.

    Text becomes numbers and times: ISO 8601, UTC where no offset is stated, or integer microseconds since the epoch.
    A row with ``valid_until`` is delisted then, unless another row of its symbol begins at that time, so that a table
    that was written out comes back as it was. Unknown columns are left out.

    Raises ``Rejected`` for two columns that mean the same, text that is no number or time, and windows that overlap.
    """
    named = _renamed(frame)
    if {"market", "type"} <= set(frame.columns):
        named = _quantconnect(named)
    wanted = {**UPDATE_SCHEMA, "valid_until": UTC_TIME}
    typed = named.select(_typed(named, name, wanted[name]) for name in wanted if name in named.columns)
    starts = typed.drop("valid_until", strict=False)
    if not {"valid_from", "valid_until"} <= set(typed.columns):
        return starts
    _reject_overlap(typed)
    ends = typed.filter(pl.col("valid_until").is_not_null()).select(
        *(name for name in KEY if name in typed.columns),
        pl.col("valid_until").alias("valid_from"),
        pl.lit(value=False).alias("listed"),
    )
    listed = starts if "listed" in starts.columns else starts.with_columns(listed=pl.lit(value=True))
    return pl.concat([listed, ends], how="diagonal")


def _reject_overlap(windows: pl.DataFrame) -> None:
    key = [name for name in KEY if name in windows.columns]
    ordered = windows.sort(*key, "valid_from", "valid_until", nulls_last=True)
    end = pl.col("valid_until")
    follows = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key)
    early = follows & (pl.col("valid_from") != pl.col("valid_from").shift(1)) & (pl.col("valid_from") < end.shift(1))
    found = ordered.filter(early | (end <= pl.col("valid_from")))
    if found.height:
        symbol = " ".join(str(found[name][0]) for name in key)
        raise Rejected(
            f"{found.height} rows whose window is empty or begins before the last one ended, one is {symbol} "
            f"from {found['valid_from'][0]}",
            hint="let valid_until of a row be valid_from of the next one, or earlier, or leave it empty",
        )


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
    return frame.select(pl.col(column).alias(name) for name, column in chosen.items())


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


def _typed(frame: pl.DataFrame, name: str, wanted: pl.DataType) -> pl.Expr:
    if frame.schema[name] != pl.String():
        return pl.col(name)
    text = pl.col(name).str.strip_chars()
    text = pl.when(text != "").then(text)
    typed = _from_text(text, wanted)
    failed = frame.filter(text.is_not_null() & typed.is_null())
    if failed.height:
        raise Rejected(
            f"{failed.height} rows whose {name} cannot be read, one is {failed[name][0]!r}",
            hint="write numbers as 0.01, times as 2024-05-01T00:00:00Z, and nothing where there is no value",
        )
    return typed.alias(name)


def _from_text(text: pl.Expr, wanted: pl.DataType) -> pl.Expr:
    if wanted == pl.Float64():
        return text.cast(pl.Float64(), strict=False)
    if wanted == pl.Boolean():
        return text.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    if wanted == UTC_TIME:
        iso = text.str.replace(" ", "T", literal=True).str.replace(r"[zZ]$", "+0000")
        iso = pl.when(iso.str.contains("T")).then(iso).otherwise(iso + "T00:00:00")
        iso = pl.when(iso.str.contains(r"[+-]\d\d:?\d\d$")).then(iso).otherwise(iso + "+0000")
        time = iso.str.to_datetime(_TIME_FORMAT, time_unit="us", time_zone="UTC", strict=False)
        # Fewer digits are a date written together, or other units.
        microseconds = pl.when(text.str.contains(r"^\d{14,17}$")).then(text).cast(pl.Int64(), strict=False)
        return pl.coalesce(microseconds.cast(UTC_TIME), time)
    return text
