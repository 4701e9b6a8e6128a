"""What a file that fits no layout looks like, by its path alone: so that its owner hears its name and what to do.

A guess for people, made of the names under which vendors publish. Nothing is read or refused by it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

READABLE = ".csv, .csv.gz, .csv.zst and .parquet"
UNPACK = f"unpack it: Pointline reads {READABLE}"
UNPACK_UNLESS = (
    "if a vendor of `pointline vendors list` publishes it, keep the vendor's name and folders; else unpack it: "
    f"Pointline reads {READABLE}"
)
DESCRIBE = (
    "rename it to {exchange}_{data_type}_{YYYY-MM-DD}_{symbol}.csv if it has the columns of Tardis, or describe it: "
    "`pointline vendors try --new FILE` begins a description; to ignore a name, add it to the setting "
    "bronze.ignore_also"
)
PACKETS = "convert it to .csv with the columns of Tardis first: Pointline reads no packets"
TEXT = (
    "if it holds market data, describe it: `pointline vendors try --new FILE` begins a description; else put its name "
    "into the setting bronze.ignore_also"
)
NOT_DESCRIBED = (
    "no description of {vendor}'s files fits its path: `pointline vendors list` shows what is described, "
    "`pointline vendors try --new FILE` begins a description"
)
OWN_ADVICE: Final = {
    "Kraken": "put it below a folder with kraken in its name, such as kraken/XBTUSD_60.csv: nothing in it says whose "
    "it is",
}
"""Of vendors whose paths lack one thing."""
FX = "(?:AUD|CAD|CHF|CNH|CZK|DKK|EUR|GBP|HKD|HUF|JPY|MXN|NOK|NZD|PLN|SEK|SGD|TRY|USD|XAG|XAU|ZAR)"
_DAY, _MONTH = r"\d{4}-\d{2}-\d{2}", r"\d{4}-\d{2}"
_BINANCE_TYPE = (
    "aggTrades|trades|klines|markPriceKlines|indexPriceKlines|premiumIndexKlines|bookTicker|bookDepth|metrics|"
    "fundingRate|liquidationSnapshot|BVOLIndex|EOHSummary"
)
_INTERVAL = r"(?:1s|[135]m|15m|30m|[12468]h|12h|[13]d|1w|1mo)"
_SCHEMA = "(?:mbo|mbp-1|mbp-10|t?c?bbo|trades|c?bbo-1[sm]|cmbp-1|ohlcv-1[smhd]|definition|statistics|status|imbalance)"
_LEAN_MARKET = "equity|crypto|cryptofuture|forex|future|futureoption|option|indexoption|cfd|index"
_GATE_TYPE = r"deals|trades|candlesticks_\w+|funding_applies|mark_prices|orderbooks"
_TABLE = (
    "trades|quotes|book_ticker|incremental_book_L2|book_snapshot_25|book_snapshot_5|derivative_ticker|liquidations|"
    "options_chain"
)


class Look(NamedTuple):
    """``what`` is a name for what it seems to be, empty where nothing is known; ``advice`` says what to do.

    ``is_told_more``: ``vendors try`` says what is missing.
    """

    what: str
    advice: str
    is_told_more: bool = False


_VENDORS: Final = (
    (
        r"(?:^|/)data/(?:spot|futures/um|futures/cm|option)/(?P<span>daily|monthly)/(?P<type>\w+)/",
        "Binance: {type}, {span}",
    ),
    (r"\.dbn(?:\.zst)?$", "Databento: DBN"),
    (rf"[^/]+\.{_SCHEMA}(?:\.[\w.-]+)?\.(?:csv|json)(?:\.zst)?$", "Databento"),
    (r"\d{2}h_ticks\.(?:bi5|bin)$|\.bi5$", "Dukascopy: ticks"),
    (rf"{FX}{FX}_(?:Ticks|Candlestick)_[^/]+\.csv$", "Dukascopy: JForex export"),
    (r"(?:^|/)(?:market_data/\d{8}/\d+/l2Book/|asset_ctxs/\d{8}\.)", "Hyperliquid"),
    (r"exchange=[^/]+/symbol=[^/]+/dt=[^/]+/[^/]+\.parquet$", "Crypto Lake"),
    (r"(?:^|/)T-(?P<type>TRADES|QUOTES|LIMITBOOK_FULL|OHLCV\w*)/|IDDI-\d+\+SC-", "CoinAPI"),
    (
        r"(?:^|/)(?:us_stocks_sip|us_options_opra|us_indices|global_crypto|global_forex|us_futures_\w+)/(?P<type>\w+)/",
        "Polygon (Massive): {type}",
    ),
    (r"(?:^|/)(?:EQY_US_ALL_|SPLITS_US_ALL_)", "NYSE Daily TAQ"),
    (r"_\d+_\d+_(?P<type>message|orderbook)_\d+\.csv", "LOBSTER: {type}"),
    (r"(?:^|/)\d{4}/\d{8}/[A-Z.]+\.csv(?:\.gz)?$", "AlgoSeek"),
    (r"_(?:1min|5min|30min|1hour|1day)(?:_\w+)?\.txt$|_full_\w+\.txt$", "FirstRate Data"),
    (r"HISTDATA_COM_|(?:^|/)DAT_(?:ASCII|MT|NT|MS|XLSX)_", "HistData"),
    (rf"(?:^|/){FX}{FX}-{_MONTH}\.(?:csv|zip)$", "TrueFX"),
    (rf"(?:^|/)(?:{_LEAN_MARKET})/\w+/(?P<type>tick|second|minute|hour|daily)/", "QuantConnect LEAN: {type}"),
    (r"(?:^|/)kline_for_metatrader4/", "Bybit: klines for MetaTrader"),
    (r"\.(?:hst|hcc|hc|tkc|fxt)$", "MetaTrader history"),
    (r"(?:^|[-_])ob(?:1|50|200|500|1000)\.data(?:\.zip)?$", "Bybit: order books"),
    (rf"(?:^|/)[A-Z0-9]+(?:-[A-Z0-9]+)*?{_DAY}\.csv(?:\.gz)?$", "Bybit: trades"),
    (
        r"_(?:SPBL|UMCBL|DMCBL)_\d{8}_\d{3}\.|(?:^|/)(?:USDT|USDC|COIN)-\w+_\d{8}_\d{3}\.|/(?:SPBL|UMCBL|DMCBL)/",
        "Bitget",
    ),
    (rf"(?:^|/)(?:spot|futures_usdt|futures_btc)/(?P<type>{_GATE_TYPE})/", "Gate: {type}"),
    (r"(?:^|/)\w+_\w+-\d{6}(?:\d{4})?\.csv(?:\.gz)?$", "Gate"),
    (r"(?:^|/)(?P<type>trade|quote)/\d{8}\.csv(?:\.gz)?$", "BitMEX: {type}"),
    (r"L2orderbook-\d+lv-", "OKX: order books"),
    (rf"-(?P<type>candlesticks|swaprates|fundingrates|borrowrates)-{_MONTH}", "OKX: {type}"),
    (rf"(?:^|/)\w+-[\w-]+-(?P<type>trades|aggtrades)-{_MONTH}", "OKX: {type}"),
    (r"(?:^|/)[A-Z]{6,8}_(?:1|5|15|30|60|240|720|1440)\.csv$", "Kraken: OHLCVT"),
    (rf"(?:^|/)[A-Z0-9]+_{_DAY}\.csv(?:\.gz)?$", "Bybit: spot trades"),
    (r"(?:^|/)kucoin/.*-(?P<type>trades|klines)-", "KuCoin: {type}"),
    (r"(?:^|[/.])(?:huobi|htx)(?:\.com)?/.*(?P<type>trades|klines)", "HTX: {type}"),
    (r"(?:^|/)kaiko(?:/|_)|_\d{4}_\d{2}_\d{2}\.csv\.gz$", "Kaiko"),
    (r"(?:^|/)(?:iqfeed|qcollector)(?:/|_)", "IQFeed"),
    (r"(?:^|/)algoseek(?:/|_)", "AlgoSeek"),
    (r"(?:^|/)firstrate(?:/|_)", "FirstRate Data"),
    (r"(?:^|/)(?:databento|dbn)(?:/|_)", "Databento"),
    (rf"(?:^|/)\w+-(?P<type>{_BINANCE_TYPE})-{_DAY}(?:\.\w+)?\.(?:zip|csv)(?:\.\w+)?$", "Binance: {type}, daily"),
    (
        rf"(?:^|/)\w+-(?P<type>{_BINANCE_TYPE})-{_MONTH}(?:\.\w+)?\.(?:zip|csv)(?:\.\w+)?$",
        "Binance: {type}, monthly",
    ),
    (rf"(?:^|/)\w+-{_INTERVAL}-{_DAY}(?:\.\w+)?\.(?:zip|csv)(?:\.\w+)?$", "Binance: klines, daily"),
    (rf"(?:^|/)\w+-{_INTERVAL}-{_MONTH}(?:\.\w+)?\.(?:zip|csv)(?:\.\w+)?$", "Binance: klines, monthly"),
    (r"T_DEPTH|aggregate_trade_updates|(?:^|/)(?:data\.binance\.vision|binance[-_]public[-_]data)/", "Binance"),
)
"""Where several fit, the first one counts."""
_EXCHANGE_FOLDERS: Final = {
    "okx": "OKX",
    "okex": "OKX",
    "bybit": "Bybit",
    "bitget": "Bitget",
    "bitmex": "BitMEX",
    "gate": "Gate",
    "gateio": "Gate",
    "kucoin": "KuCoin",
    "huobi": "HTX",
    "htx": "HTX",
    "kraken": "Kraken",
    "hyperliquid": "Hyperliquid",
}
"""Exchanges that publish files, by what people call a folder of theirs; it may hold anything else of that exchange."""

_COPY: Final = re.compile(
    r"(?P<head>.+\.(?:csv|parquet|zip|txt|bi5))"
    r"(?: ?\(\d+\)(?P<tail>\.gz|\.zst)?|(?P<tail2>\.gz|\.zst)?(?: ?\(\d+\)|\.\d+|\.bak|\.old|\.orig|~))",
    re.IGNORECASE,
)
_OTHER_SEPARATORS: Final = re.compile(
    rf"(?P<exchange>[A-Za-z0-9.-]+?)[-_. ]+(?P<type>{_TABLE})[-_. ]+(?P<date>{_DAY})[-_. ]+"
    r"(?P<symbol>[^/]+?)(?P<ending>\.(?:csv(?:\.gz|\.zst)?|parquet))"
)
_NO_DATE: Final = re.compile(rf"[a-z0-9-]+_(?:{_TABLE})_[^_/]+\.(?:csv(?:\.gz|\.zst)?|parquet)")
_OTHER_KEYS: Final = {
    "data_type": "type",
    "datatype": "type",
    "channel": "type",
    "dt": "date",
    "day": "date",
    "venue": "exchange",
    "market": "exchange",
    "ticker": "symbol",
    "instrument": "symbol",
    "pair": "symbol",
}
"""Keys of hive folders that are common elsewhere, and what they are called here."""
_ARCHIVE: Final = r"\.(?:zip|7z|rar|tar|tgz|tbz2?|txz|tar\.(?:gz|bz2|xz|zst))$"
_KINDS: Final = (
    (r"\.(?:zip|tar\.gz)$", "an archive", UNPACK_UNLESS),
    (_ARCHIVE, "an archive", UNPACK),
    (r"\.(?:bz2|xz|lz4|lzma|br|snappy|z)$", "a compressed file", UNPACK),
    (r"\.(?:pcap|pcapng|cap)(?:\.gz)?$", "a packet capture", PACKETS),
    (r"(?<!\.csv)\.(?:gz|zst)$", "a compressed file whose name does not say what is in it", DESCRIBE),
    (r"\.(?:xlsx?|xlsm|ods|numbers)$", "a spreadsheet", "export it as .csv with the columns of Tardis"),
    (
        r"\.(?:arrow|feather|ipc|orc|avro|h5|hdf5?|np[yz]|pkl|pickle|rds|rdata|duckdb|sqlite3?|db)$",
        "data of another program",
        "write it as .parquet or .csv with the columns of Tardis",
    ),
    (r"\.(?:jsonl?|ndjson)$", "JSON", "write it as .csv or .parquet with the columns of Tardis"),
    (
        r"\.(?:md|pdf|html?|docx?|rtf|log|py|sh|ipynb|toml|ya?ml|ini)$|^(?:readme|licen[cs]e)",
        "notes or a program",
        "keep it outside bronze, or put its name into the setting bronze.ignore_also",
    ),
    (
        r"\.(?:txt|tsv|dat|data)$",
        "a text file",
        TEXT,
    ),
)


def looks_like(path: str) -> Look:
    """Guess what a path that fits no layout names, and say what its owner can do about it."""
    name = path.rpartition("/")[2]
    return copy_of(name) or _vendor(path) or _nearly(path) or _kind(name) or _exchange(path) or Look("", DESCRIBE)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """At the first use: to compile all of them takes longer than many a command."""
    return re.compile(pattern, re.IGNORECASE)


def copy_of(name: str) -> Look | None:
    """Return what a name says that is made of that of another file, such as ``x.csv.gz.1``, ``x.csv~``."""
    found = _COPY.fullmatch(name)
    if found is None:
        return None
    original = found["head"] + (found["tail"] or found["tail2"] or "")
    return Look(f"a second copy of {original!r}", f"rename it to {original!r}; if that is there, keep the right one")


def _vendor(path: str) -> Look | None:
    for pattern, what in _VENDORS:
        if (found := _compiled(pattern).search(path)) is not None:
            vendor, colon, kind = what.format(**found.groupdict()).partition(":")
            described = "Binance public data" if vendor == "Binance" else vendor
            advice = OWN_ADVICE.get(vendor, NOT_DESCRIBED.format(vendor=vendor))
            return Look(f"{described}{colon}{kind}", advice, is_told_more=vendor not in OWN_ADVICE)
    return None


def _nearly(path: str) -> Look | None:
    """What nearly fits a layout of Tardis."""
    folders, _, name = path.rpartition("/")
    if renamed := _renamed_keys(folders):
        return Look("hive folders with other keys", f"rename {renamed}")
    if (found := _OTHER_SEPARATORS.fullmatch(name)) is not None:
        proper = f"{found['exchange']}_{found['type']}_{found['date']}_{found['symbol']}{found['ending']}"
        return Look("a Tardis name with other separators", f"rename it to {proper}")
    return Look("a Tardis name without its date", DESCRIBE) if _NO_DATE.fullmatch(name) else None


def _exchange(path: str) -> Look | None:
    """Name the exchange that a folder is called after."""
    for folder in path.lower().split("/")[:-1]:
        if folder in _EXCHANGE_FOLDERS:
            return Look(f"{_EXCHANGE_FOLDERS[folder]}, by the name of a folder", DESCRIBE)
    return None


def is_archive(path: str) -> bool:
    """Tell whether a path, or a template of paths, ends as archives do."""
    return any(_compiled(_ARCHIVE).search(one) for one in (path, *_alternatives(path)))


def _alternatives(template: str) -> list[str]:
    """The endings of a template such as ``{symbol}.{csv|zip}``."""
    inner = template.rpartition("{")[2]
    return [f".{one}" for one in inner.removesuffix("}").split("|")] if template.endswith("}") else []


def _kind(name: str) -> Look | None:
    return next((Look(what, advice) for pattern, what, advice in _KINDS if _compiled(pattern).search(name)), None)


def _renamed_keys(folders: str) -> str:
    """Say which hive keys are called otherwise here, such as ``the folder dt=... to date=...``."""
    keys = [folder.partition("=")[0] for folder in folders.split("/") if "=" in folder]
    return ", ".join(
        f"the folder {key}=... to {_OTHER_KEYS[key.lower()]}=..." for key in keys if key.lower() in _OTHER_KEYS
    )
