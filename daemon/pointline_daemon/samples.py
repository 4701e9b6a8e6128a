"""Sample files in the vendor's raw format, for the demonstration, the tests and the benchmarks.

Every column is a pure function of the sample, seed included. A coin follows one price path a day, shared by all data
types and exchanges, so trades lie at the quotes of their time and a day opens where the day before closed.
"""

import datetime as dt
import gzip
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.tables.registry import event_tables
from pointline.tables.schema import COMMON, Column, Kind

_DAY_US, _HOUR_US, _MINUTE_US = 86_400_000_000, 3_600_000_000, 60_000_000
# Price level and decimals of a tick, by the coin that a symbol names.
_MARKETS = {"BTC": (64_000, 1), "ETH": (3_100, 2), "SOL": (140, 3)}
_OTHER_MARKET = (100, 2)

_Columns = dict[str, pl.Series]


class Sample(Struct, frozen=True, kw_only=True):
    """One vendor file: a UTC day of one data type of one symbol at one exchange; no rows means a day without data."""

    exchange: str
    data_type: str
    symbol: str
    date: dt.date
    rows: int = 1000
    seed: int = 0

    @property
    def _path_symbol(self) -> str:
        return self.symbol.upper().replace("/", "-").replace(":", "-")

    @property
    def file_name(self) -> str:
        return f"{self.exchange}_{self.data_type}_{self.date}_{self._path_symbol}.csv.gz"

    @property
    def hive_path(self) -> str:
        folders = f"exchange={self.exchange}/type={self.data_type}/date={self.date}/symbol={self._path_symbol}"
        return f"tardis/{folders}/{self.file_name}"

    @property
    def url_path(self) -> str:
        return f"{self.exchange}/{self.data_type}/{self.date:%Y/%m/%d}/{self._path_symbol}.csv.gz"


class _Draws(Struct, frozen=True, kw_only=True):
    """Named columns of random numbers: SplitMix64 over the row number, which no release of Polars can change."""

    key: str
    rows: int

    def uniform(self, name: str) -> pl.Series:
        """Float64 in [0, 1)."""
        start = int.from_bytes(hashlib.blake2b(f"{self.key}|{name}".encode(), digest_size=8).digest(), "big")
        bits = pl.int_range(self.rows, dtype=pl.UInt64, eager=True) * 0x9E3779B97F4A7C15 + start
        bits = (bits ^ (bits // 2**30)) * 0xBF58476D1CE4E5B9
        bits = (bits ^ (bits // 2**27)) * 0x94D049BB133111EB
        return ((bits ^ (bits // 2**31)) // 2**11).cast(pl.Float64) / 2.0**53

    def integers(self, name: str, low: int, high: int) -> pl.Series:
        """Int64 in [low, high)."""
        return (self.uniform(name) * (high - low)).cast(pl.Int64) + low

    def chance(self, name: str, probability: float) -> pl.Series:
        return self.uniform(name) < probability

    def amounts(self, name: str) -> pl.Series:
        """Many small, few large, three decimals, never 0."""
        return (self.uniform(name).pow(4) * 10 + 0.001).round(3)


class _Day(Struct, frozen=True, kw_only=True):
    """What the columns of every data type are made from; prices are whole ticks until they are written."""

    sample: Sample
    draws: _Draws
    timestamp: pl.Series
    local_timestamp: pl.Series
    mid_ticks: pl.Series
    decimals: int

    def price(self, ticks_from_mid: pl.Series | int) -> pl.Series:
        ticks: pl.Series = self.mid_ticks + ticks_from_mid
        return (ticks / 10.0**self.decimals).round(self.decimals)


def _open_day(sample: Sample) -> _Day:
    key = f"{sample.seed}|{sample.exchange}|{sample.data_type}|{sample.symbol}|{sample.date}"
    draws = _Draws(key=key, rows=sample.rows)
    gaps = draws.uniform("gap").pow(4) + 0.001
    offset = (gaps.cum_sum() / (float(gaps.sum()) + 0.001) * _DAY_US).cast(pl.Int64)
    local_timestamp = offset + (sample.date - dt.date(1970, 1, 1)).days * _DAY_US
    underlying = sample.symbol.upper().replace("OPTIONS", "BTC")
    coin = next((name for name in _MARKETS if name in underlying), underlying)
    level, decimals = _MARKETS.get(coin, _OTHER_MARKET)
    return _Day(
        sample=sample,
        draws=draws,
        timestamp=(local_timestamp - draws.integers("latency", 1_500, 9_000)).cum_max(),
        local_timestamp=local_timestamp,
        mid_ticks=(_price_path(sample, coin, offset) * (level * 10**decimals)).round().cast(pl.Int64),
        decimals=decimals,
    )


def _price_path(sample: Sample, coin: str, offset_us: pl.Series) -> pl.Series:
    """Price around 1.0 at each offset into the day: a random walk by the minute, pinned to the day's open and close."""
    days = _Draws(key=f"{sample.seed}|{coin}", rows=1)
    ends = [days.uniform(f"{sample.date + dt.timedelta(days=ahead)}").item() * 0.1 + 0.95 for ahead in (0, 1)]
    steps = (_Draws(key=f"{sample.seed}|{coin}|{sample.date}", rows=1_441).uniform("step") - 0.5) * 0.0017
    walk = steps.cum_sum() - steps[0]
    path: pl.Series = walk + ends[0] + pl.int_range(1_441, eager=True) / 1_440 * (ends[1] - ends[0] - walk[-1])
    minute = offset_us // _MINUTE_US
    before, after = path.gather(minute), path.gather(minute + 1)
    return before + (after - before) * (offset_us / _MINUTE_US - minute)


def _pick(mask: pl.Series, yes: str | int, no: str | int) -> pl.Series:
    return pl.Series([no, yes]).gather(mask.cast(pl.UInt32))


def _trades(day: _Day) -> _Columns:
    bought = day.draws.chance("bought", 0.5)
    first_id = day.sample.date.toordinal() * 10**11  # beyond 2^53, where a detour through floats shows
    return {
        "id": pl.int_range(first_id, first_id + day.sample.rows, eager=True).cast(pl.String),
        "side": _pick(bought, "buy", "sell").set(day.draws.chance("unknown", 0.003), "unknown"),
        "price": day.price(_pick(bought, 1, -1)),
        "amount": day.draws.amounts("amount"),
    }


def _liquidations(day: _Day) -> _Columns:
    trades = _trades(day)
    return {**trades, "id": trades["id"].clear(day.sample.rows), "side": trades["side"].replace("unknown", "sell")}


def _quotes(day: _Day) -> _Columns:
    no_ask, no_bid = day.draws.chance("no_ask", 0.004), day.draws.chance("no_bid", 0.004)
    return {
        "ask_amount": day.draws.amounts("ask_amount").set(no_ask, None),
        "ask_price": day.price(day.draws.integers("ask", 1, 4)).set(no_ask, None),
        "bid_price": day.price(day.draws.integers("bid", -3, 0)).set(no_bid, None),
        "bid_amount": day.draws.amounts("bid_amount").set(no_bid, None),
    }


def _incremental_book(day: _Day) -> _Columns:
    """A snapshot of 25 levels a side in one message, then updates near the mid; a quarter of them remove a level."""
    draws, row, levels = day.draws, pl.int_range(day.sample.rows, eager=True), 25
    snapshot = row < 2 * levels
    timestamp, local_timestamp, mid_ticks = (
        column.set(snapshot, column.first()) for column in (day.timestamp, day.local_timestamp, day.mid_ticks)
    )
    bid = (row < levels).zip_with(snapshot, draws.chance("bid", 0.5))
    level = (row % levels).zip_with(snapshot, (draws.uniform("level").pow(2) * levels).cast(pl.Int64)) + 1
    return {
        "timestamp": timestamp,
        "local_timestamp": local_timestamp,
        "is_snapshot": snapshot.cast(pl.String),
        "side": _pick(bid, "bid", "ask"),
        "price": replace(day, mid_ticks=mid_ticks).price(level * _pick(bid, -1, 1)),
        "amount": draws.amounts("amount").set(draws.chance("removed", 0.25) & ~snapshot, 0.0),
    }


def _book_snapshot(day: _Day, levels: int) -> _Columns:
    draws, columns = day.draws, dict[str, pl.Series]()
    ticks = {"asks": day.mid_ticks * 0, "bids": day.mid_ticks * 0}
    missing = {side: draws.integers(f"{side}.missing", 1, 4) * draws.chance(f"{side}.thin", 0.01) for side in ticks}
    for level in range(levels):
        for side, direction in (("asks", 1), ("bids", -1)):
            name, empty = f"{side}[{level}]", missing[side] >= levels - level
            ticks[side] += draws.integers(f"{name}.gap", 1, 4) * direction
            columns[f"{name}.price"] = day.price(ticks[side]).set(empty, None)
            columns[f"{name}.amount"] = draws.amounts(f"{name}.amount").set(empty, None)
    return columns


def _derivative_ticker(day: _Day) -> _Columns:
    draws, funding_us = day.draws, 8 * _HOUR_US
    rate = draws.uniform("rate") * 0.0003 - 0.0001
    predicted_rate = rate + draws.uniform("predicted") * 0.00005
    return {
        "funding_timestamp": (day.local_timestamp // funding_us + 1) * funding_us,
        "funding_rate": rate.round(8),
        "predicted_funding_rate": predicted_rate.round(8).set(draws.chance("no_predicted", 0.3), None),
        "open_interest": (draws.uniform("interest") * 500 + 80_000).round(3).set(draws.chance("none", 0.2), None),
        "last_price": day.price(draws.integers("last", -1, 2)),
        "index_price": day.price(draws.integers("index", -20, 21)).set(draws.chance("no_index", 0.01), None),
        "mark_price": day.price(draws.integers("mark", -5, 6)),
    }


def _options_chain(day: _Day) -> _Columns:
    """Premiums in the coin, as on Deribit; the greeks have the right signs and sizes, no more."""
    draws, spot, put = day.draws, day.price(0), day.draws.chance("put", 0.5)
    expiration = (day.local_timestamp // _DAY_US + draws.integers("weeks", 1, 13) * 7) * _DAY_US + 8 * _HOUR_US
    strike = (spot * draws.integers("strike", 16, 25) / 20).round_sig_figs(2)
    years, iv = (expiration - day.local_timestamp) / (365 * _DAY_US), draws.uniform("iv") * 20 + 45
    deviation = years.sqrt() * iv / 100
    distance = (spot / strike).log() / deviation
    density, delta = (distance.pow(2) / -2).exp() * 0.4, 1 / (1 + (distance * -1.7).exp()) - _pick(put, 1, 0)
    intrinsic = ((1 - strike / spot) * _pick(put, -1, 1)).clip(lower_bound=0.0)
    mark, vega = intrinsic + density * deviation + 0.0005, spot * density * years.sqrt() / 100
    expires = expiration.cast(pl.Datetime("us")).dt.strftime("%-d%b%y").str.to_uppercase()
    contract = "BTC-" + expires + "-" + strike.cast(pl.Int64).cast(pl.String) + _pick(put, "-P", "-C")
    columns = {"symbol": contract} if day.sample.symbol == "OPTIONS" else {}  # the group's file names each contract
    columns |= {"type": _pick(put, "put", "call"), "strike_price": strike, "expiration": expiration}
    columns["open_interest"] = (draws.uniform("interest") * 5_000).round(1)
    columns["last_price"] = mark.round(3).set(draws.chance("untraded", 0.2), None)
    for side, direction in (("bid", -1), ("ask", 1)):
        empty = draws.chance(f"no_{side}", 0.05)
        columns[f"{side}_price"] = (mark * (1 + 0.02 * direction)).round(4).set(empty, None)
        columns[f"{side}_amount"] = (draws.amounts(side) + 0.1).round(1).set(empty, None)
        columns[f"{side}_iv"] = (iv + direction).round(2).set(empty, None)
    columns |= {"mark_price": mark.round(4), "mark_iv": iv.round(2)}
    columns |= {"underlying_index": "SYN.BTC-" + expires, "underlying_price": spot}
    greeks = {"delta": delta, "gamma": density / spot / deviation, "vega": vega}
    greeks |= {"theta": vega * iv / years / -730, "rho": delta * strike * years / 100}
    unpriced = draws.chance("unpriced", 0.02)
    return columns | {name: column.round(5).set(unpriced, None) for name, column in greeks.items()}


def _by_kind(day: _Day) -> _Columns:
    """Columns of a table that has no builder of its own: values of the right kinds, no more."""
    table = event_tables()[day.sample.data_type]
    return {column.name: _of_kind(day, column, table.series) for column in table.columns if column not in COMMON}


def _of_kind(day: _Day, column: Column, series: Sequence[str]) -> pl.Series:
    draws, name = day.draws, column.name
    match column.kind:
        case Kind.CHOICE:
            numbers = draws.integers(name, 0, len(column.choices)) * (name not in series)
            return pl.Series(column.choices).gather(numbers)
        case Kind.TEXT:
            return (
                pl.Series(["tick"]).new_from_index(0, day.sample.rows)
                if name in series
                else draws.integers(name, 10**9, 10**10).cast(pl.String)
            )
        case Kind.FLAG:
            return draws.chance(name, 0.5).cast(pl.String)
        case Kind.INTEGER:
            return draws.integers(name, 1, 10**6)
        case Kind.TIME:
            return day.local_timestamp
        case _:
            return draws.amounts(name)


_BUILDERS: dict[str, Callable[[_Day], _Columns]] = {
    "trades": _trades,
    "quotes": _quotes,
    "book_ticker": _quotes,
    "incremental_book_L2": _incremental_book,
    "book_snapshot_5": partial(_book_snapshot, levels=5),
    "book_snapshot_25": partial(_book_snapshot, levels=25),
    "derivative_ticker": _derivative_ticker,
    "liquidations": _liquidations,
    "options_chain": _options_chain,
}
DATA_TYPES = tuple(_BUILDERS)
"""The data types of Tardis that the demonstration shows."""
_ALSO: dict[str, Callable[[_Day], _Columns]] = {
    "book_snapshot_10": partial(_book_snapshot, levels=10),
    "book_snapshot_20": partial(_book_snapshot, levels=20),
}


def sample_frame(sample: Sample) -> pl.DataFrame:
    """The raw columns in the vendor's order: times in µs since the epoch (UTC), booleans as `true` and `false`."""
    day = _open_day(sample)
    names = {name: pl.Series([getattr(sample, name)]).new_from_index(0, sample.rows) for name in ("exchange", "symbol")}
    times = {"timestamp": day.timestamp, "local_timestamp": day.local_timestamp}
    build = {**_ALSO, **_BUILDERS}.get(sample.data_type, _by_kind)
    return pl.DataFrame(names | times | build(day))


def csv_bytes(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


def gzip_bytes(data: bytes, level: int = 6) -> bytes:
    """The same bytes on every run: no time in the header."""
    return gzip.compress(data, compresslevel=level, mtime=0)


def write_sample(sample: Sample, path: Path) -> None:
    """Write the way the vendor's client does: under an unconfirmed name first, then renamed into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unconfirmed = path.with_name(f"{path.name}.unconfirmed")
    unconfirmed.write_bytes(gzip_bytes(csv_bytes(sample_frame(sample)) if sample.rows else b""))
    unconfirmed.replace(path)


def demo_samples() -> list[Sample]:
    """Three days of two exchanges, every data type at least once: 42 files."""
    binance = {"trades": 20_000, "book_ticker": 15_000, "incremental_book_L2": 20_000, "derivative_ticker": 5_000}
    markets: list[tuple[str, str, dict[str, int]]] = [
        ("binance-futures", "BTCUSDT", {**binance, "liquidations": 2_000}),
        ("binance-futures", "ETHUSDT", {**binance, "book_snapshot_5": 5_000}),
        ("deribit", "BTC-PERPETUAL", {"trades": 8_000, "quotes": 10_000, "book_snapshot_25": 2_000}),
        ("deribit", "OPTIONS", {"options_chain": 6_000}),
    ]
    return [
        Sample(exchange=exchange, data_type=data_type, symbol=symbol, date=dt.date(2024, 5, day), rows=rows)
        for day in (1, 2, 3)
        for exchange, symbol, streams in markets
        for data_type, rows in streams.items()
    ]
