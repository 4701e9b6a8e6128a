"""What became of each file of a batch: brought together, and logged a line each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl
import structlog

from pointline.io.protocols.file_version import Outcome
from pointline.services.ingest.batch import Entry, Loaded, Timing
from pointline.services.ingest.effects import Committed
from pointline.services.ingest.schedule import next_try_us
from pointline.tables.ingest_manifest import Status
from pointline_daemon import events
from pointline_daemon.condition.account import BatchDone, FileDone
from pointline_daemon.process.flow import RunningBatch

EVENT_OF = {
    Status.SUCCESS: events.FILE_COMMITTED,
    Status.QUARANTINED: events.FILE_QUARANTINED,
    Status.FAILED: events.FILE_FAILED,
    Status.DUPLICATE: events.FILE_DUPLICATE,
    Status.PENDING: events.FILE_WAITING,
}

log = structlog.get_logger()


def facts_of(
    running: RunningBatch,
    loaded: Sequence[Loaded],
    committed: Committed,
    tried: Mapping[int, int],
    commit_seconds: float,
) -> BatchDone:
    """Bring together what is known about each file of the batch. ``tried``: how often, by file."""
    entries = {entry.file_id: entry for entry in running.batch.entries}
    spent = {file_id: timing for group in loaded for file_id, timing in _shares(group)}
    now = time.monotonic()
    files = []
    for outcome in committed.outcomes:
        entry = entries.get(outcome.file_id)
        if entry is None:
            continue  # an older version that gave way
        seen_at = running.seen_at[entry.meta.bronze_file_path]
        files.append(
            FileDone(
                entry=entry,
                outcome=outcome,
                attempts=tried.get(outcome.file_id, 0),
                waited_seconds=running.begun_at - seen_at,
                timing=spent.get(outcome.file_id),
                seconds=now - seen_at,
            )
        )
    counted = [one.outcome.file_id for one in files if one.outcome.rows_quarantined]
    return BatchDone(
        number=committed.number,
        files=tuple(files),
        set_aside=_count_rules(loaded, counted),
        commit_seconds=commit_seconds,
    )


def report(
    running: RunningBatch, done: BatchDone, stay_away: Collection[int], *, now_us: int
) -> list[tuple[str, int | None]]:
    """Log one line per file; return the paths, each with when it is tried again, None where it is not.

    Files that ``stay_away`` wait for a person.
    """
    landed: list[tuple[str, int | None]] = []
    commit_ms = round(done.commit_seconds * 1000, 1)
    bound = log.bind()  # once, not for each file
    for file in done.files:
        status, path = file.outcome.status, file.entry.meta.bronze_file_path
        waits = status is Status.PENDING
        comes_back = waits and file.outcome.file_id not in stay_away
        landed.append((path, next_try_us(path, file.attempts, now_us) if comes_back else None))
        if waits and file.attempts > 1:
            continue  # said when it began; the end will be said too
        write = bound.info if status in {Status.SUCCESS, Status.DUPLICATE} else bound.warning
        write(
            EVENT_OF[status],
            **_facts(file.entry, file.outcome),
            attempts=file.attempts,
            batch=done.number,
            waited_ms=round(file.waited_seconds * 1000, 1),
            parse_ms=round(file.timing.parse_ms, 1) if file.timing else None,
            write_ms=round(file.timing.write_ms, 1) if file.timing else None,
            commit_ms=commit_ms,
        )
    log.debug(events.BATCH_COMMITTED, batch=done.number, files=len(running.batch.entries), commit_ms=commit_ms)
    return landed


def _shares(group: Loaded) -> Iterator[tuple[int, Timing]]:
    """Yield each file's share in the time of its group, which is typed and written together: by its bytes."""
    entries, timing = group.group.entries, group.timing
    total = sum(entry.meta.file_size_bytes for entry in entries)
    for entry in entries:
        share = entry.meta.file_size_bytes / total if total else 1 / len(entries)
        yield entry.file_id, Timing(parse_ms=timing.parse_ms * share, write_ms=timing.write_ms * share)


def _count_rules(loaded: Sequence[Loaded], file_ids: Collection[int]) -> dict[tuple[str, str], int]:
    """Count the quarantined rows of these files by ``(table, rule)``."""
    counts: Counter[tuple[str, str]] = Counter()
    for frame in (frame for group in loaded for frame in group.set_aside):
        rules = frame.filter(pl.col("file_id").is_in(file_ids)).group_by("data_type", "rule").len()
        for table, rule, rows in rules.iter_rows():
            counts[table, rule] += rows
    return dict(counts)


def _facts(entry: Entry, outcome: Outcome) -> dict[str, object]:
    meta = entry.meta
    facts: dict[str, object] = {
        "file_id": outcome.file_id,
        "path": meta.bronze_file_path,
        "table": meta.data_type,
        "exchange": meta.exchange,
        "symbol": meta.symbol,
        "date": str(meta.date),
        "status": outcome.status.value,
        "bytes": meta.file_size_bytes,
        "rows_read": outcome.rows_read,
        "rows_written": outcome.rows_written,
        "rows_quarantined": outcome.rows_quarantined,
    }
    if outcome.warnings:
        facts["warnings"] = dict(outcome.warnings)
    if outcome.error:
        facts["error"] = outcome.error
    if entry.candidate.replaces:
        facts["replaces"] = list(entry.candidate.replaces)
    return facts
