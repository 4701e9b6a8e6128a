"""Whatever is done to a block of CSV: the fast path never accepts what the text path would not, and no row is lost."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pointline_daemon.samples import DATA_TYPES, Sample, csv_bytes, sample_frame

from pointline.parse import text_path
from pointline.parse.feed import own_columns
from pointline.parse.rules import Belonging
from pointline.parse.text_path import readable, split_records
from pointline.tables.registry import event_tables
from pointline.tables.schema import Kind
from tests.support.parsers import by_every_parser

DAY = dt.date(2024, 5, 1)
HERE = Belonging(exchange="binance", date=DAY)
ONE = Belonging(exchange="binance", date=DAY, symbol="BTCUSDT")
FIRST_US = HERE.first_us
ROWS = 12

LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NASTY = st.sampled_from(
    [
        "", " ", "\t", "?", "null", "NaN", "nan", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e-400", "+1", "-0",
        "1_000", "0x10", "1,5", ",", '"', '""', '"a', 'a"b', '"a,b"', '"a\nb"', "\r", "a\rb", "\n", "\r\n", "\0",
        "True", "TRUE", "true", "t", "1", "Buy", "buy ", " buy", "1 ", " 1", "  1", "\t1", "1\t", "\v1", "\xa01",
        "\u2028", "\ufeff", "\ufeff1", "١٢", "9" * 30, "9" * 400, "0." + "1" * 400, "1714521600", "1714521600000",
        "1714521600000000", "1714521600000000000", "1714521600000000.0", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "1e15", ".5", "5.", ".", "-", "+", "e", "1e", "#", "'a'",
    ]
)  # fmt: skip
CELLS = st.one_of(NASTY, st.text(max_size=8), st.integers().map(str), st.floats().map(repr))


@cache
def block_of(table: str) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    sample = Sample(exchange="binance", data_type=table, symbol="BTCUSDT", date=DAY, rows=ROWS)
    header, *rows = csv_bytes(sample_frame(sample)).splitlines()
    return tuple(header.decode().split(",")), tuple(rows)


def check_agreement(table: str, header, data: bytes) -> None:
    """The promise that all properties here share."""
    for belonging in (HERE, ONE):
        check_agreement_of(belonging, table, header, data)


def check_agreement_of(belonging: Belonging, table: str, header, data: bytes) -> None:
    event_table = event_tables()[table]
    accepted = [fast for fast in by_every_parser(event_table, header, data, belonging).values() if fast is not None]
    good, bad = text_path.parse(own_columns(event_table), header, data, belonging)
    records = split_records(data, len(header))
    assert sorted([*good["row"], *bad["row"]]) == list(range(len(records)))
    assert bad["raw"].to_list() == [readable(records[row]) for row in bad["row"]]
    assert bad["rule"].null_count() == bad["column"].null_count() == 0
    assert b"\n".join(records).replace(b"\r", b"") == data.removesuffix(b"\n").replace(b"\r", b"")
    for fast in accepted:
        assert bad.is_empty()
        assert good.drop("row").equals(fast)


class TestMutations:
    """Both paths agree on every block."""

    @pytest.mark.examples(20)
    @LOOSE
    @given(st.data(), st.sampled_from(DATA_TYPES))
    def test_cells(self, data, table):
        header, rows = block_of(table)
        lines = [list(line.split(b",")) for line in rows]
        for _ in range(data.draw(st.integers(1, 3))):
            row = data.draw(st.integers(0, ROWS - 1))
            column = data.draw(st.integers(0, len(header) - 1))
            lines[row][column] = data.draw(CELLS).encode("utf-8", "surrogatepass")
        check_agreement(table, header, b"".join(b",".join(line) + b"\n" for line in lines))

    @pytest.mark.examples(20)
    @LOOSE
    @given(st.data(), st.sampled_from(["trades", "incremental_book_L2", "quotes", "derivative_ticker"]))
    def test_bytes(self, data, table):
        header, rows = block_of(table)
        block = bytearray(b"".join(line + b"\n" for line in rows[:4]))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(block) - 2))
            match data.draw(st.sampled_from(["set", "insert", "delete"])):
                case "set":
                    block[at] = data.draw(st.sampled_from(b'\0\r\n,"\t 09.-ez\xff\xef'))
                case "insert":
                    block[at:at] = data.draw(
                        st.sampled_from([b"\r", b"\n", b",", b'"', b"\xef\xbb\xbf", b"\r\n", b" "])
                    )
                case _:
                    del block[at]
        check_agreement(table, header, bytes(block))

    @pytest.mark.examples(20)
    @LOOSE
    @given(st.data(), st.sampled_from(["trades", "quotes"]))
    def test_lines(self, data, table):
        header, rows = block_of(table)
        lines = list(rows)
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(lines) - 1))
            match data.draw(st.sampled_from(["blank", "comma", "short", "long", "double", "spaces", "carriage"])):
                case "blank":
                    lines.insert(at, b"")
                case "comma":
                    lines.insert(at, b"," * (len(header) - 1))
                case "short":
                    lines[at] = lines[at].rpartition(b",")[0]
                case "long":
                    lines[at] += b",1"
                case "double":
                    lines.insert(at, lines[at])
                case "spaces":
                    lines.insert(at, b"   ")
                case _:
                    lines[at] += b"\r"
        check_agreement(table, header, b"".join(line + b"\n" for line in lines))

    @pytest.mark.examples(20)
    @LOOSE
    @given(st.data())
    def test_columns_nobody_knows(self, data):
        header, rows = block_of("trades")
        extra = data.draw(st.lists(CELLS, min_size=ROWS, max_size=ROWS))
        at = data.draw(st.integers(0, len(header)))
        names = [*header[:at], "unknown", *header[at:]]
        lines = []
        for line, cell in zip(rows, extra, strict=True):
            cells = line.split(b",")
            lines.append(b",".join([*cells[:at], cell.encode("utf-8", "surrogatepass"), *cells[at:]]))
        check_agreement("trades", names, b"".join(line + b"\n" for line in lines))


def typed_cells(table: str):
    """Rows of ``table`` as text, every cell one that its column takes."""
    finite = st.floats(allow_nan=False, allow_infinity=False).map(repr)
    times = st.integers(FIRST_US, FIRST_US + 86_399_999_999).map(str)
    words = st.text(st.characters(codec="utf-8", exclude_characters='\n\r\0",'), min_size=1, max_size=12)
    by_kind = {Kind.NUMBER: finite, Kind.TIME: times, Kind.FLAG: st.sampled_from(["true", "false"]), Kind.TEXT: words}
    cells = []
    for column in event_tables()[table].columns:
        filled = st.sampled_from(column.choices) if column.kind is Kind.CHOICE else by_kind[column.kind]
        if column.name == "exchange":
            filled = st.just("binance")
        if column.name == "symbol":
            filled = st.text(st.characters(categories="LNPS", exclude_characters='",'), min_size=1, max_size=12)
        cells.append(filled if column.required else st.one_of(st.just(""), filled))
    return st.lists(st.tuples(*cells), min_size=1, max_size=6)


class TestTypedRows:
    """Rows that the format permits are typed, by both paths, to the values that were written."""

    @pytest.mark.examples(20)
    @LOOSE
    @given(
        st.data(), st.sampled_from(["trades", "quotes", "incremental_book_L2", "derivative_ticker", "options_chain"])
    )
    def test_values(self, data, table):
        rows = data.draw(typed_cells(table))
        columns = event_tables()[table].columns
        header = [column.name for column in columns]
        block = "".join(",".join(row) + "\n" for row in rows).encode()
        check_agreement(table, header, block)
        good, bad = text_path.parse(own_columns(event_tables()[table]), header, block, HERE)
        assert bad.is_empty()
        for position, column in enumerate(columns):
            texts = [row[position] or None for row in rows]
            if column.kind is Kind.NUMBER:
                texts = [None if text is None else float(text) for text in texts]
            elif column.kind is Kind.TIME:
                texts = [None if text is None else int(text) for text in texts]
            elif column.kind is Kind.FLAG:
                texts = [None if text is None else text == "true" for text in texts]
            assert good[column.name].to_list() == texts

    @pytest.mark.examples(20)
    @LOOSE
    @given(st.data(), st.sampled_from(["trades", "book_snapshot_5"]), st.integers(1, ROWS))
    def test_blocks_of_any_size_give_the_same_rows(self, data, table, size):
        header, rows = block_of(table)
        spoiled = data.draw(st.sets(st.integers(0, ROWS - 1), max_size=4))
        lines = [line + b",surplus\n" if row in spoiled else line + b"\n" for row, line in enumerate(rows)]
        whole, set_aside = text_path.parse(own_columns(event_tables()[table]), header, b"".join(lines), HERE)
        kept, rejected = [], []
        for start in range(0, ROWS, size):
            good, bad = text_path.parse(
                own_columns(event_tables()[table]), header, b"".join(lines[start : start + size]), HERE
            )
            kept += [(row[0] + start, *row[1:]) for row in good.rows()]
            rejected += [(row[0] + start, *row[1:]) for row in bad.rows()]
        assert kept == whole.rows()
        assert rejected == set_aside.rows()
