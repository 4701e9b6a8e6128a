"""Files that were refused because the one in which their lines go on was not beside them, and is now."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pointline.io.protocols import BronzeReader
from pointline.parse.feed import Beside
from pointline.phrases import NOT_BESIDE
from pointline.tables.ingest_manifest import Status, stands_at


def no_longer_awaiting(
    entries: pl.DataFrame,
    rows_of: Callable[[list[int]], pl.DataFrame],
    reader: BronzeReader,
    beside_of: Callable[[str, str], Beside | None],
) -> dict[int, str]:
    """Return such files with their paths.

    ``rows_of`` returns whole rows of the ledger, ``entries`` are those in memory; ``beside_of`` a path and its feed
    tells which file such a file needs.
    """
    refused = entries.filter(stands_at(Status.QUARANTINED), pl.col("feed") != "")
    there: dict[int, str] = {}
    for files in refused.partition_by("data_type", "exchange", "feed"):
        if (beside := beside_of(files["bronze_file_path"][0], files["feed"][0])) is not None:
            pairs = files.select("file_id", "bronze_file_path").iter_rows()
            there |= {file_id: path for file_id, path in pairs if not reader.is_gone(beside.path_of(path))}
    if not there:
        return {}
    told = rows_of(list(there)).filter(pl.col("error").str.contains(NOT_BESIDE, literal=True))
    return {file_id: there[file_id] for file_id in told["file_id"]}
