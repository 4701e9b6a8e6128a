"""Rows that a table lacks and bronze too: they may still lie in data files that no version names.

A commit that was lost, a log that was removed and a folder that was moved away leave them there. They are looked for
before a file is called lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from msgspec import Struct

from pointline.io.delta.event_table import DeltaEventTable
from pointline.io.delta.loose_rows import (
    DataFile,
    Found,
    all_files,
    file_ids_in,
    find_rows,
    left_behind,
    moved_folders,
    rows_per_file,
)
from pointline.io.delta_log.loose_files import part_files
from pointline.io.protocols.tables import new_parts
from pointline.services.audit.healing import Healing
from pointline.services.files.ledger_facts import discoveries_of, outcomes_of
from pointline.services.ingest.change import Change, Partition, commit_change
from pointline.tables.ingest_manifest import rows_by_day
from pointline_daemon.opening.lake import Lake


class Forgotten(Struct, frozen=True, kw_only=True):
    """What data files have of files that the ledger does not know: those of a folder of a table that was moved away.

    Or those in the table's own folder that no version names.
    """

    table: str
    files: int
    rows: int
    kept_at: Path
    is_moved: bool


def forgotten_rows(lake: Lake) -> list[Forgotten]:
    """Return what is left of files of which neither the ledger nor the log of their table tells any more."""
    found = []
    for name, repository in lake.events.items():
        moved = moved_folders(repository.path, lake.config.paths.state / "set_aside")
        places = [(folder, all_files(folder)) for folder in moved]
        for folder, files in [(repository.path, _unnamed(repository)), *places]:
            if not files:
                continue
            known = lake.manifest.entries()["file_id"].implode()
            counts = rows_per_file(files).filter(~pl.col("file_id").is_in(known))
            if not counts.is_empty():
                number, rows, is_moved = counts.height, int(counts["rows"].sum()), folder != repository.path
                found.append(Forgotten(table=name, files=number, rows=rows, kept_at=folder, is_moved=is_moved))
    return found


def only_copies(lake: Lake, table: str, paths: Sequence[str]) -> set[str]:
    """Return which data files of a table that no version names hold rows of files that the ledger does not know.

    What a crash leaves is of files that it knows: those get their ids before their rows are written.
    """
    if table not in lake.events:
        return set()
    folder = lake.events[table].path
    ids = {path: file_ids_in((folder, path)) for path in paths}
    if not any(ids.values()):
        return set()
    known = set(lake.manifest.rows_of(sorted(set().union(*ids.values())))["file_id"])
    return {path for path, some in ids.items() if not some <= known}


def last_unnamed_id(lake: Lake) -> int:
    """Return the highest file id in data files that no version names, 0 where there is none."""
    files = (file for repository in lake.events.values() for file in _unnamed(repository))
    return max((file_id for file in files for file_id in file_ids_in(file)), default=0)


def _unnamed(repository: DeltaEventTable) -> list[DataFile]:
    if not repository.path.is_dir() or next(part_files(repository.path), None) is None:
        return []  # the tables of a new lake
    return left_behind(repository.path, repository.live_paths(), ())


def rows_left_behind(lake: Lake, plan: Healing) -> dict[str, dict[int, int]]:
    """Return how many rows that are called lost lie in data files that no version names, by table and file."""
    found: dict[str, dict[int, int]] = {}
    for name in plan.tables:
        for some in _search(lake, plan, name):
            of_table = found.setdefault(name, {})
            for file_id, rows in some.counts.items():
                of_table[file_id] = of_table.get(file_id, 0) + rows
    return found


def take_over(lake: Lake, plan: Healing) -> dict[str, int]:
    """Put the rows that ``rows_left_behind`` tells of in the place of what there is; return how many, by table.

    A commit for each table, which may be cut short and done again.
    """
    taken = {}
    for name in plan.tables:
        repository = lake.events[name]
        leaving: dict[Partition, list[int]] = {}
        rows = 0
        with new_parts(repository) as made:
            for some in _search(lake, plan, name):
                leaving[("exchange", some.exchange), ("date", some.date)] = sorted(some.counts)
                for frame in some.frames(repository.schema):
                    made.extend(repository.write_parts(frame))
                rows += sum(some.counts.values())
            if not leaving:
                continue
            ledger = lake.manifest.rows_of(sorted({one for ids in leaving.values() for one in ids}))
            change = Change(
                add=made,
                leaving=leaving,
                broken=plan.tables[name].broken,
                outcomes=outcomes_of(ledger),
                found=discoveries_of(ledger),
            )
            commit_change(repository, lake.next_batch(), change)
        taken[name] = rows
    return taken


def _search(lake: Lake, plan: Healing, name: str) -> Iterator[Found]:
    """Yield what is found of the files of a table that are called lost, where it is more than the table has."""
    repository, one = lake.events[name], plan.tables[name]
    file_ids = sorted(one.reread.keys() & {*plan.lost, *plan.left})
    if not file_ids:
        return
    held = {(file_id, str(date)): rows for file_id, days in one.held.items() for date, rows in days.items()}
    days = [(file_id, date) for file_id in file_ids for date in one.held.get(file_id, ())]
    lacking = pl.LazyFrame(days, schema={"file_id": pl.Int64, "date": pl.Date}, orient="row")
    ledger = lake.manifest.rows_of(file_ids)
    of_days = rows_by_day(ledger).join(lacking, on=["file_id", "date"], how="semi")
    times = pl.col("first_local_timestamp").alias("first"), pl.col("last_local_timestamp").alias("last")
    words = pl.col("exchange", "date").cast(pl.String)
    since = pl.col("updated_at_us").alias("since_us")
    wanted = of_days.select("file_id", words, pl.col("rows_written"), *times, since).collect()
    broken = {part.path for part in one.broken}
    places = wanted.select("exchange", "date").unique().iter_rows(named=True)
    live = [part.path for place in places for part in repository.live_parts(place) if part.path not in broken]
    folders = moved_folders(repository.path, lake.config.paths.state / "set_aside")
    files = [(repository.path, path) for path in live]
    files += left_behind(repository.path, repository.live_paths(), folders)
    for some in find_rows(files, repository.schema, wanted):
        if any(rows > held[file_id, some.date] for file_id, rows in some.counts.items()):
            yield some
