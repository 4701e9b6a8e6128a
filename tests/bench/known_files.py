"""A lake whose ledger knows very many files, and the same files in bronze.

Made by hand: to ingest a million would take an hour, and the question is only what the daemon does with a lake that is
complete.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from deltalake import DeltaTable
from msgspec.structs import replace
from pointline_daemon.opening.lake import Lake, open_lake

from pointline.config import load_config
from pointline.io.content.hashed import Version
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.tables.ingest_manifest import SCHEMA, Status
from tests.bench.inputs import EXCHANGES, FIRST_DAY, symbol_name
from tests.bench.lake import BenchLake
from tests.bench.report import progress
from tests.bench.sums import check_rows

FILES_PER_FOLDER = 1000
ROWS_PER_APPEND = 100_000
MTIME_US = 1_700_000_000_000_000
STEP_US = 1_000_003


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFiles:
    """``files`` links to a thousand files that differ in size and time, a folder for each exchange and day."""

    root: Path
    files: int
    _versions: dict[str, Version] = field(default_factory=dict)

    @classmethod
    def prepare(cls, scratch: Path, files: int) -> KnownFiles:
        """Links are made once, the ledger each time: the daemon is free to tend it."""
        known = cls(root=scratch / "inputs" / f"known-{files}", files=files)
        if not (known.root / "complete").exists():
            progress(f"bronze of {files:,} files is made")
            shutil.rmtree(known.root, ignore_errors=True)
            known._make_bronze()
            (known.root / "complete").touch()
        shutil.rmtree(known.root / "silver", ignore_errors=True)
        shutil.rmtree(known.root / ".pointline", ignore_errors=True)
        progress(f"ledger of {files:,} files is made")
        known._make_ledger()
        return known

    def lake(self, **settings: object) -> BenchLake:
        return BenchLake(self.root, **settings)

    def adapters(self) -> Lake:
        return open_lake(load_config(self.root, environ={}))

    def check(self) -> None:
        """Nothing was added and nothing lost: the count, and the sum of the ids."""
        ledger = DeltaTable(self.root / "silver" / "ingest_manifest").file_uris()
        ids = pl.scan_parquet(ledger).select(pl.len(), pl.col("file_id").sum()).collect().row(0)
        check_rows(ids[0], self.files, "the ledger")
        check_rows(ids[1], self.files * (self.files + 1) // 2, "the sum of the ledger's ids")

    def metadata(self, number: int) -> BronzeFileMetadata:
        folder, position = divmod(number, FILES_PER_FOLDER)
        exchange = EXCHANGES[folder % len(EXCHANGES)]
        date = FIRST_DAY + dt.timedelta(days=folder // len(EXCHANGES))
        return BronzeFileMetadata(
            exchange=exchange,
            data_type="trades",
            symbol=symbol_name(position),
            date=date,
            bronze_file_path=f"{exchange}/trades/{date:%Y/%m/%d}/{symbol_name(position)}.csv.gz",
            file_size_bytes=position,
            last_modified_ts=MTIME_US + position * STEP_US,
        )

    def seen(self, number: int) -> BronzeFileMetadata:
        """The same as a look at bronze finds it."""
        meta = self.metadata(number)
        version = self._version_of(meta)
        return replace(meta, changed_us=version.changed_ns // 1000, inode=version.inode)

    def _make_bronze(self) -> None:
        """Each file is linked once a folder: file systems allow tens of thousands of links to one file."""
        originals = self.root / "originals"
        originals.mkdir(parents=True)
        for number in range(min(FILES_PER_FOLDER, self.files)):
            meta = self.metadata(number)
            original = originals / meta.symbol
            original.write_bytes(b"\0" * meta.file_size_bytes)
            os.utime(original, ns=(0, meta.last_modified_ts * 1000))
        folder = Path()
        for number in range(self.files):
            meta = self.metadata(number)
            target = self.root / "bronze" / meta.bronze_file_path
            if target.parent != folder:
                folder = target.parent
                folder.mkdir(parents=True)
            os.link(originals / meta.symbol, target)

    def _make_ledger(self) -> None:
        lake = self.adapters()
        lake.create()
        for begin in range(0, self.files, ROWS_PER_APPEND):
            numbers = range(begin, min(begin + ROWS_PER_APPEND, self.files))
            lake.manifest.repository.append(self._rows(numbers))
            trades = lake.events["trades"]
            trades.commit_parts(add=trades.write_parts(self._row_of_each(numbers, trades.schema)), remove=())

    def _row_of_each(self, numbers: range, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """One row of silver a file: a start compares the ledger with the tables."""
        metas = [self.metadata(number) for number in numbers]
        values = {
            "exchange": pl.Series([meta.exchange for meta in metas]),
            "date": pl.Series([meta.date for meta in metas]),
            "symbol": pl.Series([meta.symbol for meta in metas]),
            "file_id": pl.Series([number + 1 for number in numbers]),
            "file_seq": pl.lit(1),
        }
        return pl.DataFrame(values["exchange"].alias("exchange")).select(
            values.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items()
        )

    def _rows(self, numbers: range) -> pl.DataFrame:
        metas = [self.metadata(number) for number in numbers]
        seen = [self._version_of(meta) for meta in metas]
        names = ("vendor", "exchange", "data_type", "symbol", "date", "bronze_file_path", "file_size_bytes")
        day_us = pl.col("date").cast(pl.Datetime("us", "UTC"))
        rows = pl.DataFrame({name: [getattr(meta, name) for meta in metas] for name in names}).select(
            pl.Series("file_id", [number + 1 for number in numbers]),
            *names,
            pl.Series("last_modified_ts", [meta.last_modified_ts for meta in metas]).cast(SCHEMA["last_modified_ts"]),
            pl.Series("content_hash", [hashlib.sha256(b"%d" % number).hexdigest() for number in numbers]),
            pl.lit(Status.SUCCESS.value).alias("status"),
            pl.lit(1, pl.Int64).alias("attempts"),
            *(pl.lit(rows, pl.Int64).alias(f"rows_{what}") for what, rows in _ROWS.items()),
            day_us.alias("first_local_timestamp"),
            day_us.dt.offset_by("23h").alias("last_local_timestamp"),
            pl.lit("{}").alias("warnings"),
            pl.lit(None, pl.String).alias("error"),
            *(pl.lit(MTIME_US, pl.Int64).alias(f"{what}_at_us") for what in ("created", "updated")),
            pl.lit(None, pl.Int64).alias("superseded_by"),
            pl.concat_list("symbol").alias("symbols"),
            pl.Series("changed_ts", [one.changed_ns // 1000 for one in seen]).cast(SCHEMA["changed_ts"]),
            pl.Series("inode", [one.inode for one in seen]),
            *(pl.lit(None, SCHEMA[name]).alias(name) for name in ("feed", "days", "checksum")),
            pl.lit(True).alias("receive_clock"),
        )
        return rows.select(list(SCHEMA))

    def _version_of(self, meta: BronzeFileMetadata) -> Version:
        """The same for all links to one file, once the last of them is made."""
        if meta.symbol not in self._versions:
            self._versions[meta.symbol] = Version.of((self.root / "originals" / meta.symbol).stat())
        return self._versions[meta.symbol]


_ROWS = {"read": 1, "written": 1, "quarantined": 0}
