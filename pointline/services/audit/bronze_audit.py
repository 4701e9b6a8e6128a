"""Bronze against the ledger, by size and time; a hash only where the time alone differs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.phrases import plural
from pointline.services.audit.audited import LeftOut, Parties
from pointline.services.audit.ledger.known_versions import COLUMNS, MODIFIED, SIZE, KnownVersions
from pointline.services.files.ledger_facts import described_as
from pointline.services.telling.findings import Checked, Finding
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at


def audit_bronze(
    to: Parties,
    read_ledger: Callable[[Sequence[str]], Iterator[pl.DataFrame]],
    flying: Collection[int],
    checked: Checked,
    *,
    settled_before_us: int | None,
) -> Iterator[tuple[list[Finding], pl.DataFrame]]:
    """Compare sizes and times; yield, for a run of the ledger, the findings, and its files that are in and unchanged.

    ``read_ledger`` yields runs of it with the columns that are asked for. What it yields itself has all of them and
    those of ``survey`` besides: ``size`` (bytes), ``mtime_us`` (microseconds since the epoch, UTC) ...
    """
    known = KnownVersions(read_ledger(COLUMNS))  # before bronze is listed: what is new since is no change of these
    left_out: list[LeftOut] = []
    others = _Others(to.bronze.survey("", left_out, keep=known.without_known))
    unseen = [one for one in left_out if one.is_unreadable]
    in_flight = pl.Series(sorted(flying), dtype=pl.Int64).implode()
    checked.bronze_files = known.files
    for run in read_ledger(list(ingest_manifest.SCHEMA)):
        both = others.beside(known.newest_of(run))
        gone = both.filter(stands_at(Status.SUCCESS), pl.col("size").is_null())
        hidden = [(one, gone.filter(_is_at_or_below(one.path)).height) for one in unseen]
        checked.bronze_gone += gone.height - sum(files for _, files in hidden)
        settled = both.filter(
            pl.col("size").is_not_null(), ~stands_at(Status.PENDING), ~pl.col("file_id").is_in(in_flight)
        )
        if settled_before_us is not None:  # what is fresh and changed is a new version, on its way in
            fresh = ~pl.col("is_as_known") & (pl.col("mtime_us") > settled_before_us)
            touched = settled.filter(fresh).iter_rows(named=True)
            checked.bronze_changing += sum(_change_of(row, to.reader) is not None for row in touched)
            settled = settled.filter(~fresh)
        findings = [_unreadable(one, files) for one, files in hidden if files]
        for row in settled.filter(~pl.col("is_as_known")).iter_rows(named=True):
            if what := _change_of(row, to.reader):
                path, table = row["bronze_file_path"], row["data_type"]
                is_read = described_now(row, to) is not None
                hint = "" if is_read else f"nothing reads its path as it is: `pointline explain {path}` says why"
                one = Finding(
                    kind="bronze_changed", table=table, file_id=row["file_id"], path=path, what=what, hint=hint
                )
                findings.append(one)
        changed = [finding.file_id for finding in findings]
        in_and_dated = (stands_at(Status.SUCCESS), pl.col("date").is_not_null())
        yield findings, settled.filter(*in_and_dated, ~pl.col("file_id").is_in(changed))
    new = others.unmet()
    checked.bronze_waiting = sum(to.bronze.describe(*row) is not None for row in new.iter_rows())
    checked.bronze_unrecognised = new.height - checked.bronze_waiting + len(left_out)


def _is_at_or_below(path: str) -> pl.Expr:
    return (pl.col("bronze_file_path") == path) | pl.col("bronze_file_path").str.starts_with(f"{path}/")


def _unreadable(one: LeftOut, files: int) -> Finding:
    what = f"{one.reason}: {plural(files, 'file')} that the ledger has there could not be compared"
    return Finding(kind="bronze_unreadable", table="", path=one.path, what=what, hint=one.advice)


class _Others:
    """What lies in bronze and is no version that the ledger knows, looked up by path."""

    def __init__(self, files: pl.DataFrame) -> None:
        self._files = files.rename({"path": "bronze_file_path", "inode": "inode_now"})
        self._met: set[str] = set()

    def beside(self, ledger: pl.DataFrame) -> pl.DataFrame:
        """Return rows of ``KnownVersions.newest_of``, each with what lies at its path now, null where nothing does.

        ``is_as_known``: it has the size and the time that the ledger says.
        """
        both = ledger.join(self._files, on="bronze_file_path", how="left", maintain_order="left")
        self._met.update(both.filter(pl.col("size").is_not_null())["bronze_file_path"])
        was_met = pl.col("was_met") & pl.col("size").is_null()
        same = {"size": SIZE, "mtime_us": MODIFIED, "changed_us": pl.lit(0), "inode_now": pl.lit(0)}
        both = both.with_columns(pl.when(was_met).then(one).otherwise(name).alias(name) for name, one in same.items())
        return both.with_columns(((pl.col("size") == SIZE) & (pl.col("mtime_us") == MODIFIED)).alias("is_as_known"))

    def unmet(self) -> pl.DataFrame:
        """Return the files that no row was beside, with the columns that they came with."""
        rest = self._files.filter(~pl.col("bronze_file_path").is_in(list(self._met)))
        return rest.rename({"bronze_file_path": "path", "inode_now": "inode"})


def as_found(row: Mapping[str, Any]) -> BronzeFileMetadata:
    """Describe a file of ``audit_bronze`` as it is in bronze now."""
    return described_as(row, size=row["size"], modified_us=row["mtime_us"])


def described_now(row: Mapping[str, Any], to: Parties) -> BronzeFileMetadata | None:
    """Return what the path of a file of ``audit_bronze`` says of it now, None where nothing reads it."""
    facts = (row[name] for name in ("size", "mtime_us", "changed_us", "inode_now"))
    return to.bronze.describe(row["bronze_file_path"], *facts)


def _change_of(row: Mapping[str, Any], reader: BronzeReader) -> str | None:
    """Say how a bronze file differs from its newest version; a touched one with its old content does not."""
    if row["size"] != row["file_size_bytes"]:
        return f"the file has {row['size']:,} bytes, the ledger knows {row['file_size_bytes']:,}"
    if row["content_hash"] and reader.content_hash(row["bronze_file_path"]) == row["content_hash"]:
        return None
    return "the file was modified after it was ingested"
