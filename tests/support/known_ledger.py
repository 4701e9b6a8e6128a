"""A ledger that knows very many files, made at once: what matters is how long it is, not how it came to be."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import polars as pl

from pointline.io.clock import Clock
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.tables.ingest_manifest import SCHEMA, Status

FILES_PER_DAY = 1000
NOW_US = 1_700_000_000_000_000
ROWS_PER_COMMIT = 100_000


class KnownLedger:
    """``files`` rows, ids from 1 on, all in silver; ``clock`` as for every table."""

    def __init__(self, folder: Path, files: int, clock: Clock | None = None) -> None:
        self.path = folder / "ingest_manifest"
        self.manifest = DeltaManifest(self.path, lambda: NOW_US)
        self.table = self.manifest.repository
        self.table.clock = clock or self.table.clock
        self.table.create()
        for begin in range(0, files, ROWS_PER_COMMIT):
            self.table.append(rows(begin, min(files, begin + ROWS_PER_COMMIT)))
        self._number = 0

    def take(self, *, replaces: int | None = None) -> int:
        """A file enters as one that comes alone does, in the place of an older one where that is said; its id."""
        self._number += 1
        [file_id] = self.manifest.resolve_file_ids([_meta(self._number)])
        gone = [] if replaces is None else [Outcome.superseded(replaces, by=file_id)]
        self.manifest.update_statuses([_success(file_id), *gone], batch=self._number)
        return file_id

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Size and inode of every file of the table by its path, those of the log too."""
        found = {}
        for path in self.path.rglob("*"):
            if path.is_file():
                status = path.stat()
                found[path.relative_to(self.path).as_posix()] = (status.st_size, status.st_ino)
        return found


def written_since(before: dict[str, tuple[int, int]], ledger: KnownLedger) -> int:
    """Return the bytes of files that came or were replaced."""
    return sum(one[0] for path, one in ledger.sizes().items() if before.get(path) != one)


def rows(begin: int, end: int) -> pl.DataFrame:
    """Return rows of the ledger, one a file, a thousand files a day; lengths as those of Tardis files."""
    number = pl.col("number")
    times = {
        "last_modified_ts": NOW_US + number * 1_000_003,
        "changed_ts": NOW_US + number * 1_000_003,
        "first_local_timestamp": NOW_US + number * 77_777 % 1_000_000,
        "last_local_timestamp": NOW_US + 86_399_000_000 + number * 77_777 % 1_000_000,
    }
    words = {"vendor": "tardis", "exchange": "binance-futures", "data_type": "trades", "status": "success"}
    frame = pl.DataFrame({"number": range(begin, end)}).with_columns(
        date=pl.lit(dt.date(2020, 1, 1)) + pl.duration(days=number // FILES_PER_DAY),
        symbol=pl.format("S{}USDT", number % FILES_PER_DAY),
        content_hash=pl.Series([hashlib.sha256(b"%d" % one).hexdigest() for one in range(begin, end)]),
        file_id=number + 1,
        file_size_bytes=number * 7919 % 1_000_003,
        attempts=pl.lit(1),
        rows_read=number * 31 % 5000,
        rows_written=number * 31 % 5000,
        rows_quarantined=pl.lit(0),
        warnings=pl.lit("{}"),
        created_at_us=NOW_US + number * 1000,
        updated_at_us=NOW_US + number * 1000 + 7,
        inode=number + 5000,
        receive_clock=pl.lit(value=True),
        **{name: pl.lit(word) for name, word in words.items()},
        **{name: time.cast(pl.Datetime("us", "UTC")) for name, time in times.items()},
    )
    frame = frame.with_columns(
        bronze_file_path=pl.format("binance-futures/trades/{}/{}.csv.gz", pl.col("date").dt.to_string(), "symbol"),
        symbols=pl.concat_list("symbol"),
        **{name: pl.lit(None, kind) for name, kind in SCHEMA.items() if name in {"error", "superseded_by", "feed"}},
        **{name: pl.lit(None, kind) for name, kind in SCHEMA.items() if name in {"days", "checksum"}},
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _meta(number: int) -> BronzeFileMetadata:
    return BronzeFileMetadata(
        exchange="binance-futures",
        data_type="trades",
        symbol=f"N{number}USDT",
        date=dt.date(2024, 5, 1),
        bronze_file_path=f"binance-futures/trades/2024-05-01/N{number}USDT.csv.gz",
        file_size_bytes=number,
        last_modified_ts=NOW_US + number,
        changed_us=NOW_US + number,
        inode=number,
        found_by="an event",
    )


def _success(file_id: int) -> Outcome:
    return Outcome(
        file_id=file_id,
        status=Status.SUCCESS,
        content_hash=hashlib.sha256(b"new %d" % file_id).hexdigest(),
        rows_read=5,
        rows_written=5,
        first_local_us=NOW_US,
        last_local_us=NOW_US + 1_000_000,
        symbols=("N",),
    )
