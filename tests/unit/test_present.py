"""Columns stay aligned, whatever is in them."""

from __future__ import annotations

import pytest
from pointline_daemon.commands.shared.present import Column, aligned, width_of

COLUMNS = [Column(title="table"), Column(title="rows", align="right"), Column(title="path")]
ROWS = [
    ["trades", "1", "a"],
    ["a_table_with_a_long_name", "1,234,567,890,123", "b"],
    ["取引", "12", "c"],
    ["e\u0301t\u0301e\u0301", "7", "d"],
]


def test_wide_numbers_and_long_names():
    lines = aligned(COLUMNS, ROWS)
    ends = {width_of(line[: line.rindex(row[-1])]) for line, row in zip(lines[1:], ROWS, strict=True)}
    assert len(lines) == 5
    assert len(ends) == 1
    assert len({width_of(line.rpartition("  ")[0]) for line in lines}) == 1


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("取引", 4), ("e\u0301", 1), ("", 0)])
def test_width(text, width):
    assert width_of(text) == width


def test_without_titles_there_is_no_line_of_them():
    assert aligned([Column(title=""), Column(title="")], [["a", "b"]]) == ["a  b"]
    assert aligned([Column(title="")], []) == []
