"""What descriptions can say of paths, times, numbers and last lines, and what they cannot say in earnest."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pointline.parse import fast_path, text_path
from pointline.parse.feed import Feed
from pointline.parse.rules import Belonging
from pointline.tables.registry import event_tables
from pointline.vendors import time_formats, values
from pointline.vendors.describe import describe
from pointline.vendors.paths.grammar import BadTemplate
from pointline.vendors.paths.template import PathTemplate
from pointline.vendors.paths.time_of_path import Span
from pointline.vendors.values import Clock
from tests.support.vendor_files import take

FEED = """
vendor = "mine"
[[feed]]
name = "one"
table = "trades"
exchange = "mine"
path = "{path}"
columns = ["time", "price", "amount", "note"]
{more}
[feed.map]
side = {{ value = "unknown" }}
timestamp = {{ from = "time", time = "epoch" }}
{mapped}
"""


EPOCH = 'timestamp = { from = "time", time = "epoch" }'


def problems(*, path: str = "{symbol}-{date:%Y-%m-%d}.csv", mapped: str = "", more: str = 'drop = ["note"]') -> str:
    lines = FEED.format(path=path, mapped=mapped, more=more).splitlines()
    said = [line for line in mapped.splitlines() if "=" in line]
    given = {line.split(" = ", 1)[0] for line in said}
    kept = [line for n, line in enumerate(lines) if line in said or line.split(" = ", 1)[0] not in given or n < 3]
    return "\n".join(describe("\n".join(kept).encode(), "mine.toml", event_tables()).problems)


def test_words_of_a_flag_are_true_and_false():
    mapped = 'is_snapshot = { from = "note", words = { a = true, b = "false" } }'
    text = FEED.format(path="{symbol}-{date:%Y-%m-%d}.csv", mapped=mapped, more="")
    text = text.replace('table = "trades"', 'table = "incremental_book_L2"')
    found = describe(text.encode(), "mine.toml", event_tables()).problems
    assert any("map.is_snapshot: words: true or false, without quotes, is wanted, not 'false'" in one for one in found)


class TestWhatCannotBeMeant:
    def test_nothing(self):
        assert problems() == ""

    @pytest.mark.parametrize(
        ("mapped", "says"),
        [
            ('id = { from = "note", divide = 10.0 }', "only a number can be divided"),
            ('id = { from = "note", when_integer = true }', "only a number can be divided"),
            ('side = { value = "{symbol}", words = { A = "up" } }', "map.side: 'up' is none of buy, sell, unknown"),
            ('side = { value = "{market}", words = { A = "buy" } }', "no path names {market}"),
            ('id = { value = "{market}" }', "no path names {market}"),
            (
                'id = { from = "note", decimal = "," }',
                "map.id: there is no key 'decimal'; decimal is one of the feed: write it",
            ),
            ('id = { from = "note", word = {} }', "map.id: there is no key 'word'; there are from, value, words, time"),
            ("id = { from = 3 }", "map.id: from: a text in quotes or a list in [ ] is wanted, not a whole number"),
            ("id = 3", "map.id: write the name of a column in quotes, or keys in { }"),
            ('id = { from = "note", unit = "m" }', "map.id: unit: 'm' is none of 'auto', 's', 'ms', 'us', 'ns'"),
            ('price = { from = "price", decimals = true }', "decimals: say by what numbers"),
            ('price = { from = "price", divide = 0 }', "map.price: divide is 0: no number can be divided by it"),
            ('price = { from = "price", divide = nan }', "map.price: divide is nan"),
            ('price = { from = "price", value = "1" }', "both together, where value is what an empty cell stands for"),
            (
                'side = { from = "note", words = { B = "buy", "" = "unknown" } }',
                "map.side: words: an empty cell is no word",
            ),
            ('side = { from = "note", value = "none" }', "map.side: 'none' is none of buy, sell, unknown"),
            ('timestamp = { from = "time", time = "%Y-%m-%d %T %Z" }', "'%Y-%m-%d %T %Z': %Z is the name of a zone"),
            ('timestamp = { from = "time", time = "%Y-%m-%d %Z %T" }', "%Z is the name of a zone"),
            ('timestamp = { from = "time", time = "%+" }', "%+ is not read"),
            ('timestamp = { from = "time", time = "%s%.3f" }', "%s is an epoch"),
            ('timestamp = { from = "time", time = "%T", zone = "localtime" }', "there is no zone 'localtime'"),
            ('timestamp = { from = "time", time = "%T", zone = "posix/UTC" }', "there is no zone 'posix/UTC'"),
            ('timestamp = { from = "time", time = "%T", zone = "+99:99" }', "there is no zone '+99:99'"),
            ('price = { value = "abc" }', "map.price: 'abc' is no value of a column of number"),
            ('price = { value = "nan" }', "map.price: 'nan' is no value of a column of number"),
            ('timestamp = { value = "2024-05-01" }', "map.timestamp: '2024-05-01' is no value of a column of time"),
            (
                'side = { from = "note", words = { a = "buy", b = true } }',
                "map.side: True is none of buy, sell, unknown",
            ),
            ('timestamp = { from = "time", time = "%Q" }', "no time can be read by the format '%Q'"),
            ('timestamp = { from = "time", time = "%Y-%m-%d %l" }', "no time can be read by the format '%Y-%m-%d %l'"),
            ('timestamp = { from = "time", time = "%Y-%m-%d %H:%M:%S.%f" }', "%f is the nanoseconds"),
            ('timestamp = { from = "time", time = [] }', "say how the time is written"),
            ('timestamp = { from = "time", time = "epoch_ms" }', "'epoch_ms' is not a way to write a time"),
            ('timestamp = { from = "time", time = ["%H:%M", "second"] }', "'second' is not a way to write a time"),
        ],
    )
    def test_mappings(self, mapped, says):
        assert says in problems(mapped=mapped)

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            ('decoder = "bi5"\nheader = "absent"', "decoder: header is said of files of text: leave it out"),
            ('decoder = "dbn"\nquote = false', "decoder: quote is said of files of text: leave it out"),
            ("like = { a = 1 }", "there is no feed {'a': 1} before it to be like"),
            ('encoding = "klingon"', "encoding: 'klingon' is not known"),
            ('encoding = "base64"', "encoding: 'base64' is not known"),
            ('encoding = "utf-16"', "encoding: 'utf-16' is not known"),
            ('decoder = "pcap"', "decoder: 'pcap' is none of 'json', 'bi5', 'dbn'"),
            ('decoder = "bi5"', ""),
        ],
    )
    def test_decoders(self, more, says):
        found = problems(more=f'drop = ["note"]\n{more}')
        assert says in found
        assert bool(found) == bool(says)

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            ("colums = []", "there is no key 'colums'; did you mean columns?"),
            ('skip = "1"', "skip: a whole number is wanted, not a text in quotes"),
            (
                '[[feed.example]]\npath = "a"\nline = []',
                "example 1: there is no key 'line'; there are path, lines, rows",
            ),
            ('[[feed.example]]\npath = "a"\nlines = []', "example 1: the key rows is missing"),
        ],
    )
    def test_keys(self, more, says):
        text = FEED.format(path="{symbol}.csv", more="", mapped=more if more[0] == "[" else "")
        text = text if more[0] == "[" else text.replace("[feed.map]", f"{more}\n[feed.map]")
        found, *_ = describe(text.encode(), "mine.toml", event_tables()).problems
        assert found.startswith(f"mine.toml: feed one: {says}")

    @pytest.mark.parametrize("exchange", ["Binance", "my desk", "-", "a/b", "ä"])
    def test_an_exchange_that_is_no_id(self, exchange):
        text = FEED.format(path="{symbol}.csv", more='drop = ["note"]', mapped="")
        (found,) = describe(
            text.replace('exchange = "mine"', f'exchange = "{exchange}"').encode(), "mine.toml", event_tables()
        ).problems
        assert f"exchange {exchange!r} is no id: lower-case letters, digits" in found

    @pytest.mark.parametrize("name", ["date", "day", "hour"])
    def test_a_date_without_a_format(self, name):
        assert f"{{{name}}} says no format: write {{{name}:%" in problems(path=f"{{symbol}}-{{{name}}}.csv")

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ('columns = [{ name = "a", kind = "float" }]', "columns a.kind: 'float' is none of 'text', 'number'"),
            ('columns = [{ name = "a", kinds = "text" }]', "columns a: there is no key 'kinds'; there are name, kind"),
            ('columns = [{ name = "a", kind = "text" }]\nchecks = ["x"]', "there is no check 'x'"),
            ('columns = [{ name = "a", kind = "choice" }]', "a is a choice without choices"),
            (
                """columns = [{ name = "a", kind = "choice", choices = ["x", '"'] }]""",
                "a: '\"' is not a word that a cell can hold",
            ),
            ('columns = [{ name = "symbol", kind = "text" }]', "every table has a column symbol already"),
            ('columns = [{ name = "a", kind = "text" }]\nseries = ["b"]', "it has no column 'b' to be a series of"),
            ("", "the key columns is missing"),
        ],
    )
    def test_a_table_and_nothing_that_follows_from_it(self, table, says):
        text = FEED.format(path="{symbol}.csv", more='drop = ["note"]', mapped="").replace('"trades"', '"own"')
        (found,) = describe(f'{text}\n[[table]]\nname = "own"\n{table}'.encode(), "mine.toml", event_tables()).problems
        assert found.startswith(f"mine.toml: table own: {says}")

    @pytest.mark.parametrize(
        "mapped",
        [
            'id = { from = "note", divide = 10.0 }',
            'id = { from = "note", when = "x" }',
            'side = { from = "note", words = { B = "bought" } }',
        ],
    )
    def test_a_line_of_a_map_and_nothing_that_follows_from_it(self, mapped):
        (found,) = problems(mapped=mapped, more="").splitlines()
        assert found.startswith(f"mine.toml: feed one: map.{mapped[:2]}")

    def test_a_time_since_start_where_the_path_names_no_time(self):
        mapped = 'timestamp = { from = "time", time = "since start", unit = "ms" }'
        assert "counts from the time of the path, and '{symbol}.csv' names none" in problems(
            path="{symbol}.csv", mapped=mapped
        )
        assert problems(path="{symbol}-{date:%Y-%m}.csv", mapped=mapped) == ""

    @pytest.mark.parametrize("time", ["%H:%M:%S", "since midnight"])
    @pytest.mark.parametrize(
        "path", ["{symbol}-{date:%Y-%m}.csv", "{symbol}.csv", "{symbol}-{date:%Y%m%d}-{until:%Y%m%d}.csv"]
    )
    def test_a_time_without_a_date_where_the_path_names_no_day(self, path, time):
        mapped = f'timestamp = {{ from = "time", time = "{time}" }}'
        assert "names no single day" in problems(path=path, mapped=mapped)
        assert problems(mapped=mapped) == ""


class TestWholeNumbersInOneGo:
    """Columns that may have another form are typed as whole numbers where all of them are: the same rows, sooner."""

    HEADER = ("time", "price", "amount", "note")

    def feed(self, mapped: str = "") -> Feed:
        time = (
            'timestamp = { from = "time", time = ["epoch", "%Y-%m-%dT%H:%M:%S%.fZ"], null = ["18446744073709551615"] }'
        )
        price = 'price = { from = "price", divide = 1e9, when_integer = true, null = ["9223372036854775807"] }'
        text = FEED.format(path="{symbol}.csv", more='drop = ["note"]', mapped=f"{price}\n{mapped}")
        vendor = describe(text.replace(EPOCH, time).encode(), "mine.toml", event_tables())
        assert vendor.problems == ()
        return vendor.descriptions[0].feed

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["1614902400123456789", "2021-03-05T00:00:00.123456789Z", "18446744073709551615", ""]),
                st.sampled_from(
                    ["3702750000000", "9007199254740993", "3702.75", "9223372036854775807", "1e5", "-1", ""]
                ),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def test_it_says_the_same_or_nothing(self, cells):
        feed, belonging = self.feed(), Belonging(exchange="mine", date=dt.date(2021, 3, 5), symbol="A")
        data = "".join(f"{time},{price},1,x\n" for time, price in cells).encode()
        assert feed.whole is not None
        whole = fast_path.parse(feed.whole, self.HEADER, data, belonging)
        either = fast_path.parse(replace(feed, whole=None), self.HEADER, data, belonging)
        good, _ = text_path.parse(feed, self.HEADER, data, belonging)
        assert whole is None or whole.equals(good.drop("row"))
        assert either is None or either.equals(good.drop("row"))
        are_whole = all(time.isdigit() and len(time) == 19 and price.lstrip("-").isdigit() for time, price in cells)
        assert (whole is not None) == (are_whole and not any(price == "9223372036854775807" for _, price in cells))

    def test_a_column_that_is_needed_as_text_too_is_never_read_so(self):
        assert self.feed('id = "time"').whole is None


class TestBlanks:
    HEADER = ("time", "price", "amount", "note")
    LINE = b"1614902400123456,1,2, a b \n"

    @pytest.mark.parametrize(("trim", "cell"), [("true", "a b"), ("false", " a b ")])
    def test_they_are_part_of_a_text_unless_it_is_trimmed(self, trim, cell):
        text = FEED.format(path="{symbol}.csv", more=f"trim = {trim}", mapped='id = "note"')
        vendor = describe(text.encode(), "mine.toml", event_tables())
        assert vendor.problems == ()
        feed = vendor.descriptions[0].feed
        belonging = Belonging(exchange="mine", date=dt.date(2021, 3, 5), symbol="A")
        good, bad = text_path.parse(feed, self.HEADER, self.LINE, belonging)
        assert bad.is_empty()
        assert good["id"].to_list() == [cell]
        fast = fast_path.parse(feed, self.HEADER, self.LINE, belonging)
        assert fast is None or fast["id"].to_list() == [cell]
        assert trim == "false" or fast is None


class TestPaths:
    def test_a_file_of_several_days(self):
        template = PathTemplate("{symbol}-{date:%Y%m%d}-{until:%Y%m%d}.csv")
        found = template.match("", "A-20240229-20240302.csv")
        assert found is not None
        assert (str(found.begins), str(found.last)) == ("2024-02-29 00:00:00", "2024-03-02 00:00:00")
        assert found.fields == {"symbol": "A"}

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("A-20240302-20240301.csv", "it ends on 2024-03-01, before it begins"),
            ("A-20240302-20240332.csv", "the date '20240332' does not exist"),
            ("A-20240230-20240332.csv", "the date '20240230' does not exist"),
        ],
    )
    def test_several_days_that_cannot_be(self, name, says):
        found = PathTemplate("{symbol}-{date:%Y%m%d}-{until:%Y%m%d}.csv").match("", name)
        assert found is not None
        assert says in found.problem

    @pytest.mark.parametrize(
        ("path", "problem"),
        [
            ("2024/05/2024-05-01.csv", ""),
            ("2024/04/2024-05-01.csv", "two dates"),
            ("2023/05/2024-05-01.csv", "two dates"),
        ],
    )
    def test_every_part_of_a_date_that_folder_and_name_both_say_has_to_agree(self, path, problem):
        folder, _, name = path.rpartition("/")
        found = PathTemplate("{date:%Y}/{date:%m}/{date:%Y-%m-%d}.csv").match(folder, name)
        assert found is not None
        assert problem in found.problem
        assert bool(found.problem) == bool(problem)

    @pytest.mark.parametrize(
        ("month", "wanted"), [("00", 1), ("01", 2), ("11", 12), ("12", "months are counted from 00"), ("99", "exist")]
    )
    def test_a_month_counted_from_zero(self, month, wanted):
        made = PathTemplate("{symbol}/{year:%Y}/{month:%0m}/{day:%d}/{hour:%H}h.csv")
        found = made.match(f"A/2024/{month}/01", "5h.csv")
        assert found is not None
        if isinstance(wanted, int):
            assert (found.begins, found.problem) == (dt.datetime(2024, wanted, 1, 5), "")  # noqa: DTZ001 - its zone is the feed's
        else:
            assert wanted in found.problem
        assert made.span is Span.HOUR

    @pytest.mark.parametrize("text", ["{date:%Y-%0m}.csv", "{date:%0m}.csv", "{date:%Y%0m%d}.csv"])
    def test_a_month_counted_from_zero_stands_by_itself(self, text):
        with pytest.raises(BadTemplate, match="the year has to come before" if text[6:9] == "%0m" else "%0m by itself"):
            PathTemplate(text)

    def test_the_finer_of_two_dates_is_the_files(self):
        found = PathTemplate("{date:%Y-%m-%d}/{symbol}-{date:%Y%m}.csv").match("2024-05-17", "A-202405.csv")
        assert found is not None
        assert str(found.begins) == "2024-05-17 00:00:00"

    @pytest.mark.parametrize(
        "text", ["{until:%Y%m%d}/{date:%Y%m%d}-{until:%Y-%m-%d}.csv", "{date:%Y%m%d}-{until:%d}.csv", "a-{until}.csv"]
    )
    def test_a_last_day_that_is_none(self, text):
        with pytest.raises(BadTemplate, match="until is one last day"):
            PathTemplate(text)


WHOLE = st.integers(-(2**63), 2**63 - 1)


class TestNumbers:
    @settings(deadline=None)
    @given(st.lists(WHOLE, min_size=1, max_size=20), st.sampled_from([10, 10**4, 10**9]))
    def test_a_scaled_number_is_the_nearest_to_what_is_meant(self, numbers, divisor):
        frame = pl.DataFrame({"x": numbers}, schema={"x": pl.Int64})
        wanted = [float(Decimal(number) / divisor) for number in numbers]
        assert frame.select(values.scaled(pl.col("x"), divisor))["x"].to_list() == wanted
        texts = frame.cast(pl.String)
        assert texts.select(values.whole_or_decimal(pl.col("x"), divisor))["x"].to_list() == wanted

    def test_so_it_is_beyond_what_a_float_holds(self):
        numbers = [2**53 + (2**62 // 5000 + 77) * step for step in range(5000)]
        frame = pl.DataFrame({"x": numbers})
        wanted = [number / 10**9 for number in numbers]
        assert [float(number) / 1e9 for number in numbers] != wanted
        assert frame.select(values.scaled(pl.col("x"), 1e9))["x"].to_list() == wanted

    @settings(deadline=None)
    @given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=20), st.sampled_from([10, 10**4, 10**9]))
    def test_so_it_is_where_it_was_read_as_a_float(self, numbers, divisor):
        frame = pl.DataFrame({"x": [float(number) for number in numbers]})
        wanted = [number / divisor for number in numbers]
        assert frame.select(values.scaled(pl.col("x"), divisor))["x"].to_list() == wanted

    @settings(deadline=None)
    @given(st.decimals(Decimal(-(10**6)), Decimal(10**9), places=9))
    def test_a_decimal_is_the_number_itself(self, number):
        frame = pl.DataFrame({"x": [f"{number:.9f}"]})
        assert frame.select(values.whole_or_decimal(pl.col("x"), 1e9)).item() == float(number)

    @pytest.mark.parametrize("text", ["", " 1", "1.", ".5", "1e5", "1.5e5", "1,5", "0x10", "nan", "inf", "9" * 19, "a"])
    def test_what_is_neither_is_no_number(self, text):
        assert pl.DataFrame({"x": [text]}).select(values.whole_or_decimal(pl.col("x"), 1e9)).item() is None


class TestTimes:
    DAY = dt.date(2021, 3, 14)
    """New York sets its clocks forward at two."""

    @settings(deadline=None)
    @given(st.integers(0, 86_400 * 10**9 - 1))
    def test_seconds_since_midnight_with_nine_decimals_are_exact(self, ns):
        frame = pl.DataFrame({"x": [float(f"{ns // 10**9}.{ns % 10**9:09}")]})
        found = frame.select(values.since_midnight(pl.col("x"), "s", dt.date(1970, 1, 2), Clock("UTC"))).item()
        assert found == 86_400 * 10**6 + ns // 1000

    def test_microseconds_since_midnight_are_exact(self):
        us = [(86_400 * 10**6 // 5000 + 77) * step for step in range(4900)]
        frame = pl.DataFrame({"x": [float(f"{one // 10**6}.{one % 10**6:06}") for one in us]})
        found = (
            frame.select(values.since_midnight(pl.col("x"), "s", dt.date(1970, 1, 1), Clock("UTC")))
            .to_series()
            .to_list()
        )
        assert found == us

    @pytest.mark.parametrize(("unit", "counted"), [("ms", 1500), ("s", 1.5), ("us", 1_500_000), ("ns", 1_500_000_999)])
    def test_a_time_since_the_start(self, unit, counted):
        frame = pl.DataFrame({"x": [float(counted)]})
        assert frame.select(values.since_start(pl.col("x"), unit, 7_000_000)).item() == 8_500_000

    @pytest.mark.parametrize(("hour", "utc"), [(1, 6), (2, None), (3, 7), (18, 22)])
    def test_a_clock_on_the_wall(self, hour, utc):
        wanted = None if utc is None else int(dt.datetime(2021, 3, 14, utc, tzinfo=dt.UTC).timestamp()) * 10**6
        counted = pl.DataFrame({"x": [hour * 3600.0]})
        written = pl.DataFrame({"x": [f"{hour:02}:00:00"]})
        zone = "America/New_York"
        assert counted.select(values.since_midnight(pl.col("x"), "s", self.DAY, Clock(zone))).item() == wanted
        assert written.select(time_formats.written(["x"], ["%H:%M:%S"], Clock(zone), "auto", self.DAY)).item() == wanted

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("1614902400123456789", 1_614_902_400_123_456),
            ("1614902400123", 1_614_902_400_123_000),
            ("2021-03-05T00:00:00.123456789Z", 1_614_902_400_123_456),
            ("16149024001234", None),
            ("2021-03-05 00:00:00", None),
            ("18446744073709551615", None),
        ],
    )
    def test_an_epoch_among_formats(self, text, wanted):
        formats = ["epoch", "%Y-%m-%dT%H:%M:%S%.fZ"]
        frame = pl.DataFrame({"x": [text]})
        assert (
            frame.select(time_formats.written(["x"], formats, Clock("America/New_York"), "auto", self.DAY)).item()
            == wanted
        )


def test_a_time_in_another_unit_than_the_pinned_one():
    """HTX's bars have seconds; what is found and what is wanted is said, and no unit that neither of them is in."""
    rows = "".join(f"17145216{minute:02}000,1,2,3,0.5,100,50\n" for minute in range(0, 60, 10))
    found = take(("klines/spot/daily/btcusdt/1min/btcusdt-1min-2024-05-01.csv", rows.encode()))
    said = "6 x implausible_time (timestamp), such as '1714521600000'; a whole number of s since 1970 is wanted"
    assert said in found.said


@pytest.mark.parametrize(
    ("format_", "text", "hour"),
    [
        ("%Y-%m-%d %H:%M:%SZ", "2024-05-01 09:30:00Z", 9),
        ("%Y-%m-%d %H:%M:%S%.fZ", "2024-05-01 09:30:00.5Z", 9),
        ("%Y-%m-%d %H:%M:%S NYZ", "2024-05-01 09:30:00 NYZ", 13),
        ("%Y-%m-%d %H:%M:%S", "2024-05-01 09:30:00", 13),
        ("%Y-%m-%d %H:%M:%S%z", "2024-05-01 09:30:00+0200", 7),
    ],
)
def test_the_zone_of_a_written_time(format_, text, hour):
    time_formats.check_format(format_)
    day = dt.date(2024, 5, 1)
    told = time_formats.written(["x"], [format_], Clock("America/New_York"), "auto", day)
    found = pl.DataFrame({"x": [text]}).select(told.cast(pl.Datetime("us"))).item()
    assert (found.date(), found.hour) == (day, hour)


def test_all_that_is_wrong_is_said_at_once():
    """Keys that there are not, a zone and a table: each of them once, of each feed."""
    one = FEED.format(path="{symbol}.csv", more="", mapped="").replace(
        "[feed.map]", 'seperator = ";"\nday_zone = "Ö"\n[feed.map]'
    )
    other = (
        one.partition("[[feed]]")[2].replace('"one"', '"two"').replace('"trades"', '"trade"').replace("epoch", "%1f")
    )
    found = describe(f"{one}\n[[feed]]\n{other}".encode(), "mine.toml", event_tables()).problems
    for feed in ("one", "two"):
        of_feed = " ".join(problem for problem in found if f"feed {feed}: " in problem)
        for said in ("there is no key 'seperator'", "there is no zone 'Ö'"):
            assert of_feed.count(said) == 1, found
    assert any("there is no table 'trade'; did you mean trades?" in problem for problem in found)


def test_a_time_in_seconds_may_be_kept_as_a_number_too():
    table = '[[table]]\nname = "own"\ncolumns = [{ name = "raw", kind = "number" }]'
    feed = """[[feed]]
name = "one"
table = "own"
exchange = "desk"
path = "{symbol}.csv"
columns = ["ts"]
[feed.map]
timestamp = { from = "ts", time = "seconds" }
raw = "ts"
"""
    found = describe(f'vendor = "mine"\n{table}\n{feed}'.encode(), "mine.toml", event_tables())
    assert found.problems == ()
    (column,) = found.descriptions[0].feed.columns
    assert column.kind.value == "seconds"
