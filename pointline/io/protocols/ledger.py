"""What the services ask of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import polars as pl

from pointline.io.protocols.file_version import BronzeFileMetadata, Discovery, Outcome
from pointline.tables.ingest_manifest import Status


class IngestionManifestRepository(Protocol):
    """The ledger. A ledger that cannot be read is an error, never an empty ledger."""

    def resolve_file_id(self, meta: BronzeFileMetadata) -> int:
        """Return the id of this file version, minting one, ``pending`` and with an attempt noted, where it is new."""
        ...

    def resolve_file_ids(self, metas: Sequence[BronzeFileMetadata], *, besides: Collection[int] = ()) -> list[int]:
        """Do the same for many, in one commit. ``besides``: versions that give way, though they may look the same."""
        ...

    def filter_pending(self, candidates: Sequence[BronzeFileMetadata]) -> list[BronzeFileMetadata]:
        """Return the candidates whose version is not in the ledger or still ``pending``: one batch anti-join."""
        ...

    def update_status(
        self, file_id: int, status: Status, meta: BronzeFileMetadata, result: Outcome | None = None
    ) -> None:
        """Record what became of one file."""
        ...

    def update_statuses(self, outcomes: Iterable[Outcome], *, batch: int | None = None) -> None:
        """Record what became of many, in one commit that also says up to which batch the ledger is complete."""
        ...

    def last_batch(self) -> int:
        """Return the newest batch whose outcomes are recorded, -1 where there is none."""
        ...

    def entries(self) -> pl.DataFrame:
        """Return the ledger's rows: the columns of ``ingest_manifest`` that decisions need."""
        ...

    def rows_of(self, file_ids: Sequence[int]) -> pl.DataFrame:
        """Return the whole rows of these versions, with the columns that ``entries`` leaves out."""
        ...

    def totals(self) -> pl.DataFrame:
        """Return ``data_type, exchange, date, rows, first_id, last_id`` of the files that have rows in silver."""
        ...

    def with_days_left(self) -> pl.DataFrame:
        """Return the rows of files in silver that left days to other files."""
        ...

    def checksums_in_doubt(self) -> pl.DataFrame:
        """Return the rows of files in silver that have no checksum or another one, and of those refused by one."""
        ...

    def quarantined_rows(self) -> pl.DataFrame:
        """Return ``file_id, status, rows_quarantined`` of the files that have any."""
        ...

    def note_last_id(self, file_id: int) -> None:
        """Remember that an id was given, though the ledger may not know it."""
        ...

    def restore(self, found: Mapping[int, Discovery], became: Mapping[int, Outcome] | None = None) -> None:
        """Bring back rows that the ledger has lost; ids that it has are left alone.

        ``became``: what became of each of them, in the same commit; without it they are ``pending``.
        """
        ...

    def relocate(self, moves: Sequence[tuple[int, BronzeFileMetadata]]) -> None:
        """Note that the files of these versions were moved: same content, other path."""
        ...
