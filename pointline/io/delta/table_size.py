"""How much a table holds, by its Delta log alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TypedDict

from pointline.io.delta.table_path import data_files, is_table, open_table
from pointline.io.translate import storage_errors


class TableSize(TypedDict, total=False):
    """``exchanges``, ``first`` and ``last`` are known of tables that are partitioned by exchange and date."""

    rows: int
    data_files: int
    size_bytes: int
    version: int
    exchanges: int
    first: dt.date | None
    last: dt.date | None


def table_size(path: Path) -> TableSize:
    """Return what the newest version holds; of a table that is not there, nothing."""
    with storage_errors(path.name):
        if not is_table(path):
            return TableSize(rows=0, data_files=0, size_bytes=0)
        table = open_table(path)
        files = data_files(table, flatten=True)
    size = TableSize(
        rows=int(files["num_records"].sum()),
        data_files=files.height,
        size_bytes=int(files["size_bytes"].sum()),
        version=table.version(),
    )
    if {"partition.exchange", "partition.date"} <= set(files.columns):
        exchanges, dates = files["partition.exchange"], files["partition.date"]
        first, last = dates.min(), dates.max()
        assert first is None or isinstance(first, dt.date)
        assert last is None or isinstance(last, dt.date)
        size |= TableSize(exchanges=exchanges.n_unique(), first=first, last=last)
    return size
