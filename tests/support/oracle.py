"""An independent reader of bronze files: Python's gzip and csv alone, to check what the lake says."""

import csv
import gzip
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO, cast


def read_rows(path: Path) -> list[dict[str, str]]:
    """The data rows of a plain or gzipped CSV as text; an empty file has none."""
    with _opened(path) as file:
        return list(csv.DictReader(file))


def count_rows(path: Path) -> int:
    """How many data rows there are."""
    with _opened(path) as file:
        return max(sum(1 for row in csv.reader(file) if row) - 1, 0)


def totals(paths: Iterable[Path], numeric_columns: Sequence[str]) -> dict[str, float]:
    """`count` of the rows and the exact sum of each numeric column; empty cells add nothing."""
    count = 0
    cells: dict[str, list[float]] = {column: [] for column in numeric_columns}
    for path in paths:
        with _opened(path) as file:
            rows = csv.reader(file)
            header = next(rows, [])
            positions = [(header.index(column), found) for column, found in cells.items() if header]
            for row in rows:
                if not row:
                    continue
                count += 1
                for position, found in positions:
                    if row[position]:
                        found.append(float(row[position]))
    return {"count": count, **{column: math.fsum(found) for column, found in cells.items()}}


def _opened(path: Path) -> TextIO:
    opener = gzip.open if path.suffix == ".gz" else open
    return cast("TextIO", opener(path, "rt", encoding="utf-8", newline=""))
