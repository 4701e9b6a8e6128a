"""An independent reader of bronze files: Python's gzip and csv alone, to check what the lake says."""

import csv
import gzip
import math
from collections.abc import Iterable, Sequence
from pathlib import Path


def read_rows(path: Path) -> list[dict[str, str]]:
    """The data rows of a plain or gzipped CSV as text; an empty file has none."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def totals(paths: Iterable[Path], numeric_columns: Sequence[str]) -> dict[str, float]:
    """`count` of the rows and the exact sum of each numeric column; empty cells add nothing."""
    rows = [row for path in paths for row in read_rows(path)]
    sums = {column: math.fsum(float(row[column]) for row in rows if row[column]) for column in numeric_columns}
    return {"count": len(rows), **sums}
