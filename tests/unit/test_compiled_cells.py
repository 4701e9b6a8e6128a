"""The compiled parser, where it was built: on text that tells it apart from others."""

from __future__ import annotations

import math
import struct

import polars as pl
import pytest

from pointline.parse import cells, text_path
from pointline.tables.registry import event_tables
from pointline.tables.schema import EventTable, choice, flag, number, text, time

TABLE = EventTable(
    name="toy",
    columns=(text("word"), number("size"), time("at"), flag("on"), choice("side", "buy", "sell", "buyer")),
)
HEADER = ("word", "size", "at", "on", "side")


pytestmark = pytest.mark.skipif(cells.PARSER != "compiled", reason="the compiled parser was not built")


def block(*lines: str) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def typed(*lines: str) -> pl.DataFrame | None:
    return cells.typed(TABLE, HEADER, block(*lines))


def numbers(*texts: str) -> list[float] | None:
    frame = typed(*(f"a,{text},1,true,buy" for text in texts))
    return None if frame is None else frame["size"].to_list()


class TestNumbers:
    """Every number is the double that is nearest to its text."""

    @pytest.mark.parametrize(
        "text",
        [
            "0", "-0", "-0.0", "1", "9007199254740992", "9007199254740993", "9007199254740993.0", "123456789012345678",
            "1234567890123456789", "12345678901234567890", "99999999999999999999999", "0.1", "0.30000000000000004",
            "0.1000000000000000055511151231257827", "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324",
            "4.9406564584124654e-324", "2.4703282292062328e-324", "1e22", "1e23", "8.5e22", "9007199254740993e0",
            "0.00000000000000000000001", "0.0000000000000000000001", "123456.78901234", "12345678.12345678",
            "12345678.123456789", "00000000000000000001", "000000000000000000000000000000000000000000000000000000001.5",
        ],
    )  # fmt: skip
    def test_nearest_double(self, text):
        found = numbers(text, f"-{text}".replace("--", ""))
        expected = [float(text), float(f"-{text}".replace("--", ""))]
        assert [struct.pack("d", one) for one in found] == [struct.pack("d", one) for one in expected]

    def test_between_two_doubles(self):
        """Halves go to the even one, and the least bit more or less decides."""
        doubles = [2**53 + 2 * step for step in range(40)]
        texts = [f"{one + 1}{more}" for one in doubles for more in ("", ".0", ".00", ".01", ".001")]
        texts += [f"{one}.99" for one in doubles]
        texts += [f"{2**52 + step}.{rest}" for step in range(40) for rest in ("5", "25", "75", "249", "251", "500")]
        texts += [".9516237000573218308", ".4990625016349084231"]  # half, as far as 64 bits tell, and a little more
        assert numbers(*texts) == [float(text) for text in texts]

    def test_digits_at_every_length(self):
        texts = [
            "1234567890123456789012345"[:whole] + ("." + "9876543210987654321098765"[:decimals] if decimals else "")
            for whole in range(1, 26)
            for decimals in range(26)
        ]
        assert numbers(*texts) == [float(text) for text in texts]

    @pytest.mark.parametrize(
        "text",
        [
            "1e309", "-1e309", "inf", "nan", "NaN", "Infinity", "0x10", "1_0", "+1", "1e", "1e+", "e5", ".", "-", "--1",
            "-.", "1.2.3", "1-", "1f", " 1", "1 ", "9" * 400, "\u0661", "1;", "1:", "1/", "12345678:", "1234567/",
        ],
    )  # fmt: skip
    def test_what_is_left_to_a_closer_look(self, text):
        assert numbers(text) is None


class TestWholeNumbers:
    """Times are whole numbers of at most nineteen digits, as nanoseconds are, that fit into 64 bits with a sign."""

    @pytest.mark.parametrize(
        "text",
        [
            "0", "-1", "7", "1714521600000000", "12345678", "123456789", "999999999999999999", "-999999999999999999",
            "1234567890123456789", "1714521600123456789", "9223372036854775807", "-9223372036854775807",
        ],
    )  # fmt: skip
    def test_exact(self, text):
        assert typed(f"a,1,{text},true,buy")["at"].to_list() == [int(text)]

    @pytest.mark.parametrize(
        "text",
        [
            "1.0", "1e3", "-", "+1", "9223372036854775808", "-9223372036854775808", "9999999999999999999",
            "18446744073709551615", "18446744073709551616", "27670116110564327424", "00000000000000000001", "1a",
            "\u0661",
        ],
    )  # fmt: skip
    def test_what_is_left_to_a_closer_look(self, text):
        assert typed(f"a,1,{text},true,buy") is None


class TestText:
    """Texts come out as they went in, short or long, repeated or not."""

    def test_every_length(self):
        words = ["x" * size for size in range(1, 40)] * 2 + ["BTCUSDT"] * 3 + ["BTCUSD", "BTCUSDT", "BTCUSDT_PERP"]
        assert typed(*(f"{word},1,1,true,buy" for word in words))["word"].to_list() == words

    def test_blanks_belong_to_them(self):
        words = ["20120201 000003660", " ", " a", "a ", "a b c", "20120201 000003660", " a"]
        assert typed(*(f"{word},1,1,true,buy" for word in words))["word"].to_list() == words

    @pytest.mark.parametrize(
        "line", ["a, 1,1,true,buy", "a,1 ,1,true,buy", "a,1, 1,true,buy", "a,1,1, true,buy", "a,1,1,true, buy"]
    )
    def test_blanks_beside_anything_else_are_left_to_a_closer_look(self, line):
        assert typed(line) is None

    def test_long_ones_apart_from_others(self):
        words = [f"8f14e45f-ceea-467f-9575-{number:012}" for number in range(2000)]
        frame = typed(*(f"{word},1,1,true,buy" for word in words))
        assert frame["word"].to_list() == words
        assert frame.tail(1)["word"].item() == words[-1]

    def test_letters_of_any_language(self):
        words = ["币安人生USDT", "ÄÖÜ", "币安人生USDT-PERPETUAL"]
        assert typed(*(f"{word},1,1,true,buy" for word in words))["word"].to_list() == words

    def test_bytes_that_are_no_text(self):
        assert cells.typed(TABLE, HEADER, b"a\xff,1,1,true,buy\n") is None

    @pytest.mark.parametrize("word", ['"a"', "a\tb", "a\0b", "a\rb", '"'])
    def test_what_is_left_to_a_closer_look(self, word):
        assert typed(f"{word},1,1,true,buy") is None


class TestCells:
    """Empty cells are null, in any column and any row; words are taken whole."""

    def test_nulls_at_any_place(self):
        full = ("w", "1.5", "7", "true", "sell")
        rows = [tuple("" if row >> place & 1 else cell for place, cell in enumerate(full)) for row in range(32)] * 3
        values = ("w", 1.5, 7, True, "sell")
        expected = [tuple(value if cell else None for cell, value in zip(row, values, strict=True)) for row in rows]
        assert typed(*(",".join(row) for row in rows)).rows() == expected

    def test_a_word_that_begins_with_another(self):
        found = typed(*(f"a,1,1,true,{word}" for word in ("buyer", "buy", "sell", "buyer")))
        assert found["side"].to_list() == ["buyer", "buy", "sell", "buyer"]
        assert found.schema["side"] == pl.Enum(["buy", "sell", "buyer"])

    @pytest.mark.parametrize("count", [1, 16, 17, 300])
    def test_any_number_of_words(self, count):
        words = [f"word{number}" for number in range(count)]
        table = EventTable(name="toy", columns=(choice("side", *words),))
        found = cells.typed(table, ("side",), block(*words, words[0]))
        assert found["side"].to_list() == [*words, words[0]]
        assert found.schema["side"] == pl.Enum(words)
        assert cells.typed(table, ("side",), block(*words, "word")) is None

    @pytest.mark.parametrize("side", ["bu", "buyers", "Buy", "buy ", "none"])
    def test_no_such_word(self, side):
        assert typed(f"a,1,1,true,{side}") is None

    def test_flags_as_people_write_them(self):
        found = typed(*(f"a,1,1,{on},buy" for on in text_path.FLAGS))
        assert found["on"].to_list() == list(text_path.FLAGS.values())

    @pytest.mark.parametrize("on", ["tRue", "t", "truee", "fals", "falsey", "1"])
    def test_no_flag(self, on):
        assert typed(f"a,1,1,{on},buy") is None

    @pytest.mark.parametrize(
        "line",
        ["", "a", "a,1,1,true", "a,1,1,true,buy,", "a,1,1,true,buy,x", ",", "a,1,1,true,buy\r\r", "a,1,1,true\r,buy"],
    )
    def test_lines_with_other_cells(self, line):
        good = "a,1,1,true,buy"
        assert typed(good, line, good) is None
        assert typed(good, good, line) is None
        assert typed(line) is None

    def test_line_ends_of_both_kinds(self):
        assert typed("a,1,1,true,buy\r", "b,2,2,false,sell", "c,,,,\r").height == 3

    def test_a_block_that_does_not_end_with_a_line(self):
        for data in (b"", b"a", b"a,1,1,true,buy", b"a,1,1,true,buy\nb,1"):
            assert cells.typed(TABLE, HEADER, data) is None

    def test_columns_in_another_order_among_unknown_ones(self):
        header = ("x", "side", "on", "y", "at", "size", "word", "z")
        frame = cells.typed(TABLE, header, b"?,buy,false,,5,2.5,w,\n!,sell,true,q,6,3.5,v,9\n")
        assert frame.rows() == [("w", 2.5, 5, False, "buy"), ("v", 3.5, 6, True, "sell")]


def test_frames_outlive_their_text():
    """Nothing in a frame points into the block that it was made of."""
    words = [[f"{'w' * 30}{number}-{row}" for row in range(500)] for number in range(20)]
    frames = [typed(*(f"{word},{row}.25,{row},true,buy" for row, word in enumerate(some))) for some in words]
    assert [frame["word"].to_list() for frame in frames] == words
    assert {math.fsum(frame["size"]) for frame in frames} == {math.fsum(row + 0.25 for row in range(500))}


@pytest.mark.parametrize(
    ("kinds", "words"), [(b"x", ((),)), (b"\0", ((),)), (b"t", ()), (b"c", ("buy",)), (b"c", ((b"w",) * 17,))]
)
def test_what_it_cannot_be_asked(kinds, words):
    with pytest.raises(ValueError, match="cell"):
        cells.compiled._parser.parse(b"a\n", kinds, words)


def test_every_table_is_known_to_it():
    """Its letters cover each kind of cell."""
    for table in event_tables().values():
        line = ",".join("" for _ in table.columns) + "\n"
        assert cells.typed(table, list(table.raw_schema), line.encode()).schema == table.raw_schema
