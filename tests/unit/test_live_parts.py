"""What is known of a table's data files: listed once, followed through our own commits, equal to what a reader sees."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from pointline.errors import CommitConflict
from pointline.io.delta.live_parts import LAST_FILE_ID, Bound
from pointline.io.delta.table import reader
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.protocols.tables import Part

SCHEMA = {
    "exchange": pl.String(),
    "date": pl.Date(),
    "symbol": pl.String(),
    "until": pl.Datetime("us", "UTC"),
    "file_id": pl.Int64(),
}
DAY = dt.date(2024, 5, 1)
UNTIL = dt.datetime(2024, 5, 1, 0, 0, 0, 123_457, tzinfo=dt.UTC)


class Bounded(DeltaTableRepository):
    bounded = ("symbol", "until")

    def part_writer(self, partition, dictionary=(), **options):
        return super().part_writer(partition, dictionary or ["symbol"], **options)


@pytest.fixture
def table(tmp_path) -> DeltaTableRepository:
    table = Bounded(tmp_path / "table", SCHEMA, ("exchange", "date"))
    table.create()
    return table


@pytest.fixture
def listings(monkeypatch) -> list[int]:
    """The versions that were listed."""
    listed = []

    class Counted(reader.LiveParts):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            listed.append(self.version)

    monkeypatch.setattr(reader, "LiveParts", Counted)
    return listed


def rows(exchange: str, *file_ids: int, day: dt.date = DAY) -> pl.DataFrame:
    """Every other row has no end."""
    ends = {file_id: UNTIL + dt.timedelta(hours=file_id) for file_id in file_ids if file_id % 2}
    facts = [(exchange, day, f"S{file_id}", ends.get(file_id), file_id) for file_id in file_ids]
    return pl.DataFrame(facts, schema=SCHEMA, orient="row")


def known(table: DeltaTableRepository) -> tuple[object, ...]:
    parts = sorted(table.live_parts(), key=lambda part: part.path)
    bounds = sorted((part.path, told) for part, told in table._newest_parts().bounded())
    totals = table._newest_parts().totals().sort("exchange", "date")
    return parts, table.live_paths(), table.live_bytes, bounds, totals.rows(), totals.schema


def test_it_follows_our_own_commits_without_a_listing(table, listings):
    for step in range(6):
        table.append(pl.concat([rows("a", step, step + 10), rows("b", step, day=DAY + dt.timedelta(step))]))
        if step % 2:
            former = table.live_parts({"exchange": "a", "date": str(DAY)})
            table.commit_parts(add=table.write_parts(rows("a", *range(step))), remove=former, data_change=False)
    table.merge(rows("b", 2, day=DAY + dt.timedelta(2)), ["exchange", "date", "file_id"])
    assert len(listings) == 1
    afresh = Bounded(table.path, SCHEMA, ("exchange", "date"))
    assert known(table) == known(afresh)
    assert (
        table.read_all()
        .sort("exchange", "date", "file_id")
        .equals(afresh.read_all().sort("exchange", "date", "file_id"))
    )
    assert len(listings) == 2


def test_what_another_program_commits_is_listed(table, listings):
    table.append(rows("a", 1))
    assert len(table.live_parts()) == 1
    write_deltalake(table.path, rows("a", 2), mode="append")
    assert len(table.live_parts()) == 2
    table.append(rows("b", 3))
    assert len(table.live_parts()) == 3
    assert len(listings) == 2
    assert table.live_bytes == sum(DeltaTable(table.path).get_add_actions()["size_bytes"].to_pylist())


def test_a_partition_is_looked_up(table):
    table.append(pl.concat([rows("a", 1), rows("b", 2), rows("a", 3, day=DAY + dt.timedelta(1))]))
    found = table.live_parts({"exchange": "a", "date": str(DAY)})
    assert [(part.rows, part.first_file_id, part.partition["date"]) for part in found] == [(1, 1, str(DAY))]
    assert table.live_parts({"exchange": "c", "date": str(DAY)}) == []


def test_a_commit_that_failed_changes_nothing_that_is_known(table):
    table.append(rows("a", 1))
    before = known(table)
    gone = Part(path="exchange=a/gone.parquet", partition={"exchange": "a", "date": str(DAY)}, size_bytes=1, rows=1)
    with pytest.raises(CommitConflict, match="1 parts were replaced"):
        table.commit_parts(add=table.write_parts(rows("a", 2)), remove=[gone])
    assert known(table) == before


@pytest.mark.parametrize("is_compacted", [True, False])
def test_what_was_compacted_is_known_for_that(table, is_compacted):
    writer = table.part_writer({"exchange": "a", "date": str(DAY)}, is_compacted=is_compacted)
    writer.write(rows("a", 1).drop("exchange", "date"))
    table.live_parts()
    table.commit_parts(add=[writer.close()], remove=())
    afresh = Bounded(table.path, SCHEMA, ("exchange", "date"))
    assert [part.is_compacted for one in (table, afresh) for part in one.live_parts()] == [is_compacted] * 2


def test_one_of_which_nobody_tells_the_ids_may_hold_any(tmp_path):
    table = DeltaTableRepository(tmp_path / "words", {"word": pl.String()})
    table.create()
    table.live_parts()
    table.append(pl.DataFrame({"word": ["x"]}))
    for one in (table, DeltaTableRepository(table.path, table.schema)):
        assert [(part.first_file_id, part.last_file_id) for part in one.live_parts()] == [(0, LAST_FILE_ID)]
    assert LAST_FILE_ID == 2**63 - 1


def test_a_partition_of_which_nothing_is_left_is_known_no_more(table):
    table.append(pl.concat([rows("a", 1), rows("b", 2)]))
    table.append(rows("b", 7, 5))
    totals = table._newest_parts().totals().sort("exchange")
    assert totals.rows() == [("a", str(DAY), 1, 1, 1), ("b", str(DAY), 3, 2, 7)]
    table.commit_parts(add=(), remove=table.live_parts({"exchange": "a", "date": str(DAY)}))
    assert table._newest_parts().totals().rows() == [("b", str(DAY), 3, 2, 7)]
    assert len(list(table._newest_parts().bounded())) == 2
    assert table.live_bytes == sum(part.size_bytes for part in table.live_parts())
    assert known(table) == known(Bounded(table.path, SCHEMA, ("exchange", "date")))


def test_the_bounds_that_the_log_tells(table):
    """Nothing but nulls has no bounds, and that is known too; what no log tells may be anything."""
    table.live_parts()
    for file_ids in ((1, 2, 3), (4,)):
        table.append(rows("a", *file_ids))
    ends = UNTIL + dt.timedelta(hours=1), UNTIL + dt.timedelta(hours=3)
    for one in (table, Bounded(table.path, SCHEMA, ("exchange", "date"))):
        told = {part.first_file_id: bounds for part, bounds in one._newest_parts().bounded()}
        assert told == {1: (("S1", "S3", 0), (*ends, 1)), 4: (("S4", "S4", 0), (None, None, 1))}
        assert all(bound.is_known(part.rows) for part, bounds in one._newest_parts().bounded() for bound in bounds)


@pytest.mark.parametrize(
    ("bound", "is_known"),
    [
        (Bound("a", "b", 0), True),
        (Bound("a", "b", 1), True),
        (Bound("a", "b", None), False),
        (Bound(None, "b", 1), False),
        (Bound("a", None, 1), False),
        (Bound(None, None, 1), False),
        (Bound(None, None, 2), True),
        (Bound(None, None, None), False),
    ],
)
def test_whether_two_rows_lie_between_bounds(bound, is_known):
    assert bound.is_known(2) is is_known


def test_one_without_statistics_may_hold_anything(tmp_path):
    """Another program may write none."""
    path = tmp_path / "bare"
    bare = {"delta.dataSkippingNumIndexedCols": "0"}
    write_deltalake(path, rows("a", 1).drop("exchange", "date"), configuration=bare)
    table = Bounded(path, {name: SCHEMA[name] for name in ("symbol", "until", "file_id")})
    [(part, bounds)] = table._newest_parts().bounded()
    assert (part.first_file_id, part.last_file_id) == (0, LAST_FILE_ID)
    assert bounds == ((None, None, None),) * 2
    live = table._newest_parts()
    live.follow(live.version + 1, add=[Part(path="x", partition={}, size_bytes=1, rows=1)], remove=[part])
    [(part, bounds)] = live.bounded()
    assert (part.path, part.first_file_id, part.last_file_id) == ("x", 0, LAST_FILE_ID)
    assert bounds == ((None, None, None),) * 2


@pytest.mark.parametrize("partition_by", [(), ("exchange",)])
def test_without_columns_whose_bounds_are_kept(tmp_path, partition_by):
    table = DeltaTableRepository(tmp_path / "plain", SCHEMA, partition_by)
    table.create()
    for file_id in (1, 2):
        table.append(rows("a", file_id))
    afresh = DeltaTableRepository(table.path, SCHEMA, partition_by).live_parts()
    assert sorted(table.live_parts(), key=lambda part: part.path) == sorted(afresh, key=lambda part: part.path)
    assert sorted(part.first_file_id for part in afresh) == [1, 2]
