"""Databento CSV, raw and pretty: samples value by value, made files, and what breaks them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pointline.parse import fast_path
from tests.support.databento_files import (
    ACTIONS,
    FEEDS,
    NO_PRICE,
    PRETTY,
    RAW,
    SIDES,
    exchange_of,
    form,
    trade_cells,
)
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import (
    SAMPLES,
    Refused,
    Row,
    claim_of,
    feed_of,
    shipped,
    take,
)
from tests.support.vendor_reader import epoch_us, read_cells, written_us

MADE = SAMPLES / "made-here" / "dbn-to-csv"
NEEDS_SAMPLES = pytest.mark.skipif(not MADE.is_dir(), reason="no samples of vendors beside the repository")


# ---- samples, read by csv, datetime and decimal


def time_us(text: str) -> int:
    return epoch_us(text) if text.isdigit() else written_us(text, "%Y-%m-%dT%H:%M:%S")


def price(text: str) -> float | None:
    if text in ("", NO_PRICE):
        return None
    return float(Decimal(text) if "." in text else Decimal(text) / 10**9)


def as_trade(cells: dict[str, str]) -> Row:
    return {
        "id": cells["sequence"],
        "side": SIDES[cells["side"]],
        "price": price(cells["price"]),
        "amount": float(cells["size"]),
    }


def as_quote(cells: dict[str, str]) -> Row:
    return {
        f"{side}_{name}": value
        for side in ("bid", "ask")
        for name, value in (("price", price(cells[f"{side}_px_00"])), ("amount", float(cells[f"{side}_sz_00"])))
    }


def as_book(cells: dict[str, str]) -> Row:
    return {
        f"{side}_{name}": [price(cells[f"{side}_{what}_{n:02}"] + ".0" * (what == "sz")) for n in range(10)]
        for side in ("bid", "ask")
        for name, what in (("price", "px"), ("amount", "sz"))
    }


def as_order(cells: dict[str, str]) -> Row:
    whole = {"flags": int(cells["flags"]), "sequence": int(cells["sequence"]), "order_id": cells["order_id"]}
    return {
        **whole,
        "action": ACTIONS[cells["action"]],
        "side": SIDES[cells["side"]],
        "price": price(cells["price"]),
        "amount": float(cells["size"]),
    }


def as_bar(cells: dict[str, str]) -> Row:
    prices = {name: price(cells[name]) for name in ("open", "high", "low", "close")}
    return {**prices, "volume": float(cells["volume"]), "price_type": "trade"}


READERS = {
    "trades": (as_trade, "ts_event", "ts_recv", {}),
    "tbbo": (as_trade, "ts_event", "ts_recv", {}),
    "mbp-1": (as_quote, "ts_event", "ts_recv", {}),
    "bbo-1s": (as_quote, "ts_recv", "ts_recv", {}),
    "mbp-10": (as_book, "ts_event", "ts_recv", {}),
    "mbo": (as_order, "ts_event", "ts_recv", {}),
    "ohlcv-1m": (as_bar, "ts_event", "ts_event", {"interval": "1m"}),
    "ohlcv-1d": (as_bar, "ts_event", "ts_event", {"interval": "1d"}),
}


@NEEDS_SAMPLES
@pytest.mark.parametrize("form", ["raw", "pretty"])
@pytest.mark.parametrize("schema", READERS)
def test_a_sample_comes_in_value_by_value(schema, form):
    read, event, received, constant = READERS[schema]
    data = (MADE / f"test_data.{schema}.GLBX.MDP3.{form}.csv").read_bytes()
    taken = take((f"GLBX-20251008-D86947YJLS/glbx-mdp3-20201228.{schema}.csv", data))
    assert taken.is_success, taken.said
    assert taken.rows() == [
        {
            "exchange": exchange_of(schema),
            "symbol": cells["symbol"],
            "timestamp": time_us(cells[event]),
            "local_timestamp": time_us(cells[received]),
            **constant,
            **read(cells),
        }
        for cells in read_cells(data)
    ]


@NEEDS_SAMPLES
@pytest.mark.parametrize("schema", READERS)
def test_raw_and_pretty_give_the_same_rows(schema):
    files = [(MADE / f"test_data.{schema}.GLBX.MDP3.{form}.csv").read_bytes() for form in ("raw", "pretty")]
    raw, pretty = (take((f"glbx-mdp3-20201228.{schema}.csv", data)).rows() for data in files)
    assert raw == pretty
    assert raw


# ---- made files

FORMS = [form(schema, how) for schema in FEEDS for how in (RAW, PRETTY)]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "databento", examples=20)


class TestEachOptionByItself:
    """Times and prices are raw or pretty independently of each other, and a file may be neither."""

    @pytest.mark.parametrize(("time", "px"), [(RAW, PRETTY), (PRETTY, RAW)])
    def test_one_pretty_and_one_raw(self, time, px):
        made = form("trades", RAW)
        rows = made.plain_rows()
        lines = [
            [*raw[:2], *nice[2:]] for raw, nice in ((trade_cells(row, time), trade_cells(row, px)) for row in rows)
        ]
        taken = take((made.path_of(made.day), made.file(lines)))
        assert [row["price"] for row in taken.rows()] == [float(row["price"]) for row in rows]
        assert [row["timestamp"] for row in taken.rows()] == [row["timestamp"] for row in rows]

    @pytest.mark.parametrize("odd", ["3.70275e12", "3702.75.0", "1e5", "3,702.75", "0x10", "inf", "nan", "3702."])
    def test_a_price_that_is_neither_is_no_price(self, odd):
        made = form("trades", RAW)
        lines = made.written(made.plain_rows())
        lines[3][8] = f'"{odd}"'
        taken = take((made.path_of(made.day), made.file(lines)))
        assert taken.aside["column"].to_list() == ["price"]
        assert "a whole one of 1e-09, is wanted" in taken.said
        assert len(taken.rows()) == len(lines) - 1

    def test_a_price_that_no_float_is_near_enough_to_divide_is_the_nearest_all_the_same(self):
        made = form("trades", RAW)
        ticks = [2**53 + 1, 9_123_456_789_012_345_677, -9_007_199_254_740_993, 3_702_750_000_000]
        lines = made.written(made.plain_rows(len(ticks)))
        for line, tick in zip(lines, ticks, strict=True):
            line[8] = str(tick)
        rows = take((made.path_of(made.day), made.file(lines))).rows()
        assert [row["price"] for row in rows] == [float(Decimal(tick) / 10**9) for tick in ticks]


class TestDays:
    def test_the_snapshot_of_an_order_book_stays_in_the_day_that_it_begins(self):
        made = form("mbo", RAW)
        rows = made.plain_rows()
        evening = made.first_us - 4 * 3_600_000_000
        rows[0] |= {"timestamp": evening, "local_timestamp": made.first_us}
        taken = take((made.path_of(made.day), made.file(made.written(rows))))
        assert taken.is_success, taken.said
        assert taken.rows()[0]["timestamp"] == evening
        assert taken.silver["date"].unique().to_list() == [made.day]

    def test_a_file_of_several_days_may_have_rows_of_each(self):
        made = form("trades", PRETTY)
        rows = [*made.plain_rows(4), *made.plain_rows(4, shift_us=24 * 3_600_000_000)]
        taken = take(("xnas-itch-20240501-20240502.trades.csv", made.file(made.written(rows))))
        assert taken.is_success, taken.said
        assert len(taken.rows()) == 8
        assert {row["exchange"] for row in taken.rows()} == {"xnas-itch"}

    def test_a_file_of_several_days_has_no_rows_after_the_last(self):
        made = form("trades", PRETTY)
        rows = made.plain_rows(40, shift_us=48 * 3_600_000_000)
        taken = take(("xnas-itch-20240501-20240502.trades.csv", made.file(made.written(rows))))
        assert "outside_day" in taken.said
        assert taken.silver.is_empty()

    def test_days_the_wrong_way_round_are_refused(self):
        claim = claim_of("xnas-itch-20240502-20240501.trades.csv")
        assert isinstance(claim, Refused)
        assert "ends on 2024-05-01, before it begins" in claim.reason


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("a/glbx-mdp3-20240101.trades.csv.zst", "databento/trades"),
        ("a/glbx-mdp3-20240101.trades.ESH4.csv.zst", "databento/trades"),
        ("a/xnas-itch-20240101-20240131.ohlcv-1d.csv", "databento/ohlcv"),
        ("a/glbx-mdp3-20240101.bbo-1m.csv", "databento/bbo"),
        ("a/glbx-mdp3-20240101.statistics.csv.zst", ""),
        ("a/glbx-mdp3-20240101.mbp-2.csv", ""),
    ],
)
def test_names(path, feed):
    assert feed_of(path) == feed


def test_a_file_without_symbols_is_refused():
    made = form("trades", RAW)
    lines = [line[:-1] for line in made.written(made.plain_rows())]
    taken = take((made.path_of(made.day), made.file(lines, made.columns[:-1])))
    assert "the header lacks symbol" in taken.said
    assert taken.silver.is_empty()


@pytest.mark.parametrize("how", [RAW, PRETTY])
@pytest.mark.parametrize("schema", FEEDS)
def test_a_sound_file_is_typed_in_one_go(schema, how):
    """Whole columns at once; a raw file without a look at its times and prices as text."""
    made = form(schema, how)
    name = made.feed.partition("/")[2]
    feed = shipped().feed("", name, "databento")
    head, _, body = made.file(made.written(made.plain_rows())).partition(b"\n")
    path = made.path_of(made.day)
    belonging = shipped().belonging(
        path, name, exchange=exchange_of(schema), symbol=None, date=made.day, escalated=frozenset()
    )
    header = tuple(head.decode().split(","))
    assert feed.whole is not None
    assert (fast_path.parse(feed.whole, header, body, belonging) is not None) == (how == RAW)
    assert fast_path.parse(feed, header, body, belonging) is not None
