"""Real files of vendors against the independent reader: every row, every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tests.support.vendor_files import SAMPLES, Row, Taken, feed_of, take
from tests.support.vendor_reader import read_cells

Cells = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A file below ``SAMPLES``, where it lies in bronze, and what a row of it says."""

    file: str
    path: str
    feed: str
    row: Callable[[Cells], Row]
    columns: Sequence[str] = ()
    """Where the file has no header, or none that can be read."""
    skips: int = 0
    """Lines before the first row that ``columns`` stand for."""
    separator: str = ","

    def __str__(self) -> str:
        return f"{self.feed}-{self.file.rpartition('/')[2]}"


def check_sample(sample: Sample) -> Taken:
    """Compare a real file with what the independent reader makes of it."""
    file = SAMPLES / sample.file
    if not file.exists():
        pytest.skip(f"{file} is not there: samples of vendors are no part of the repository")
    data = file.read_bytes()
    assert feed_of(sample.path) == sample.feed
    taken = take((sample.path, data))
    assert taken.is_success, taken.said
    lines = b"".join(data.splitlines(keepends=True)[sample.skips :])
    cells = read_cells(lines, sample.columns, separator=sample.separator)
    assert cells
    assert taken.rows() == [
        {name: value for name, value in sample.row(one).items() if value is not None} for one in cells
    ]
    return taken


def number(text: str) -> float | None:
    """A number; None where the cell is empty."""
    return float(text) if text else None
