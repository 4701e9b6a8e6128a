"""One version of each table, with how many rows it has of which file."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from msgspec import Struct, field

from pointline.errors import LakeDamaged
from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.tables import Part
from pointline.services.audit.audited import AuditedEventTable
from pointline.services.audit.ledger_version import LedgerVersion
from pointline.services.audit.look import UNREADABLE, Look, unreadable
from pointline.services.audit.silver.data_files import read_parts, sound_parts
from pointline.services.audit.silver.row_counts import COUNTS, count_rows
from pointline.tables import quarantine

NONE = pl.DataFrame(schema={**COUNTS, **dict.fromkeys(("exchange", "date", "table"), pl.Categorical())})


class Snapshot(Struct):
    """One version of a table: its readable parts by partition, and the counts of their rows."""

    parts: dict[tuple[str, str], list[Part]] = field(default_factory=dict)
    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTS))


def take_snapshot(
    look: Look, name: str, table: AuditedEventTable, ledger: LedgerVersion, told: dict[int, Outcome]
) -> Snapshot | None:
    """Return a table as it is now, None where it cannot be read or is not looked at.

    ``told`` is told what its commits say of files that the ledger is not up to.
    """
    try:
        live = table.live_parts() if look.wants(name) else []
        for batch in table.batches_after(ledger.recorded):
            told |= {outcome.file_id: outcome for outcome in batch.outcomes}
    except UNREADABLE as error:
        # A table of a newer version is made at the next start.
        if name in ledger.tables or not isinstance(error, LakeDamaged):
            look.findings.append(unreadable(name, error))
        return None
    if not look.wants(name):
        return None
    snapshot = Snapshot()
    for part in sound_parts(look, name, live):
        key = part.partition.get("exchange", ""), part.partition.get("date", "")
        snapshot.parts.setdefault(key, []).append(part)
    look.checked.tables += 1
    counts = []
    for (exchange, date), parts in snapshot.parts.items():
        look.on_step(look.checked)
        counted = read_parts(look, name, parts, lambda some: count_rows(table, some))
        counts.append(counted.with_columns(_word(exchange, "exchange"), _word(date, "date")))
    snapshot.counts = pl.concat(counts) if counts else NONE.drop("table")
    return snapshot


def take_quarantine(look: Look) -> pl.DataFrame | None:
    """Return ``COUNTS`` of quarantine, None where it cannot be read."""
    table = look.parties.quarantine
    try:
        live = table.live_parts()
    except UNREADABLE as error:
        look.findings.append(unreadable(quarantine.NAME, error))
        return None
    look.checked.tables += 1
    sound = list(sound_parts(look, quarantine.NAME, live, whole=True))
    return read_parts(look, quarantine.NAME, sound, lambda some: count_rows(table, some))


def take_counts(snapshots: Mapping[str, Snapshot]) -> pl.DataFrame:
    """Return the counts of all tables; the snapshots are without them then."""
    counts = [_placed(name, one.counts) for name, one in snapshots.items() if one.counts.height]
    for one in snapshots.values():
        one.counts = pl.DataFrame()
    return pl.concat(counts or [NONE])


def _word(value: str, name: str) -> pl.Expr:
    """A column of one word, as a category: there is a row for every file."""
    return pl.lit(value).cast(pl.Categorical).alias(name)


def _placed(name: str, counts: pl.DataFrame) -> pl.DataFrame:
    return counts.with_columns(_word(name, "table")).select(NONE.columns)
