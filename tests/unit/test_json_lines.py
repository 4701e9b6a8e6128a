"""Lines of JSON as rows: the same rows however a program writes its JSON, and no row from anything else."""

from __future__ import annotations

import csv
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointline.parse.json_lines import BROKEN, BadFields, JsonLines

FIELDS = ("type", "ts", "data.s", "data.u")
BOOK = JsonLines(FIELDS, {"data.b": "bid", "data.a": "ask"}, ("price", "size"), ("type", "ts", "data.s", "list"))
PLAIN = JsonLines(("id", "price"), {}, (), ("id", "price"))
LINE = '{"type":"delta","ts":17,"data":{"s":"X","u":1,"b":[["1.50","2"],["1.4","0"]],"a":[["1.6","3e-7"]]}}'
ROWS = ["delta,17,X,bid,1.50,2", "delta,17,X,bid,1.4,0", "delta,17,X,ask,1.6,3e-7"]
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=12).map(lambda one: f"{one:f}")
LEVELS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5)


def rows(decoder: JsonLines, line: str) -> list[str]:
    return decoder.decode(line.encode() + b"\n").decode().splitlines()


def test_each_entry_of_a_list_is_a_row_with_the_fields_that_are_read_before_it():
    assert BOOK.columns == ("type", "ts", "data.s", "list", "price", "size")
    assert rows(BOOK, LINE) == ROWS


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(",", " , ").replace(":", " : "),
        lambda line: line + "\r",
        lambda line: f"  {line}",
        lambda line: line.replace('"1.50"', "1.50").replace('"3e-7"', "3e-7"),
        lambda line: line.replace("X", "\\u0058").replace('"1.4"', '"1.\\u0034"'),
        lambda line: json.dumps(dict(reversed(json.loads(line).items()))),
        lambda line: line.replace('"ts":17', '"ts":"17"').replace('"u":1', '"u":null'),
    ],
    ids=["blanks", "CRLF", "begins with blanks", "numbers", "escapes", "another order", "texts for numbers"],
)
def test_how_json_is_written_does_not_matter(change):
    assert rows(BOOK, change(LINE)) == ROWS


@given(bids=LEVELS, asks=LEVELS, comma=st.sampled_from([",", ", "]), quote=st.sampled_from(["", '"']))
def test_values_are_the_text_that_they_are(bids, asks, comma, quote):
    b, a = (
        comma.join(f"[{quote}{price}{quote}{comma}{quote}{size}{quote}]" for price, size in side)
        for side in (bids, asks)
    )
    line = f'{{"data":{{"s":"X","b":[{b}],"a":[{a}],"u":1}},"ts":17,"type":"delta"}}'
    written = [("bid", *level) for level in bids] + [("ask", *level) for level in asks]
    assert rows(BOOK, line) == [",".join(("delta", "17", "X", *row)) for row in written]


def test_a_field_that_nothing_is_made_of_may_be_lacking():
    assert rows(BOOK, LINE.replace('"u":1,', "")) == rows(BOOK, LINE)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "truncated"),
        (LINE[:60], "truncated"),
        (LINE + "x", "trailing characters"),
        ("[1]", "Expected `object`, got `array`"),
        (LINE.replace('"u":1', '"u":1,"v":2'), "unknown field `v`"),
        (LINE.replace('"ts":17,', ""), "missing required field `ts`"),
        (LINE.replace('"u":1,', "").replace('"ts":17', '"ts":17,"ts":18'), "has the field `ts` twice"),
        (LINE.replace('"ts":17', '"ts":17,"ts":18'), "has the field `ts` twice"),
        (LINE.replace('"ts":17', '"ts":{"ms":17}'), "where a value is wanted"),
        (LINE.replace('[["1.6","3e-7"]]', '{"1.6":"3e-7"}'), "Expected `array`, got `object`"),
        (LINE.replace('["1.6","3e-7"]', '"1.6"'), "Expected `array`, got `str`"),
        (LINE.replace('"1.6"', '["1.6"]'), "where a value is wanted"),
        (LINE.replace("X", "X\\nY"), "no cell can hold"),
        (LINE.replace("X", "X\\u001e"), "no cell can hold"),
        (LINE.replace("X", "X\x01"), "invalid character"),
        (LINE.replace("17", "017"), "invalid number"),
        (LINE.replace("17", "NaN"), "invalid character"),
        (LINE.replace('[["1.6","3e-7"]]', "[" * 100_000), "recursion|truncated|malformed"),
    ],
)
def test_a_line_that_is_not_the_object_gives_itself_behind_a_mark(line, why):
    assert BOOK.decode(line.encode() + b"\n") == BROKEN + line.encode() + b"\n"
    assert re.search(why, BOOK.why_broken(line)), BOOK.why_broken(line)


def test_lines_between_broken_ones_are_read():
    found = BOOK.decode(b"\n".join([b"x", LINE.encode(), b"", LINE.encode()]) + b"\n").split(b"\n")
    assert [line.decode() for line in found] == ["\x1ex", *ROWS, "\x1e", *ROWS, ""]


@pytest.mark.parametrize(
    ("bids", "cells"), [('[["1"]]', [5]), ('[["1","2","3"]]', [7]), ('[["1","2"],["3,4"]]', [6, 6]), ("[[]]", [5])]
)
def test_an_entry_of_another_length_is_a_row_of_another_length(bids, cells):
    line = f'{{"type":"delta","ts":17,"data":{{"s":"X","u":1,"b":{bids},"a":[]}}}}'
    assert [row.count(",") + 1 for row in rows(BOOK, line)] == cells
    assert rows(BOOK, line) == rows(BOOK, line.replace(",", ", ").replace(", 4", ",4"))


@pytest.mark.parametrize("bids", ['[["60000,5","2"]]', '[["60000,5"]]', '[["1","2"],["1","60000,5"]]', '[["1,5", 2]]'])
def test_a_comma_in_a_text_is_no_end_of_a_cell(bids):
    made = rows(BOOK, LINE.replace('[["1.50","2"],["1.4","0"]]', bids))
    assert [next(csv.reader([row]))[4:] for row in made[:-1]] == [
        [str(cell) for cell in one] for one in json.loads(bids)
    ]


def test_without_lists_a_line_is_a_row():
    assert PLAIN.columns == ("id", "price")
    assert rows(PLAIN, '{"price":"1.5","id":7}') == ["7,1.5"]


@pytest.mark.parametrize("fields", [("a", "a.b"), ("a.b", "a"), ("a", "a"), ("a.",)])
def test_fields_that_no_object_has_are_named(fields):
    with pytest.raises(BadFields, match="'a"):
        JsonLines(fields, {}, (), ())
