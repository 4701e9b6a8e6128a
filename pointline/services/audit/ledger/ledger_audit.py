"""The ledger against itself and against what was counted in silver and quarantine. Frames in, findings out.

They may be the whole ledger, or a run of its rows and the counts of the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
from msgspec.structs import replace

from pointline.io.protocols.file_version import ROWS_LOST
from pointline.services.audit.ledger.ledger_index import LedgerIndex
from pointline.services.files.companion import DISPUTED, disputed, settle_dispute
from pointline.services.telling.findings import Finding
from pointline.tables import ingest_manifest, quarantine
from pointline.tables.ingest_manifest import OUT, Status, rows_by_day, senseless, stands_at

THINNED = f'"rows_left_out"|"left_to_|"{ROWS_LOST}"'
"""What the warnings of a file say whose rows are not all of those in the file: their numbers have gaps."""
FACTS = ("rows_read", "rows_written", "rows_quarantined")


def audit_ledger(still: pl.DataFrame, index: LedgerIndex) -> Iterator[Finding]:
    """What the ledger alone shows of some of its rows, without what is in flight; ``index`` has all of them."""
    doubled = still.filter(pl.col("file_id").is_in(index.doubled.implode())).unique("file_id")
    yield from _report(doubled, "manifest_doubled", "its id stands in the ledger more than once")
    odd = still.filter(senseless())
    yield from _report(odd, "manifest_fact", "its status is none there is, or it lacks what every file has")
    read, written, aside = (pl.col(name).fill_null(0) for name in FACTS)
    broken = still.filter(~stands_at(Status.PENDING), (read != written + aside) | pl.min_horizontal(FACTS).lt(0))
    yield from _report(broken, "manifest_counts", "rows read are not rows written plus rows quarantined")
    for row in still.filter(disputed()).iter_rows(named=True):
        hint = settle_dispute(row["file_id"])
        yield replace(_finding("checksum_differs", row["data_type"], row, DISPUTED), hint=hint)
    linked = still.filter(stands_at(Status.SUPERSEDED, Status.DUPLICATE))
    linked = linked.with_columns(index.status_of(linked["superseded_by"]).alias("of"))
    lost = linked.filter(pl.col("of").is_null())
    yield from _report(lost, "manifest_link", "superseded_by names no file of the ledger")
    there = (Status.SUCCESS.value, Status.PENDING.value)
    copies = linked.filter(stands_at(Status.DUPLICATE), pl.col("of").is_not_null(), ~pl.col("of").is_in(there))
    yield from _report(copies, "duplicate_of_nothing", "the file whose content it has is not in the lake")


def audit_counts(
    still: pl.DataFrame,
    ledger: pl.DataFrame,
    found: pl.DataFrame,
    aside: pl.DataFrame | None,
    tables: Sequence[str],
) -> Iterator[Finding]:
    """Every success has exactly its rows in its own partition, and no row is without a success.

    ``found`` has ``COUNTS`` per ``table, exchange, date``; ``tables`` are those that could be read.
    """
    flying = ledger.join(still, on="file_id", how="anti")
    facts = ledger.unique("file_id").select(
        "file_id",
        "status",
        "bronze_file_path",
        pl.col("data_type").alias("home"),
        pl.col("exchange").alias("home_exchange"),
    )
    days = rows_by_day(ledger.unique("file_id")).select(
        "file_id", date=pl.col("date").cast(pl.String), day_rows="rows_written"
    )
    held = (
        found.join(flying, on="file_id", how="anti")
        .join(facts, on="file_id", how="left")
        .join(days.collect(), on=["file_id", "date"], how="left")
    )
    for row in held.filter(pl.col("status").is_null() | ~stands_at(Status.SUCCESS)).iter_rows(named=True):
        status = f"the ledger says {row['status']}" if row["status"] else "the ledger does not know the file"
        what = f"{row['rows']:,} rows in silver, but {status}"
        yield _finding("rows_without_success", row["table"], row, what)
    at_home = (
        (pl.col("table") == pl.col("home"))
        & (pl.col("exchange") == pl.col("home_exchange"))
        & pl.col("day_rows").is_not_null()
    )
    success = held.filter(stands_at(Status.SUCCESS))
    for row in success.filter(~at_home).iter_rows(named=True):
        what = f"{row['rows']:,} rows in {row['exchange']}/{row['date']}, which is not where the ledger has the file"
        yield _finding("rows_misplaced", row["table"], row, what)
    counts = (
        success.filter(at_home)
        .group_by("file_id")
        .agg(
            pl.col("rows", "seq_sum", "doubled").sum(),
            pl.col("seq_min").min(),
            pl.col("seq_max").max(),
            (pl.col("rows") != pl.col("day_rows")).any().alias("other_days"),
        )
    )
    wanted = still.filter(stands_at(Status.SUCCESS), pl.col("data_type").is_in(list(tables)))
    both = wanted.join(counts, on="file_id", how="left").with_columns(
        pl.col("rows", "doubled", "seq_sum").fill_null(0),
        pl.col("seq_min").fill_null(1),
        pl.col("seq_max").fill_null(0),
    )
    sums = pl.DataFrame(schema=dict.fromkeys(("file_id", "aside_rows", "aside_sum"), pl.Int64()))
    if aside is not None:
        sums = aside.select("file_id", pl.col("rows").alias("aside_rows"), pl.col("seq_sum").alias("aside_sum"))
    both = both.join(sums, on="file_id", how="left").with_columns(pl.col("aside_rows", "aside_sum").fill_null(0))
    read = pl.col("rows_read")
    misnumbered = (
        (pl.col("seq_min") < 1)
        | (pl.col("seq_max") > read)
        | (pl.col("seq_sum") + pl.col("aside_sum") != read * (read + 1) // 2)
    )
    wrong = (
        (pl.col("rows") != pl.col("rows_written"))
        | (pl.col("doubled") > 0)
        | pl.col("other_days").fill_null(value=False)
        | (misnumbered & ~pl.col("warnings").fill_null("").str.contains(THINNED))
    )
    for row in both.filter(wrong.fill_null(value=True)).iter_rows(named=True):
        if judged := _judge(row):
            yield _finding(judged[0], row["data_type"], row, judged[1])


def _judge(row: dict[str, int]) -> tuple[str, str] | None:
    rows, written = row["rows"], row["rows_written"] or 0
    if row["doubled"]:
        return "rows_doubled", f"{row['doubled']:,} rows are in silver twice (same file_id and file_seq)"
    if rows < written:
        return "rows_missing", f"{rows:,} rows in silver, the ledger counts {written:,}"
    if rows > written:
        return "rows_extra", f"{rows:,} rows in silver, the ledger counts {written:,}"
    if row["other_days"]:
        return "rows_misplaced", "its rows are of other days than the ledger has them"
    beyond = row["seq_min"] < 1 or row["seq_max"] > (row["rows_read"] or 0)
    if beyond or row["aside_rows"] == (row["rows_quarantined"] or 0):
        return "rows_misnumbered", "the rows are not numbered as those of the file"
    return None  # what is set aside of it differs, which is said of the quarantine


def audit_quarantine(still: pl.DataFrame, ledger: pl.DataFrame, aside: pl.DataFrame) -> Iterator[Finding]:
    """Every file has its bad rows in quarantine, each once, and no unknown file has any."""
    name = quarantine.NAME
    for row in aside.join(ledger, on="file_id", how="anti").iter_rows(named=True):
        yield _finding("quarantine_extra", name, row, f"{row['rows']:,} rows of a file the ledger does not know")
    held = still.filter(~stands_at(Status.PENDING)).join(
        aside.select("file_id", "rows", "doubled"), on="file_id", how="left"
    )
    held = held.with_columns(pl.col("rows", "doubled", "rows_quarantined").fill_null(0))
    gone = stands_at(*OUT) & (pl.col("rows") == 0)
    wrong = held.filter(((pl.col("rows") != pl.col("rows_quarantined")) & ~gone) | (pl.col("doubled") > 0))
    for row in wrong.iter_rows(named=True):
        if row["rows"] < row["rows_quarantined"]:
            what = f"{row['rows']:,} quarantined rows are there, the ledger counts {row['rows_quarantined']:,}"
            yield _finding("quarantine_missing", name, row, what)
        elif row["rows"] > row["rows_quarantined"]:
            what = f"{row['rows']:,} quarantined rows are there, the ledger counts {row['rows_quarantined']:,}"
            yield _finding("quarantine_extra", name, row, what)
        else:
            yield _finding("quarantine_extra", name, row, f"{row['doubled']:,} quarantined rows are there twice")


def _report(rows: pl.DataFrame, kind: str, what: str) -> Iterator[Finding]:
    for row in rows.iter_rows(named=True):
        yield _finding(kind, ingest_manifest.NAME, row, what)


def _finding(kind: str, table: str, row: dict[str, object], what: str) -> Finding:
    file_id, path = row["file_id"], row.get("bronze_file_path")
    assert isinstance(file_id, int)
    return Finding(kind=kind, table=table, file_id=file_id, path=str(path or ""), what=what)
