"""Compaction changes no row, keeps the order, and leaves what is not worth it."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from msgspec.structs import replace

from pointline.errors import CommitConflict, LakeDamaged
from pointline.io.protocols.tables import Part
from pointline.services import compaction
from pointline.services.compaction import (
    COLD,
    COOL,
    Effort,
    choose,
    is_mixed,
    merge_partition,
    put_in_place,
    while_hot,
)
from pointline.services.ingest.change import Change, commit_change
from pointline.tables.registry import event_tables
from tests.support.fakes import MemoryEventTable
from tests.support.maintained import compact_partition

PLACE = {"exchange": "binance", "date": "2024-05-01"}
TRADES = event_tables()["trades"]


def part(first: int, size: int, *, last: int | None = None, compacted: bool = False) -> Part:
    ids = {"first_file_id": first, "last_file_id": first if last is None else last}
    return Part(path=f"{first}", partition=PLACE, size_bytes=size, rows=size, is_compacted=compacted, **ids)


def chosen(*parts: Part, ratio: float = 2, most: int = 100, lay_out: bool = False) -> list[list[int]]:
    runs = choose(parts, Effort(ratio=ratio, most=most, lay_out=lay_out), target_bytes=100)
    return [[one.first_file_id for one in run] for run in runs]


class TestChoice:
    def test_small_ones_in_the_order_they_came(self):
        assert chosen(part(3, 10), part(1, 10), part(2, 10)) == [[1, 2, 3]]

    def test_large_ones_stay(self):
        assert chosen(part(1, 49), part(2, 50), part(3, 49)) == [[1, 3]]

    def test_a_run_has_a_size(self):
        assert chosen(*(part(number, 40) for number in range(1, 6))) == [[1, 2], [3, 4]]
        assert chosen(part(1, 40), part(2, 40), part(3, 20), part(4, 1), part(5, 1)) == [[1, 2, 3], [4, 5]]

    def test_too_few_are_not_worth_it(self):
        assert chosen(part(1, 10), part(2, 10), ratio=3) == []
        assert chosen(part(1, 10), part(2, 10), part(3, 10), ratio=3) == [[1, 2, 3]]
        assert chosen(part(1, 40), part(2, 10)) == []
        assert chosen(part(1, 40), part(2, 10), most=1) == [[1, 2]]

    def test_a_mixed_one_is_laid_out_once(self):
        assert chosen(part(1, 10, last=2)) == []
        assert chosen(part(1, 10, last=2), lay_out=True) == [[1]]
        assert chosen(part(1, 60, last=2), lay_out=True) == [[1]]
        assert chosen(part(1, 10, last=2, compacted=True), lay_out=True) == []
        assert chosen(part(1, 10), lay_out=True) == []
        assert chosen(part(1, 40, last=2), part(3, 1), lay_out=True) == [[1]]
        assert chosen(part(1, 10, last=2), part(3, 10), lay_out=True) == [[1, 3]], "with others: not once more alone"
        assert [is_mixed(part(1, 10, last=2)), is_mixed(part(1, 10))] == [True, False]


def rows(file_id: int, count: int, symbol: str = "S") -> pl.DataFrame:
    facts = pl.DataFrame(
        {"file_id": [file_id] * count, "file_seq": range(1, count + 1), "symbol": [symbol] * count}
    ).with_columns(exchange=pl.lit("binance"), date=pl.lit("2024-05-01").str.to_date())
    return facts.select(
        pl.col(name).cast(kind) if name in facts.columns else pl.lit(None, kind).alias(name)
        for name, kind in TRADES.silver_schema.items()
    )


@pytest.fixture
def table() -> MemoryEventTable:
    table = MemoryEventTable(TRADES)
    for file_id, count in ((2, 3), (1, 2), (3, 4)):
        table.append(rows(file_id, count))
    return table


def compact(table, **options):
    return compact_partition(table, PLACE, COLD, target_bytes=1 << 20, **options)


def keys(frame: pl.DataFrame) -> list[tuple[int, int]]:
    return frame.select("file_id", "file_seq").rows()


def test_many_become_one_row_for_row(table):
    before = sorted(keys(table.read_all()))
    done = compact(table)
    assert (done.parts_before, done.parts_after, done.rows, done.bytes_before, done.bytes_after) == (3, 1, 9, 3, 1)
    assert len(table.live_parts(PLACE)) == 1
    assert keys(table.read_all()) == before, "in the order of their files"


def test_a_dry_run_says_the_same_and_does_nothing(table):
    done = merge_partition(table, PLACE, COLD, target_bytes=1 << 20, dry_run=True).done
    assert (done.parts_before, done.parts_after, done.rows, done.bytes_after) == (3, 1, 9, 0)
    assert len(table.live_parts(PLACE)) == 3


def test_nothing_to_do(table):
    compact(table)
    assert compact(table) is None


def test_one_that_was_cut_by_a_replacement_is_not_rewritten_for_that(table):
    table.append(rows(4, 50))
    table.append(rows(5, 50))
    compact(table)
    leaving = {tuple(PLACE.items()): [2]}
    commit_change(table, 7, Change(add=[table.store(rows(6, 3).drop("exchange", "date"), PLACE)], leaving=leaving))
    assert [part.rows for part in table.live_parts(PLACE)] == [3, 106]
    assert compact(table) is None


def test_in_the_order_of_columns(table):
    table.append(rows(4, 2, symbol="A"))
    compact(table, order_by=["symbol", "file_id"])
    assert table.read_all()["symbol"].to_list() == ["A"] * 2 + ["S"] * 9


def test_a_replacement_that_was_faster_wins(table, monkeypatch):
    before = sorted(keys(table.read_all()))

    def rewrite(**_):
        raise CommitConflict("a part was replaced meanwhile")

    monkeypatch.setattr(table, "rewrite", rewrite)
    assert compact(table) is None
    assert sorted(keys(table.read_all())) == before


def test_of_many_partitions_only_those_that_were_replaced_meanwhile_stay_as_they_are(table):
    others = [{**PLACE, "date": f"2024-05-0{day}"} for day in (2, 3)]
    for place in others:
        for file_id in (5, 6):
            stored = table.store(rows(file_id, 2).drop("exchange", "date"), place)
            table.rewrite(add=[stored], remove=[])
    merged = [merge_partition(table, place, COLD, target_bytes=1 << 20) for place in (PLACE, *others)]
    replaced = table.live_parts(others[0])[0]
    table.rewrite(add=[table.store(rows(7, 1).drop("exchange", "date"), others[0])], remove=[replaced])
    assert put_in_place(table, merged) == [merged[0], merged[2]]
    assert [len(table.live_parts(place)) for place in (PLACE, *others)] == [1, 2, 1]
    assert not {part.path for part in merged[1].add} & table._stored.keys(), "what was written in vain is removed"


def test_of_two_partitions_the_one_that_was_not_replaced_is_put_in_place(table):
    other = {**PLACE, "date": "2024-05-02"}
    for file_id in (5, 6):
        table.rewrite(add=[table.store(rows(file_id, 2).drop("exchange", "date"), other)], remove=[])
    merged = [merge_partition(table, place, COLD, target_bytes=1 << 20) for place in (PLACE, other)]
    table.rewrite(add=[], remove=table.live_parts(other)[:1])
    assert put_in_place(table, merged) == merged[:1]
    assert table.spare() == set()


@pytest.mark.parametrize("befall", ["lost", "doubled", "changed"])
def test_rows_that_would_change_are_never_committed(table, monkeypatch, befall):
    before = sorted(keys(table.read_all()))
    store = table.store

    def stored(frame, partition):
        harmed = {
            "lost": frame.head(-1),
            "doubled": pl.concat([frame, frame.tail(1)]),
            "changed": frame.with_columns(file_seq=pl.when(pl.col("file_seq") == 2).then(7).otherwise("file_seq")),
        }
        return store(harmed[befall], partition)

    monkeypatch.setattr(table, "store", stored)
    with pytest.raises(LakeDamaged, match="would change rows"):
        compact(table)
    assert table.spare() == set(), "what was written in vain is removed"
    assert sorted(keys(table.read_all())) == before


@pytest.mark.parametrize("other", [-1, 1])
def test_a_data_file_that_holds_other_rows_than_the_log_says_is_left_alone(table, other):
    first = table.live_parts(PLACE)[0]
    table._live[first.path] = replace(first, rows=first.rows + other)
    with pytest.raises(LakeDamaged, match="would change rows"):
        compact(table)
    assert len(table.live_parts(PLACE)) == 3
    assert table.spare() == set()


def test_one_that_cannot_be_read_leaves_nothing_half_written(table, monkeypatch):
    read = table.rows_of

    def rows_of(part):
        if part.first_file_id == 3:
            raise LakeDamaged("a data file is gone")
        return read(part)

    monkeypatch.setattr(table, "rows_of", rows_of)
    with pytest.raises(LakeDamaged, match="is gone"):
        compact(table)
    assert table.spare() == set()


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        ("1 2 3", [3]),
        ("1111 2", [4, 1]),
        ("1 2222", [1, 4]),
        ("1 2 3333", [2, 4]),
        ("1111 2222 3333", [4, 4, 4]),
        ("111111111 222222222", [9, 9]),
        ("111 222 333", [6, 3]),
        ("111 222 333 444", [6, 6]),
        ("111 222 222", [9]),
        ("1122 222", [7]),
        ("1111 1122", [8]),
        ("11112222", [4, 4]),
        ("11122", [5]),
        ("1111111 1122", [7, 4]),
        ("11111111111", [11]),
        ("11111111111 1", [11, 1]),
    ],
)
def test_row_groups_end_where_files_end_as_far_as_that_is_worth_it(monkeypatch, said, groups):
    """``said`` has a digit for each row, the id of its file, and a space between what is read at a time."""
    monkeypatch.setattr(compaction, "LEAST_ROWS", 4)
    monkeypatch.setattr(compaction, "MOST_ROWS", 10)
    frames = [pl.concat([rows(int(file_id), 1) for file_id in read]) for read in said.split()]
    found = list(compaction._row_groups(iter(frames), "file_id"))
    assert [one.height for one in found] == groups
    assert pl.concat(found).equals(pl.concat(frames))


@pytest.mark.parametrize("sizes", [*itertools.product([0, 1, 5], repeat=3)])
def test_a_frame_of_many_files_is_cut_between_them(monkeypatch, sizes):
    monkeypatch.setattr(compaction, "LEAST_ROWS", 2)
    frame = pl.concat([rows(file_id, count) for file_id, count in enumerate(sizes, 1)])
    found = list(compaction._row_groups(iter([frame]), "file_id"))
    assert keys(pl.concat([frame.clear(), *found])) == keys(frame)
    assert all(one.height > 0 for one in found)


def test_a_long_file_is_cut_where_a_row_group_is_full(monkeypatch):
    monkeypatch.setattr(compaction, "LEAST_ROWS", 4)
    monkeypatch.setattr(compaction, "MOST_ROWS", 10)
    frames = [rows(1, count) for count in (6, 6, 3, 1, 1)]
    assert [one.height for one in compaction._row_groups(iter(frames), "file_id")] == [6, 10, 1]


def test_an_account_is_the_same_however_the_rows_are_cut():
    whole = pl.concat([rows(1, 40), rows(2, 30)])
    accounts = []
    for length in (70, 1, 7, 41):
        account = compaction._Account()
        for frame in whole.iter_slices(length):
            account.add(frame)
        accounts.append(account.files.rows())
    assert accounts[1:] == accounts[:-1]
    assert [(file_id, count) for file_id, count, _ in accounts[0]] == [(1, 40), (2, 30)]
    other = compaction._Account()
    other.add(whole.with_columns(file_seq=pl.col("file_seq") + 1))
    assert other.files.rows() != accounts[0]


@pytest.mark.parametrize("order_by", [["symbol"], ["symbol", "side"]])
def test_rows_that_are_equal_in_that_order_stay_as_they_were(table, order_by):
    table.append(rows(4, 300, symbol="A"))
    table.append(rows(5, 300, symbol="A"))
    compact(table, order_by=order_by)
    wanted = [*((4, seq) for seq in range(1, 301)), *((5, seq) for seq in range(1, 301))]
    assert keys(table.read_all())[:600] == wanted


def test_how_much_effort_a_partition_is_worth():
    """The figures of a lake of months stand on these (``test_size_tiers``)."""
    assert (COOL.ratio, COOL.most, COOL.lay_out) == (2, 8, True)
    assert (COLD.ratio, COLD.most, COLD.lay_out) == (2, 3, True)
    efforts = [while_hot(few) for few in (2, 8, 16)]
    assert [(one.ratio, one.most, one.lay_out) for one in efforts] == [(2, 32, False), (8, 32, False), (16, 64, False)]
