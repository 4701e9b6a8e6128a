"""Cells of a CSV that cannot act: no formula for a spreadsheet, no escape character for a terminal."""

from __future__ import annotations

from typing import Final

import polars as pl

FORMULA: Final = r"^[=+\-@\t\r]"
"""How a cell begins that a spreadsheet takes for a formula, or strips until one is left."""
NUMBER: Final = r"^[+\-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+\-]?\d+)?$"
CONTROL: Final = r"[\p{Cc}\p{Cf}&&[^\n]]"
"""Characters that steer a terminal. A line feed stays: it is data in a quoted cell."""


def harmless(frame: pl.DataFrame, *, on_terminal: bool) -> pl.DataFrame:
    r"""Return the rows with ``'`` before each text that would be a formula; numbers such as -1.5 stay as they are.

    On a terminal control characters are written as ``\x1b``.
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(_harmless(frame[name], on_terminal=on_terminal) for name in texts)


def _harmless(cells: pl.Series, *, on_terminal: bool) -> pl.Series:
    is_formula = cells.str.contains(FORMULA) & ~cells.str.contains(NUMBER)
    if is_formula.any():
        cells = ("'" + cells).alias(cells.name).zip_with(is_formula.fill_null(value=False), cells)
    if not on_terminal or not cells.str.contains(CONTROL).any():
        return cells
    return pl.Series(cells.name, [None if one is None else _visible(one) for one in cells], dtype=pl.String)


def _visible(text: str) -> str:
    kept = (one if one == "\n" or one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
    return "".join(kept)
