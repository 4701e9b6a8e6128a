"""Which paths are market data, which claim to be and cannot be, and which are nobody's business."""

from __future__ import annotations

import datetime as dt
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointline.errors import ConfigurationError
from pointline.io.bronze.paths.layout import Layout, Recognised, Refused

DAY = dt.date(2024, 8, 9)
TYPES = ("trades", "quotes", "incremental_book_L2", "book_snapshot_25")
BTC = Recognised("binance", "trades", "BTCUSDT", DAY)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("binance_trades_2024-08-09_BTCUSDT.csv.gz", BTC),
        ("any/folder at/all/binance_trades_2024-08-09_BTCUSDT.csv.gz", BTC),
        ("binance_trades_2024-08-09_BTCUSDT.csv", BTC),
        ("binance_trades_2024-08-09_BTCUSDT.csv.zst", BTC),
        ("binance_trades_2024-08-09_BTCUSDT.parquet", BTC),
        ("binance_trades_2024-08-09_BTCUSDT.CSV.GZ", BTC),
        (
            "binance-futures_incremental_book_L2_2024-08-09_BTCUSD_PERP.csv.gz",
            Recognised("binance-futures", "incremental_book_L2", "BTCUSD_PERP", DAY),
        ),
        (
            "deribit_book_snapshot_25_2024-08-09_BTC-PERPETUAL.csv.gz",
            Recognised("deribit", "book_snapshot_25", "BTC-PERPETUAL", DAY),
        ),
        ("binance_trades_2024-08-09_1000SHIBUSDT.csv.gz", Recognised("binance", "trades", "1000SHIBUSDT", DAY)),
        ("x_trades_2024-08-09_A_2025-01-01_B.csv.gz", Recognised("x", "trades", "A_2025-01-01_B", DAY)),
        ("binance_trades_2024-08-09_A\nB.csv.gz", Recognised("binance", "trades", "A\nB", DAY)),
        ("binance_trades_2024-08-09_" + "A" * 217 + ".csv.gz", Recognised("binance", "trades", "A" * 217, DAY)),
    ],
)
def test_client_file_names(path, expected):
    assert Layout(known_types=TYPES).recognise(path) == expected


@pytest.mark.parametrize(
    ("path", "vendor"),
    [
        ("tardis/exchange=binance/type=trades/date=2024-08-09/symbol=BTCUSDT/part-0.csv.gz", "tardis"),
        ("exchange=binance/type=trades/date=2024-08-09/symbol=BTCUSDT/part-0.csv.gz", "tardis"),
        ("a/kaiko/symbol=BTCUSDT/date=2024-08-09/type=trades/exchange=binance/x.parquet", "kaiko"),
        ("kaiko/exchange=binance/2024/type=trades/date=2024-08-09/symbol=BTCUSDT/more/x.csv", "kaiko"),
    ],
)
def test_hive_folders_in_any_order_and_depth(path, vendor):
    assert Layout(known_types=TYPES).recognise(path) == BTC._replace(vendor=vendor)


HIVE = "exchange={}/type={}/date={}/symbol={}/{}.csv.gz"
AGREEING = [
    HIVE.format("binance", "trades", "2024-08-09", "BTCUSDT", "binance_trades_2024-08-09_BTCUSDT"),
    HIVE.format("Binance", "trades", "20240809", "BTCUSDT", "BINANCE_trades_2024-08-09_btcusdt"),
    HIVE.format("BINANCE", "trades", "2024%2D08%2D09", "BTCUSDT", "part-0"),
    HIVE.format("binance", "trades", "2024-08-09", "BTCUSDT", "okex_quotes_ETH"),  # no client name: any name will do
    "exchange=binance/exchange=BINANCE/type=trades/date=2024-08-09/symbol=BTCUSDT/0.csv.gz",
    "exchange=binance/type=trades/binance_trades_2024-08-09_BTCUSDT.csv.gz",
    "symbol=btcusdt/date=2024-08-09/binance_trades_2024-08-09_BTCUSDT.csv.gz",
    "binance/trades/2024/08/09/binance_trades_2024-08-09_BTCUSDT.csv.gz",
    "archive/trade-files/2020/01/01/binance_trades_2024-08-09_BTCUSDT.csv.gz",  # no such type: folders of a person
    HIVE.format("binance", "trades", "2024-08-09", "BTCUSDT", "binance/trades/2024/08/09/any"),
]


@pytest.mark.parametrize("path", AGREEING)
def test_readings_that_agree(path):
    assert Layout(known_types=TYPES).recognise(path) == BTC


@pytest.mark.parametrize(
    ("spelled", "symbol", "name"),
    [
        ("BTC%2FUSD", "BTC/USD", "okex_trades_2024-08-09_BTC-USD"),
        ("BTC%3AUSD", "BTC:USD", "okex_trades_2024-08-09_btc-usd"),
        ("BTC%2fUSD", "BTC/USD", "0"),
        ("100%", "100%", "0"),
        ("A%FFB", "A%FFB", "0"),  # what is no UTF-8 stays as it is
        ("%E6%AF%94", "比", "okex_trades_2024-08-09_比"),
        ("Btc-Usd", "Btc-Usd", "okex_trades_2024-08-09_BTC-USD"),
    ],
)
def test_hive_values_are_percent_decoded(spelled, symbol, name):
    path = HIVE.format("okex", "trades", "2024-08-09", spelled, name)
    assert Layout(known_types=TYPES).recognise(path) == Recognised("okex", "trades", symbol, DAY)


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        (
            HIVE.format("binance", "quotes", "2024-08-09", "BTCUSDT", "binance_trades_2024-08-09_BTCUSDT"),
            "the folder says type=quotes",
            "the file name says type=trades",
        ),
        (
            HIVE.format("binance", "Trades", "2024-08-09", "BTCUSDT", "binance_trades_2024-08-09_BTCUSDT"),
            "the folder says type=Trades",
            "the file name says type=trades",
        ),
        (
            HIVE.format("okex", "trades", "2024-08-10", "ETH", "binance_trades_2024-08-09_BTCUSDT"),
            "the folder says exchange=okex, date=2024-08-10, symbol=ETH",
            "the file name says exchange=binance, date=2024-08-09, symbol=BTCUSDT",
        ),
        (
            "type=quotes/binance_trades_2024-08-09_BTCUSDT.csv.gz",
            "the folder says type=quotes",
            "the file name says type=trades",
        ),
        (
            "binance/quotes/2024/08/09/binance_trades_2024-08-09_BTCUSDT.csv.gz",
            "the folder says type=quotes",
            "the file name says type=trades",
        ),
        (
            "binance/trades/2024/08/10/binance_trades_2024-08-09_BTCUSDT.csv.gz",
            "the folder says date=2024/08/10",
            "the file name says date=2024-08-09",
        ),
        (
            HIVE.format("binance", "trades", "2024-08-09", "X", "okex/trades/2024/08/09/any"),
            "the folder says exchange=binance",
            "the folder says exchange=okex",
        ),
        (
            "exchange=okex/exchange=binance/type=trades/date=2024-08-09/symbol=BTCUSDT/0.csv.gz",
            "the folder says exchange=okex",
            "the folder in it says exchange=binance",
        ),
        (
            HIVE.format("binance", "trades", "yesterday", "BTCUSDT", "binance_trades_2024-08-09_BTCUSDT"),
            "the folder says date=yesterday",
            "the file name says date=2024-08-09",
        ),
    ],
)
def test_readings_that_contradict_each_other_are_refused_and_both_named(path, folder, name):
    refused = Layout(known_types=TYPES).recognise(path)
    assert isinstance(refused, Refused)
    assert folder in refused.reason
    assert name in refused.reason
    assert "move or rename the file so that both agree" in refused.reason


def test_an_incomplete_set_of_hive_keys_leaves_the_file_name_to_speak():
    layout = Layout()
    assert layout.recognise("exchange=binance/type=trades/binance_trades_2024-08-09_BTCUSDT.csv.gz") == BTC
    assert layout.recognise("exchange=okex/type=quotes/date=2024-08-09/part-0.csv.gz") is None
    assert layout.recognise("exchange=okex/type=quotes/2024/08/09/part-0.csv.gz") is None


@pytest.mark.parametrize(
    "path",
    [
        "binance/trades/2024/08/09/BTCUSDT.csv.gz",
        "datasets.tardis.dev/v1/binance/trades/2024/08/09/BTCUSDT.csv.gz",
        "BINANCE/trades/2024/08/09/BTCUSDT.csv.gz",
    ],
)
def test_url_paths(path):
    assert Layout(known_types=TYPES).recognise(path) == BTC


@pytest.mark.parametrize(
    "path",
    [
        "README",
        "README.md",
        "notes.csv",
        "binance_trades_BTCUSDT.csv.gz",
        "binance_trades_2024-08-09_.csv.gz",
        "binance_trades_2024-8-9_BTCUSDT.csv.gz",
        "_trades_2024-08-09_BTCUSDT.csv.gz",
        "binance_2024-08-09_BTCUSDT.csv.gz",
        "binance_trades_2024-08-09_BTCUSDT.csv.gz.sha256",
        "binance_trades_2024-08-09_BTCUSDT.csv.bz2",
        "trades/2024/08/09/BTCUSDT.csv.gz",
        "binance/trades/2024/08/BTCUSDT.csv.gz",
        "",
    ],
)
def test_foreign_paths(path):
    assert Layout(known_types=TYPES).recognise(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "binance_trades_2024-08-09_BTCUSDT.csv.gz.unconfirmed",
        "binance_trades_2024-08-09_BTCUSDT.csv.gz.part",
        "binance_trades_2024-08-09_BTCUSDT.csv.gz.CRDOWNLOAD",
        ".binance_trades_2024-08-09_BTCUSDT.csv.gz",
        ".cache/binance_trades_2024-08-09_BTCUSDT.csv.gz",
        "job.tmp/deeper/binance_trades_2024-08-09_BTCUSDT.csv.gz",
        "__MACOSX/binance_trades_2024-08-09_BTCUSDT.csv.gz",
    ],
)
def test_ignored_names_of_files_and_folders(path):
    assert Layout().recognise(path) is None


@pytest.mark.parametrize(
    ("glob", "ignored"),
    [("old*", True), ("*_trades_*", True), ("?in*", True), ("BINANCE_*.gz", True), ("[xyz]*", False), ("*.gzz", False)],
)
def test_ignore_globs_are_configurable(glob, ignored):
    path = "older/binance_trades_2024-08-09_BTCUSDT.csv.gz"
    assert (Layout(ignore=[glob]).recognise(path) is None) is ignored


class TestRefused:
    """Whoever names a file like market data hears why it is not taken."""

    @pytest.mark.parametrize(
        "path",
        [
            "binance_trades_2024-02-30_BTCUSDT.csv.gz",
            "binance/trades/2024/13/01/BTCUSDT.csv.gz",
            "exchange=binance/type=trades/date=yesterday/symbol=BTCUSDT/x.csv.gz",
            "exchange=binance/type=trades/date=0000-01-01/symbol=BTCUSDT/x.csv.gz",
        ],
    )
    def test_a_date_that_does_not_exist(self, path):
        refused = Layout(known_types=TYPES).recognise(path)
        assert isinstance(refused, Refused)
        assert refused[:4] == ("binance", "trades", "BTCUSDT", None)
        assert "does not exist" in refused.reason

    def test_a_type_without_a_table_names_those_that_have_one(self):
        refused = Layout(known_types=TYPES).recognise("binance_trade_2024-08-09_BTCUSDT.csv.gz")
        assert isinstance(refused, Refused)
        assert refused[:4] == ("binance", "trade", "BTCUSDT", DAY)
        assert "'trade'" in refused.reason
        assert "one of trades (" in refused.reason
        refused = Layout(known_types=TYPES).recognise("binance_zzz_2024-08-09_BTCUSDT.csv.gz")
        assert isinstance(refused, Refused)
        assert all(name in refused.reason for name in TYPES)

    def test_both_at_once(self):
        refused = Layout(known_types=TYPES).recognise("binance_trade_2024-02-30_BTCUSDT.csv.gz")
        assert isinstance(refused, Refused)
        assert "does not exist" in refused.reason
        assert "no table" in refused.reason


class TestConfiguredPatterns:
    PATTERN = r"(?P<exchange>\w+)/(?P<symbol>\w+)-(?P<data_type>\w+)-(?P<date>\d{4}-?\d\d-?\d\d)"

    def test_a_pattern_is_searched_in_the_whole_path(self):
        layout = Layout([self.PATTERN], known_types=TYPES)
        assert layout.recognise("spot/binance/BTCUSDT-trades-2024-08-09.csv.zst") == BTC
        assert layout.recognise("spot/binance/BTCUSDT-trades-20240809.csv") == BTC
        assert layout.recognise("spot/binance/BTCUSDT-trades-2024-08-09.zip") is None

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("type=trades/y-trades-%E6%AF%94-20240809.csv", Recognised("y", "trades", "比", DAY)),
            ("y/trades/2024/08/09/Y-trades-X-20240809.csv", Recognised("y", "trades", "X", DAY)),
            (
                "type=quotes/y-trades-X-20240809.csv",
                "1 of bronze.patterns says type=trades, the folder says type=quotes",
            ),
            (
                "z/trades/2024/08/09/Y-trades-X-20240809.csv",
                "of bronze.patterns says exchange=Y, the folder says exchange=",
            ),
        ],
    )
    def test_it_goes_before_the_built_in_layouts_which_must_agree(self, path, expected):
        layout = Layout([r"(?P<exchange>\w)-(?P<data_type>trades)-(?P<symbol>[^-]+)-(?P<date>\d{8})"])
        found = layout.recognise(path)
        if isinstance(found, Refused):
            assert expected in found.reason
        else:
            assert found == expected

    def test_two_patterns_that_read_a_path_must_agree(self):
        exact = r"(?P<exchange>y)-(?P<data_type>trades)-(?P<symbol>[^-]+)-(?P<date>\d{8})"
        loose = r"(?P<exchange>y)-(?P<data_type>\w+)-(?P<symbol>.+)-(?P<date>\d{8})"
        layout = Layout([exact, loose])
        assert layout.recognise("y-trades-X-20240809.csv") == Recognised("y", "trades", "X", DAY)
        assert layout.recognise("y-quotes-X-20240809.csv") == Recognised("y", "quotes", "X", DAY)
        refused = layout.recognise("y-trades-A-20240808-y-trades-B-20240809.csv")
        assert isinstance(refused, Refused)
        assert "pattern 1 of bronze.patterns says date=20240808, symbol=A, pattern 2 of" in refused.reason

    def test_all_problems_are_reported_at_once(self):
        with pytest.raises(ConfigurationError) as caught:
            Layout(["(", "(?P<exchange>x)"], ignore=["old/*"])
        assert len(caught.value.problems) == 3
        assert "data_type, date, symbol" in str(caught.value)


EXCHANGES = st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}", fullmatch=True)
DATA_TYPES = st.from_regex(r"[a-z]+(_[A-Za-z0-9]+){0,3}", fullmatch=True)
SYMBOLS = st.text(string.ascii_uppercase + string.digits + "-_.", min_size=1, max_size=40)
ENDINGS = st.sampled_from([".csv", ".csv.gz", ".csv.zst", ".parquet", ".Csv.Gz"])


@given(exchange=EXCHANGES, data_type=DATA_TYPES, day=st.dates(), symbol=SYMBOLS, ending=ENDINGS)
def test_every_name_that_can_be_built_is_read_back(exchange, data_type, day, symbol, ending):
    layout = Layout(ignore=())
    expected = Recognised(exchange, data_type, symbol, day)
    for path in (
        f"{exchange}_{data_type}_{day.isoformat()}_{symbol}{ending}",
        f"in/a/folder/{exchange}_{data_type}_{day.isoformat()}_{symbol}{ending}",
        f"{exchange}/{data_type}/{day.isoformat().replace('-', '/')}/{symbol}{ending}",
        f"tardis/exchange={exchange}/type={data_type}/date={day.isoformat()}/symbol={symbol}/0{ending}",
    ):
        assert layout.recognise(path) == expected


@given(st.text())
def test_no_path_makes_it_fail(path):
    found = Layout([TestConfiguredPatterns.PATTERN], known_types=TYPES).recognise(path)
    assert found is None or {found.exchange, found.data_type, found.symbol} <= _words_in(path)


def _words_in(path: str) -> set[str]:
    """Every piece of a path, as it is and in small letters: nothing is made up."""
    pieces = {path[first:last] for first in range(len(path)) for last in range(first, len(path) + 1)}
    return pieces | {piece.lower() for piece in pieces}
