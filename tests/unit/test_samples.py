"""The generator writes what the vendor writes, and the same again for the same seed."""

import csv
import datetime as dt
import gzip
import io

import polars as pl
import pytest
from msgspec.structs import replace
from pointline_daemon.samples import DATA_TYPES, Sample, csv_bytes, demo_samples, gzip_bytes, sample_frame, write_sample

from tests.support.oracle import read_rows, totals

COMMON = "exchange,symbol,timestamp,local_timestamp,"
HEADERS = {
    "trades": "id,side,price,amount",
    "liquidations": "id,side,price,amount",
    "quotes": "ask_amount,ask_price,bid_price,bid_amount",
    "book_ticker": "ask_amount,ask_price,bid_price,bid_amount",
    "incremental_book_L2": "is_snapshot,side,price,amount",
    "book_snapshot_5": ",".join(f"asks[{i}].price,asks[{i}].amount,bids[{i}].price,bids[{i}].amount" for i in range(5)),
    "book_snapshot_25": ",".join(
        f"asks[{i}].price,asks[{i}].amount,bids[{i}].price,bids[{i}].amount" for i in range(25)
    ),
    "derivative_ticker": (
        "funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price"
    ),
    "options_chain": (
        "type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,"
        "mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,vega,theta,rho"
    ),
}
# An empty cell is legal in these; every other column is full.
MAY_BE_EMPTY = ("bid", "ask", "predicted", "open_interest", "index_price", "last_price", "delta", "gamma", "vega")
MAY_BE_EMPTY += ("theta", "rho")

every_data_type = pytest.mark.parametrize("data_type", sorted(HEADERS))


def sample_of(data_type, **changes):
    symbol = "OPTIONS" if data_type == "options_chain" else "BTCUSDT"
    sample = Sample(exchange="binance-futures", data_type=data_type, symbol=symbol, date=dt.date(2024, 5, 1))
    return replace(sample, **changes)


def cell(value):
    return "" if value is None else value


def test_every_data_type_is_covered():
    assert set(DATA_TYPES) == set(HEADERS)


@every_data_type
def test_header_is_the_vendors(data_type):
    assert csv_bytes(sample_frame(sample_of(data_type))).split(b"\n")[0].decode() == COMMON + HEADERS[data_type]


@every_data_type
def test_arrival_ascends_within_the_day_and_follows_the_exchange(data_type):
    frame = sample_frame(sample_of(data_type))
    start = int(dt.datetime(2024, 5, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
    arrival = frame["local_timestamp"]
    assert arrival.dtype == frame["timestamp"].dtype == pl.Int64
    assert arrival.is_sorted()
    assert arrival.min() >= start
    assert arrival.max() < start + 86_400_000_000
    assert (arrival - frame["timestamp"]).min() > 0


@every_data_type
@pytest.mark.parametrize("rows", [0, 1, 60])
def test_any_number_of_rows(data_type, rows):
    assert sample_frame(sample_of(data_type, rows=rows)).height == rows


@every_data_type
def test_same_seed_same_file_other_seed_other_file(data_type):
    sample = sample_of(data_type)
    first = gzip_bytes(csv_bytes(sample_frame(sample)))
    assert gzip_bytes(csv_bytes(sample_frame(sample))) == first
    others = [replace(sample, seed=1), replace(sample, date=dt.date(2024, 5, 2)), replace(sample, symbol="ETHUSDT")]
    assert all(gzip_bytes(csv_bytes(sample_frame(other))) != first for other in others)


@every_data_type
def test_an_independent_reader_gets_every_value_back(data_type):
    frame = sample_frame(sample_of(data_type))
    text = csv_bytes(frame).decode()
    assert "\r" not in text
    assert '"' not in text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == frame.height
    for column in frame:
        read = [row[column.name] for row in rows]
        typed = [
            value and {pl.String: str, pl.Int64: int, pl.Float64: float}[type(column.dtype)](value) for value in read
        ]
        assert typed == [cell(value) for value in column], column.name


@every_data_type
def test_empty_cells_stand_only_where_the_vendor_leaves_them(data_type):
    frame = sample_frame(sample_of(data_type, rows=5_000))
    empty = {name for name, count in frame.null_count().row(0, named=True).items() if count}
    if data_type == "liquidations":
        assert empty == {"id"}
    else:
        assert all(name.startswith(MAY_BE_EMPTY) for name in empty)
        assert bool(empty) == (data_type not in {"trades", "incremental_book_L2"})


def test_trades_have_unique_ids_and_known_sides():
    trades = sample_frame(sample_of("trades", rows=5_000))
    assert trades["id"].n_unique() == 5_000
    assert int(trades["id"][0]) > 2**53
    assert set(trades["side"]) == {"buy", "sell", "unknown"}
    assert set(sample_frame(sample_of("liquidations"))["side"]) == {"buy", "sell"}


def test_prices_lie_on_the_tick():
    prices = sample_frame(sample_of("trades"))["price"]
    assert all(f"{price:.1f}" == str(price) for price in prices)
    assert prices.is_between(50_000, 80_000).all()


def test_quotes_are_not_crossed():
    quotes = sample_frame(sample_of("quotes", rows=5_000))
    assert quotes.filter(pl.col("ask_price") <= pl.col("bid_price")).is_empty()


def test_a_quote_lacks_price_and_amount_together():
    quotes = sample_frame(sample_of("quotes", rows=5_000))
    for side in ("ask", "bid"):
        assert quotes[f"{side}_price"].is_null().equals(quotes[f"{side}_amount"].is_null())


def test_an_incremental_book_begins_with_one_snapshot():
    book = sample_frame(sample_of("incremental_book_L2"))
    assert book["is_snapshot"].to_list() == ["true"] * 50 + ["false"] * 950
    snapshot = book.head(50)
    assert snapshot["local_timestamp"].n_unique() == snapshot["timestamp"].n_unique() == 1
    assert snapshot.select("side", "price").is_unique().all()
    best = dict(snapshot.group_by("side").agg(pl.col("price").max()).iter_rows())["bid"]
    assert best < snapshot.filter(pl.col("side") == "ask")["price"].min()
    assert (snapshot["amount"] > 0).all()
    assert (book["amount"] == 0).any()


@pytest.mark.parametrize("levels", [5, 25])
def test_levels_of_a_snapshot_run_outwards_and_end_together(levels):
    book = sample_frame(sample_of(f"book_snapshot_{levels}", rows=2_000))
    for side, direction in (("asks", 1), ("bids", -1)):
        for level in range(1, levels):
            inner, outer = book[f"{side}[{level - 1}].price"], book[f"{side}[{level}].price"]
            assert ((outer - inner) * direction > 0).all()
            assert (inner.is_not_null() | outer.is_null()).all()
            assert outer.is_null().equals(book[f"{side}[{level}].amount"].is_null())


def test_options_name_their_contract_in_every_row():
    options = sample_frame(sample_of("options_chain"))
    assert set(options["type"]) == {"put", "call"}
    assert options["symbol"].str.contains(r"^BTC-\d{1,2}[A-Z]{3}24-\d+-[PC]$").all()
    assert (options["expiration"] > options["local_timestamp"]).all()


def test_data_types_of_one_coin_share_the_price():
    columns = ["local_timestamp", "price"]
    trades = sample_frame(sample_of("trades")).select(columns)
    elsewhere = sample_frame(sample_of("trades", exchange="deribit", symbol="BTC-PERPETUAL")).select(columns)
    joined = trades.join_asof(elsewhere, on="local_timestamp", strategy="nearest", suffix="_elsewhere")
    assert ((joined["price"] - joined["price_elsewhere"]).abs() / joined["price"]).median() < 0.001


def test_names_of_the_three_layouts():
    sample = Sample(exchange="okex", data_type="trades", symbol="btc/usd:x", date=dt.date(2024, 5, 1))
    assert sample.file_name == "okex_trades_2024-05-01_BTC-USD-X.csv.gz"
    assert sample.url_path == "okex/trades/2024/05/01/BTC-USD-X.csv.gz"
    folder = "tardis/exchange=okex/type=trades/date=2024-05-01/symbol=BTC-USD-X"
    assert sample.hive_path == f"{folder}/okex_trades_2024-05-01_BTC-USD-X.csv.gz"
    assert set(sample_frame(sample)["symbol"]) == {"btc/usd:x"}


def test_a_written_sample_reads_back_and_leaves_no_unconfirmed_name(tmp_path):
    sample = sample_of("quotes")
    path = tmp_path / sample.hive_path
    write_sample(sample, path)
    assert [file.name for file in path.parent.iterdir()] == [sample.file_name]
    frame = sample_frame(sample)
    first = list(read_rows(path)[0].values())
    assert first[:4] == [str(value) for value in frame.row(0)[:4]]
    found = totals([path, path], ["bid_amount"])
    assert found["count"] == 2_000
    assert found["bid_amount"] == pytest.approx(2 * frame["bid_amount"].sum())


def test_a_day_without_data_is_an_empty_gzip(tmp_path):
    path = tmp_path / "empty.csv.gz"
    write_sample(sample_of("trades", rows=0), path)
    assert gzip.decompress(path.read_bytes()) == b""
    assert read_rows(path) == []


def test_the_demonstration_shows_every_data_type():
    samples = demo_samples()
    assert 35 <= len(samples) <= 45
    assert len({sample.file_name for sample in samples}) == len(samples)
    assert {sample.data_type for sample in samples} == set(DATA_TYPES)
    assert all(2_000 <= sample.rows <= 20_000 for sample in samples)
    assert (len({s.exchange for s in samples}), len({s.date for s in samples})) == (2, 3)
