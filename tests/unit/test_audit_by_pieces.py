"""What an audit keeps of millions of files, against the same kept in plain lists and dictionaries."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest

from pointline.services.audit.ledger import pieces
from pointline.services.audit.ledger.known_versions import COLUMNS, KnownVersions
from pointline.services.audit.ledger.pieces import Pieces
from pointline.tables.ingest_manifest import SCHEMA

NUMBERS = {"key": pl.Int64(), "value": pl.Int64()}
FOUND = {"path": pl.String(), "size": pl.Int64(), "mtime_us": pl.Int64()}
DAYS = {"key": pl.Date(), "value": pl.Int64()}


@pytest.mark.parametrize("rows_per_piece", [1, 3, 100])
@pytest.mark.parametrize("seed", range(10))
def test_rows_are_taken_in_order(monkeypatch, seed, rows_per_piece):
    monkeypatch.setattr(pieces, "ROWS_PER_PIECE", rows_per_piece)
    monkeypatch.setattr(pieces, "MOST_LOOSE", 2)
    rng = random.Random(seed)
    keys = [rng.choice([-1, 5, 300, 70_000, 2**33]) + rng.randint(0, 5) for _ in range(50)]
    rows = [(key, rng.randint(-(2**40), 2**40)) for key in keys]
    kept = Pieces(NUMBERS, by="key")
    for begin in range(0, len(rows), 7):
        kept.add(pl.DataFrame(rows[begin : begin + 7], schema=NUMBERS, orient="row"))
    left = sorted(rows)
    for end in [0, 4, 7, 301, 70_003, 2**33 + 2, None]:
        taken = kept.take_before(end)
        assert taken.schema == NUMBERS
        assert sorted(taken.rows()) == [row for row in left if end is None or row[0] < end]
        left = [row for row in left if end is not None and row[0] >= end]


def test_rows_without_a_key_come_first(monkeypatch):
    monkeypatch.setattr(pieces, "ROWS_PER_PIECE", 2)
    days = [dt.date(2024, 5, day) for day in (3, 1, 2)]
    kept = Pieces(DAYS, by="key")
    for key in [days[0], None, days[1], None, None, days[2]]:
        kept.add(pl.DataFrame([(key, 1)], schema=DAYS, orient="row"))
    assert sorted(kept.take_before(days[2])["key"].to_list(), key=str) == [days[1], None, None, None]
    assert sorted(kept.take_before(None)["key"]) == [days[2], days[0]]
    assert kept.take_before(None).is_empty()


def test_nothing_is_taken_of_nothing():
    assert Pieces(NUMBERS, by="key").take_before(None).schema == NUMBERS


@pytest.mark.parametrize("seed", range(20))
def test_versions_are_crossed_off(seed):
    """The ledger has several versions of some paths; bronze has some of them, others, and files of its own."""
    rng = random.Random(seed)
    statuses = ["success", "success", "superseded", "gone", "quarantined", "pending"]
    rows = [
        (file_id, rng.choice(statuses), f"p{rng.randint(1, 12)}", rng.randint(1, 2), rng.randint(1, 2))
        for file_id in range(1, rng.randint(2, 30))
    ]
    columns = {name: SCHEMA[name] for name in COLUMNS}
    ledger = pl.DataFrame(rows, schema={**columns, COLUMNS[-1]: pl.Int64()}, orient="row").cast(columns)
    newest = {path: file_id for file_id, status, path, *_ in rows if status not in {"superseded", "gone"}}
    there = {f"p{number}": (rng.randint(1, 2), rng.randint(1, 2)) for number in range(1, 15) if rng.random() < 0.8}
    bronze = pl.DataFrame([(path, *one) for path, one in there.items()], schema=FOUND, orient="row")
    known = KnownVersions(ledger.iter_slices(3))
    others = [path for some in bronze.iter_slices(4) for path in known.without_known(some)["path"]]
    found = pl.concat(known.newest_of(run) for run in ledger.iter_slices(5))
    facts = {file_id: (path, *version) for file_id, _, path, *version in rows}
    same = {one for one in newest.values() if there.get(facts[one][0]) == facts[one][1:]}
    assert known.files == len(there)
    assert sorted(found["file_id"]) == sorted(newest.values())
    assert set(found.filter("was_met")["file_id"]) == same
    assert sorted(others) == sorted(there.keys() - {facts[one][0] for one in same})
