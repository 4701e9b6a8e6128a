"""``LedgerFrame`` against one plain frame: the same rows whatever is appended and changed, in few pieces."""

from __future__ import annotations

import random

import polars as pl
import pytest

from pointline.io.ledger import frame as ledger_frame
from pointline.io.ledger.frame import LedgerFrame, slim
from pointline.tables.ingest_manifest import DIGEST

SCHEMA = pl.Schema({"file_id": pl.Int64(), "status": pl.String(), "content_hash": pl.String(), "size": pl.Int64()})
PIECE = 8


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    monkeypatch.setattr(ledger_frame, "ROWS_PER_PIECE", PIECE)


def rows(*ids: int) -> pl.DataFrame:
    facts = [(file_id, "pending", None, file_id * 10) for file_id in ids]
    return pl.DataFrame(facts, schema=SCHEMA, orient="row").with_columns(path=pl.lit("left on disk"))


def filled(*heights: int) -> LedgerFrame:
    """Pieces of so many rows, appended one after the other."""
    frame, first = LedgerFrame([], SCHEMA), 1
    for height in heights:
        frame.append(rows(*range(first, first + height)))
        first += height
    return frame


def heights(frame: LedgerFrame) -> list[int]:
    return [len(piece) for piece in frame._pieces]


def ids(frame: LedgerFrame) -> list[int]:
    return frame.frame["file_id"].to_list()


@pytest.mark.parametrize(
    ("appended", "left"),
    [
        ([], []),
        ([1], [1]),
        ([1] * 2, [2]),
        ([1] * 3, [2, 1]),
        ([1] * 4, [4]),
        ([1] * 7, [4, 2, 1]),
        ([1] * 8, [8]),
        ([1] * 17, [8, 8, 1]),
        ([2, 1], [2, 1]),
        ([2, 1, 1], [4]),
        ([2, 3], [5]),
        ([4, 4], [8]),
        ([4, 5], [4, 5]),
        ([3, 20], [3, 20]),
        ([20, 3, 4, 2], [20, 7, 2]),
    ],
)
def test_as_much_again_becomes_one_piece_up_to_a_length(appended, left):
    frame = filled(*appended)
    assert heights(frame) == left
    assert ids(frame) == list(range(1, 1 + sum(appended)))


@pytest.mark.parametrize(
    ("ends", "left"),
    [([], []), ([0], []), ([8], [8]), ([9], [8, 1]), ([20, 2], [8, 8, 4, 2]), ([3, 0, 3], [3, 3])],
)
def test_it_begins_with_pieces_of_a_length(ends, left):
    first, whole = 1, []
    for height in ends:
        whole.append(rows(*range(first, first + height)).drop("path"))
        first += height
    frame = LedgerFrame(whole, SCHEMA)
    assert heights(frame) == left
    assert ids(frame) == list(range(1, first))


def test_pieces_whose_rows_overlap_are_put_in_order():
    frame = LedgerFrame([rows(*range(5, 20)).drop("path"), rows(1, 2, 3, 4, 30, 31).drop("path")], SCHEMA)
    assert ids(frame) == [*range(1, 20), 30, 31]
    assert max(heights(frame)) == PIECE
    frame.update(rows(4, 19, 30).with_columns(status=pl.lit("gone")))
    assert frame.frame.filter(pl.col("status") == "gone")["file_id"].to_list() == [4, 19, 30]


def test_an_empty_one_has_the_columns():
    frame = LedgerFrame([], SCHEMA)
    assert frame.frame.schema == slim(pl.DataFrame(schema=SCHEMA)).schema
    frame.update(rows(1))
    assert frame.frame.is_empty()


def test_only_the_pieces_that_hold_a_row_are_copied():
    frame = filled(8, 8, 8)
    before = list(frame._pieces)
    frame.update(pl.DataFrame({"file_id": [24, 3, 5], "status": ["gone"] * 3}))
    assert [one is other for one, other in zip(before, frame._pieces, strict=True)] == [False, True, False]


def test_who_looks_twice_gets_the_same():
    frame = filled(3, 1)
    assert frame.frame is frame.frame


@pytest.mark.parametrize("seed", range(20))
def test_it_is_one_plain_frame(seed):
    rng = random.Random(seed)
    model = slim(rows().drop("path"))
    frame = LedgerFrame([], SCHEMA)
    last = 0
    for _ in range(40):
        seen, copy = frame.frame, frame.frame.rows()
        if rng.random() < 0.4 or not last:
            first = last + rng.choice([1, 1, 3])
            last = first + rng.choice([0, 0, 1, 2, 9])
            new = rows(*range(first, last + 1))
            frame.append(new)
            model = pl.concat([model, slim(new.drop("path"))])
        else:
            some = rng.sample(range(last + 3), k=min(last, rng.choice([1, 1, 2, 5])))
            facts = [(one, rng.choice(["gone", "success"]), rng.choice([None, "00ff"]), "x") for one in some]
            change = pl.DataFrame(facts, schema=["file_id", "status", "content_hash", "error"], orient="row")
            change = change.cast({"content_hash": pl.String})
            frame.update(change, fill=["content_hash", "error"])
            known = slim(change.drop("error"))
            model = model.update(known.drop(DIGEST), on="file_id", how="left", include_nulls=True)
            model = model.update(known.select("file_id", DIGEST), on="file_id", how="left")
        assert frame.frame.rows() == model.rows()
        assert frame.frame.schema == model.schema
        assert seen.rows() == copy, "what was handed out stays as it is"
        assert len(heights(frame)) <= 2 * last / PIECE + 4
