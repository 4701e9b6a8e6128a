"""Rows that a table lacks and bronze too: they may still lie in data files that no version names.

A commit that was lost, a log that was removed and a folder that was moved away leave them there. They are looked for
before a file is called lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from msgspec import Struct

from pointline.io.delta.event_table import DeltaEventTable
from pointline.io.delta.loose_rows import Rows, find_rows, left_behind, rows_per_file
from pointline.io.protocols.tables import new_parts
from pointline.services.audit.healing import Healing
from pointline.services.audit.reconcile import Disagreement
from pointline.services.files.ledger_facts import discoveries_of, outcomes_of
from pointline.services.ingest.change import Change, Partition, commit_change
from pointline.tables.ingest_manifest import rows_by_day
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.rebuild import Rebuilt


class Forgotten(Struct, frozen=True, kw_only=True):
    """What a table that was moved away has of files that the ledger, made again, does not know."""

    files: int
    rows: int
    kept_at: Path


def forgotten_rows(lake: Lake, rebuilt: Rebuilt) -> dict[str, Forgotten]:
    """Return what is left of files of which neither the ledger nor the log of their table tells any more, by table."""
    found: dict[str, Forgotten] = {}
    known = lake.manifest.entries()["file_id"].implode()
    for name, folder in rebuilt.moved_to.items():
        if name in lake.events:
            counts = rows_per_file(folder).filter(~pl.col("file_id").is_in(known))
            if not counts.is_empty():
                found[name] = Forgotten(files=counts.height, rows=int(counts["rows"].sum()), kept_at=folder)
    return found


def rows_left_behind(lake: Lake, plan: Healing) -> dict[str, Rows]:
    """Return the rows that are called lost and lie in data files that no version names, by table."""
    found = {}
    for name, one in plan.tables.items():
        file_ids = sorted(one.reread.keys() & {*plan.lost, *plan.left})
        if file_ids:
            rows = _search(lake, lake.events[name], one, file_ids)
            held = {(file_id, str(date)): count for file_id, days in one.held.items() for date, count in days.items()}
            if any(count > held[file_id, date] for (file_id, _, date), count in rows.counts.items()):
                found[name] = rows
    return found


def take_over(lake: Lake, plan: Healing, found: Mapping[str, Rows]) -> dict[str, int]:
    """Put the rows that ``rows_left_behind`` found in the place of what there is; return how many they are, by table.

    A commit for each table, which may be cut short and done again.
    """
    taken = {}
    for name, rows in found.items():
        repository = lake.events[name]
        file_ids = sorted({file_id for file_id, _, _ in rows.counts})
        ledger = lake.manifest.rows_of(file_ids)
        leaving: dict[Partition, list[int]] = {}
        for file_id, exchange, date in rows.counts:
            leaving.setdefault((("exchange", exchange), ("date", date)), []).append(file_id)
        with new_parts(repository) as made:
            for frame in rows.frames():
                made.extend(repository.write_parts(frame))
            change = Change(
                add=made,
                leaving=leaving,
                broken=plan.tables[name].broken,
                outcomes=outcomes_of(ledger),
                found=discoveries_of(ledger),
            )
            commit_change(repository, lake.next_batch(), change)
        taken[name] = sum(rows.counts.values())
    return taken


def _search(lake: Lake, repository: DeltaEventTable, one: Disagreement, file_ids: Sequence[int]) -> Rows:
    days = [(file_id, date) for file_id in file_ids for date in one.held.get(file_id, ())]
    lacking = pl.LazyFrame(days, schema={"file_id": pl.Int64, "date": pl.Date}, orient="row")
    rows = rows_by_day(lake.manifest.rows_of(file_ids)).join(lacking, on=["file_id", "date"], how="semi")
    wanted = rows.select("file_id", pl.col("exchange", "date").cast(pl.String), pl.col("rows_written")).collect()
    broken = {part.path for part in one.broken}
    places = wanted.select("exchange", "date").unique().iter_rows(named=True)
    live = [part.path for place in places for part in repository.live_parts(place) if part.path not in broken]
    files = [(repository.path, path) for path in live]
    keep_in = lake.config.paths.state / "set_aside"
    files += left_behind(repository.path, repository.live_paths(), keep_in)
    return find_rows(files, repository.schema, wanted)
