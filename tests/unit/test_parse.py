"""The two ways to type a block of lines, on every event table and on what people and machines do to CSV."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.samples import Sample, csv_bytes, sample_frame

from pointline.parse import cells, text_path
from pointline.parse.feed import own_columns
from pointline.parse.rules import Belonging, doubtful_times, without_doubtful
from pointline.tables.registry import event_tables
from tests.support.parsers import by_every_parser

DAY = dt.date(2024, 5, 1)
HERE = Belonging(exchange="binance", date=DAY, symbol="BTCUSDT")
TABLES = sorted(event_tables())


def lines_of(table: str, rows: int = 60) -> list[str]:
    sample = Sample(exchange="binance", data_type=table, symbol="BTCUSDT", date=DAY, rows=rows)
    return csv_bytes(sample_frame(sample)).decode().splitlines()


def parse_fast(event_table, header, data: bytes, belonging=HERE):
    """What the fast path says, whichever parser it has."""
    found = by_every_parser(event_table, header, data, belonging)
    accepted = [frame for frame in found.values() if frame is not None]
    assert not accepted or all(accepted[0].equals(frame) for frame in accepted)
    return found[cells.PARSER]


def parse_both(table: str, header, data: bytes, belonging=HERE):
    """What the fast path says, and the good and bad rows of the text path."""
    event_table = event_tables()[table]
    return (
        parse_fast(event_table, header, data, belonging),
        *text_path.parse(own_columns(event_table), header, data, belonging),
    )


def joined(lines, end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode()


def with_cell(line: str, position: int, text: str) -> str:
    cells = line.split(",")
    cells[position] = text
    return ",".join(cells)


@pytest.mark.parametrize("table", TABLES)
class TestEveryTable:
    """The vendor's format is read the same way by both paths, in whatever order its columns stand."""

    def test_all_rows_are_typed(self, table):
        header, *rows = lines_of(table)
        fast, good, bad = parse_both(table, header.split(","), joined(rows))
        assert fast is not None
        assert fast.schema == event_tables()[table].raw_schema
        assert good.drop("row").equals(fast)
        assert bad.is_empty()
        assert good["row"].to_list() == list(range(60))

    def test_silver_has_the_promised_columns(self, table):
        header, *rows = lines_of(table)
        event_table = event_tables()[table]
        fast, _, _ = parse_both(table, header.split(","), joined(rows))
        silver = fast.select(event_table.to_silver(event_table.columns))
        promised = dict(event_table.silver_schema)
        for lineage in ("date", "file_id", "file_seq"):
            del promised[lineage]
        assert silver.schema == promised

    def test_columns_in_reverse_with_extra_ones(self, table):
        header, *rows = lines_of(table)
        plain = parse_both(table, header.split(","), joined(rows))[0]
        turned = [",".join(["x", *reversed(line.split(",")), "", "7"]) for line in rows]
        names = ["note", *reversed(header.split(",")), "row", "field_0"]
        fast, good, bad = parse_both(table, names, joined(turned))
        assert fast is not None
        assert fast.equals(plain)
        assert good.drop("row").equals(plain)
        assert bad.is_empty()

    def test_line_ends_of_windows(self, table):
        header, *rows = lines_of(table)
        plain = parse_both(table, header.split(","), joined(rows))[0]
        fast, good, bad = parse_both(table, header.split(","), joined(rows, "\r\n"))
        assert fast is not None
        assert fast.equals(plain)
        assert good.drop("row").equals(plain)
        assert bad.is_empty()

    @pytest.mark.parametrize("quote", ["all", "some"])
    def test_quoted_cells(self, table, quote):
        header, *rows = lines_of(table)
        plain = parse_both(table, header.split(","), joined(rows))[0]
        quoted = [
            ",".join(f'"{cell}"' for cell in line.split(",")) if quote == "all" or number % 2 else line
            for number, line in enumerate(rows)
        ]
        fast, good, bad = parse_both(table, header.split(","), joined(quoted))
        assert fast is None or fast.equals(plain)
        assert good.drop("row").equals(plain)
        assert bad.is_empty()

    def test_every_cell_spoiled_in_turn(self, table):
        """One bad cell sets one row aside, names its column and keeps its line."""
        event_table = event_tables()[table]
        header, first, *rows = lines_of(table, 5)
        names = header.split(",")
        spoiled = {
            column.name: with_cell(first, names.index(column.name), "?")
            for column in event_table.columns
            if column.kind.value != "text" or column.name == "exchange"
        }
        for line in spoiled.values():
            assert parse_fast(event_table, names, joined([rows[0], line, *rows[1:]])) is None
        good, bad = text_path.parse(
            own_columns(event_table), names, joined([rows[0], *spoiled.values(), *rows[1:]]), HERE
        )
        last = len(spoiled)
        assert good["row"].to_list() == [0, last + 1, last + 2, last + 3]
        expected = [(number, name, line) for number, (name, line) in enumerate(spoiled.items(), 1)]
        assert bad.select("row", "column", "raw").rows() == expected

    def test_every_required_cell_missing_in_turn(self, table):
        event_table = event_tables()[table]
        header, first, *rows = lines_of(table, 5)
        names = header.split(",")
        emptied = {column: with_cell(first, names.index(column.name), "") for column in event_table.columns}
        for column, line in emptied.items():
            fast = parse_fast(event_table, names, joined([*rows, line]))
            assert (fast is None) == column.required
        _, bad = text_path.parse(own_columns(event_table), names, joined([*rows, *emptied.values()]), HERE)
        assert bad.rows() == [
            (number, "missing", column.name, line)
            for number, (column, line) in enumerate(emptied.items(), len(rows))
            if column.required
        ]


TRADES = lines_of("trades")
HEADER = TRADES[0].split(",")


def can_compile() -> bool:
    return shutil.which("cc") is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()


@pytest.mark.skipif(not can_compile(), reason="no C compiler, or no headers of Python")
def test_the_compiled_parser_is_there():
    assert cells.PARSER == "compiled"


def test_without_it_everything_is_there_and_polars_types():
    program = (
        "import sys; sys.modules['pointline.parse.cells._parser'] = None\n"
        "from pointline.parse import cells\n"
        "from pointline.tables import registry\n"
        "import pointline_daemon.process.supervisor\n"
        "print(cells.PARSER, *sorted(registry.event_tables()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["polars", *TABLES]


class TestRules:
    """The rule that is named is the one a person needs to hear of."""

    @pytest.mark.parametrize(
        ("column", "text", "rule"),
        [
            ("price", "abc", "unparseable"),
            ("price", "1,5", "ragged"),
            ("price", "inf", "non_finite"),
            ("price", "1e400", "non_finite"),
            ("price", "NaN", "non_finite"),
            ("price", "", "missing"),
            ("side", "Buy", "unknown_value"),
            ("side", "", "missing"),
            ("exchange", "kraken", "other_exchange"),
            ("exchange", "binance ", "invisible_character"),
            ("exchange", "\ufeffbinance", "invisible_character"),
            ("symbol", "ETHUSDT", "other_symbol"),
            ("symbol", " BTCUSDT", "invisible_character"),
            ("symbol", "BTCUSDT\u200b", "invisible_character"),
            ("symbol", "BTC\u00a0USDT", "invisible_character"),
            ("symbol", "BTC\u0007USDT", "invisible_character"),
            ("timestamp", "1.5e15", "unparseable"),
            ("timestamp", "2024-05-01T00:00:00", "unparseable"),
            ("timestamp", "0", "implausible_time"),
            ("local_timestamp", "1714521599999999", "outside_day"),
            ("local_timestamp", "1714608000000000", "outside_day"),
            ("symbol", "BTC\0USDT", "nul_byte"),
        ],
    )
    def test_named(self, column, text, rule):
        line = with_cell(TRADES[1], HEADER.index(column), text)
        fast, good, bad = parse_both("trades", HEADER, joined([TRADES[2], line, TRADES[3]]))
        assert fast is None
        assert good["row"].to_list() == [0, 2]
        named = "" if rule in {"ragged", "nul_byte"} else column
        assert bad.select("row", "rule", "column").rows() == [(1, rule, named)]

    @pytest.mark.parametrize("column", ["timestamp", "local_timestamp"])
    @pytest.mark.parametrize(
        ("unit", "text"),
        [
            ("seconds", "1714521600"),
            ("milliseconds", "1714521600000"),
            ("nanoseconds", "1714521600000000000"),
        ],
    )
    def test_a_time_in_another_unit(self, column, unit, text):
        line = with_cell(TRADES[1], HEADER.index(column), text)
        _, _, bad = parse_both("trades", HEADER, joined([line]))
        assert bad.select("rule", "column").rows() == [(f"time_in_{unit}", column)]

    @pytest.mark.parametrize("local", ["1714521600000000", "1714607999999999"])
    def test_first_and_last_microsecond_of_the_day_belong_to_it(self, local):
        line = with_cell(TRADES[1], HEADER.index("local_timestamp"), local)
        fast, good, bad = parse_both("trades", HEADER, joined([line]))
        assert fast is not None
        assert (good.height, bad.height) == (1, 0)

    @pytest.mark.parametrize(
        ("column", "text"),
        [("exchange", "Binance"), ("exchange", "BINANCE"), ("symbol", "btcusdt"), ("symbol", "BTCusdt")],
    )
    def test_names_are_compared_without_case(self, column, text):
        line = with_cell(TRADES[1], HEADER.index(column), text)
        for rows in ([line], [line, TRADES[2]], [TRADES[2], line]):
            fast, good, bad = parse_both("trades", HEADER, joined(rows))
            assert fast is not None
            assert bad.is_empty()
            assert text in good[column].to_list()

    @pytest.mark.parametrize("text", ["BTC-USD", "BTC/USD", "btc:usd"])
    @pytest.mark.parametrize("claim", ["BTC-USD", "btc/usd", "BTC:USD"])
    def test_slash_and_colon_are_dashes(self, claim, text):
        line = with_cell(TRADES[1], HEADER.index("symbol"), text)
        belonging = Belonging(exchange="binance", date=DAY, symbol=claim)
        assert parse_fast(event_tables()["trades"], HEADER, joined([line]), belonging) is not None

    def test_a_group_takes_any_symbol_that_can_be_seen(self):
        lines = [with_cell(TRADES[1], HEADER.index("symbol"), text) for text in ("A", "B", "B USD", "C\u200b")]
        belonging = Belonging(exchange="binance", date=DAY)
        assert parse_fast(event_tables()["trades"], HEADER, joined(lines[:2]), belonging) is not None
        fast, good, bad = parse_both("trades", HEADER, joined(lines), belonging)
        assert fast is None
        assert good["symbol"].to_list() == ["A", "B", "B USD"]
        assert bad["rule"].to_list() == ["invisible_character"]

    @pytest.mark.parametrize("text", ["0", "1714521600000", "-1", "99999999999999999"])
    def test_an_optional_time_that_cannot_be_right_is_no_reason_to_lose_the_row(self, text):
        header, first, *rows = lines_of("derivative_ticker", 5)
        line = with_cell(first, header.split(",").index("funding_timestamp"), text)
        table = event_tables()["derivative_ticker"]
        fast, good, bad = parse_both("derivative_ticker", header.split(","), joined([line, *rows]))
        assert bad.is_empty()
        assert good.drop("row").equals(fast)
        assert doubtful_times(table, fast) == ["funding_timestamp"]
        cleared = without_doubtful(fast, ["funding_timestamp"])["funding_timestamp"]
        assert (cleared[0], cleared[1:].null_count()) == (None, fast["funding_timestamp"][1:].null_count())

    @pytest.mark.parametrize("text", ["9682", "9681.93", "1e-7", "1E5", "-3", "0", ".5", "5."])
    def test_numbers_as_vendors_write_them(self, text):
        line = with_cell(TRADES[1], HEADER.index("price"), text)
        fast, good, _ = parse_both("trades", HEADER, joined([line]))
        assert fast is not None
        assert fast["price"].to_list() == good["price"].to_list() == [float(text)]

    def test_an_id_beyond_the_precision_of_floats(self):
        line = with_cell(TRADES[1], HEADER.index("id"), "9007199254740993")
        fast, good, _ = parse_both("trades", HEADER, joined([line]))
        assert fast["id"].to_list() == good["id"].to_list() == ["9007199254740993"]

    def test_bytes_that_are_no_text(self):
        data = joined(TRADES[1:3]) + TRADES[3].encode().replace(b"BTC", b"\xff\xfe") + b"\n"
        fast, good, bad = parse_both("trades", HEADER, data)
        assert fast is None
        assert good.height == 2
        assert bad.select("row", "rule").rows() == [(2, "not_utf8")]
        assert "\\xff\\xfe" in bad["raw"].item()

    def test_a_quote_that_never_closes_swallows_nothing(self):
        line = with_cell(TRADES[5], HEADER.index("id"), '"7')
        lines = [*TRADES[1:5], line, *TRADES[6:20]]
        _, good, bad = parse_both("trades", HEADER, joined(lines))
        assert bad["row"].to_list() == [4]
        assert good.height == 18
        assert bad["raw"].item() == line

    def test_a_line_feed_inside_a_quoted_cell(self):
        for text in ("7\n8", "7\r\n8", "7\r\n\r\n8\r"):
            line = with_cell(TRADES[5], HEADER.index("id"), f'"{text}"')
            for end in ("\n", "\r\n"):
                _, good, bad = parse_both("trades", HEADER, joined([TRADES[4], line, TRADES[6]], end))
                assert bad.is_empty()
                assert good["id"][1] == text
        assert good["row"].to_list() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("column", "text"), [("exchange", "\ufeffbinance"), ("price", "\t1"), ("timestamp", "\t1714521600000001")]
    )
    def test_both_paths_agree_on_invisible_characters(self, column, text):
        line = with_cell(TRADES[1], HEADER.index(column), text)
        fast, good, bad = parse_both("trades", HEADER, joined([line, *TRADES[2:4]]))
        assert fast is None or (bad.is_empty() and good.drop("row").equals(fast))

    @pytest.mark.parametrize("text", ["True", "TRUE", "t", "1", " true", "true "])
    def test_both_paths_agree_on_flags(self, text):
        header, first, *rows = lines_of("incremental_book_L2")
        line = with_cell(first, header.split(",").index("is_snapshot"), text)
        fast, good, bad = parse_both("incremental_book_L2", header.split(","), joined([line, *rows]))
        assert fast is None or (bad.is_empty() and good.drop("row").equals(fast))

    def test_a_bad_row_beside_columns_with_the_names_of_inner_ones(self):
        names = [*HEADER, "row", "line", "field_0", "verdict", "price:text"]
        rows = [f"{line},1,2,3,4,5" for line in [*TRADES[1:4], with_cell(TRADES[4], 6, "?")]]
        _, good, bad = parse_both("trades", names, joined(rows))
        assert good["row"].to_list() == [0, 1, 2]
        assert bad.select("row", "rule", "column").rows() == [(3, "unparseable", "price")]


class TestEscalated:
    """A check that a setting escalates sets rows aside; the others stay."""

    def test_one_row(self):
        line = with_cell(TRADES[1], HEADER.index("price"), "-1")
        belonging = Belonging(exchange="binance", date=DAY, escalated=frozenset({"nonpositive_price"}))
        fast, good, bad = parse_both("trades", HEADER, joined([line, TRADES[2]]), belonging)
        assert fast is None
        assert good["row"].to_list() == [1]
        assert bad.select("row", "rule", "column").rows() == [(0, "nonpositive_price", "price")]

    def test_it_is_kept_by_default(self):
        line = with_cell(TRADES[1], HEADER.index("price"), "-1")
        fast, good, bad = parse_both("trades", HEADER, joined([line, TRADES[2]]))
        assert fast is not None
        assert good.equals(good.filter(pl.col("row") < 2))
        assert bad.is_empty()
