"""Files of symbol metadata, as vendors write them."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import re
from collections.abc import Sequence
from functools import cache
from io import BytesIO

import polars as pl
import pytest

from pointline.errors import Rejected
from pointline.tables import dim_symbol
from pointline.tables.symbols.checks import violations
from pointline.tables.symbols.observations import Kind, Observed, observe
from pointline.vendors.symbols.faults import Faults
from pointline.vendors.symbols.metadata import Belonging, read_metadata
from tests.support import symbol_lists, symbol_model
from tests.support.symbol_lists import ABSENT, REAL
from tests.support.told import history_of, origin, table_in_steps, versions_of

AT = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)

TARDIS = {
    "id": "XBTUSD",
    "datasetId": "XBTUSD",
    "exchange": "bitmex",
    "baseCurrency": "BTC",
    "quoteCurrency": "USD",
    "settlementCurrency": "BTC",
    "type": "perpetual",
    "active": True,
    "availableSince": "2019-03-30T00:00:00.000Z",
    "priceIncrement": 0.1,
    "amountIncrement": 100,
    "minTradeAmount": 100,
    "contractMultiplier": 1,
    "changes": [
        {"until": "2021-06-08T04:30:00.000Z", "amountIncrement": 1, "minTradeAmount": 1},
        {"until": "2024-07-31T04:00:00.000Z", "priceIncrement": 0.5},
        {"until": "2024-10-22T00:00:00.000Z", "makerFee": 0.0002},
    ],
}

EXCHANGE_INFO = {
    "timezone": "UTC",
    "serverTime": 1_714_521_600_123,
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001000", "stepSize": "0.00002000"},
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            ],
        },
        {"symbol": "BCCBTC", "status": "BREAK", "baseAsset": "BCC", "quoteAsset": "BTC", "filters": []},
    ],
}


def updates_of(content: object, **known) -> pl.DataFrame:
    return read_metadata(json.dumps(content).encode(), **known).updates


def table_of(*updates: pl.DataFrame) -> pl.DataFrame:
    return versions_of(observe(one, Kind.WINDOWS, None, origin(number)) for number, one in enumerate(updates, 1))


def history(updates: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    table = table_of(updates)
    assert violations(table) == []
    times = (pl.col("valid_from", "valid_until").dt.strftime("%Y-%m-%d"),)
    return table.sort("exchange", "symbol", "valid_from").select(*times, *columns).rows()


class TestTardis:
    def test_changes_are_a_history(self):
        assert history(updates_of([TARDIS]), "tick_size", "lot_size", "min_order_size", "contract_size") == [
            ("2019-03-30", "2021-06-08", 0.5, 1.0, 1.0, 1.0),
            ("2021-06-08", "2024-07-31", 0.5, 100.0, 100.0, 1.0),
            ("2024-07-31", None, 0.1, 100.0, 100.0, 1.0),
        ]

    def test_one_instrument_alone_and_without_changes(self):
        plain = {name: value for name, value in TARDIS.items() if name != "changes"}
        columns = ("exchange", "symbol", "base_asset", "quote_asset", "settle_asset", "market_type")
        assert history(updates_of(plain), *columns) == [
            ("2019-03-30", None, "bitmex", "XBTUSD", "BTC", "USD", "BTC", "perpetual")
        ]

    def test_an_option_that_is_gone(self):
        option = TARDIS | {
            "id": "BTC-9JUN20-9875-P",
            "type": "option",
            "active": False,
            "availableTo": "2020-06-09T09:00:00.000Z",
            "expiry": "2020-06-09T08:00:00.000Z",
            "strikePrice": 9875,
            "optionType": "put",
        }
        found = history(updates_of([option]), "expiry", "strike_price", "option_type", "is_current")
        assert found == [("2019-03-30", "2020-06-09", dt.datetime(2020, 6, 9, 8, tzinfo=dt.UTC), 9875.0, "put", False)]

    def test_a_later_answer_adds_what_is_new(self):
        early = TARDIS | {"priceIncrement": 0.5, "changes": TARDIS["changes"][:1]}
        assert table_of(updates_of([early]), updates_of([TARDIS])).equals(table_of(updates_of([TARDIS])))

    def test_changes_from_before_it_was_recorded_do_not_count(self):
        since = TARDIS | {"availableSince": "2024-07-31T04:00:00.000Z"}
        assert history(updates_of([since]), "tick_size") == [("2024-07-31", None, 0.1)]

    def test_a_byte_order_mark(self):
        data = b"\xef\xbb\xbf" + json.dumps([TARDIS]).encode()
        assert read_metadata(data).updates.equals(updates_of([TARDIS]))

    @pytest.mark.parametrize(("id_", "symbol"), [("btcusdt", "BTCUSDT"), ("kPEPE", "kPEPE"), ("BTC-USD", "BTC-USD")])
    def test_ids_are_those_of_the_data(self, id_, symbol):
        assert updates_of([TARDIS | {"id": id_}])["symbol"].unique().to_list() == [symbol]

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            ({"code": 100, "message": "API key is invalid"}, "API key is invalid"),
            (["BTCUSDT"], "not a list of Tardis instruments"),
            ([{"id": "A"}], "without exchange"),
            ([TARDIS | {"availableSince": None}], "availableSince is missing"),
            ([TARDIS | {"priceIncrement": "?"}], "priceIncrement cannot be read"),
            ([TARDIS | {"priceIncrement": float("nan")}], "not finite"),
            ([TARDIS | {"changes": [{"priceIncrement": 1}]}], "until is missing"),
            ([TARDIS | {"changes": "none"}], "not a list of changes"),
        ],
    )
    def test_an_answer_that_is_none(self, content, told):
        with pytest.raises(Rejected, match=told) as refused:
            updates_of(content)
        assert refused.value.hint


class TestBinance:
    def test_spot(self):
        found = read_metadata(json.dumps(EXCHANGE_INFO).encode(), exchange="binance")
        at = dt.datetime(2024, 5, 1, 0, 0, 0, 123_000, tzinfo=dt.UTC)
        assert found.snapshot_at == at
        columns = ("exchange", "symbol", "base_asset", "quote_asset", "market_type", "tick_size", "lot_size")
        table = versions_of([observe(found.updates, found.kind, at, origin(1))])
        assert table.select(*columns, "min_order_size", "contract_size", "valid_from").rows() == [
            ("binance", "BTCUSDT", "BTC", "USDT", "spot", 0.01, 0.00002, 0.00001, None, at)
        ], "what is not listed any more is not there"

    @pytest.mark.parametrize(
        ("contract", "market_type", "expiry"),
        [
            ("PERPETUAL", "perpetual", None),
            ("TRADIFI_PERPETUAL", "perpetual", None),
            ("CURRENT_QUARTER", "future", dt.datetime(2024, 6, 28, 8, tzinfo=dt.UTC)),
        ],
    )
    def test_contracts(self, contract, market_type, expiry):
        symbol = EXCHANGE_INFO["symbols"][0] | {
            "contractType": contract,
            "deliveryDate": 1_719_561_600_000,
            "contractSize": 100,
            "marginAsset": "BTC",
            "contractStatus": "TRADING",
        }
        del symbol["status"]
        updates = updates_of(EXCHANGE_INFO | {"symbols": [symbol]}, exchange="binance-delivery")
        columns = ("market_type", "expiry", "contract_size", "settle_asset", "listed")
        assert updates.select(columns).rows() == [(market_type, expiry, 100.0, "BTC", True)]

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (EXCHANGE_INFO | {"serverTime": None}, "serverTime is missing"),
            ({"symbols": []}, "not an exchangeInfo"),
            (EXCHANGE_INFO | {"symbols": {"a": 1}}, "not a list of symbols"),
            (EXCHANGE_INFO | {"symbols": [{}]}, "without symbol"),
            ({"code": -1003, "msg": "Too many requests"}, "Too many requests"),
        ],
    )
    def test_an_answer_that_is_none(self, content, told):
        with pytest.raises(Rejected, match=told):
            updates_of(content, exchange="binance")

    def test_it_does_not_say_its_exchange(self):
        with pytest.raises(Rejected, match="exchange"):
            updates_of(EXCHANGE_INFO)


HEADER = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"


def csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


class TestColumns:
    def test_a_table_that_was_written_out_comes_back(self):
        updates = updates_of([TARDIS, TARDIS | {"id": "GONE", "availableTo": "2022-01-01T00:00:00.000Z"}])
        table = table_of(updates)
        parquet = BytesIO()
        table.write_parquet(parquet)
        for data in (table.write_csv().encode(), parquet.getvalue()):
            found = read_metadata(data)
            assert found.snapshot_at is None
            assert table_of(found.updates).equals(table)

    @pytest.mark.parametrize(
        "time",
        [
            "2024-05-01",
            "2024-05-01T00:00:00Z",
            "2024-05-01 00:00:00",
            "2024-05-01T02:00:00.0+02:00",
            "1714521600000000",
        ],
    )
    def test_times(self, time):
        updates = read_metadata(csv(f"{HEADER},valid_from", f"okx,A,,,spot,1e-2,1,, {time} ")).updates
        assert updates.select("valid_from", "tick_size", "contract_size").rows() == [(AT, 0.01, None)]

    def test_without_times_it_is_a_snapshot(self):
        data = csv(HEADER, "okx,A,,,spot,0.1,1,")
        assert read_metadata(data, effective_at=AT).snapshot_at == AT
        with pytest.raises(Rejected, match="valid_from") as refused:
            read_metadata(data)
        assert "--effective-at" in refused.value.hint

    def test_an_exchange_from_outside(self):
        data = csv("symbol,base,quote,type,tickSize,stepSize,contractMultiplier", "A,,,spot,0.1,1,")
        updates = read_metadata(data, exchange="okx", effective_at=AT).updates
        assert updates.select("exchange", "symbol", "tick_size", "lot_size").rows() == [("okx", "A", 0.1, 1.0)]

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            ((HEADER.replace(",lot_size", ""), "okx,A,,,spot,0.1,"), "without the column lot_size"),
            ((HEADER, "okx,A,,,spot,cheap,1,"), "tick_size cannot be read, one is 'cheap'"),
            ((HEADER + ",valid_from", "okx,A,,,spot,1,1,,20240501"), "valid_from cannot be read"),
            ((HEADER + ",valid_from", "okx,A,,,spot,1,1,,yesterday"), "valid_from cannot be read"),
            ((HEADER.replace("tick_size", "pip_size,price_increment"), "okx,A,,,spot,1,1,1,"), "all mean tick_size"),
            ((HEADER + ",valid_from,valid_until", "okx,A,,,spot,1,1,,2024-05-02,2024-05-01"), "window is empty"),
            (
                (
                    HEADER + ",valid_from,valid_until",
                    "okx,A,,,spot,1,1,,2024-05-01,2024-05-09",
                    "okx,A,,,spot,2,1,,2024-05-05,",
                ),
                "before the last one ended",
            ),
            (("",), "not a CSV"),
            (("<html>502 Bad Gateway</html>",), "no column of it is one of a symbol"),
            (("PAR1 but not really",), "not a Parquet"),
            (('[{"id": "XBT',), "not JSON"),
            (("[" * 200_000,), "not JSON"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, lines, told):
        with pytest.raises(Rejected, match=told) as refused:
            read_metadata(csv(*lines), effective_at=AT)
        assert refused.value.hint
        assert "\n" not in str(refused.value)


QUANTCONNECT = csv(
    "\ufeffmarket,symbol,type,description,quote_currency,contract_multiplier,pip_size",
    "",
    "# spot first",
    "binance,BTCUSDT,crypto,BTCUSDT,USDT,1,0.01",
    "binance,BTCUSDT,cryptofuture,BTCUSDT,USDT,1,0.1",
    "usa,[*],equity,,USD,1,0.01",
    "usa,KE,future,,USD,50,0.0025",
    "usa,KE,future,,USD,5000,0.25",
)


class TestQuantConnect:
    def test_key_defaults_and_repetitions(self):
        updates = read_metadata(QUANTCONNECT, effective_at=AT).updates
        assert updates.select("exchange", "symbol", "base_asset", "market_type", "tick_size", "lot_size").rows() == [
            ("binance", "BTCUSDT", "BTC", "spot", 0.01, None),
            ("binance-cryptofuture", "BTCUSDT", "BTC", "cryptofuture", 0.1, None),
            ("usa-future", "KE", None, "future", 0.0025, None),
        ]


FILES = sorted(REAL.glob("symbol-properties-database_*.csv.gz"))


@cache
def real_snapshots() -> list[tuple[dt.datetime, pl.DataFrame]]:
    found = []
    for path in FILES:
        at = dt.datetime.fromisoformat(re.findall(r"\d{4}-\d\d-\d\d", path.name)[0]).replace(tzinfo=dt.UTC)
        found.append((at, read_metadata(gzip.decompress(path.read_bytes()), effective_at=at).updates))
    return found


def said(file_id: int, at: dt.datetime, told: pl.DataFrame) -> Observed:
    return observe(told, Kind.SNAPSHOT, at, origin(file_id, source="lean"))


def real_table(order: Sequence[int]) -> pl.DataFrame:
    return versions_of(said(index + 1, *real_snapshots()[index]) for index in order)


def by_the_model() -> set[tuple[object, ...]]:
    """The versions of real snapshots by going through them one by one: exchange, symbol, rows, first and last place."""
    said = [
        symbol_model.Said(order=place, kind="snapshot", day=place, listing=listing_of(told), source="lean")
        for place, (_, told) in enumerate(real_snapshots())
    ]
    return symbol_model.versions(said, len(said), 0.25)


def listing_of(told: pl.DataFrame) -> dict[str, dict[str, str]]:
    listing: dict[str, dict[str, str]] = {}
    for exchange, symbol, *state in told.select(*dim_symbol.KEY, *dim_symbol.ATTRIBUTES).iter_rows():
        listing.setdefault(exchange, {})[symbol] = repr(state)
    return listing


@pytest.mark.skipif(not FILES, reason=ABSENT)
class TestElevenRealVersions:
    """Dated versions of one file, 2016 to 2026, whose header grew meanwhile."""

    def test_they_are_what_a_model_says(self):
        table = real_table(range(11))
        assert violations(table) == []
        places = {at: place for place, (at, _) in enumerate(real_snapshots())}
        rows = table.select(*dim_symbol.KEY, *dim_symbol.ATTRIBUTES, "valid_from", "valid_until").iter_rows()
        found = {
            (exchange, symbol, repr(state), places[since], until and places[until])
            for exchange, symbol, *state, since, until in rows
        }
        assert found == by_the_model()

    def test_the_newest_state_is_that_of_the_newest_file(self):
        now = real_table(range(11)).filter("is_current").select(*dim_symbol.KEY, *dim_symbol.ATTRIBUTES)
        newest = real_snapshots()[-1][1].select(now.columns).sort(dim_symbol.KEY)
        assert now.sort(dim_symbol.KEY).equals(newest)

    def test_any_order(self):
        whole = real_table(range(11))
        mixed = list(range(11))
        for seed in range(5):
            random.Random(seed).shuffle(mixed)
            assert real_table(mixed).equals(whole)

    @pytest.mark.soak
    def test_fifty_orders_and_batchings(self):
        """Some of the files said, withdrawn and said again on the way."""
        whole = real_table(range(11))
        for seed in range(50):
            order = random.Random(seed)
            said_of = {place + 1: said(place + 1, *one) for place, one in enumerate(real_snapshots())}
            assert table_in_steps(said_of, order).equals(whole), seed

    def test_half_a_file_delists_little(self):
        """A file is sorted by exchange: of the one cut in two much is missing, and others are not named at all."""
        (first, whole), (second, told) = real_snapshots()[-2:]
        half = told.head(told.height // 2)
        found = history_of([said(1, first, whole), said(2, second, half)])
        before = versions_of([said(1, first, whole)])
        assert found.versions["is_current"].sum() > 0.95 * before["is_current"].sum()
        assert found.held.filter(~pl.col("is_named")).height > 3


class TestElevenMadeVersions:
    """Versions of the same shape, of which is known what they say: what holds where no real ones are at hand."""

    @pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 50), marks=pytest.mark.soak)], ids=str)
    def test_orders_and_batchings(self, seeds):
        files = symbol_lists.made()
        said_of = {}
        for place, file in enumerate(files, 1):
            at = dt.datetime.combine(file.day, dt.time(), dt.UTC)
            said_of[place] = said(place, at, read_metadata(gzip.decompress(file.content), effective_at=at).updates)
        whole = versions_of(said_of.values())
        found = {
            (exchange, symbol, f"{tick:g}", since.date(), until and until.date())
            for exchange, symbol, tick, since, until in whole.select(
                *dim_symbol.KEY, "tick_size", "valid_from", "valid_until"
            ).iter_rows()
        }
        assert found == symbol_lists.by_the_model(files)
        assert whole["valid_until"].null_count() < whole.height
        for seed in seeds:
            assert table_in_steps(said_of, random.Random(seed)).equals(whole), seed


HEADER = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"
GOOD = "binance,AUSDT,A,USDT,spot,0.1,1,1"
B = "binance,BUSDT,B,USDT,spot"


def as_lines(extra: str, *rows: str) -> bytes:
    return "\n".join([HEADER + extra, GOOD + "," * bool(extra), *rows, ""]).encode()


def as_items(*items: dict[str, object]) -> bytes:
    return json.dumps([{**TARDIS, "id": "AUSD"}, *items]).encode()


def as_info(**item: object) -> bytes:
    listed = [{"symbol": "AUSDT", "status": "TRADING"}, {"symbol": "BUSDT", "status": "TRADING", **item}]
    return json.dumps({"serverTime": 1_714_521_600_000, "symbols": listed}).encode()


def tick(value: str) -> list[dict[str, str]]:
    return [{"filterType": "PRICE_FILTER", "tickSize": value}]


BAD_ROWS = {
    "tick of zero": (as_lines("", f"{B},0,1,1"), "not_positive", ["line 3"]),
    "negative tick": (as_lines("", f"{B},-0.1,1,1"), "not_positive", ["line 3"]),
    "no number": (as_lines("", f"{B},much,1,1"), "unparseable", ["line 3"]),
    "not finite": (as_lines("", f"{B},inf,1,1"), "not_finite", ["line 3"]),
    "impossible time": (as_lines(",expiry", f"{B},0.1,1,1,20240501"), "time", ["line 3"]),
    "two rows of one symbol": (as_lines("", f"{B},0.1,1,1", f"{B},0.2,1,1"), "contradiction", ["line 3", "line 4"]),
    "status": (as_lines(",status", f"{B},0.1,1,1,perhaps"), "unknown_value", ["line 3"]),
    "window": (as_lines(",valid_until", f"{B},0.1,1,1,2020-01-01"), "window", ["line 3"]),
    "tardis number": (as_items({**TARDIS, "id": "BUSD", "priceIncrement": "much"}), "unparseable", ["item 2"]),
    "tardis tick": (as_items({**TARDIS, "id": "BUSD", "changes": [], "priceIncrement": 0}), "not_positive", ["item 2"]),
    "tardis time": (as_items({**TARDIS, "id": "BUSD", "availableSince": "0"}), "unparseable", ["item 2"]),
    "binance number": (as_info(filters=tick("much")), "unparseable", ["symbol 2"]),
    "binance tick": (as_info(filters=tick("0.0")), "not_positive", ["symbol 2"]),
}


class TestRowsThatCannotBeRight:
    """In bronze they are kept apart with their place, and the others go in; a person is told at once."""

    @pytest.mark.parametrize("case", BAD_ROWS)
    def test_only_they_are_kept_apart(self, case):
        data, rule, places = BAD_ROWS[case]
        found = read_metadata(data, exchange="binance", effective_at=AT, faults=Faults())
        assert set(found.updates["symbol"]) <= {"AUSDT", "AUSD"}
        assert found.updates.height
        assert found.bad.select("place", "rule").rows() == [(place, rule) for place in places]
        assert found.bad["told"].str.len_chars().min() > 20
        assert set(found.bad["symbol"]) <= {"BUSDT", "BUSD"}
        if found.snapshot_at is not None:
            assert found.unsaid["symbol"].to_list() == ["BUSDT"]

    @pytest.mark.parametrize("case", BAD_ROWS)
    def test_a_person_is_told(self, case):
        with pytest.raises(Rejected):
            read_metadata(BAD_ROWS[case][0], exchange="binance", effective_at=AT)

    @pytest.mark.parametrize("row", ["binance,,B,USDT,spot,0.1,1,1", "binance,,B,USDT,spot,0,1,1"])
    def test_a_row_without_a_symbol_leaves_open_whom_the_list_lacks(self, row):
        with pytest.raises(Rejected):
            read_metadata(as_lines("", row), exchange="binance", effective_at=AT, faults=Faults())

    def test_a_symbol_that_a_good_row_tells_of_too(self):
        data = as_lines("", "binance,AUSDT,A,USDT,spot,0,1,1")
        found = read_metadata(data, exchange="binance", effective_at=AT, faults=Faults())
        assert found.updates["symbol"].to_list() == ["AUSDT"]
        assert found.unsaid.is_empty()

    def test_bad_rows_of_other_exchanges_are_of_other_exchanges(self):
        data = as_lines("", "okx,BUSDT,B,USDT,spot,much,1,1")
        found = read_metadata(
            data, exchange="binance", effective_at=AT, belonging=Belonging(exchange="binance"), faults=Faults()
        )
        assert found.bad["rule"].to_list() == ["other_exchange"]
        assert found.unsaid.is_empty()
