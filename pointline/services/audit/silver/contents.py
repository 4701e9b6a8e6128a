"""Every value of silver and quarantine against bronze, file by file: what ``pointline verify --deep`` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import polars as pl

from pointline.errors import ChangedWhileRead, Rejected, Unfinished
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.protocols.tables import Part
from pointline.services.audit.bronze_audit import as_found, described_now
from pointline.services.audit.look import UNREADABLE, Look, first_line
from pointline.services.audit.silver.data_files import read_parts
from pointline.services.audit.silver.reread import digest_aside
from pointline.services.audit.silver.snapshot import Snapshot
from pointline.services.files.companion import settle_dispute
from pointline.services.telling.findings import Finding
from pointline.tables import quarantine
from pointline.tables.ingest_manifest import Checksum, Status, stands_at
from pointline.tables.spelling import symbol_key

CLAIM: Final = "claim_differs"
OF_CONTENT = (Rejected, Unfinished)
"""What is wrong with the content of a bronze file, whoever may read it; the error says what to do."""


def compare_contents(look: Look, was_in: pl.DataFrame, snapshots: Mapping[str, Snapshot | None]) -> None:
    """Compare files of ``audit_bronze`` that are in silver with what the tables hold of them."""
    files = dict(_files(look, was_in))
    was_in = was_in.filter(pl.col("file_id").is_in(list(files)))
    tables = set(was_in["data_type"])  # most of a lake have no files
    for name, snapshot in snapshots.items():
        if snapshot is not None and name in look.parties.rereaders and name in tables:
            _compare_checksums(look, name, was_in)
            _compare_table(look, name, snapshot, was_in, files)


class _File(NamedTuple):
    """A file as it is in bronze now; ``renamed``: how its feed is called now, and was called when it came."""

    meta: BronzeFileMetadata
    renamed: str = ""


def _files(look: Look, was_in: pl.DataFrame) -> Iterator[tuple[int, _File]]:
    """Yield the files of which rows can be compared; of the others note what their path says now."""
    for row in was_in.iter_rows(named=True):
        meta = described_now(row, look.parties) if row["feed"] else None
        if meta is None:
            yield row["file_id"], _File(as_found(row))
            continue
        before = (row["exchange"], row["data_type"], row["symbol"])
        now = (meta.exchange, meta.data_type, meta.symbol)
        if meta.problem:
            _note_claim(
                look, row, f"its path says now what would be refused: {meta.problem}", "its rows stay as they are"
            )
        elif [symbol_key(one) for one in now] != [symbol_key(one) for one in before]:  # spelled otherwise is no other
            _note_claim(look, row, _differs(row, meta))
        else:
            is_same = (meta.vendor, meta.feed) == (row["vendor"], row["feed"])
            yield row["file_id"], _File(as_found(row)) if is_same else _File(meta, _differs(row, meta))


def _note_claim(look: Look, row: Mapping[str, Any], what: str, hint: str = "") -> None:
    table, file_id, path = row["data_type"], row["file_id"], row["bronze_file_path"]
    look.findings.append(Finding(kind=CLAIM, table=table, file_id=file_id, path=path, what=what, hint=hint))


def _differs(row: Mapping[str, Any], meta: BronzeFileMetadata) -> str:
    before = f"{row['exchange']} {row['data_type']} {row['symbol']} by {row['vendor']}/{row['feed']}"
    now = f"{meta.exchange} {meta.data_type} {meta.symbol} by {meta.vendor}/{meta.feed}"
    return f"its description says now {now}, and it came as {before}"


def _compare_checksums(look: Look, name: str, was_in: pl.DataFrame) -> None:
    """Of files whose checksums agreed: the daemon does not look at those again."""
    were_right = was_in.filter(pl.col("data_type") == name, pl.col("checksum") == Checksum.OK)
    for file_id, path, wrong in look.parties.rereaders[name].checksums_that_differ(were_right):
        what, hint = f"the checksum beside it {wrong}", settle_dispute(file_id)
        look.findings.append(
            Finding(kind="checksum_differs", table=name, file_id=file_id, path=path, what=what, hint=hint)
        )


def _compare_table(
    look: Look, name: str, snapshot: Snapshot, ledger: pl.DataFrame, bronze: Mapping[int, _File]
) -> None:
    rows = ledger.filter(stands_at(Status.SUCCESS), pl.col("data_type") == name)
    of_days, rows = rows.filter(pl.col("days").is_not_null()), rows.filter(pl.col("days").is_null())
    for (exchange, date), group in rows.group_by("exchange", "date", maintain_order=True):
        parts = snapshot.parts.get((str(exchange), str(date)), [])
        hashes = {one: digest for one, digest in group.select("file_id", "content_hash").iter_rows() if one in bronze}
        for held in _held(look, name, parts, hashes):
            _compare_file(look, name, bronze[held.file_id], held)
    for row in of_days.filter(pl.col("file_id").is_in(list(bronze))).iter_rows(named=True):
        exchange, dates = str(row["exchange"]), [str(one["date"]) for one in row["days"]]
        parts = [part for date in dates for part in snapshot.parts.get((exchange, date), [])]
        for held in _held(look, name, parts, {row["file_id"]: row["content_hash"]}, frozenset(dates)):
            _compare_file(look, name, bronze[held.file_id], held)


class _Held(NamedTuple):
    """A file of the ledger, digests of what silver and quarantine hold of it, and where; ``dates``: only these days.

    No digest where data files that may hold rows of it cannot be read: that is a finding of its own.
    """

    file_id: int
    content_hash: str
    silver: int | None
    aside: int | None
    parts: list[Part]
    dates: frozenset[str] | None


def _held(
    look: Look, name: str, parts: list[Part], hashes: Mapping[int, str], dates: frozenset[str] | None = None
) -> list[_Held]:
    """Return what these data files and quarantine hold of files, by their content hashes."""
    to, ids = look.parties, list(hashes)
    table, rereader = to.tables[name], to.rereaders[name]
    number = len(parts)
    silver = read_parts(look, name, parts, lambda some: rereader.digest_silver(table, some, ids))
    is_whole = len(parts) == number
    live = to.quarantine.live_parts()
    readable = [part for part in live if to.parts.fault_of(quarantine.NAME, part) is None]
    aside = read_parts(look, quarantine.NAME, readable, lambda some: digest_aside(to.quarantine, some, ids))
    is_aside_whole = len(readable) == len(live)
    return [
        _Held(one, hashes[one], silver[one] if is_whole else None, aside[one] if is_aside_whole else None, parts, dates)
        for one in ids
    ]


def _compare_file(look: Look, name: str, file: _File, held: _Held) -> None:
    meta = file.meta

    def report(kind: str, what: str, hint: str = "") -> None:
        path = meta.bronze_file_path
        found = Finding(kind=kind, table=name, file_id=held.file_id, path=path, what=what, hint=hint)
        look.findings.append(found)

    rereader = look.parties.rereaders[name]
    try:
        now = rereader.reread(meta, held.dates)
        look.checked.contents += 1
        look.on_step(look.checked)
        if now.content_hash != held.content_hash:
            report("bronze_altered", "the content is not the one that was ingested, though size and time agree")
            return
        if held.silver is not None and now.silver != held.silver:
            table = look.parties.tables[name]
            found = rereader.first_difference(meta, table, held.parts, held.file_id, held.dates)
            report(CLAIM if file.renamed else "content_differs", "; ".join(filter(None, [file.renamed, found])))
        if held.aside is not None and now.aside != held.aside:
            report("quarantine_differs", "the quarantined lines are not those of the file")
    except ChangedWhileRead:
        return
    except UNREADABLE as error:
        report("bronze_unreadable", first_line(error), error.hint if isinstance(error, OF_CONTENT) else "")
