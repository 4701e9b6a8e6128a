"""What a description says holds for every cell, name and file, or is refused: nothing of it is passed over."""

from __future__ import annotations

import datetime as dt
import io
import json

import polars as pl
import pytest

from pointline.io.bronze.paths.unrecognised import describe_foreign
from pointline.io.descriptions import own_vendors
from pointline.services.telling.examples import check_examples
from pointline.tables.registry import event_tables
from pointline.vendors import time_formats
from pointline.vendors.describe import describe
from pointline.vendors.paths.template import PathTemplate
from pointline.vendors.values import Clock
from tests.support.lake_check import read_table
from tests.support.process import Lake, pointline
from tests.support.vendor_files import take
from tests.unit.test_described_feeds import TIME, described, feeds, taken

MIDNIGHT = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
PLAIN = '["time", "side", "price", "amount"]'


def read(format_: str, text: str) -> str:
    """Return the time that a text is by a format, of 1 May 2024 where it says no day; empty where it is none."""
    time_formats.check_format(format_)
    told = time_formats.written(["x"], [format_], Clock("UTC"), "auto", MIDNIGHT.date())
    found = pl.DataFrame({"x": [text]}).select(told.cast(pl.Datetime("us"))).item()
    return "" if found is None else f"{found:%Y-%m-%d %H:%M:%S}"


class TestDigitsThatFollowDigits:
    @pytest.mark.parametrize(
        ("format_", "text", "wanted"),
        [
            ("%H%M", "0100", "01:00:00"),
            ("%H%M", "100", ""),
            ("%H%M%S", "93000", ""),
            ("%Y%m%d %H%M%S", "20240501 093000", "09:30:00"),
            ("%Y%m%d %H%M%S", "20240501 10000", ""),
            ("%Y%m%d %H%M%S", "20240501  13000", ""),
            ("%Y%m%d %H%M%S", "20240501 23595", ""),
            ("%Y%m%dT%H%M%S%.f", "20240501T093000.5", "09:30:00"),
            ("%Y%m%dT%H%M%S%.f", "20240501T13000.5", ""),
            ("%Y%m%d%H%M%S%3f", "20240501093000123", "09:30:00"),
            ("%Y%m%d%H%M%S%3f", "2024050193000123", ""),
            ("%m/%d/%Y %H:%M", "5/1/2024 9:30", "09:30:00"),
            ("%Y-%m-%d %I:%M %p", "2024-05-01 9:30 AM", "09:30:00"),
        ],
    )
    def test_each_is_whole(self, format_, text, wanted):
        assert read(format_, text) == (wanted and f"2024-05-01 {wanted}")

    @pytest.mark.parametrize("text", ["202412", "2024111", "24121"])
    def test_days_of_a_year_are_three(self, text):
        assert read("%Y%j", text) in ("", "2024-04-20 00:00:00")

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [("93000", "09:30:00"), ("5", "00:00:05"), ("235959", "23:59:59"), ("1235959", ""), ("", "")],
    )
    @pytest.mark.parametrize(("before", "behind"), [("", ""), ("2024-05-01 ", ""), ("20240501 ", ""), ("", " UTC")])
    def test_a_whole_number_is_filled_with_zeros_where_that_is_said(self, before, behind, text, wanted):
        day = {"": "", "2024-05-01 ": "%Y-%m-%d ", "20240501 ": "%Y%m%d "}[before]
        assert read(f"{day}%-H%M%S{behind}", f"{before}{text}{behind}") == (wanted and f"2024-05-01 {wanted}")

    def test_every_minute_of_a_day_is_itself_or_no_time(self):
        minutes = [hour * 100 + minute for hour in range(24) for minute in range(60)]
        frame = pl.DataFrame({"x": [str(one) for one in minutes]})
        for format_, is_filled in (("%H%M", False), ("%-H%M", True)):
            told = time_formats.written(["x"], [format_], Clock("UTC"), "auto", MIDNIGHT.date())
            found = frame.select(told.cast(pl.Datetime("us"))).to_series().to_list()
            for minute, moment in zip(minutes, found, strict=True):
                if moment is None:
                    assert not is_filled
                    assert minute < 1000
                else:
                    assert moment.hour * 100 + moment.minute == minute

    def test_an_hour_of_twelve_needs_its_half_of_the_day(self):
        with pytest.raises(ValueError, match="%I is an hour of a clock of twelve"):
            time_formats.check_format("%Y-%m-%d %I:%M")


OWN = """
vendor = "mine"
[[table]]
name = "own"
columns = [{{ name = "x", kind = "{kind}"{more} }}]
[[feed]]
name = "one"
table = "own"
exchange = "mine"
path = "mine/{{symbol}}-{{date:%Y-%m-%d}}.csv"
columns = ["time", "cell"]
[feed.map]
timestamp = {{ from = "time", time = "epoch" }}
x = {{ from = "cell", {how}null = {null} }}
"""
CHOICES = ', choices = ["buy", "sell"]'


class TestCellsThatSayNothing:
    @pytest.mark.parametrize("null", ["-", "NaN", "-1", "n/a"])
    @pytest.mark.parametrize(
        ("kind", "how", "good", "value"),
        [
            ("text", "", "abc", "abc"),
            ("number", "absolute = true, ", "-1.5", 1.5),
            ("number", "divide = 100, ", "150", 1.5),
            ("number", "divide = 100, decimals = true, ", "150.5", 1.505),
            ("integer", "", "7", 7),
            ("choice", 'words = { B = "buy", S = "sell" }, ', "S", "sell"),
            ("choice", "", "buy", "buy"),
            ("choice", 'sign = { plus = "buy", minus = "sell" }, ', "-2.5", "sell"),
            ("flag", "words = { Y = true, N = false }, ", "Y", True),
            ("flag", "", "false", False),
            ("time", 'time = "epoch", ', TIME, MIDNIGHT),
            ("time", 'time = "epoch", unit = "ms", ', TIME, MIDNIGHT),
            ("time", 'time = "seconds", ', "1714521600.0", MIDNIGHT),
            ("time", 'time = "since midnight", ', "0.0", MIDNIGHT),
            ("time", 'time = "%H:%M:%S", ', "00:00:00", MIDNIGHT),
            ("time", 'time = ["%Y-%m-%d", "epoch"], ', "2024-05-01", MIDNIGHT),
        ],
    )
    def test_of_every_kind(self, kind, how, good, value, null):
        more = CHOICES if kind == "choice" else ""
        text = OWN.format(kind=kind, more=more, how=how, null=f'["{null}"]')
        vendor = describe(text.encode(), "mine.toml", event_tables())
        found = taken(vendor, "time,cell", *(f"{TIME},{cell}" for cell in (good, null, "?", "")))
        assert found.silver["x"].to_list() == ([value, None, "?", None] if kind == "text" else [value, None, None])
        assert [row["raw"] for row in found.aside.iter_rows(named=True)] == ([] if kind == "text" else [f"{TIME},?"])

    @pytest.mark.parametrize("cell", ["NaN", "nan", "-nan", "inf", "-inf", "1e999", "-1e999"])
    def test_what_is_no_number_has_no_sign(self, cell):
        vendor = described(
            '["time", "price", "size"]',
            'side = { from = "size", sign = { plus = "buy", minus = "sell" } }\namount = { value = "1" }',
        )
        found = taken(vendor, "time,price,size", f"{TIME},1,{cell}", f"{TIME},1,-2")
        assert [row["side"] for row in found.rows()] == ["sell"]

    def test_a_word_cannot_mean_something_and_nothing(self):
        vendor = described(PLAIN, 'side = { from = "side", words = { B = "buy" }, null = ["B"] }')
        assert ["'B' is a word with a meaning too" in one for one in vendor.problems] == [True]

    @pytest.mark.parametrize("where", ['words = { "a,b" = "buy" }', 'null = ["a,b"]'])
    def test_a_word_holds_no_separator(self, where):
        vendor = described(PLAIN, f'side = {{ from = "side", {where} }}')
        assert ["the word 'a,b' holds a separator" in one for one in vendor.problems] == [True]


class TestParquet:
    """Time stamps of Parquet say their zone, or not."""

    COLUMNS = '["time", "side", "price", "amount"]'

    def rows(self, zone: str | None, maps: str, more: str) -> list[dt.datetime] | str:
        vendor = described(self.COLUMNS, "", more, path="mine/{symbol}-{date:%Y-%m-%d}.parquet")
        text = vendor.content.replace(b'time = "epoch"', maps.encode() or b'time = "epoch"')
        vendor = describe(text, "own.toml", event_tables())
        times = [dt.datetime(2024, 5, 1, 9, 30), dt.datetime(2024, 5, 1, 15, 59, 59, 250_000)]  # noqa: DTZ001
        frame = pl.DataFrame({"time": times, "side": ["buy"] * 2, "price": [1.0] * 2, "amount": [2.0] * 2})
        if zone:
            frame = frame.with_columns(pl.col("time").dt.replace_time_zone(zone))
        file = io.BytesIO()
        frame.write_parquet(file)
        found = take(("mine/ABC-2024-05-01.parquet", file.getvalue()), feeds=feeds(vendor))
        return found.silver["timestamp"].to_list() if found.is_success else found.said

    NEW_YORK = 'day_zone = "America/New_York"'
    SHOWN = 'time = "%Y-%m-%d %H:%M:%S%.f"'

    @pytest.mark.parametrize(
        ("zone", "maps", "more", "hour"),
        [
            ("UTC", "", NEW_YORK, 9),
            ("America/New_York", "", NEW_YORK, 13),
            ("America/New_York", "", "", 13),
            (None, "", "", 9),
            (None, SHOWN, NEW_YORK, 13),
        ],
    )
    def test_what_they_are(self, zone, maps, more, hour):
        found = self.rows(zone, maps, more)
        assert [f"{one:%H:%M:%S.%f}" for one in found] == [f"{hour:02}:30:00.000000", f"{hour + 6:02}:59:59.250000"]

    def test_which_zone_is_not_guessed(self):
        said = self.rows(None, "", self.NEW_YORK)
        assert "the time stamps of column time have no zone, and the clock of this feed does not show UTC" in said

    @pytest.mark.parametrize("time", ["epoch", "seconds"])
    def test_an_epoch_is_of_no_zone(self, time):
        vendor = described(PLAIN, f'local_timestamp = {{ from = "time", time = "{time}", zone = "Asia/Tokyo" }}')
        assert ["is of no zone: leave zone out" in one for one in vendor.problems] == [True]


class TestPaths:
    @pytest.mark.parametrize(
        ("template", "name", "says"),
        [
            ("{symbol}_{kind}_{date:%Y}.csv", "BTC_trades_2024.csv", {"symbol": "BTC", "kind": "trades"}),
            ("{symbol}_{kind}_{date:%Y}.csv", "BTC_USDT_trades_2024.csv", None),
            ("{symbol:*_*}_{kind}_{date:%Y}.csv", "BTC_USDT_trades_2024.csv", {"symbol": "BTC_USDT", "kind": "trades"}),
            (
                "{symbol}_{kind:trades|book}_{date:%Y}.csv",
                "A_trades_book_2024.csv",
                {"symbol": "A_trades", "kind": "book"},
            ),
            ("{symbol}-{date:%Y}.csv", "A-B-C-2024.csv", {"symbol": "A-B-C"}),
        ],
    )
    def test_a_name_that_can_be_read_in_two_ways_is_not_read(self, template, name, says):
        found = PathTemplate(template).match("", name)
        assert found is not None
        if says is None:
            assert "two ways: symbol 'BTC', kind 'USDT_trades'; or symbol 'BTC_USDT', kind 'trades'" in found.problem
        else:
            assert (found.fields, found.problem) == (says, "")

    @pytest.mark.parametrize(
        ("template", "path", "symbol"),
        [
            ("{symbol}_{kind}/x.csv", "BTC_spot", "BTC"),
            ("{symbol}_{kind}/x.csv", "BTC_USDT_spot", None),
            ("{kind}_{symbol}/x.csv", "a_b_c", None),
            ("{kind:spot|spot_x}_{symbol}/x.csv", "spot_x_BTC", None),
            ("{kind:spot|spot_x}_{symbol}/x.csv", "spot_BTC", "BTC"),
            ("{symbol}_*/x.csv", "BTC_USDT_spot", None),
            ("{symbol}_*/x.csv", "BTC_spot", "BTC"),
            ("*/{symbol}/x.csv", "any/BTC", "BTC"),
            ("a/**/{symbol}/x.csv", "a/b/c/BTC", "BTC"),
            ("{symbol:*_*}_{kind}/x.csv", "BTC_USDT_spot", "BTC_USDT"),
        ],
    )
    def test_nor_is_a_folder(self, template, path, symbol):
        found = PathTemplate(template).match(path, "x.csv")
        assert found is not None
        assert ("two ways" in found.problem) == (symbol is None)
        assert symbol is None or found.fields["symbol"] == symbol

    @pytest.mark.parametrize(
        ("template", "name", "is_read"),
        [
            ("{symbol}*_{date:%Y}.csv", "BTCUSD_2024.csv", False),
            ("*_{symbol}_{date:%Y}.csv", "spot_BTC_USDT_2024.csv", False),
            ("*_{symbol}_{date:%Y}.csv", "spot_BTC_2024.csv", True),
            ("*.{symbol}.csv", "x.BTC.csv", True),
        ],
    )
    def test_a_star_beside_a_field_leaves_no_choice(self, template, name, is_read):
        found = PathTemplate(template).match("", name)
        assert found is not None
        assert ("two ways" not in found.problem) == is_read

    @pytest.mark.parametrize(
        ("folder", "symbol"), [("BTC/USDT_1m", "BTC"), ("BTC_USDT/1m", "BTC_USDT"), ("BTC/1m", None), ("other", None)]
    )
    def test_the_folder_may_tell_which_is_right(self, folder, symbol):
        found = PathTemplate("{symbol}/{interval}/{symbol}_{interval}.csv").match(folder, "BTC_USDT_1m.csv")
        if symbol is None:
            assert found is None or "it names two" in found.problem
        else:
            assert found is not None
            assert (found.fields["symbol"], found.problem) == (symbol, "")

    def test_an_exchange_of_a_path_is_in_small_letters(self):
        vendor = described(PLAIN, path="{exchange}/{symbol}-{date:%Y-%m-%d}.csv", more="")
        text = vendor.content.replace(b'exchange = "mine"', b'exchange = "{exchange}"')
        known = feeds(describe(text, "own.toml", event_tables()))
        assert {known.claims(f"{one}/A-2024-05-01.csv")[0].exchange for one in ("Kraken", "kraken", "KRAKEN")} == {
            "kraken"
        }


class TestLines:
    @pytest.mark.parametrize(
        ("trailer", "last", "rows"),
        [
            ("TOTAL", "TOTAL,2", 1),
            ("TOTAL", "TOTAL", 1),
            ("TOTAL", f"TOTALENERGIES,{TIME},1,2", 2),
            ("Total: ", "Total: 5", 1),
            ("#", "#2", 1),
        ],
    )
    def test_a_row_that_begins_like_the_last_line_is_a_row(self, trailer, last, rows):
        maps = 'symbol = "symbol"\nside = { value = "unknown" }'
        vendor = described('["symbol", "time", "price", "amount"]', maps, f'trailer = "{trailer}"\ngroup = true')
        assert taken(vendor, "symbol,time,price,amount", f"ABC,{TIME},1,2", last).silver.height == rows

    @pytest.mark.parametrize("trailer", ["TOTAL {rows} {symbol}", "TOTAL {named}", "TOTAL {x}"])
    def test_a_last_line_has_no_other_places(self, trailer):
        assert described(PLAIN, more=f'trailer = "{trailer}"').problems

    @pytest.mark.parametrize("header", ["absent", "auto"])
    def test_two_lists_of_a_length_need_a_header(self, header):
        lists = '[["time", "side", "price", "amount"], ["time", "side", "amount", "price"]]'
        assert described(lists, more=f'header = "{header}"').problems
        assert not described(lists).problems

    @pytest.mark.parametrize("cell", ['"A"', ' "A"', "A ", " A"])
    def test_blanks_around_quotes_are_trimmed(self, cell):
        vendor = described(
            '["time", "side", "price", "amount", "name"]', 'symbol = "name"', "trim = true\ngroup = true"
        )
        found = taken(vendor, "time,side,price,amount,name", f"{TIME},buy,1,2,{cell}")
        assert found.silver["symbol"].to_list() == ["A"]

    @pytest.mark.parametrize("text", ["filled, partial", 'a "b", c', "a,b,c", '"', ",", "a\\\\b,c", "ü, ß"])
    def test_a_text_of_json_may_hold_a_comma_or_a_quote(self, text):
        vendor = described(
            '["time", "price", "amount", "note"]', 'side = { value = "unknown" }\nid = "note"', 'decoder = "json"'
        )
        line = json.dumps({"time": int(TIME), "price": 1, "amount": 2, "note": text}, ensure_ascii=False)
        found = taken(vendor, line, line.replace(", ", ",").replace(": ", ":"))
        assert found.silver["id"].to_list() == [text, text.replace(", ", ",").replace(": ", ":")]

    @pytest.mark.parametrize("skip", [0, 1, 2])
    def test_an_example_of_another_encoding_is_read_as_its_file_is(self, skip):
        lines = [*["Kurse der Börse"] * skip, "time,Stück,price", f"{TIME},2,1", "Umsätze;1"]
        example = "".join(f'"{line}", ' for line in lines)
        text = f"""
            [[feed.example]]
            path = "mine/ABC-2024-05-01.csv"
            lines = [{example}]
            rows = [{{ amount = 2.0, price = 1.0 }}]
        """
        vendor = described(
            '["time", "Stück", "price"]',
            'side = { value = "unknown" }\namount = "Stück"\n' + text,
            f'encoding = "latin-1"\nskip = {skip}\ntrailer = "Umsätze;{{rows}}"',
        )
        assert check_examples(vendor, feeds(vendor)) == (1, [])
        content = "".join(f"{line}\n" for line in lines).encode("latin-1")
        assert take(("mine/ABC-2024-05-01.csv", content), feeds=feeds(vendor)).silver["amount"].to_list() == [2.0]


class TestPairs:
    """Each line of a file goes on in the same line of another one."""

    TEXT = """
        vendor = "b"
        [[feed]]
        name = "p"
        path = "p/{symbol}_{date:%Y-%m-%d}_book.csv"
        table = "quotes"
        exchange = "x"
        header = "absent"
        columns = ["bid_price", "bid_amount", "ask_price", "ask_amount"]
        beside = { _book = "_clock" }
        beside_columns = ["sec", "why"]
        drop = ["why"]
        map = { timestamp = { from = "sec", time = "since midnight", unit = "s" } }
    """
    BOOK, CLOCK = "p/I_2024-05-01_book.csv", "p/I_2024-05-01_clock.csv"

    @pytest.mark.parametrize(
        ("book", "clock"),
        [("10,1,2", "34201,7,x"), ("20,1,21,2,5", "34201"), ("20,1", "1,2,3,4"), ("1,2,3,4", "5,6,7")],
    )
    def test_no_cell_slides_from_one_file_into_the_other(self, book, clock):
        known = feeds(describe(self.TEXT.encode(), "own.toml", event_tables()))
        here = "".join(f"{line}\n" for line in ("10,1,11,2", book, "30,1,31,2")).encode()
        there = "".join(f"{line}\n" for line in ("34200,x", clock, "34202,x")).encode()
        found = take((self.BOOK, here), beside={self.CLOCK: there}, feeds=known)
        assert found.silver["bid_price"].to_list() == [10.0, 30.0]
        assert found.aside["rule"].to_list() == ["ragged"]

    def test_the_second_file_is_said_to_be_one(self):
        known = feeds(describe(self.TEXT.encode(), "own.toml", event_tables()))
        found = describe_foreign(self.CLOCK, known)
        assert (found.reason, found.advice) == (f"it is read with {self.BOOK}", "nothing to do")

    def test_a_new_content_of_either_replaces_the_rows(self, tmp_path):
        lake = Lake(tmp_path / "lake")
        (lake.root / "vendors").mkdir()
        (lake.root / "vendors/own.toml").write_text(self.TEXT)
        (lake.bronze / "p").mkdir()
        for hour in (34200, 44200, 54200):
            for path, line in ((self.BOOK, "10,1,11,2\n"), (self.CLOCK, f"{hour},x\n")):
                if path == self.CLOCK or hour == 34200:
                    staged = lake.root / "staged"
                    staged.write_text(line)
                    staged.rename(lake.bronze / path)
            lake.once()
            times = read_table(lake.root, "quotes")["timestamp"].to_list()
            assert [(one - MIDNIGHT).total_seconds() for one in times] == [hour]


class TestSeveralCells:
    @pytest.mark.parametrize(
        ("cells", "rule"),
        [
            ("2024-05-01,09:30", None),
            (",", None),
            ("-,-", None),
            ("-,", None),
            ("2024-05-01,", "unparseable"),
            ("2024-05-01,-", "unparseable"),
            (",09:30", "unparseable"),
            ("-,09:30", "unparseable"),
        ],
    )
    def test_half_a_time_is_no_time(self, cells, rule):
        text = OWN.format(kind="time", how='time = "%Y-%m-%d %H:%M", ', null='["-"]', more="")
        text = text.replace('columns = ["time", "cell"]', 'columns = ["time", "d", "t"]').replace(
            '"cell"', '["d", "t"]'
        )
        vendor = describe(text.encode(), "mine.toml", event_tables())
        found = taken(vendor, "time,d,t", f"{TIME},{cells}")
        assert [row["rule"] for row in found.aside.iter_rows(named=True)] == ([] if rule is None else [rule])
        assert found.silver["x"].is_not_null().to_list() == ([] if rule else [cells == "2024-05-01,09:30"])


def test_a_table_may_be_of_a_file_behind(tmp_path):
    folder = tmp_path / "vendors"
    folder.mkdir()
    table, _, feed = OWN.format(kind="number", how="", null="[]", more="").replace("mine", "zz").partition("[[feed]]")
    (folder / "zz.toml").write_text(table)
    (folder / "aa.toml").write_text(f'vendor = "aa"\n[[feed]]{feed}')
    said: list[str] = []
    assert [one.name for one in own_vendors(tmp_path, event_tables(), said.append)] == ["aa", "zz"]
    assert said == []


def test_an_hour_that_clocks_skip_is_none():
    vendor = described(PLAIN, more='day_zone = "America/New_York"', path="mine/{symbol}_{date:%Y-%m-%d}_{hour:%H}.csv")
    known = feeds(vendor)
    said = {hour: known.claims(f"mine/A_2024-03-10_{hour}.csv")[0].problem for hour in ("01", "02", "03")}
    assert "there is no such hour in America/New_York" in said.pop("02")
    assert said == {"01": "", "03": ""}


def test_symbols_of_one_file_that_differ_in_case_do_not_overlap(tmp_path):
    lake = Lake(tmp_path / "lake")
    (lake.root / "vendors").mkdir()
    maps = 'symbol = "side"\nside = { value = "unknown" }'
    text = described(PLAIN, maps, "group = true", path="mine/{date:%Y-%m-%d}.csv").content
    (lake.root / "vendors/own.toml").write_bytes(text)
    (lake.bronze / "mine").mkdir()
    rows = "".join(f"{int(TIME) + at},{'kK'[at % 2]}PEPE,1,2\n" for at in range(8))
    (lake.bronze / "mine/2024-05-01.csv").write_text(f"time,side,price,amount\n{rows}")
    assert lake.once() == 0
    assert pointline(lake.root, "verify", "--deep").returncode == 0


@pytest.mark.parametrize("lacking", ["ask_price", "ask_amount", "bid_price", "bid_amount"])
def test_half_a_level_is_counted_on_each_side(lacking):
    check = next(one for one in event_tables()["quotes"].checks if one.name == "half_level")
    whole = dict.fromkeys(("ask_price", "ask_amount", "bid_price", "bid_amount"), 1.0)
    frame = pl.DataFrame([whole, {**whole, lacking: None}])
    assert frame.select(check.found).to_series().to_list() == [False, True]


@pytest.mark.parametrize("level", ["asks[0]", "asks[4]", "bids[0]", "bids[3]"])
@pytest.mark.parametrize("lacking", ["price", "amount"])
def test_half_a_level_is_counted_at_each_depth(level, lacking):
    table = event_tables()["book_snapshot_5"]
    check = next(one for one in table.checks if one.name == "half_level")
    whole = {one.name: 1.0 for one in table.columns if one.name.startswith(("asks", "bids"))}
    frame = pl.DataFrame([whole, {**whole, f"{level}.{lacking}": None}])
    assert frame.select(check.found).to_series().to_list() == [False, True]


def test_prices_alone_are_no_half_levels():
    """Some feeds have no amounts at all, and `quarantine` would leave nothing of them."""
    check = next(one for one in event_tables()["quotes"].checks if one.name == "half_level")
    prices = {"ask_price": 1.0, "bid_price": 1.0, "ask_amount": None, "bid_amount": None}
    frame = pl.DataFrame([prices, prices], schema=dict.fromkeys(prices, pl.Float64))
    assert frame.select(check.found).to_series().to_list() == [False, False]
    beside = pl.concat([frame, frame.with_columns(ask_amount=pl.lit(1.0), bid_amount=pl.lit(1.0))])
    assert not beside.select(check.found).to_series().any(), "whatever the rows beside it are"
