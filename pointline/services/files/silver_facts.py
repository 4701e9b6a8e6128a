"""What the lake knows of files whose rows are in silver, looked up for the few files that a decision is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.io.protocols.tables import EventTableRepository, Part
from pointline.services.audit.silver.row_counts import symbols_and_times, time_symbols
from pointline.services.files.identity.ledger_row import LedgerRow, has_left, ledger_rows, path_in_bronze
from pointline.services.files.ledger_facts import outcomes_of
from pointline.services.files.place.overlap import Day
from pointline.services.ingest.batch import Span
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.spelling import symbol_key


class SilverFacts(Protocol):
    """What decisions ask."""

    def path_in_bronze(self, file_id: int) -> str | None:
        """Return where the file is in bronze: at its path is anything, or else a copy of it is there; None if not."""
        ...

    def is_in_bronze(self, file_id: int) -> bool:
        """Tell whether it is."""
        ...

    def has_left_bronze(self, file_id: int) -> bool:
        """Tell whether the file is no longer at its path: nothing is there, or something else."""
        ...

    def symbol_of(self, file_id: int) -> str:
        """Return the key of the symbol that the file's path claims."""
        ...

    def content_hash(self, file_id: int) -> str | None:
        """Return the hash of the content that a file has in silver."""
        ...

    def rows_written(self, file_id: int) -> int:
        """Return how many rows a file has in silver."""
        ...

    def spans_of(self, file_id: int, day: Day) -> Mapping[str, Span]:
        """Return what a file holds of each symbol on a day, read from its rows."""
        ...

    def rows_on(self, file_id: int, day: Day, parts: Sequence[Part] | None = None) -> pl.DataFrame:
        """Return symbol and time of the rows of a file on a day; ``parts``: where they are, if not in silver yet."""
        ...

    def vendor_of(self, file_id: int) -> str:
        """Return the vendor of a file of the ledger."""
        ...

    def outcome_of(self, file_id: int) -> Outcome:
        """Return what the ledger says became of a file whose rows are in silver."""
        ...

    def undescribed_table(self, file_id: int) -> str:
        """Return the table that a file has its rows in where no description has it any more; else nothing."""
        ...

    def with_days_left(self) -> pl.DataFrame:
        """Return the ledger's whole rows of files in silver that left days to other files."""
        ...


class LakeFacts:
    """``SilverFacts`` of a lake."""

    def __init__(
        self,
        manifest: IngestionManifestRepository,
        repositories: Mapping[str, EventTableRepository],
        reader: BronzeReader,
    ) -> None:
        self._manifest = manifest
        self._repositories = repositories
        self._reader = reader

    def path_in_bronze(self, file_id: int) -> str | None:
        """Return where the file is in bronze: at its path is anything, or else a copy of it is there; None if not."""
        return path_in_bronze(self._row(file_id), self._manifest.entries(), self._reader)

    def is_in_bronze(self, file_id: int) -> bool:
        """Tell whether it is."""
        return self.path_in_bronze(file_id) is not None

    def has_left_bronze(self, file_id: int) -> bool:
        """Tell whether the file is no longer at its path: nothing is there, or something else."""
        return has_left(self._row(file_id), self._reader)

    def symbol_of(self, file_id: int) -> str:
        """Return the key of the symbol that the file's path claims."""
        return symbol_key(self._row(file_id).symbol)

    def content_hash(self, file_id: int) -> str | None:
        """Return the hash of the content that a file has in silver."""
        return self._row(file_id).content_hash

    def rows_written(self, file_id: int) -> int:
        """Return how many rows a file has in silver."""
        rows = self._manifest.rows_of([file_id])["rows_written"]
        return int(rows.sum())

    def spans_of(self, file_id: int, day: Day) -> Mapping[str, Span]:
        """Return what a file holds of each symbol on a day, read from its rows."""
        exchange, table, date = day
        repository = self._repositories[table]
        parts = repository.parts_of([file_id], {"exchange": exchange, "date": date})
        found = time_symbols(repository, parts, [file_id]).select("symbol", "first", "last", "rows")
        return {
            symbol: Span(first_us=first, last_us=last, rows=rows) for symbol, first, last, rows in found.iter_rows()
        }

    def rows_on(self, file_id: int, day: Day, parts: Sequence[Part] | None = None) -> pl.DataFrame:
        """Return symbol and time of the rows of a file on a day; ``parts``: where they are, if not in silver yet."""
        exchange, table, date = day
        repository = self._repositories[table]
        if parts is None:
            parts = repository.parts_of([file_id], {"exchange": exchange, "date": date})
        return symbols_and_times(repository, parts, file_id)

    def vendor_of(self, file_id: int) -> str:
        """Return the vendor of a file of the ledger."""
        return str(self._manifest.rows_of([file_id])["vendor"].item())

    def outcome_of(self, file_id: int) -> Outcome:
        """Return what the ledger says became of a file whose rows are in silver."""
        (outcome,) = outcomes_of(self._manifest.rows_of([file_id]))
        return outcome

    def undescribed_table(self, file_id: int) -> str:
        """Return the table that a file has its rows in where no description has it any more; else nothing."""
        table = str(self._manifest.rows_of([file_id])["data_type"].item())
        return "" if table in {*self._repositories, INSTRUMENTS} else table

    def with_days_left(self) -> pl.DataFrame:
        """Return the ledger's whole rows of files in silver that left days to other files."""
        return self._manifest.with_days_left()

    def _row(self, file_id: int) -> LedgerRow:
        return ledger_rows(self._manifest.entries().filter(pl.col("file_id") == file_id))[0]
