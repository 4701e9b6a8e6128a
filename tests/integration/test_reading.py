"""``pointline.scan`` and ``pointline.with_symbols``: the rows that were asked for, no part more, nothing from later."""

from __future__ import annotations

import datetime as dt
import pickle
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import pointline
from pointline.errors import PointlineError
from pointline.io.delta.reading import Parts, Wanted
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.point_in_time import NoVersion
from tests.support.small_lake import add_symbols, add_trades, at, trades

DAYS = ("2024-05-01", "2024-05-02", "2024-05-03")
SYMBOLS = 100
HOUR = dt.timedelta(hours=1)


def day_of_trades(exchange: str, symbol: str, day: str, file_id: int) -> pl.DataFrame:
    return trades(exchange, symbol, [at(day) + hour * HOUR for hour in range(24)], file_id)


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """300 symbol-days of one exchange and three of another, each in a part of its own."""
    root = tmp_path_factory.mktemp("reading") / "a=1" / "la[k]e"
    ids = iter(range(1, 1000))
    files = [day_of_trades("binance", f"S{number:03}", day, next(ids)) for day in DAYS for number in range(SYMBOLS)]
    files += [day_of_trades("deribit", "S007", day, next(ids)) for day in DAYS]
    add_trades(root, *files)
    return root


def read(lake: Path, **asked: object) -> pl.DataFrame:
    return pointline.scan("trades", lake_root=lake, **asked).collect()


@pytest.mark.parametrize("asked", ["deribit", "DERIBIT", ["Deribit", "deribit"]])
def test_an_exchange_is_one_in_upper_and_lower_case(lake, asked):
    assert read(lake, exchange=asked)["exchange"].value_counts().rows() == [("deribit", 72)]


class TestParts:
    """A query opens the parts that can hold its rows."""

    def test_one_symbol_day_of_300_is_one_part(self, lake):
        frame = pointline.scan(
            "trades",
            exchange="binance",
            symbol="S042",
            start=dt.date(2024, 5, 2),
            end=dt.date(2024, 5, 3),
            lake_root=lake,
        )
        wanted = Wanted(exchanges=["binance"], symbols=["S042"], start=at(DAYS[1]), end=at(DAYS[2]))
        (part,) = Parts(lake / "silver" / "trades").with_rows(wanted)
        assert "exchange=binance/date=2024-05-02" in part
        assert "1 other" not in frame.explain()
        assert part in frame.explain()
        assert frame.collect().equals(day_of_trades("binance", "S042", DAYS[1], 143))

    @pytest.mark.parametrize(
        ("wanted", "parts"),
        [
            (Wanted(), 303),
            (Wanted(exchanges=["deribit"]), 3),
            (Wanted(exchanges=["okx"]), 0),
            (Wanted(exchanges=[]), 0),
            (Wanted(symbols=["S007"]), 6),
            (Wanted(symbols=["S007", "S008"]), 9),
            (Wanted(symbols=["none"]), 0),
            (Wanted(symbols=[]), 0),
            (Wanted(start=at(DAYS[2])), 101),
            (Wanted(end=at(DAYS[1])), 101),
            (Wanted(start=at(DAYS[1]), end=at(DAYS[1])), 0),
            (Wanted(symbols=["S007"], start=at("2024-05-01 23:30:00")), 4),
            (Wanted(exchanges=["binance"], symbols=["S007"], end=at("2024-05-02 00:00:00.000001")), 2),
        ],
    )
    def test_by_exchange_symbol_and_time(self, lake, wanted, parts):
        assert len(Parts(lake / "silver" / "trades").with_rows(wanted)) == parts

    def test_what_is_pruned_changes_no_result(self, lake):
        everything = read(lake)
        assert everything.height == 303 * 24
        some = read(lake, symbol=["S007", "S008"], start=at("2024-05-01 22:00:00"), end=at("2024-05-02 02:00:00"))
        of_symbol = everything.filter(pl.col("symbol").is_in(["S007", "S008"]))
        of_time = pl.col("local_timestamp").is_between(
            at("2024-05-01 22:00:00"), at("2024-05-02 02:00:00"), closed="left"
        )
        assert some.equals(of_symbol.filter(of_time))
        assert some.height == 3 * 4

    def test_a_part_without_statistics_is_read(self, tmp_path):
        odd = trades("binance", "x" * 100, [at(DAYS[0])])
        add_trades(tmp_path, odd)
        assert read(tmp_path, symbol="x" * 100).equals(odd)
        with pytest.raises(PointlineError, match="no rows of the symbol 'y'"):
            read(tmp_path, symbol="y")


class TestTimes:
    """``start`` and ``end`` are of ``local_timestamp``, half open."""

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            ("2024-05-02", "2024-05-03"),
            (dt.date(2024, 5, 2), dt.datetime(2024, 5, 3)),  # noqa: DTZ001 - counts as UTC
            ("2024-05-02T00:00", "2024-05-03 00:00:00"),
            ("2024-05-02T09:00+09:00", at("2024-05-03")),
        ],
    )
    def test_each_way_to_write_a_time(self, lake, start, end):
        assert self.hours(lake, start, end) == (24, "02 00", "02 23")

    def hours(self, lake, start, end) -> tuple[int, str, str]:
        found = read(lake, exchange="deribit", start=start, end=end, in_order=True)["local_timestamp"]
        return found.len(), f"{found[0]:%d %H}", f"{found[-1]:%d %H}"

    def test_dates(self, lake):
        assert self.hours(lake, dt.date(2024, 5, 2), dt.date(2024, 5, 3)) == (24, "02 00", "02 23")

    def test_datetimes_without_a_zone_are_utc(self, lake):
        naive = (dt.datetime.fromisoformat(f"2024-05-02T0{hour}:00:00") for hour in (3, 5))
        assert self.hours(lake, *naive) == (2, "02 03", "02 04")

    def test_other_zones_are_converted(self, lake):
        tokyo = dt.timezone(9 * HOUR)
        there = dt.datetime(2024, 5, 2, 3, tzinfo=tokyo), dt.datetime(2024, 5, 2, 5, tzinfo=tokyo)
        assert self.hours(lake, *there) == (2, "01 18", "01 19")

    def test_one_end_is_enough(self, lake):
        assert self.hours(lake, dt.date(2024, 5, 3), None) == (24, "03 00", "03 23")
        assert self.hours(lake, None, dt.date(2024, 5, 2)) == (24, "01 00", "01 23")


class TestColumns:
    """The columns asked for, in that order; filters need not be among them."""

    def test_chosen(self, lake):
        assert read(lake, symbol="S001", columns=["price", "symbol"]).columns == ["price", "symbol"]
        assert read(lake, symbol="S001", columns=["price"], in_order=True).height == 72
        assert read(lake, symbol="S001", columns="price").columns == ["price"]

    def test_all_as_the_table_documents_them(self, lake):
        assert read(lake, symbol="S001").schema == read(lake, symbol="S001", end="2024-05-01").schema

    def test_in_order(self, lake):
        rows = read(lake, in_order=True)
        assert rows.equals(rows.sort("local_timestamp", "file_id", "file_seq"))
        assert not read(lake).equals(rows)


class TestErrors:
    """One line what, one line what to try."""

    @pytest.mark.parametrize(
        ("table", "asked", "what", "hint"),
        [
            ("trade", {}, "no table 'trade'", "trades, quotes"),
            ("trades", {"columns": ["prize"]}, "no column 'prize'", "price"),
            (
                "ingest_manifest",
                {"start": dt.date(2024, 5, 1)},
                "ingest_manifest has no local_timestamp",
                "leave it out",
            ),
            ("quarantine", {"in_order": True}, "in_order sorts by .*, and quarantine has no local_timestamp", "leave"),
            ("quarantine", {"symbol": "BTCUSDT"}, "no column 'symbol'", "raw"),
            ("trades", {"columns": ["prize", "price", "amont"]}, "no columns 'prize', 'amont'", "price or amount"),
            ("trades", {"start": "yesterday"}, "start is 'yesterday', which is no time", "start='2024-05-01'"),
            ("trades", {"end": 20240501}, "end is 20240501, of the type int", "end='2024-05-01'"),
            ("trades", {"start": "2024-05-02", "end": dt.date(2024, 5, 1)}, "before start", "swap the two"),
            ("trades", {"start": "2024-05-02", "end": "2024-05-02"}, "both 2024-05-02", "end='2024-05-03'"),
            ("trades", {"exchange": "deribt"}, "no rows of the exchange 'deribt'", "did you mean deribit"),
            (
                "trades",
                {"exchange": ["deribit", "okx"]},
                "no rows of the exchange 'okx'",
                "trades has rows of binance, deribit",
            ),
            ("trades", {"symbol": "s007"}, "no rows of the symbol 's007'", "pointline.symbols"),
            ("trades", {"symbol": ["S007", "nothing"]}, "no rows of the symbol 'nothing'", "pointline.symbols"),
            ("trades", {"symbol": "S042", "exchange": "Deribit"}, "symbol 'S042' of Deribit", "pointline.symbols"),
            ("trades", {"version": 99}, "no version 99", "newest version is 1"),
            ("trades", {"version": -1}, "no version -1", "newest version is 1"),
            ("trades", {"version": "1"}, "version is '1', and versions are whole numbers", "pointline.tables"),
            ("trades", {"version": True}, "version is True, and versions are whole numbers", "pointline.tables"),
            ("quotes", {"version": 0}, "quotes has no version 0: it holds nothing yet", ""),
        ],
    )
    def test_of_what_is_asked(self, lake, table, asked, what, hint):
        with pytest.raises(PointlineError, match=what) as error:
            pointline.scan(table, lake_root=lake, **asked)
        assert all(word in error.value.hint for word in hint.split(", "))

    def test_no_lake(self, tmp_path):
        with pytest.raises(PointlineError, match="there is no lake"):
            pointline.scan("trades", lake_root=tmp_path / "none")

    def test_a_table_that_holds_nothing_yet_is_empty(self, lake):
        assert pointline.scan("quotes", lake_root=lake).collect().is_empty()
        assert pointline.scan("dim_symbol", exchange="binance", lake_root=lake).collect().is_empty()


def add_three_symbols(root: Path) -> None:
    files = enumerate([(symbol, day) for symbol in ("BTC", "ETH", "XRP") for day in DAYS], 1)
    add_trades(root, *(day_of_trades("binance", symbol, day, file_id) for file_id, (symbol, day) in files))


@pytest.fixture(scope="module")
def listed(tmp_path_factory) -> Path:
    """BTC changes its tick on the second at noon and is gone from the third on; ETH comes on the second."""
    root = tmp_path_factory.mktemp("listed")
    add_three_symbols(root)
    add_symbols(
        root,
        [
            ("binance", "BTC", at("2024-05-01 06:00:00"), 0.1),
            ("binance", "BTC", at("2024-05-02 12:00:00"), 0.01),
            ("binance", "BTC", at("2024-05-03"), None),
            ("binance", "ETH", at("2024-05-02"), 0.5),
            ("deribit", "XRP", at("2024-05-01"), 9.0),
        ],
    )
    return root


def ticks(frame: pl.DataFrame, symbol: str) -> list[tuple[str, float | None]]:
    """When the tick size changes, in order of time."""
    rows = frame.filter(symbol=symbol).sort("local_timestamp").select("local_timestamp", "tick_size")
    changed = rows.filter(pl.col("tick_size").ne_missing(pl.col("tick_size").shift(1)) | (pl.int_range(pl.len()) == 0))
    return [(f"{time:%d %H}", tick) for time, tick in changed.iter_rows()]


@pytest.fixture(scope="module")
def joined(listed) -> pl.DataFrame:
    return pointline.with_symbols(pointline.scan("trades", lake_root=listed), lake_root=listed).collect()


class TestPointInTime:
    """A row sees what held at its own time: nothing from before, nothing from later, and never what holds today."""

    def test_windows_are_half_open(self, joined):
        assert ticks(joined, "BTC") == [("01 00", None), ("01 06", 0.1), ("02 12", 0.01), ("03 00", None)]
        assert ticks(joined, "ETH") == [("01 00", None), ("02 00", 0.5)]

    @pytest.mark.parametrize("lazy", [True, False])
    def test_symbols_that_stand_in_silver_in_small_letters(self, listed, lazy):
        """``dim_symbol`` has them as venues write them."""
        rows = pl.DataFrame(
            {"exchange": "binance", "symbol": ["eth", "ETH", "Eth"], "local_timestamp": at("2024-05-03")}
        )
        found = pointline.with_symbols(rows.lazy() if lazy else rows, lake_root=listed).lazy().collect()
        assert found["tick_size"].to_list() == [0.5, 0.5, None]

    def test_no_column_of_the_frame_is_replaced(self, listed):
        rows = pointline.scan("trades", lake_root=listed).with_columns(tick_size=1.0, tick_size_of_symbol=7.0)
        with pytest.raises(pointline.PointlineError, match="has both tick_size and tick_size_of_symbol"):
            pointline.with_symbols(rows, lake_root=listed)

    def test_the_same_symbol_of_another_exchange_is_another(self, joined):
        assert ticks(joined, "XRP") == [("01 00", None)]

    def test_what_becomes_known_for_later_changes_nothing(self, listed, joined, tmp_path):
        add_three_symbols(tmp_path)
        frame = pointline.scan("dim_symbol", lake_root=listed).collect()
        history = [
            (exchange, symbol, since, tick)
            for exchange, symbol, since, tick in frame.select("exchange", "symbol", "valid_from", "tick_size").rows()
        ]
        gone, back = ("binance", "BTC", at("2024-05-03"), None), ("binance", "BTC", at("2024-05-04"), 7.0)
        add_symbols(tmp_path, [*history, gone, back, ("binance", "ETH", at("2024-05-04"), 8.0)])
        later = pointline.with_symbols(pointline.scan("trades", lake_root=tmp_path), lake_root=tmp_path).collect()
        assert later.equals(joined)

    def test_rows_without_a_version_are_kept_and_counted(self, listed, joined):
        assert joined.height == 3 * 72
        without = joined.select(pl.col("symbol_id").is_null().sum()).item()
        assert without == (6 + 24) + 24 + 72
        assert joined.filter(pl.col("symbol_id").is_null())["market_type"].null_count() == without

    def test_rows_stay_in_their_order(self, listed):
        rows = pointline.scan("trades", lake_root=listed).collect().sample(fraction=1.0, shuffle=True, seed=1)
        joined = pointline.with_symbols(rows, lake_root=listed)
        assert joined.select(rows.columns).equals(rows)
        assert ticks(joined, "BTC") == [("01 00", None), ("01 06", 0.1), ("02 12", 0.01), ("03 00", None)]

    @pytest.mark.parametrize("engine", ["in-memory", "streaming"])
    def test_what_is_asked_of_it_reaches_the_scan(self, listed, engine):
        frame = pointline.with_symbols(pointline.scan("trades", lake_root=listed), lake_root=listed)
        query = frame.filter(symbol="ETH").select("price", "tick_size")
        assert "PROJECT 4/11 COLUMNS" in query.explain()
        assert query.collect(engine=engine).sum().row(0) == (3 * 300, 48 * 0.5)

    def test_a_column_of_the_frame_keeps_its_name(self, listed):
        rows = pointline.scan("trades", symbol="ETH", lake_root=listed).with_columns(tick_size=pl.lit(3))
        joined = pointline.with_symbols(rows, lake_root=listed).collect()
        assert joined["tick_size"].unique().to_list() == [3]
        assert joined["tick_size_of_symbol"].unique().drop_nulls().to_list() == [0.5]

    def test_rows_without_a_time_or_a_symbol(self, listed):
        rows = pl.DataFrame(
            {"exchange": ["binance"] * 3, "symbol": ["ETH", None, "ETH"], "local_timestamp": [None, *[at(DAYS[2])] * 2]}
        )
        assert pointline.with_symbols(rows, lake_root=listed)["tick_size"].to_list() == [None, None, 0.5]

    def test_a_lake_without_symbols(self, lake):
        joined = pointline.with_symbols(read(lake, symbol="S001"), lake_root=lake)
        assert joined["symbol_id"].null_count() == joined.height == 72

    def test_it_says_what_it_needs(self, listed):
        rows = pointline.scan("trades", lake_root=listed)
        with pytest.raises(PointlineError, match="needs the column symbol"):
            pointline.with_symbols(rows.drop("symbol"), lake_root=listed)
        with pytest.raises(PointlineError, match="already"):
            pointline.with_symbols(pointline.with_symbols(rows, lake_root=listed), lake_root=listed)


def test_importing_pointline_loads_nothing():
    program = "import sys, pointline; print([one for one in ('polars', 'deltalake') if one in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
    assert not hasattr(pointline, "nothing")


class TestWithSymbolsOfAnyFrame:
    """What people bring: categories, frames to be pickled, symbols that nobody told of."""

    @pytest.fixture
    def lake(self, tmp_path):
        add_symbols(tmp_path, [("binance", "A", at("2024-05-01"), 0.1)])
        return tmp_path

    def rows(self, *symbols: str) -> pl.DataFrame:
        frame = {"exchange": ["binance"] * len(symbols), "symbol": list(symbols)}
        return pl.DataFrame(frame).with_columns(local_timestamp=pl.lit(at("2024-06-01")))

    @pytest.mark.parametrize("kind", [pl.Categorical(), pl.Enum(["A", "binance"])])
    def test_categories(self, lake, kind):
        frame = self.rows("A").with_columns(pl.col("exchange", "symbol").cast(kind))
        assert pointline.with_symbols(frame, lake_root=lake)["tick_size"].to_list() == [0.1]

    def test_it_says_how_many_had_no_version(self, lake):
        with pytest.warns(NoVersion, match="2 of 3 rows had no version of their symbol: the first is binance B at"):
            pointline.with_symbols(self.rows("A", "B", "B"), lake_root=lake)

    def test_a_lazy_frame_says_it_when_it_is_read(self, lake):
        lazy = pointline.with_symbols(self.rows("B").lazy(), lake_root=lake)
        with pytest.warns(NoVersion, match="1 of 1"):
            lazy.collect()

    def test_it_can_be_pickled(self, lake):
        lazy = pointline.with_symbols(self.rows("A").lazy(), lake_root=lake)
        assert pickle.loads(pickle.dumps(lazy)).collect()["tick_size"].to_list() == [0.1]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"symbol": pl.lit(1)}, "needs text in symbol, and it holds Int32"),
            ({"local_timestamp": pl.lit(1)}, "needs times in local_timestamp, and it holds Int32"),
        ],
    )
    def test_what_cannot_be_joined_is_said_at_once(self, lake, change, told):
        with pytest.raises(PointlineError, match=told):
            pointline.with_symbols(self.rows("A").with_columns(**change).lazy(), lake_root=lake)


MADE = {
    "as it is": lambda frame, _: frame.collect(),
    "streamed": lambda frame, _: frame.collect(engine="streaming"),
    "chosen": lambda frame, _: frame.filter(pl.col("price") > 1).select("price").head(3).collect(),
    "grouped": lambda frame, _: frame.group_by("symbol").agg(pl.len()).collect(),
    "counted in groups": lambda frame, _: frame.group_by("symbol").len().collect(),
    "by time": lambda frame, _: (
        frame.sort("timestamp").group_by_dynamic("timestamp", every="1h").agg(pl.len()).collect()
    ),
    "joined": lambda frame, _: frame.join(frame, on="file_seq").collect(),
    "pickled": lambda frame, _: pickle.loads(pickle.dumps(frame)).collect(),
    "written": lambda frame, lake: frame.sink_parquet(lake / "out.parquet"),
    "with symbols": lambda frame, lake: pointline.with_symbols(frame, lake_root=lake).collect(),
    "grouped with symbols": lambda frame, lake: (
        pointline.with_symbols(frame, lake_root=lake).group_by("tick_size").agg(pl.len()).collect()
    ),
}


class TestOutlivedAVacuum:
    """A frame whose data files were removed meanwhile says so, whatever was made of it, and how to go on."""

    @pytest.mark.parametrize("made", MADE)
    def test_it_says_so(self, tmp_path, made):
        rows = trades("binance", "BTCUSDT", [at("2024-05-01 00:00"), at("2024-05-01 01:00")])
        table = add_trades(tmp_path, rows)
        add_symbols(tmp_path, [("binance", "BTCUSDT", at("2020-05-01"), 0.1)])
        frame = pointline.scan("trades", lake_root=tmp_path)
        MADE[made](frame, tmp_path)
        table.write_full(rows)
        TableUpkeep(repository=table).vacuum(0, dry_run=False)
        with pytest.raises(PointlineError, match="was removed after this frame was made") as told:
            MADE[made](frame, tmp_path)
        assert "pointline.scan" in told.value.hint
        MADE[made](pointline.scan("trades", lake_root=tmp_path), tmp_path)

    def test_a_file_of_others_is_theirs(self, tmp_path):
        add_trades(tmp_path, trades("binance", "BTCUSDT", [at("2024-05-01 00:00")]))
        other = pl.scan_parquet(tmp_path / "theirs.parquet", schema={"file_seq": pl.Int64})
        with pytest.raises(FileNotFoundError):
            pointline.scan("trades", lake_root=tmp_path).join(other, on="file_seq").collect()
