"""One version of each table, with how many rows it has of which file."""

from __future__ import annotations

from msgspec import Struct, field

from pointline.errors import LakeDamaged
from pointline.io.protocols.file_version import Outcome
from pointline.io.protocols.tables import Part
from pointline.services.audit.audited import AuditedEventTable
from pointline.services.audit.ledger.ledger_version import LedgerVersion
from pointline.services.audit.look import UNREADABLE, Look, unreadable
from pointline.services.audit.silver.data_files import read_parts, sound_parts
from pointline.services.audit.silver.file_counts import FileCounts
from pointline.services.audit.silver.row_counts import count_rows
from pointline.tables import quarantine


class Snapshot(Struct):
    """One version of a table: its readable parts by partition."""

    parts: dict[tuple[str, str], list[Part]] = field(default_factory=dict)


def take_snapshot(
    look: Look,
    name: str,
    table: AuditedEventTable,
    ledger: LedgerVersion,
    *,
    told: dict[int, Outcome],
    counts: FileCounts,
) -> Snapshot | None:
    """Return a table as it is now, None where it cannot be read or is not looked at.

    ``told`` is told what its commits say of files that the ledger is not up to, ``counts`` what rows it has.
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
    for (exchange, date), parts in snapshot.parts.items():
        look.on_step(look.checked)
        counted = read_parts(look, name, parts, lambda some: count_rows(table, some))
        counts.add(counted, name, exchange, date)
    return snapshot


def take_quarantine(look: Look) -> FileCounts | None:
    """Return ``COUNTS`` of quarantine, None where it cannot be read."""
    table = look.parties.quarantine
    try:
        live = table.live_parts()
    except UNREADABLE as error:
        look.findings.append(unreadable(quarantine.NAME, error))
        return None
    look.checked.tables += 1
    sound = list(sound_parts(look, quarantine.NAME, live, whole=True))
    counts = FileCounts()
    counts.add(read_parts(look, quarantine.NAME, sound, lambda some: count_rows(table, some)), quarantine.NAME)
    return counts
