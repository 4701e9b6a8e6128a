"""The language of descriptions: what a person may write, what comes of it, and what is said of mistakes."""

from __future__ import annotations

import pytest

from pointline.tables.registry import event_tables
from pointline.vendors.describe import Vendor, describe
from pointline.vendors.feeds import Feeds
from pointline.vendors.paths.template import PathTemplate
from tests.support.vendor_files import Taken, feed_of, take

FEED = """
vendor = "own"

[[feed]]
name = "trades"
table = "trades"
exchange = "mine"
path = "{path}"
columns = {columns}
{more}

[feed.map]
timestamp = {{ from = "time", time = "epoch" }}
{maps}
"""
TIME = "1714521600000"


def described(columns: str, maps: str = "", more: str = "", path: str = "mine/{symbol}-{date:%Y-%m-%d}.csv") -> Vendor:
    text = FEED.format(columns=columns, maps=maps, more=more, path=path)
    return describe(text.encode(), "own.toml", event_tables())


def feeds(vendor: Vendor) -> Feeds:
    assert not vendor.problems
    return Feeds(event_tables(), [vendor])


def taken(vendor: Vendor, *lines: str, path: str = "mine/ABC-2024-05-01.csv") -> Taken:
    return take((path, "".join(f"{line}\n" for line in lines).encode()), feeds=feeds(vendor))


class TestShapes:
    @pytest.mark.parametrize(
        ("template", "fits", "others"),
        [
            ("{symbol:*-*}-x.csv", ["BTC-USDT-x.csv"], ["BTC-USDT-SWAP-x.csv", "BTC-x.csv", "B.C-USD-x.csv"]),
            ("{symbol:*-*-#}-x.csv", ["BTC-USD-250328-x.csv"], ["BTC-USD-SWAP-x.csv", "BTC-USD--x.csv"]),
            ("{symbol:*|*.*}.csv", ["XBT.csv", "ETH2.S.csv"], ["XBT_60.csv", "a.b.c.csv"]),
            ("a*b/{symbol}.csv", ["aXXb/x.csv", "q/ab/x.csv"], ["aXX/b/x.csv", "xab/x.csv"]),
        ],
    )
    def test_a_star_is_letters_and_digits_a_hash_digits(self, template, fits, others):
        made = PathTemplate(template)
        matches = {path: made.match(*path.rpartition("/")[::2]) is not None for path in (*fits, *others)}
        assert matches == {**dict.fromkeys(fits, True), **dict.fromkeys(others, False)}

    def test_a_path_may_have_no_date(self):
        found = PathTemplate("all/{symbol}.csv").match("all", "XBT.csv")
        assert found is not None
        assert (found.fields, found.begins, found.problem) == ({"symbol": "XBT"}, None, "")


def test_folders_of_another_vendor_are_left_to_it():
    vendor = described('["time", "side", "price", "amount"]', more='not_in = ["theirs"]')
    known = feeds(vendor)
    assert feed_of("data/mine/ABC-2024-05-01.csv", known) == "own/trades"
    assert feed_of("data/Theirs.com/mine/ABC-2024-05-01.csv", known) == ""


def test_what_is_dropped_fills_no_column_of_its_name():
    vendor = described('["time", "id", "side", "price", "amount"]', more='drop = ["id"]')
    [row] = taken(vendor, "time,id,side,price,amount", f"{TIME},7,buy,1,2").rows()
    assert "id" not in row


class TestSigns:
    VENDOR = ('["time", "price", "size"]',)
    MAPS = 'side = {{ from = "size", sign = {{ plus = "buy", minus = "{minus}" }} }}\n{amount}'
    ABSOLUTE = 'amount = { from = "size", absolute = true }'

    def test_a_sign_is_a_word_and_what_is_left_a_number(self):
        vendor = described(*self.VENDOR, self.MAPS.format(minus="sell", amount=self.ABSOLUTE))
        found = taken(vendor, "time,price,size", f"{TIME},1,2.5", f"{TIME},1,-3", f"{TIME},1,0", f"{TIME},1,-0")
        assert [(row["side"], row["amount"]) for row in found.rows()] == [("buy", 2.5), ("sell", 3.0)]
        assert found.aside["rule"].to_list() == ["unknown_value"] * 2

    def test_an_empty_cell_of_a_choice_is_what_value_says(self):
        maps = 'side = { from = "taker", words = { B = "buy", S = "sell" }, value = "unknown" }'
        vendor = described('["time", "price", "amount", "taker"]', maps)
        rows = [f"{TIME},1,2,{taker}" for taker in ("B", "", "X", *"BS" * 5)]
        found = taken(vendor, "time,price,amount,taker", *rows)
        assert found.silver["side"].to_list() == ["buy", "unknown", *["buy", "sell"] * 5]
        assert found.aside.select("file_seq", "rule").rows() == [(3, "unknown_value")]

    def test_words_that_the_table_does_not_have_are_named(self):
        vendor = described(*self.VENDOR, self.MAPS.format(minus="short", amount=self.ABSOLUTE))
        assert "map.side: sign: 'short' is none of buy, sell, unknown" in vendor.problems[0]

    def test_only_numbers_lose_their_sign(self):
        maps = self.MAPS.format(minus="sell", amount='amount = "size"\nid = { from = "price", absolute = true }')
        assert "map.id: only a number can" in described(*self.VENDOR, maps).problems[0]


class TestSymbolOfRowsOrPath:
    COLUMNS = '[["time", "name", "side", "price", "amount"], ["time", "side", "price", "amount"]]'
    MAPS = 'symbol = { from = "name", value = "{symbol}" }'

    def test_the_path_names_it_where_the_rows_do_not(self):
        vendor = described(self.COLUMNS, self.MAPS)
        [new] = taken(vendor, "time,name,side,price,amount", f"{TIME},abc,buy,1,2").rows()
        [old] = taken(vendor, "time,side,price,amount", f"{TIME},buy,1,2").rows()
        assert (new["symbol"], old["symbol"]) == ("abc", "ABC")

    def test_rows_that_name_another_are_quarantined(self):
        found = taken(
            described(self.COLUMNS, self.MAPS),
            "time,name,side,price,amount",
            f"{TIME},ABC,buy,1,2",
            f"{TIME},X,buy,1,2",
        )
        assert found.silver.height == 1
        assert "other_symbol" in found.said

    def test_small_files_typed_together_keep_their_own(self):
        known = feeds(described(self.COLUMNS, self.MAPS))
        data = f"time,side,price,amount\n{TIME},buy,1,2\n".encode()
        files = [(f"mine/{name}-2024-05-01.csv", data) for name in ("ABC", "XYZ")]
        assert take(*files, feeds=known).silver["symbol"].to_list() == ["ABC", "XYZ"]

    def test_numbers_have_no_such_choice(self):
        vendor = described('["time", "side", "price", "amount"]', 'price = { from = "price", value = "1" }')
        assert "map.price: say either from or value" in vendor.problems[0]


def test_equal_rows_are_one_row_without_any_condition():
    vendor = described('["time", "side", "price", "amount"]', more="distinct = true")
    row = f"{TIME},buy,1,2"
    found = taken(vendor, "time,side,price,amount", row, row, f"{TIME},buy,1,3", row)
    assert [one["amount"] for one in found.rows()] == [2.0, 3.0]
    assert found.silver["file_seq"].to_list() == [1, 3]


@pytest.mark.parametrize(
    ("how", "cell", "wanted"),
    [
        ('time = "epoch"', "17145216000000", "a time of 10 digits (s), 13 (ms), 16 (us) or 19 (ns) is wanted"),
        ('time = "epoch"', "1.7145E+12", "a number as a spreadsheet rounds it, with digits lost, such as '1.7145E+12'"),
        ('time = "epoch", unit = "s"', TIME, "a whole number of s since 1970 is wanted"),
        ('time = "since start", unit = "ms"', "yesterday", "a time since start is wanted"),
        ('time = "seconds"', "yesterday", "seconds since 1970, such as 1714521600.25, are wanted"),
        ('time = "%Y-%m-%d"', "01.05.2024", "a time written as %Y-%m-%d is wanted"),
        ('time = ["%Y-%m-%d", "%d/%m/%Y"]', "01.05.2024", "a time written as %Y-%m-%d or %d/%m/%Y is wanted"),
    ],
)
def test_a_time_that_cannot_be_read_is_shown_with_what_is_wanted(how, cell, wanted):
    text = FEED.replace('from = "time", time = "epoch"', f'from = "time", {how}')
    made = text.format(
        columns='["time", "side", "price", "amount"]', maps="", more="", path="m/{symbol}-{date:%Y-%m-%d}.csv"
    )
    vendor = describe(made.encode(), "own.toml", event_tables())
    found = taken(vendor, "time,side,price,amount", f"{cell},buy,1,2", path="m/ABC-2024-05-01.csv")
    assert found.silver.is_empty()
    assert wanted in found.said


def test_rows_of_another_day_are_told_with_both_times():
    vendor = described('["time", "side", "price", "amount"]', more='day_zone = "+08:00"')
    found = taken(vendor, "time,side,price,amount", f"{TIME},buy,1,2", path="mine/ABC-2024-05-03.csv")
    assert "such as 2024-05-01 00:00 UTC; the name says 2024-05-02 16:00 to 2024-05-03 15:59 UTC" in found.said


def test_a_header_is_compared_with_the_list_that_it_differs_least_from():
    columns = '[["time", "name", "side", "price", "amount", "fee"], ["time", "side", "price", "amount"]]'
    vendor = described(columns, more='drop = ["name", "fee"]')
    found = taken(vendor, "time,side,amount,price", f"{TIME},buy,1,2")
    assert "its columns are in another order: 'time,side,amount,price'" in found.said


def test_what_a_header_lacks_is_counted_and_shown_as_the_feed_writes_it():
    vendor = described(
        '["time", "side", "price", "amount", "a", "b", "c"]', more='drop = ["a", "b", "c"]\nseparator = ";"'
    )
    found = taken(vendor, "x;y", f"{TIME};buy")
    assert "the header lacks time, side, price, amount, a and 2 more" in found.said
    assert "files of trades have 'time;side;price;amount;a;b;c'" in found.said


def test_two_columns_of_one_meaning_are_named():
    vendor = described('["time", "side", "price", "amount"]', more='aliases = { when = "time" }')
    found = taken(vendor, "time,when,side,price,amount", f"{TIME},{TIME},buy,1,2")
    assert "'time' and 'when' are columns of the same meaning" in found.said


class TestIndex:
    """What is remembered of folders is of the descriptions that there are."""

    PATH = "mine/ABC-2024-05-01.csv"
    COLUMNS = '["time", "side", "price", "amount"]'

    def test_who_asked_for_the_vendors_first_makes_no_difference(self):
        known = Feeds(event_tables(), [], lambda: [described(self.COLUMNS)])
        assert known.vendors
        assert feed_of(self.PATH, known) == "own/trades"

    def test_changed_descriptions_count_at_once(self):
        known = feeds(described(self.COLUMNS, path="other/{symbol}.csv"))
        before = known.snapshot()
        asked = (Feeds.claims, Feeds.own_claims)
        assert [len(ask(known, self.PATH)) for ask in asked] == [0, 0]
        known.replace_own([described(self.COLUMNS)])
        assert [len(ask(known, self.PATH)) for ask in asked] == [1, 1]
        assert [len(ask(before, self.PATH)) for ask in asked] == [0, 0]


class TestWhichRowsAreMeant:
    COLUMNS = '[["time", "side", "price", "amount", "kind"], ["time", "side", "price", "amount"]]'
    HEADER = "time,side,price,amount,kind"

    def found(self, words: list[str], *more: str, spoil: bool = False) -> Taken:
        rows = [f"{TIME},buy,{number}.5,1,{word}" for number, word in enumerate(words)]
        if spoil:  # the text path has to agree
            rows.append(f"{TIME},buy,x,1,trade")
        return taken(
            described(self.COLUMNS, more="\n".join(('where = { kind = ["trade"] }', *more))), self.HEADER, *rows
        )

    @pytest.mark.parametrize("spoil", [False, True])
    def test_values_that_no_list_names_are_warnings(self, spoil):
        found = self.found(["trade", "quote", "quote", "", "trade"], spoil=spoil)
        assert found.silver["file_seq"].to_list() == [1, 5]
        assert found.outcome is not None
        assert found.outcome.warnings == {"rows_left_out": 3, "left_out:kind=quote": 2, "left_out:kind=": 1}

    @pytest.mark.parametrize("spoil", [False, True])
    def test_where_all_are_known_any_other_breaks_its_row(self, spoil):
        words = ["trade", "quote", "", "qoute", "trade"]
        found = self.found(words, 'leave_out = { kind = ["quote", ""] }', spoil=spoil)
        assert found.silver["file_seq"].to_list() == [1, 5]
        assert found.aside.select("file_seq", "rule", "column").rows()[0] == (4, "unknown_value", "kind")
        assert found.outcome is not None
        assert found.outcome.warnings == {"rows_left_out": 2}
        assert "qoute" in found.said

    def test_files_without_the_column_have_only_rows_that_are_meant(self):
        vendor = described(self.COLUMNS, more='where = { kind = ["trade"] }')
        assert taken(vendor, "time,side,price,amount", f"{TIME},buy,1,2").silver.height == 1

    def test_of_many_values_some_are_named(self):
        found = self.found(["trade", *(f"{number}{'x' * 100}" for number in range(100))])
        assert found.outcome is not None
        assert found.outcome.warnings is not None
        assert len(found.outcome.warnings) < 50
        assert found.outcome.warnings["left_out_others"] > 50

    @pytest.mark.parametrize(
        ("lists", "says"),
        [
            ('leave_out = { side = ["x"] }', "say in where which values of side are meant"),
            ('leave_out = { kind = ["trade"] }', "'trade' of kind is meant, by where"),
        ],
    )
    def test_lists_that_contradict_are_refused(self, lists, says):
        assert says in described(self.COLUMNS, more=f'where = {{ kind = ["trade"] }}\n{lists}').problems[0]


class TestLinesOfJson:
    COLUMNS = '["time", "kind", "d.side", "d.price", "d.amount"]'
    MAPS = 'side = "d.side"\nprice = "d.price"\namount = "d.amount"'
    MORE = 'decoder = "json"\nwhere = { kind = ["trade"] }\n'
    LINE = '{{"time":{time},"kind":"{kind}","d":{{"side":"buy","price":"{price}","amount":2}}}}'

    def test_a_line_is_a_row_and_may_be_left_out(self):
        vendor = described(self.COLUMNS, self.MAPS, self.MORE)
        kinds = [("trade", "1.5"), ("quote", "7"), ("trade", "2.5"), ("note", '1"7')]
        found = taken(vendor, *(self.LINE.format(time=TIME, kind=kind, price=price) for kind, price in kinds))
        assert [(row["price"], row["amount"]) for row in found.rows()] == [(1.5, 2.0), (2.5, 2.0)]
        assert found.silver["file_seq"].to_list() == [1, 3]
        assert found.aside.select("file_seq", "rule").rows() == [(4, "broken_line")]
        assert found.outcome.warnings == {"rows_left_out": 1, "left_out:kind=quote": 1}

    def test_a_line_of_cells_among_them_is_no_row(self):
        vendor = described('["id", "time", "side", "price", "amount"]', more='decoder = "json"')
        line = f'{{"id":"7","time":{TIME},"side":"buy","price":1,"amount":2}}'
        found = taken(vendor, line, f"8,{TIME},buy,1,2", line.replace("7", "9", 1))
        assert [row["id"] for row in found.rows()] == ["7", "9"]
        assert found.aside.select("file_seq", "rule", "raw").rows() == [(2, "broken_line", f"8,{TIME},buy,1,2")]

    @pytest.mark.parametrize(
        ("columns", "more", "says"),
        [
            (COLUMNS, "", "no problem"),
            (f"[{COLUMNS}, {COLUMNS}]", "", "columns: lines of JSON have one list of fields"),
            ('["time", "kind", "d", "d.price"]', "", "columns: 'd.price' is in 'd', which is a value itself"),
            ("""["time", "kind", 'd"p']""", "", "has a quote, a backslash or a control character in it"),
            (COLUMNS, 'separator = ";"\nquote = false', "separator, quote: lines of JSON are not cut into cells"),
            (COLUMNS, 'lists = { "d.bids" = "bid" }', "say both, or neither"),
            (COLUMNS, 'lists = { d = "bid" }\nentry = ["px"]', "columns: 'd' is no field, or one that is there twice"),
            (COLUMNS, 'lists = { "d.bids" = "bid" }\nentry = ["px"]', "nothing is said of the columns list, px"),
            (COLUMNS, 'lists = { b = "bid" }\nentry = ["kind"]', "columns names kind twice"),
        ],
    )
    def test_what_cannot_be_is_said(self, columns, more, says):
        vendor = described(columns, self.MAPS, self.MORE + more)
        assert any(says in problem for problem in vendor.problems) or (says == "no problem" and not vendor.problems)

    @pytest.mark.parametrize(
        ("more", "says"),
        [
            ('beside = { a = "b", c = "d" }\nbeside_columns = ["x"]', "beside: say what its name has instead"),
            ('beside = { mine = "b" }', "and in beside_columns what is in it"),
            ('beside_columns = ["x"]', "beside: say what its name has instead"),
            ('beside = { zzz = "b" }\nbeside_columns = ["x"]', "'zzz' has to be in the name of each file once"),
            ('beside = { "-" = "_" }\nbeside_columns = ["x"]', 'say header = "absent"'),
        ],
    )
    def test_what_cannot_be_beside_a_file_is_said(self, more, says):
        vendor = described('["time", "side", "price", "amount"]', more=f'{more}\ndrop = ["x"]')
        assert any(says in problem for problem in vendor.problems), vendor.problems

    def test_lists_without_a_decoder_are_named(self):
        vendor = described('["time", "side", "price", "amount"]', more='entry = ["px"]')
        assert 'say decoder = "json"' in vendor.problems[0]


class TestATitleAndADecimalComma:
    COLUMNS = '["time", "price", "amount", "side", "seen"]'
    MAPS = """
local_timestamp = { from = "seen", time = "seconds" }
price = { from = "price", null = ["n.a.", "-1,5"] }
amount = { from = "amount", divide = 10, decimals = true }
"""
    ROWS = (
        f"{TIME};63,94;46,5;buy;1714521600,25",
        f"{TIME};-0,5;1;sell;1714521601",
        f"{TIME};n.a.;1;sell;1714521601",
        f"{TIME};1.5;1;sell;1714521602",
        f"{TIME};1;1.234,5;sell;1714521603",
        *[f"{TIME};{one};1;sell;1714521700,5" for one in range(8)],
    )
    TITLE = '# "ticks", intraday; made\n'
    HEADER = "time;price;amount;side;seen"

    def taken(self, *lines: str, more: str = "skip = 1", columns: str = COLUMNS) -> Taken:
        vendor = described(columns, self.MAPS, f'separator = ";"\ndecimal = ","\n{more}')
        return taken(vendor, *lines)

    def test_lines_before_the_header_are_left_out_and_rows_are_counted_after_it(self):
        found = self.taken(self.TITLE.strip(), self.HEADER, *self.ROWS)
        assert found.is_success
        rows = found.silver.sort("file_seq")
        assert rows["file_seq"].to_list() == [1, 2, *range(6, 14)]
        assert rows["price"].to_list() == [63.94, -0.5, *map(float, range(8))]
        assert rows["amount"].to_list() == [4.65, *[0.1] * 9]
        assert rows["local_timestamp"].cast(int).to_list()[:2] == [1714521600250000, 1714521601000000]
        assert found.aside.select("file_seq", "column").rows() == [(3, "price"), (4, "price"), (5, "amount")]
        assert "such as '1.234,5'; a number such as 1234,5 is wanted" in found.said

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_any_number_of_them_before_a_header_or_a_row(self, count):
        titles = [self.TITLE.strip()] * count
        assert self.taken(*titles, self.HEADER, *self.ROWS[:2], more=f"skip = {count}").is_success
        headless = self.taken(*titles, *self.ROWS[:2], more=f'skip = {count}\nheader = "absent"')
        assert headless.is_success
        assert headless.silver["file_seq"].to_list() == [1, 2]

    @pytest.mark.parametrize("lines", [1, 2])
    def test_a_file_without_more_than_them_is_refused(self, lines):
        found = self.taken(*[self.TITLE.strip()] * lines, more="skip = 2")
        assert "has nothing after the 2 lines that its feed skips" in found.said

    def test_a_point_is_no_decimal_comma_in_any_file(self):
        found = self.taken(self.TITLE.strip(), self.HEADER, *[f"{TIME};{one};1.5;sell;1714521602" for one in range(20)])
        assert "20 of 20 rows" in found.said
        assert found.silver.is_empty()

    def test_a_comma_is_named_where_nobody_said_so(self):
        vendor = described(self.COLUMNS, self.MAPS, 'separator = ";"')
        said = taken(vendor, self.HEADER, *self.ROWS[:2]).said
        assert "(price): a number with a decimal comma, such as '-0,5'; a number such as 1234.5 is wanted" in said

    @pytest.mark.parametrize(
        ("more", "path", "says"),
        [
            ("skip = -1", "", "skip is -1: it is the number of lines"),
            ('decimal = ","\nquote = false', "", "a comma cannot be both"),
            ("skip = 1", "{symbol}-{date:%Y-%m-%d}.{csv|parquet}", "skip is of lines of text, and"),
            ('header_cut = "/"', "{symbol}-{date:%Y-%m-%d}.parquet", "header_cut is of lines of text, and"),
            (
                'decimal = ","\nseparator = ";"',
                "{symbol}-{date:%Y-%m-%d}.parquet",
                "of Parquet: give it a feed of its own",
            ),
            ('skip = 1\ndecoder = "json"', "", "skip: lines of JSON are not cut into cells"),
            (
                'skip = 1\nheader = "absent"\nbeside = { "-" = "_" }\nbeside_columns = ["id"]',
                "{symbol}-{date:%Y%m%d}.csv",
                "no lines can be skipped",
            ),
        ],
    )
    def test_what_cannot_be_is_said(self, more, path, says):
        vendor = described('["time", "price", "amount", "side"]', "", more, path or "{symbol}-{date:%Y-%m-%d}.csv")
        assert any(says in one for one in vendor.problems), vendor.problems


class TestClocksThatAreSet:
    """A local time that comes twice or never is not guessed; the row says which, by the zone of its feed."""

    COLUMNS = '["day", "time", "price", "amount", "side"]'
    ROW = "{};{};1;2;buy"

    def taken(self, day: str, *clocks: str, more: str = "", how: str = '"%d.%m.%Y %H:%M"') -> Taken:
        source = '["day", "time"]' if "%d" in how else '"time"'
        maps = f"timestamp = {{ from = {source}, time = {how}{more} }}"
        drop = "" if "%d" in how else '\ndrop = ["day"]'
        vendor = described(self.COLUMNS, "", f'separator = ";"\nday_zone = "Europe/Oslo"{drop}')
        vendor = describe(
            vendor.content.decode().replace('timestamp = { from = "time", time = "epoch" }', maps).encode(),
            "own.toml",
            event_tables(),
        )
        lines = [self.ROW.format(f"{day[8:]}.{day[5:7]}.{day[:4]}", clock) for clock in clocks]
        return taken(vendor, "day;time;price;amount;side", *lines, path=f"mine/ABC-{day}.csv")

    @pytest.mark.parametrize("how", ['"%d.%m.%Y %H:%M"', '"%H:%M"', '["epoch", "%d.%m.%Y %H:%M"]'])
    @pytest.mark.parametrize(
        ("day", "clock", "rule", "words"),
        [
            ("2024-10-27", "02:30", "repeated_by_clocks", "clocks show it twice in Europe/Oslo"),
            ("2024-03-31", "02:30", "skipped_by_clocks", "clocks skip it in Europe/Oslo"),
            ("2024-03-31", "24:30", "unparseable", "a time written as"),
        ],
    )
    def test_which_of_them_it_is(self, day, clock, rule, words, how):
        found = self.taken(day, "01:30", clock, "03:30", *["04:00"] * 7, how=how)
        assert found.aside.select("file_seq", "rule").rows() == [(2, rule)]
        assert words in found.said
        assert f"{clock}'; " in found.said

    @pytest.mark.parametrize(("which", "utc"), [("earlier", 0), ("later", 1)])
    def test_who_says_which_is_meant_gets_it(self, which, utc):
        found = self.taken("2024-10-27", "02:30", more=f', ambiguous = "{which}"')
        assert found.is_success
        assert str(found.silver["timestamp"][0])[:16] == f"2024-10-27 0{utc}:30"

    def test_since_midnight_too(self):
        found = self.taken("2024-10-27", "7200", "10800", how='"since midnight"')
        assert found.aside.select("file_seq", "rule").rows() == [(1, "repeated_by_clocks")]


def test_words_of_a_row_filter_are_named_where_another_one_comes():
    more = 'where = { kind = ["trade"] }\nleave_out = { kind = ["quote", ""] }'
    vendor = described('["time", "kind", "side", "price", "amount"]', more=more)
    rows = [f"{TIME},{kind},buy,1,2" for kind in ("trade", "quote", "", "trace")]
    found = taken(vendor, "time,kind,side,price,amount", *rows)
    assert found.silver.height == 1
    assert "unknown_value (kind), such as 'trace'; known are trade, quote" in found.said
