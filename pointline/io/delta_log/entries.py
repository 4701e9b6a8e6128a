"""The log of a Delta table, continued by our own hand.

delta-rs rebuilds its picture of all live files around every commit, so that a commit takes the longer the more files
the table has (10,000: 0.1 s), and it flushes nothing. An entry written here costs two flushes whatever the size of the
table, and appears whole or not at all: first its content is on disk, then its name.

Format: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions, reader version 1, writer version 2.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.table import Metadata

from pointline.ascii_json import ascii_json
from pointline.errors import CommitConflict, LakeDamaged
from pointline.io.checksums import CHECKSUM, ENGINE, ZEROS, sealed
from pointline.io.durable import flush_folder, open_new
from pointline.io.protocols.tables import Part

APP_ID = "pointline"
"""One application id per lake with a rising batch number: ids live in every checkpoint for ever."""

BATCH, ADDED, REMOVED = "pointline_batch", "pointline_added", "pointline_removed"
"""What a commit says of itself beside its actions, so that an entry truncated exactly at a
line break can be detected."""

PIECE_OF_CHECKPOINT = re.compile(r"\.checkpoint\.\d{10}\.(?P<of>\d{10})\.parquet$")

Action = Mapping[str, Mapping[str, Any]]


def entry_name(version: int) -> str:
    """Return the name of a version's entry in a log."""
    return f"{version:020}.json"


class DeltaLog:
    """Where a table's log stands, and how it goes on. Not thread-safe."""

    def __init__(self, folder: Path, *, version: int, last_batch: int) -> None:
        self._folder = folder
        self.version = version
        self.last_batch = last_batch
        self._note_newest()

    def _mark(self) -> tuple[int, int, int] | None:
        """Return what tells at a glance that the newest entry is still the same file; None where there is none."""
        try:
            status = self.entry(self.version).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_ctime_ns

    def _digest(self) -> bytes | None:
        """Return a digest of what the newest entry says; None where there is none."""
        try:
            return _digest_of(self.entry(self.version).read_bytes())
        except OSError:
            return None

    def _note_newest(self, content: bytes | None = None) -> None:
        """``content``: what was written to it, where that is known."""
        self._newest, self._said = self._mark(), self._digest() if content is None else _digest_of(content)

    def entry(self, version: int) -> Path:
        """Return where the entry of a version is, or will be."""
        return self._folder / entry_name(version)

    def catch_up(self) -> None:
        """Take note of entries that something else wrote: delta-rs for us, or another program."""
        if not self.entry(self.version + 1).is_file():
            return
        self._require_newest()
        while (entry := self.entry(self.version + 1)).is_file():
            for line in entry.read_bytes().splitlines():
                action = json.loads(line)
                if action.get("txn", {}).get("appId") == APP_ID:
                    self.last_batch = max(self.last_batch, action["txn"]["version"])
            self.version += 1
        self._note_newest()

    def _require_newest(self) -> None:
        """Raise LakeDamaged where the log was removed or put back from a copy: an entry would leave a gap behind it.

        A sound checkpoint of the newest version is as good as its entry, and may be all that is left of the log.
        """
        mark = self._mark()
        if self.version < 0 or mark == self._newest:
            return
        if mark is not None and self._digest() == self._said:  # touched, or copied with what it says
            self._newest = mark
            return
        if mark is not None or not _has_checkpoint(self._folder, self.version):
            table, newest = self._folder.parent.name, self.entry(self.version)
            is_what = "is gone" if mark is None else "is another one"
            raise LakeDamaged(
                f"{newest.name}, the newest entry of the log of {table}, {is_what}: the table was removed, or replaced "
                "by another copy, while pointline wrote it",
                subject=table,
                hint="start pointline again: it mends what it can, and names `pointline repair` where it cannot",
            )

    def append(self, actions: Iterable[Action], *, batch: int | None) -> None:
        """Write the next entry; it is on disk when this returns.

        Raises CommitConflict where another program was faster, and LakeDamaged where the entry before is not there any
        more. An OSError may come after the entry has its name: ``catch_up`` tells.
        """
        self._require_newest()
        lines = [*actions, *([{"txn": {"appId": APP_ID, "version": batch}}] if batch is not None else [])]
        entry = self.entry(self.version + 1)
        # No line feed at the end, as delta-rs writes it: what was cut between two lines is then known for that.
        content = sealed(b"\n".join(map(ascii_json, lines)))
        staged = self._folder / f".{entry.name}.tmp"
        with open_new(staged) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(staged, entry)
        except FileExistsError as error:
            raise CommitConflict(
                f"another writer committed {entry.name} of {self._folder.parent.name}",
                subject=self._folder.parent.name,
                hint="let one program only write this lake",
            ) from error
        finally:
            staged.unlink(missing_ok=True)
        self.version += 1
        self._note_newest(content)
        flush_folder(self._folder)
        if batch is not None:
            self.last_batch = batch


def _digest_of(content: bytes) -> bytes:
    return hashlib.blake2b(content).digest()


def _has_checkpoint(log: Path, version: int) -> bool:
    """Tell whether there is a checkpoint of a version, all of it; looked for where the entry is gone only."""
    files = list(log.glob(f"{version:020}.checkpoint*.parquet"))
    try:
        for file in files:
            pq.read_metadata(file)  # at the end of a file: one that was cut has none
    except (pa.ArrowException, OSError):
        return False
    numbered = [one for file in files if (one := PIECE_OF_CHECKPOINT.search(file.name))]
    return len(numbered) < len(files) or any(len(numbered) >= int(one["of"]) for one in numbered)


def commit_info(operation: str, parameters: Mapping[str, Any], told: Mapping[str, Any]) -> Action:
    """Return what a commit says of itself; its checksum gets its value when it is written."""
    info = {
        "timestamp": time.time_ns() // 1_000_000,
        "operation": operation,
        "operationParameters": dict(parameters),
        "engineInfo": ENGINE,
        CHECKSUM: ZEROS,
        **told,
    }
    return {"commitInfo": info}


def table_of(
    schema: str, partition_by: Sequence[str], configuration: Mapping[str, str], *, reader: int, writer: int
) -> list[Action]:
    """Return the actions that make a table; ``schema`` is in Delta's JSON, the versions are the protocol's."""
    metadata = {
        "id": str(uuid.uuid4()),
        "name": None,
        "description": None,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema,
        "partitionColumns": list(partition_by),
        "createdTime": time.time_ns() // 1_000_000,
        "configuration": dict(configuration),
    }
    return [
        commit_info("CREATE TABLE", {"mode": "Ignore"}, {}),
        {"protocol": {"minReaderVersion": reader, "minWriterVersion": writer}},
        {"metaData": metadata},
    ]


def upgrade_of(metadata: Metadata, schema: str, added: Sequence[str], configuration: Mapping[str, str]) -> list[Action]:
    """Return the actions that give a table more columns and properties, and leave everything else as it is."""
    return [
        commit_info("UPGRADE", {"columns": json.dumps(list(added)), "properties": json.dumps(dict(configuration))}, {}),
        {
            "metaData": {
                "id": str(metadata.id),
                "name": metadata.name,
                "description": metadata.description,
                "format": {"provider": "parquet", "options": {}},
                "schemaString": schema,
                "partitionColumns": metadata.partition_columns,
                "createdTime": metadata.created_time,
                "configuration": {**metadata.configuration, **configuration},
            }
        },
    ]


def change_of_parts(
    *, add: Sequence[Part], remove: Sequence[Part], metadata: Mapping[str, Any], data_change: bool, now_ms: int
) -> list[Action]:
    """Return the actions of a commit: what it says of itself, then parts that come and parts that go."""
    operation = "WRITE" if data_change else "OPTIMIZE"
    told = {**metadata, ADDED: len(add), REMOVED: len(remove)}
    actions = [commit_info(operation, {"mode": "Append"}, told)]
    actions += [
        {
            "add": {
                "path": _encoded(part.path),
                "partitionValues": part.partition,
                "size": part.size_bytes,
                "modificationTime": now_ms,
                "dataChange": data_change,
                "stats": part.stats,
            }
        }
        for part in add
    ]
    actions += [
        {
            "remove": {
                "path": _encoded(part.path),
                "deletionTimestamp": now_ms,
                "dataChange": data_change,
                "extendedFileMetadata": True,
                "partitionValues": part.partition,
                "size": part.size_bytes,
            }
        }
        for part in remove
    ]
    return actions


def _encoded(path: str) -> str:
    return quote(path, safe="/=:")
