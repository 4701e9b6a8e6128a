"""Attempts at reading files: each is noted in the ledger before it is made, for reading may end the process.

A version that a process left ``pending``, with an attempt and without a reason, was being read, or waited to be, when
that process ended. Once may be chance, and so may twice; from then on such a file is read alone, so that only the one
that does it is met again. A file that goes on doing it is given up, and a person may put it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import polars as pl

from pointline.errors import NoAccess, Stopping, Transient, Unfinished
from pointline.io.protocols.file_version import PROCESS_ENDED, BronzeFileMetadata, Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.services.ingest.batch import Entry
from pointline.tables.ingest_manifest import Status, stands_at

ALONE_AFTER = 2
"""So many times in company; a file is never given up before it was read alone."""


class Attempts:
    """What earlier processes left in the middle of being read, and the notes of this one.

    Used by the thread that begins batches. The ledger is looked at once: what this process begins, it knows to live.
    """

    def __init__(self, manifest: IngestionManifestRepository, most: int) -> None:
        self._manifest = manifest
        self._most = max(most, ALONE_AFTER + 1)
        self._ended = _interrupted(manifest)

    def suspects(self, metas: Sequence[BronzeFileMetadata]) -> dict[str, int]:
        """Return the paths of the files that have to be read alone, and how often the process ended meanwhile."""
        found = {file_id: times for file_id, times in self._ended.items() if times >= ALONE_AFTER}
        if not found:
            return {}
        rows = self._manifest.entries().filter(pl.col("file_id").is_in(list(found)))
        paths = {path: found[file_id] for file_id, path in rows.select("file_id", "bronze_file_path").iter_rows()}
        asked = {meta.bronze_file_path for meta in metas}
        return {path: times for path, times in paths.items() if path in asked}

    def note(self, rows: pl.DataFrame) -> dict[int, Outcome]:
        """Note one more attempt at files that were pending before; return what becomes of those that get none.

        ``rows`` are their whole rows of the ledger.
        """
        refused = {}
        begun = []
        for file_id, attempts, warnings in rows.select("file_id", "attempts", "warnings").iter_rows():
            known: Mapping[str, int] = json.loads(warnings or "{}")
            ended = self._ended.get(file_id, known.get(PROCESS_ENDED, 0) if attempts else 0)
            if ended >= self._most:
                refused[file_id] = _given_up(file_id, ended)
                continue
            others = {name: count for name, count in known.items() if name != PROCESS_ENDED}
            told = {**others, PROCESS_ENDED: ended} if ended else others
            begun.append(Outcome.begun(file_id, attempts=attempts + 1, warnings=told))
        if begun:
            self._manifest.update_statuses(begun)
        for file_id in rows["file_id"]:  # what becomes of it from now on is this process's to say
            self._ended.pop(file_id, None)
        return refused


def _interrupted(manifest: IngestionManifestRepository) -> dict[int, int]:
    begun = manifest.entries().filter(stands_at(Status.PENDING), pl.col("attempts") > 0)["file_id"].to_list()
    if not begun:
        return {}
    rows = manifest.rows_of(begun).filter(pl.col("error").is_null()).select("file_id", "warnings")
    return {file_id: 1 + json.loads(warnings or "{}").get(PROCESS_ENDED, 0) for file_id, warnings in rows.iter_rows()}


def _given_up(file_id: int, ended: int) -> Outcome:
    error = (
        f"the process ended {ended} times while this file was being read, the last times while it was read alone; if "
        f"that had another reason, such as a stop by hand, `pointline retry {file_id}` reads it again; else put a "
        f"smaller or corrected file in its place"
    )
    return Outcome(file_id=file_id, status=Status.FAILED, error=error)


def delayed(
    entry: Entry,
    error: Transient,
    ledger: pl.DataFrame,
    *,
    max_attempts: int,
    unfinished_us: int,
    age_us: Callable[[int], int],
) -> Outcome:
    """A file that could not be loaded: back to pending, until its time or its tries are used up."""
    row = ledger.row(by_predicate=pl.col("file_id") == entry.file_id, named=True)
    tried: int = row["attempts"]
    status = Status.PENDING
    counted: int | None = None
    if isinstance(error, Unfinished):
        # A time stamp may lie in the future; a file cannot have been seen there.
        still_us = max(age_us(entry.meta.last_modified_ts), age_us(row["created_at_us"]))
        if still_us >= unfinished_us:
            status = Status.QUARANTINED
    elif isinstance(error, NoAccess):
        # It is nobody's fault that is tried out by trying: it waits for a person, and its last try is kept for then.
        counted = max(1, min(tried, max_attempts - 1))
    elif isinstance(error, Stopping):
        counted = max(0, tried - 1)  # it was no try: the file is not made to wait, and never fails, for stops
    elif tried >= max_attempts:
        status = Status.FAILED
    reason = f"{error}; {error.hint}" if error.hint else str(error)
    return Outcome(file_id=entry.file_id, status=status, error=reason, warnings=None, attempts=counted)
