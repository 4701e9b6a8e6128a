"""What a CSV of quarantined rows may hold: no cell that a spreadsheet computes, nothing that steers a terminal."""

from __future__ import annotations

import polars as pl
import pytest
from pointline_daemon.commands.shared.harmless import harmless

CELLS = [
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
    ("+1+2", "'+1+2"),
    ("-2+3", "'-2+3"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", "'\t=1"),
    ("\r=1", "'\r=1"),
    ("-1.5", "-1.5"),
    ("+1e-5", "+1e-5"),
    ("-.5", "-.5"),
    ("-", "'-"),
    ("binance,BTC,=1", "binance,BTC,=1"),
    ("plain", "plain"),
    ("", ""),
    (None, None),
]


@pytest.mark.parametrize(("cell", "written"), CELLS)
def test_formulas(cell, written):
    frame = pl.DataFrame({"raw": pl.Series([cell], dtype=pl.String), "file_id": [-1]})
    assert harmless(frame, on_terminal=False).row(0) == (written, -1)


def test_a_terminal_is_not_steered():
    frame = pl.DataFrame({"raw": ["a\x1b[2Jb", "two\nlines", "bell\a", "right\u202eleft", "é"]})
    assert harmless(frame, on_terminal=False).equals(frame)
    assert harmless(frame, on_terminal=True)["raw"].to_list() == [
        "a\\x1b[2Jb",
        "two\nlines",
        "bell\\x07",
        "right\\u202eleft",
        "é",
    ]
