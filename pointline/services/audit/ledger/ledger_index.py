"""Where every file of the ledger stands, in a dozen bytes each: what an audit keeps while it reads the rest in runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import polars as pl

from pointline.services.audit.ledger.pieces import find_in
from pointline.tables.ingest_manifest import SCHEMA, Status, stands_at

COLUMNS = ("file_id", "status")


class LedgerIndex:
    """All ids with their statuses."""

    def __init__(self, runs: Iterable[pl.DataFrame]) -> None:
        """``runs`` have ``COLUMNS``, and may have others."""
        kept = [pl.DataFrame(schema={name: SCHEMA[name] for name in COLUMNS}), *(run.select(COLUMNS) for run in runs)]
        slim = [run.with_columns(pl.col("status").cast(pl.Categorical)) for run in kept]
        files = pl.concat(slim, rechunk=True)
        self._files = files if files["file_id"].is_sorted() else files.sort("file_id")

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self._files.height

    @cached_property
    def pending(self) -> set[int]:
        """The files that wait to be read, or are being read."""
        return set(self._files.filter(stands_at(Status.PENDING))["file_id"])

    @cached_property
    def doubled(self) -> pl.Series:
        """The ids that stand there more than once."""
        ids = self._files["file_id"]
        return ids.filter((ids.diff() == 0).fill_null(value=False)).unique()

    def status_of(self, file_ids: pl.Series) -> pl.Series:
        """Return the status of each, null where the ledger does not know it."""
        if not self.height:
            return pl.Series(values=[None] * len(file_ids), dtype=pl.Categorical)
        places, known = find_in(self._files["file_id"], file_ids.fill_null(-1))
        known &= file_ids.is_not_null()
        return self._files["status"].gather(places).zip_with(known, pl.Series([None], dtype=pl.Categorical))


def with_next(runs: Iterable[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, int | None]]:
    """Yield each run of rows with the first id of the run behind it, None for the last; one without rows for none."""
    before = pl.DataFrame(schema=SCHEMA)
    for run in runs:
        if not before.is_empty():
            yield before, run["file_id"].min()  # type: ignore[misc]  # integers have an integer
        before = run
    yield before, None
