"""``find_overlaps``: no row of a day is counted twice, and the file that is refused hears of the other."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from pointline.io.protocols import BronzeFileMetadata, Outcome
from pointline.services.batch import Entry
from pointline.services.identity import Candidate
from pointline.services.overlap import find_overlaps
from pointline.tables.ingest_manifest import SCHEMA, Status

META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="p",
    file_size_bytes=1,
    last_modified_ts=0,
)


def entry(file_id: int, *, siblings: bool = True, replaces: tuple[int, ...] = (), **facts) -> Entry:
    meta = replace(META, bronze_file_path=f"p{file_id}", **facts)
    return Entry(file_id=file_id, candidate=Candidate(meta=meta, replaces=replaces, has_siblings=siblings))


def outcome(file_id: int, first: int | None, last: int | None, status: Status = Status.SUCCESS) -> Outcome:
    return Outcome(file_id=file_id, status=status, content_hash=f"h{file_id}", first_local_us=first, last_local_us=last)


def ledger(*rows: tuple[int, int | None, int | None, str]) -> pl.DataFrame:
    """Files that the ledger knows: ``(file_id, first, last, status)``."""
    times = ("last_modified_ts", "first_local_timestamp", "last_local_timestamp")
    facts = [
        dict.fromkeys(SCHEMA)
        | {name: getattr(META, name) for name in ("exchange", "data_type", "symbol", "date")}
        | {"file_id": file_id, "bronze_file_path": f"p{file_id}", "status": status}
        | {"first_local_timestamp": first, "last_local_timestamp": last}
        for file_id, first, last, status in rows
    ]
    frame = pl.DataFrame(facts, schema={**SCHEMA, **dict.fromkeys(times, pl.Int64())}, orient="row")
    words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol", "status")]
    return frame.with_columns(*words, pl.col(times).cast(SCHEMA["last_modified_ts"]))


def refused(*files: tuple[Entry, Outcome], known: pl.DataFrame | None = None) -> dict[int, Outcome]:
    entries = {one.file_id: one for one, _ in files}
    return find_overlaps(entries, {one.file_id: one for _, one in files}, ledger() if known is None else known)


RANGES = [
    pytest.param((1, 9), True, id="within"),
    pytest.param((10, 15), True, id="one instant in common"),
    pytest.param((5, 5), True, id="an instant within"),
    pytest.param((0, 99), True, id="around"),
    pytest.param((11, 15), False, id="after"),
    pytest.param((-9, -1), False, id="before"),
]


@pytest.mark.parametrize(("times", "meets"), RANGES)
@pytest.mark.parametrize("is_in", [True, False])
def test_two_ranges(times, meets, is_in):
    """Guards _meet, with the other file in the lake already and with both in one batch."""
    second = (entry(2), outcome(2, *times))
    if is_in:
        found = refused(second, known=ledger((1, 0, 10, "success")))
    else:
        found = refused((entry(1), outcome(1, 0, 10)), second)
    assert set(found) == ({2} if meets else set())
    if meets:
        assert (found[2].status, found[2].content_hash, found[2].rows_written) == (Status.QUARANTINED, "h2", 0)
        assert "file 1 (p1)" in str(found[2].error)


def test_the_lower_id_goes_first_whatever_the_order():
    files = [(entry(number), outcome(number, 0, 10)) for number in (3, 1, 2)]
    assert set(refused(*files)) == {2, 3}


def test_a_refused_file_is_in_nobodys_way():
    files = [(entry(1), outcome(1, 0, 10)), (entry(2), outcome(2, 5, 20)), (entry(3), outcome(3, 15, 20))]
    assert set(refused(*files)) == {2}


@pytest.mark.parametrize("other", [{"symbol": "T"}, {"exchange": "kraken"}, {"date": dt.date(2024, 5, 2)}])
def test_other_days_do_not_matter(other):
    assert refused((entry(1), outcome(1, 0, 10)), (entry(2, **other), outcome(2, 0, 10))) == {}


@pytest.mark.parametrize("status", ["superseded", "quarantined", "failed", "duplicate", "pending"])
def test_what_is_not_in_does_not_matter(status):
    assert refused((entry(2), outcome(2, 0, 10)), known=ledger((1, 0, 10, status))) == {}


def test_a_version_that_leaves_in_this_batch_does_not_matter():
    """Guards leaving_out: a new issue does not overlap the one it replaces, nor does another part of the day."""
    known = ledger((1, 0, 10, "success"))
    files = [(entry(2, replaces=(1,)), outcome(2, 0, 4)), (entry(3), outcome(3, 5, 10))]
    assert refused(*files, known=known) == {}


@pytest.mark.parametrize("status", [Status.PENDING, Status.QUARANTINED])
def test_a_version_that_stays_does(status):
    """The new issue does not get in, so the old rows stay."""
    known = ledger((1, 0, 10, "success"))
    files = [(entry(2, replaces=(1,)), outcome(2, None, None, status)), (entry(3), outcome(3, 5, 10))]
    assert set(refused(*files, known=known)) == {3}


def test_no_rows_meet_nothing():
    known = ledger((1, None, None, "success"), (4, 0, 10, "success"))
    assert refused((entry(2), outcome(2, None, None)), known=known) == {}


def test_without_siblings_nobody_looks():
    assert refused((entry(2, siblings=False), outcome(2, 0, 10)), known=ledger((1, 0, 10, "success"))) == {}
