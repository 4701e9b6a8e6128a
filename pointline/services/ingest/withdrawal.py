"""Which versions go when a person takes files out of the lake, and where their rows are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import polars as pl
from msgspec import Struct

from pointline.errors import Rejected
from pointline.io.protocols.file_version import Outcome
from pointline.phrases import DESCRIBE_AGAIN, UNDESCRIBED
from pointline.services.ingest.change import Partition, places_of
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, stands_at

MAY_GO = (Status.SUCCESS, Status.DUPLICATE, Status.QUARANTINED, Status.FAILED)


class Withdrawal(Struct, frozen=True, kw_only=True):
    """``rows`` of the ledger that go: the files that were named, and the copies of them."""

    rows: pl.DataFrame

    @property
    def file_ids(self) -> list[int]:
        """All that go, rising."""
        return self.rows["file_id"].to_list()

    def outcomes(self) -> list[Outcome]:
        """Return what the ledger has to record."""
        return [Outcome.left(file_id, Status.WITHDRAWN) for file_id in self.file_ids]

    def tables(self) -> list[str]:
        """Return the event tables that lose rows."""
        return sorted({table for _, table, _ in self._in_silver()})

    def told_to(self, table: str) -> list[Outcome]:
        """Return the outcomes that the commit to an event table makes true."""
        ids = self.rows.filter(pl.col("data_type") == table)["file_id"]
        return [Outcome.left(file_id, Status.WITHDRAWN) for file_id in ids]

    def leaving(self, table: str) -> dict[Partition, list[int]]:
        """Return the versions whose rows leave a table, by partition."""
        found: dict[Partition, list[int]] = {}
        for file_id, its_table, partition in self._in_silver():
            if its_table == table:
                found.setdefault(partition, []).append(file_id)
        return found

    def _in_silver(self) -> Iterator[tuple[int, str, Partition]]:
        return places_of(self.rows.filter(stands_at(Status.SUCCESS)))


def plan_withdrawal(ledger: pl.DataFrame, file_ids: Sequence[int], tables: Collection[str]) -> Withdrawal:
    """Return what goes when these files are withdrawn. Raises Rejected, naming the first that cannot be.

    ``tables`` are the event tables of the lake.
    """
    wanted = list(file_ids)
    named = ledger.filter(pl.col("file_id").is_in(wanted))
    if unknown := sorted(set(wanted) - set(named["file_id"])):
        raise Rejected(f"the ledger knows no file {unknown[0]}", hint="`pointline files` lists the files")
    for file_id, status in named.select("file_id", pl.col("status").cast(pl.String)).iter_rows():
        if status not in MAY_GO:
            raise Rejected(f"file {file_id} is {status}", hint=_hint(Status(status), file_id))
    copies = ledger.filter(stands_at(Status.DUPLICATE), pl.col("superseded_by").is_in(wanted))
    plan = Withdrawal(rows=pl.concat([named, copies]).unique("file_id").sort("file_id"))
    if lacking := [table for table in plan.tables() if table not in {*tables, INSTRUMENTS}]:
        one = plan.rows.filter(stands_at(Status.SUCCESS), pl.col("data_type") == lacking[0])["file_id"][0]
        raise Rejected(
            f"the rows of file {one} are in {lacking[0]}, and {UNDESCRIBED}",
            subject=lacking[0],
            hint=f"{DESCRIBE_AGAIN}; then `pointline withdraw {one}`",
        )
    return plan


def _hint(status: Status, file_id: int) -> str:
    if status is Status.PENDING:
        return "wait until it is in, or delete the file from bronze"
    return f"it has no rows in the lake; `pointline explain {file_id}` tells why"
