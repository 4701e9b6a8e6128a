"""Ledger against tables: where silver does not hold what the ledger says, file by file.

Two looks. The first compares numbers that both sides have at hand: rows, and lowest and highest file id, of each
partition, and whether each data file is there. Only where these differ the rows themselves are counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.io.protocols.tables import Part, QuarantineRepository
from pointline.services.audit.silver.row_counts import LINEAGE, NOBODY, AuditedTable, count_rows
from pointline.services.ingest.change import Partition
from pointline.tables.ingest_manifest import KEEPS_BAD_ROWS, Status, may_have_rows_of, rows_by_day, stands_at

PLACE = ("exchange", "date")
NUMBERS = ("rows", "first_id", "last_id")


class ComparedTable(AuditedTable, Protocol):
    """An event table whose partitions can be counted without reading a row."""

    def totals(self) -> pl.DataFrame:
        """Return ``exchange, date, rows, first_id, last_id`` per partition."""
        ...


FaultOf = Callable[[str, Part], tuple[str, str] | None]
"""Table and part to ``(kind, what)`` where the data file is not the one that was committed."""


class Disagreement(Struct):
    """What has to change in one table, and why. File ids are those of the ledger."""

    reread: dict[int, str] = field(default_factory=dict)
    """Files whose rows are not all there, or are there twice, and which of the two."""
    held: dict[int, dict[dt.date, int]] = field(default_factory=dict)
    """How many rows of these are there, of each date of which some are missing; none where they are there twice."""
    leaving: dict[Partition, list[int]] = field(default_factory=dict)
    """Files whose rows have to go, or what is left of them."""
    broken: list[Part] = field(default_factory=list)
    """Data files that are gone, or not what was committed."""
    strangers: dict[int, int] = field(default_factory=dict)
    """Rows in silver of files that the ledger does not know."""

    @property
    def is_empty(self) -> bool:
        """Nothing has to change."""
        return not (self.reread or self.leaving or self.broken)


def compare_tables(
    manifest: IngestionManifestRepository, tables: Mapping[str, ComparedTable], fault_of: FaultOf
) -> dict[str, Disagreement]:
    """Return what disagrees, by table."""
    totals = manifest.totals()
    told = {name: of_table for (name,), of_table in totals.partition_by("data_type", as_dict=True).items()}
    found = {}
    for name, table in tables.items():
        parts = table.live_parts()
        if not parts and name not in told:
            continue
        broken = [part for part in parts if fault_of(name, part) is not None]
        places = {tuple(part.partition[key] for key in PLACE) for part in broken}
        places |= _differing(told.get(name, totals.clear()), table.totals())
        one = Disagreement(broken=broken)
        for exchange, date in sorted(places):
            _compare_partition(one, manifest, name, table, {"exchange": exchange, "date": date})
        if not one.is_empty:
            found[name] = one
    return found


def _differing(told: pl.DataFrame, held: pl.DataFrame) -> set[tuple[str, ...]]:
    both = told.select(*PLACE, *NUMBERS).join(held, on=PLACE, how="full", coalesce=True)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_right")) for name in NUMBERS)
    return set(both.filter(~same).select(PLACE).iter_rows())


def _compare_partition(
    found: Disagreement,
    manifest: IngestionManifestRepository,
    name: str,
    table: ComparedTable,
    partition: Mapping[str, str],
) -> None:
    broken = {part.path for part in found.broken}
    parts = [part for part in table.live_parts(partition) if part.path not in broken]
    counts = count_rows(table, parts)
    if NOBODY in counts["file_id"]:
        nobodys = [part for part in parts if any(rows["file_id"].has_nulls() for rows in table.rows_of(part, LINEAGE))]
        found.broken += nobodys
        counts = count_rows(table, [part for part in parts if part not in nobodys])
    entries = manifest.entries()
    known = entries.filter(pl.col("file_id").is_in(counts["file_id"].to_list()))
    place = [pl.col(key) == value for key, value in partition.items() if key != "date"]
    day = dt.date.fromisoformat(partition["date"])
    place += [may_have_rows_of(day), pl.col("data_type") == name]
    may_be_here = entries.filter(stands_at(Status.SUCCESS), *place)["file_id"].to_list()
    here = rows_by_day(manifest.rows_of(may_be_here)).filter(pl.col("date") == day)
    rows = here.select("file_id", pl.col("rows_written")).collect()
    wanted = rows["file_id"].to_list()
    both = rows.join(counts, on="file_id", how="left").with_columns(pl.col("rows", "doubled").fill_null(0))
    leaving = []
    for file_id, written, held, doubled in both.select("file_id", "rows_written", "rows", "doubled").iter_rows():
        if held == written and not doubled:
            continue
        found.reread[file_id] = f"{held:,} of its {written:,} rows are there" + (", some twice" if doubled else "")
        found.held.setdefault(file_id, {})[day] = 0 if doubled else held
        leaving += [file_id] if held else []
    at_home = set(wanted)
    ids = dict(known.select("file_id", pl.col("status").cast(pl.String)).iter_rows())
    for file_id, held in counts.select("file_id", "rows").iter_rows():
        if file_id not in at_home:
            leaving.append(file_id)
            if file_id not in ids:
                found.strangers[file_id] = held
    if leaving:
        found.leaving[tuple(partition.items())] = sorted(leaving)


class DisagreementAside(Struct, frozen=True, kw_only=True):
    """What quarantine holds and should not, or should and does not. By file id."""

    lacking: Mapping[int, str] = field(default_factory=dict)
    """Files that lack rows, with the numbers."""
    held: Mapping[int, int] = field(default_factory=dict)
    """How many rows these have."""
    extra: Sequence[int] = ()
    """Files that have rows and should have none."""


def compare_quarantine(manifest: IngestionManifestRepository, quarantine: QuarantineRepository) -> DisagreementAside:
    """Hold the ledger against quarantine."""
    held = quarantine.rows_per_file()
    told = manifest.quarantined_rows()
    keeps = told.filter(stands_at(*KEEPS_BAD_ROWS)).select("file_id", "rows_quarantined")
    both = keeps.join(held, on="file_id", how="left").with_columns(pl.col("rows").fill_null(0))
    wrong = both.filter(pl.col("rows") != pl.col("rows_quarantined"))
    lacking = {
        file_id: f"{rows:,} of its {told_rows:,} quarantined rows are there"
        for file_id, told_rows, rows in wrong.select("file_id", "rows_quarantined", "rows").iter_rows()
    }
    extra = held.join(told, on="file_id", how="anti")["file_id"].to_list()
    return DisagreementAside(lacking=lacking, held=dict(wrong.select("file_id", "rows").iter_rows()), extra=extra)


def describe(found: Mapping[str, Disagreement]) -> Iterator[str]:
    """Yield a sentence per table."""
    for name, one in found.items():
        leaving = sum(len(ids) for ids in one.leaving.values())
        facts: Sequence[tuple[int, str, str]] = (
            (len(one.broken), "data file is gone or damaged", "data files are gone or damaged"),
            (len(one.reread), "file has not all of its rows", "files have not all of their rows"),
            (leaving, "file has rows that must not be there", "files have rows that must not be there"),
            (
                len(one.strangers),
                "of them is a file that the ledger does not know",
                "of them are files that the ledger does not know",
            ),
        )
        said = [f"{count:,} {first if count == 1 else more}" for count, first, more in facts if count]
        yield f"{name}: {', '.join(said)}"
