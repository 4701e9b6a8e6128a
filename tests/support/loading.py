"""Files brought through the real reader and loader into tables in memory, without a daemon or a lake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import polars as pl

from pointline.io.bronze.file_system import version_of
from pointline.io.content.decode import Limits
from pointline.io.content.file_reader import FileReader
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.services.files.claims import Claims
from pointline.services.files.identity.candidate import Candidate
from pointline.services.ingest.batch import Entry, Group, Loaded
from pointline.services.loading.load import Loader
from pointline.tables.registry import event_tables
from pointline.vendors.feeds import Feeds
from tests.support.fakes import MemoryEventTable
from tests.support.plain_folder import PlainFolder

DAY = dt.date(2024, 5, 1)
LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)


@contextmanager
def blocks_of(size: int, kept_for_pack: int | None = None) -> Iterator[None]:
    """Cut files into blocks of about so many bytes, and stream those that are larger than ``kept_for_pack``."""
    kept = size if kept_for_pack is None else kept_for_pack
    with (
        patch("pointline.io.content.decode.READ_BYTES", max(size // 4, 1)),
        patch("pointline.io.content.line_blocks.BLOCK_BYTES", size),
        patch("pointline.services.loading.rows_load.KEPT_FOR_PACK", kept),
        patch("pointline.services.audit.silver.reread.KEPT_FOR_PACK", kept),
    ):
        yield


@dataclass(slots=True)
class Bench:
    """A folder of files that are loaded one group after the other."""

    folder: Path
    checks: Mapping[str, str]
    claims: Claims

    def put(
        self, data: bytes, *, table: str = "trades", symbol: str = "BTCUSDT", name: str = "", exchange: str = "binance"
    ) -> BronzeFileMetadata:
        """Write a file; return what is seen of it."""
        path = self.folder / (name or f"{exchange}_{table}_2024-05-01_{symbol}.csv")
        path.write_bytes(data)
        size, modified, changed, inode = version_of(path.stat())
        return BronzeFileMetadata(
            exchange=exchange,
            data_type=table,
            symbol=symbol,
            date=DAY,
            bronze_file_path=path.name,
            file_size_bytes=size,
            last_modified_ts=modified,
            changed_us=changed,
            inode=inode,
        )

    def reader(self) -> FileReader:
        return FileReader(PlainFolder(self.folder), LIMITS)

    def load(
        self, *metas: BronzeFileMetadata, accepted: Collection[int] = (), **options: object
    ) -> tuple[Loaded, pl.DataFrame]:
        """Load files of one table as a group, ids from 1 on; return what became of them and the rows in silver."""
        table = metas[0].data_type
        repository = MemoryEventTable(event_tables()[table])
        loader = Loader(
            feeds=Feeds(event_tables()),
            repositories={table: repository},
            reader=self.reader(),
            claims=self.claims,
            checks=self.checks,
            **options,  # type: ignore[arg-type]
        )
        entries = tuple(
            Entry(file_id=number, candidate=Candidate(meta=meta, is_accepted=number in accepted))
            for number, meta in enumerate(metas, 1)
        )
        loaded = loader.load(Group(table=table, entries=entries))
        repository.commit(1, add=[part.part for part in loaded.parts], remove=[], outcomes=[])
        return loaded, repository.read_all().sort("file_id", "file_seq")

    def load_one(self, meta: BronzeFileMetadata, **options: object) -> tuple[Outcome, pl.DataFrame, pl.DataFrame]:
        """Load one file; return its outcome, its rows in silver and its quarantined rows."""
        loaded, silver = self.load(meta, **options)  # type: ignore[arg-type]
        aside = pl.concat(loaded.set_aside) if loaded.set_aside else pl.DataFrame()
        if 1 in loaded.delays:
            raise loaded.delays[1]
        return loaded.outcomes[1], silver, aside
