"""Ledger against tables, and what makes them agree again: over fakes."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import Discovery, Outcome
from pointline.services.audit.healing import Healing, heal, plan_healing, plan_rereading
from pointline.services.audit.reconcile import Disagreement, compare_quarantine, compare_tables, describe
from pointline.services.ingest.change import Change, commit_change
from pointline.tables import quarantine as quarantine_table
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables
from tests.support.fakes import MemoryBronze, MemoryEventTable, MemoryManifest, MemoryQuarantine
from tests.unit.test_compaction import PLACE, rows
from tests.unit.test_verdict import META

WHERE = tuple(PLACE.items())


class Lake:
    """Three files of trades with two rows each, one of which has a quarantined row as well."""

    def __init__(self) -> None:
        self.bronze = MemoryBronze()
        self.manifest = MemoryManifest()
        self.quarantine = MemoryQuarantine()
        self.tables = {name: MemoryEventTable(event_tables()[name]) for name in ("trades", "quotes")}
        metas = [self.bronze.drop(replace(META, bronze_file_path=path), b"x") for path in "abc"]
        self.manifest.resolve_file_ids(metas)
        outcomes = [
            Outcome(file_id=one, status=Status.SUCCESS, rows_read=2 + aside, rows_written=2, rows_quarantined=aside)
            for one, aside in ((1, 0), (2, 0), (3, 1))
        ]
        trades = self.tables["trades"]
        parts = [trades.store(rows(one, 2).drop("exchange", "date"), PLACE) for one in (1, 2, 3)]
        found = {one: Discovery(meta=meta, created_at_us=1) for one, meta in enumerate(metas, 1)}
        self.quarantine.set_aside(0, aside(3))
        commit_change(trades, 0, Change(add=parts, outcomes=outcomes, found=found))
        self.manifest.update_statuses(outcomes, batch=0)

    def plan(self, broken: str = ""):
        def fault_of(table, part):
            return ("gone", "it is not there") if part.path == broken else None

        tables = compare_tables(self.manifest, self.tables, fault_of)
        return plan_healing(self.manifest, self.bronze, tables, compare_quarantine(self.manifest, self.quarantine))

    def heal(self, broken: str = "") -> None:
        heal(self.plan(broken), self.manifest, self.quarantine, self.tables)

    def statuses(self) -> str:
        return " ".join(str(row["status"]) for row in self.manifest.rows)

    def held(self) -> dict[int, int]:
        counts = self.tables["trades"].read_all().group_by("file_id").len()
        return dict(sorted(counts.iter_rows()))


def success_of_two(file_id: int) -> Outcome:
    return Outcome(file_id=file_id, status=Status.SUCCESS, rows_read=2, rows_written=2)


def aside(*ids: int) -> pl.DataFrame:
    facts = pl.DataFrame({"file_id": ids, "file_seq": [3] * len(ids), "rule": ["ragged"] * len(ids)})
    return facts.select(
        pl.col(name).cast(kind) if name in facts.columns else pl.lit(None, kind).alias(name)
        for name, kind in quarantine_table.SCHEMA.items()
    )


@pytest.fixture
def lake() -> Lake:
    return Lake()


def test_what_agrees_is_left_alone(lake, monkeypatch):
    """Guards the first look as well: no row is read where the numbers agree."""
    for table in lake.tables.values():
        monkeypatch.setattr(table, "rows_of", pytest.fail)
    plan = lake.plan()
    assert plan.is_empty
    assert plan.doubts == []


@pytest.mark.parametrize("facts", [{"data_type": "quotes"}, {"exchange": "okx"}, {"date": dt.date(2024, 5, 2)}])
def test_only_files_of_that_place_are_missed_there(lake, facts):
    """Of another table, exchange and day no rows are there either."""
    meta = lake.bronze.drop(replace(META, bronze_file_path="d", **facts), b"x")
    lake.manifest.resolve_file_ids([meta])
    lake.manifest.update_statuses([Outcome(file_id=4, status=Status.SUCCESS, rows_read=2, rows_written=2)])
    place = {"exchange": meta.exchange, "date": str(meta.date)}
    table, come = lake.tables[meta.data_type], rows(4, 2)
    columns = [name if name in come.columns else pl.lit(None).alias(name) for name in table.read_all().columns]
    stored = table.store(come.select(columns).drop("exchange", "date"), place)
    commit_change(table, 1, Change(add=[stored]))
    assert lake.plan().is_empty
    del lake.tables["trades"]._live["part-0"]
    plan = lake.plan()
    assert (dict(plan.reread), {**plan.tables}.keys()) == ({1: "a"}, {"trades"})
    assert plan.tables["trades"].leaving == {}


def test_rows_that_are_missing_are_read_again(lake):
    del lake.tables["trades"]._live["part-0"]
    plan = lake.plan()
    assert (dict(plan.reread), plan.doubts) == ({1: "a"}, [])
    assert plan.reasons[1] == "0 of its 2 rows are there"
    lake.heal()
    assert (lake.statuses(), lake.held()) == ("pending success success", {2: 2, 3: 2})
    assert lake.plan().is_empty


def test_rows_that_are_there_twice(lake):
    trades = lake.tables["trades"]
    trades.append(rows(2, 2))
    assert lake.plan().reasons[2] == "4 of its 2 rows are there, some twice"
    lake.heal()
    assert (lake.statuses(), lake.held()) == ("success pending success", {1: 2, 3: 2})


def test_a_row_that_is_there_in_the_place_of_another(lake):
    """The numbers agree; it is met where something else of the partition does not."""
    trades = lake.tables["trades"]
    trades._stored["part-1"] = trades._stored["part-1"].with_columns(file_seq=pl.lit(1, pl.Int64))
    del trades._live["part-0"]
    assert lake.plan().reasons == {1: "0 of its 2 rows are there", 2: "2 of its 2 rows are there, some twice"}
    lake.heal()
    assert (lake.statuses(), lake.held()) == ("pending pending success", {3: 2})


def test_rows_of_a_file_that_the_ledger_has_out_leave(lake):
    lake.manifest.update_statuses([Outcome.superseded(1, by=2)])
    plan = lake.plan()
    assert (dict(plan.reread), plan.doubts, plan.tables["trades"].leaving) == ({}, [], {WHERE: [1]})
    lake.heal()
    assert (lake.statuses(), lake.held()) == ("superseded success success", {2: 2, 3: 2})


def test_rows_of_strangers_take_a_word(lake):
    lake.tables["trades"].append(rows(9, 2))
    plan = lake.plan()
    assert plan.doubts == ["silver has rows of 1 file that neither the ledger nor the logs know"]
    assert list(describe(plan.tables)) == [
        "trades: 1 file has rows that must not be there, 1 of them is a file that the ledger does not know"
    ]


def test_rows_of_strangers_where_the_ledger_has_nothing(lake):
    table = lake.tables["trades"]
    other = {**PLACE, "date": "2024-06-01"}
    table.rewrite(add=[table.store(rows(9, 2).drop("exchange", "date"), other)], remove=[])
    plan = lake.plan()
    assert plan.tables["trades"].leaving == {tuple(other.items()): [9]}
    assert plan.tables["trades"].strangers == {9: 2}


def test_a_broken_data_file_goes_and_its_files_are_read_again(lake):
    plan = lake.plan("part-1")
    assert (dict(plan.reread), [part.path for part in plan.tables["trades"].broken]) == ({2: "b"}, ["part-1"])
    lake.heal("part-1")
    assert (lake.statuses(), lake.held()) == ("success pending success", {1: 2, 3: 2})


def test_what_bronze_has_no_more_is_lost_and_said(lake):
    del lake.tables["trades"]._live["part-0"]
    del lake.bronze.files["a"]
    plan = lake.plan()
    assert (dict(plan.lost), dict(plan.reread)) == ({1: "a"}, {})
    assert plan.doubts == ["rows of 1 file are lost, and bronze no longer has that version of it"]
    lake.heal()
    assert lake.statuses() == "gone success success"
    assert "bronze no longer has this version" in str(lake.manifest.rows[0]["error"])
    assert lake.plan().is_empty


def lose_a_row(lake: Lake) -> None:
    """Of the two rows of the first file."""
    trades = lake.tables["trades"]
    trades._stored["part-0"] = trades._stored["part-0"].head(1)
    trades._live["part-0"] = replace(trades._live["part-0"], rows=1)


def take_from(lake: Lake, path: str, how: str) -> None:
    if how == "deleted":
        del lake.bronze.files[path]
    else:
        cut = lake.bronze.drop(replace(META, bronze_file_path=path), b"cut off")
        lake.manifest.resolve_file_ids([cut])
        newest = len(lake.manifest.rows)
        lake.manifest.update_statuses([Outcome(file_id=newest, status=Status.QUARANTINED, error="cut off")])


HOWS = pytest.mark.parametrize("how", ["deleted", "another version at its path"])


@HOWS
def test_what_is_left_of_a_file_that_cannot_be_read_again_stays(lake, how):
    lose_a_row(lake)
    take_from(lake, "a", how)
    assert (dict(lake.plan().lost), dict(lake.plan().reread)) == ({1: "a"}, {})
    lake.heal()
    row = lake.manifest.rows[0]
    assert (lake.statuses()[:23], lake.held()) == ("success success success", {1: 1, 2: 2, 3: 2})
    assert (row["rows_read"], row["rows_written"], row["rows_quarantined"]) == (1, 1, 0)
    assert "1 of 2 rows were lost" in str(row["error"])
    assert lake.plan().is_empty


@HOWS
def test_rows_stay_where_only_quarantined_ones_are_lost(lake, how):
    lake.quarantine.forget([3])
    take_from(lake, "c", how)
    assert lake.plan().doubts
    lake.heal()
    row = lake.manifest.rows[2]
    assert (lake.statuses()[:23], lake.held()) == ("success success success", {1: 2, 2: 2, 3: 2})
    assert (row["rows_read"], row["rows_written"], row["rows_quarantined"]) == (2, 2, 0)
    assert lake.plan().is_empty


def test_a_version_that_is_still_to_be_read_needs_no_word(lake):
    """It may take the place of what is left; until then that stays."""
    lose_a_row(lake)
    lake.bronze.drop(replace(META, bronze_file_path="a"), b"new")
    plan = lake.plan()
    assert (plan.doubts, dict(plan.reread), plan.is_empty) == ([], {}, False)
    lake.heal()
    assert (lake.statuses(), lake.held()) == ("success success success", {1: 1, 2: 2, 3: 2})
    assert lake.plan().is_empty


@HOWS
def test_a_copy_in_bronze_is_read_in_its_place(lake, how):
    copy = lake.bronze.drop(replace(META, bronze_file_path="copy"), b"x")
    lake.manifest.resolve_file_ids([copy])
    lake.manifest.update_statuses([Outcome.duplicate(4, content_hash=None, of=1)])
    lose_a_row(lake)
    take_from(lake, "a", how)
    plan = lake.plan()
    assert (dict(plan.lost), dict(plan.reread), plan.doubts) == ({}, {4: "copy"}, [])
    lake.heal()
    assert (lake.statuses()[:28], lake.held()) == ("gone success success pending", {2: 2, 3: 2})
    assert lake.plan().is_empty


def test_quarantine_that_lacks_rows_has_the_whole_file_read_again(lake):
    lake.quarantine.forget([3])
    assert lake.plan().reasons[3] == "0 of its 1 quarantined rows are there"
    lake.heal()
    assert (lake.statuses(), lake.held()) == ("success success pending", {1: 2, 2: 2})
    assert lake.plan().is_empty


def test_quarantine_that_has_too_much(lake):
    lake.quarantine.append(aside(7))
    assert list(lake.plan().quarantine_extra) == [7]
    lake.heal()
    assert lake.quarantine.rows_per_file()["file_id"].to_list() == [3]


def test_each_table_has_a_batch_of_its_own(lake):
    lake.manifest.update_statuses([Outcome.put_off(1, error="")], batch=5)
    lake.manifest.update_statuses([success_of_two(1)])
    del lake.tables["trades"]._live["part-0"]
    lake.tables["trades"].append(rows(9, 1))
    lake.heal()
    assert lake.tables["trades"].last_batch() == 6
    assert lake.manifest.last_batch() == 7
    assert lake.held() == {2: 2, 3: 2}


def test_a_commit_tells_what_it_makes_true(lake):
    """A crash behind it is mended by that: 1 has left this table, of 3 the rows alone are told to leave."""
    del lake.tables["trades"]._live["part-0"]
    lake.tables["trades"].append(rows(2, 1))
    lake.quarantine.forget([3])
    lake.heal()
    told = {one.file_id: one.status for one in lake.tables["trades"].batches_after(0)[0].outcomes}
    assert told == {1: Status.PENDING, 2: Status.PENDING}
    assert (lake.statuses(), lake.held()) == ("pending pending pending", {})


def test_a_part_of_several_files_keeps_the_others(lake):
    trades = lake.tables["trades"]
    both = pl.concat([rows(4, 2), rows(5, 2)]).drop("exchange", "date")
    commit_change(trades, 1, Change(add=[trades.store(both, PLACE)]))
    commit_change(trades, 2, Change(leaving={WHERE: [4]}))
    assert lake.held() == {1: 2, 2: 2, 3: 2, 5: 2}
    assert list(commit_change(trades, 2, Change(leaving={WHERE: [5]}))) == []
    assert lake.held() == {1: 2, 2: 2, 3: 2, 5: 2}, "the batch is in already"


@pytest.mark.parametrize(
    "facts",
    [
        {"tables": {"trades": Disagreement()}},
        {"quarantine_extra": [1]},
        {"reread": {1: "a"}},
        {"lost": {1: "a"}},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_whatever_is_to_be_done_is_no_empty_plan(facts):
    assert Healing(tables={}).is_empty
    assert not Healing(**{"tables": {}, **facts}).is_empty


@pytest.mark.parametrize("field", ["reread", "leaving", "broken"])
def test_whatever_disagrees_is_no_agreement(field):
    one = Disagreement()
    assert one.is_empty
    filled = {"reread": {1: "a"}, "leaving": {WHERE: [1]}, "broken": [object()]}[field]
    setattr(one, field, filled)
    assert not one.is_empty


def test_files_of_which_no_symbol_is_kept_are_read_again(lake):
    tables = compare_tables(lake.manifest, lake.tables, lambda *_: None)
    del lake.bronze.files["b"]
    plan = plan_healing(lake.manifest, lake.bronze, tables, unsaid={1: "not kept", 2: "not kept"})
    assert (dict(plan.reread), dict(plan.lost), plan.reasons) == ({1: "a"}, {2: "b"}, {1: "not kept", 2: "not kept"})


@pytest.mark.parametrize("status", list(Status))
def test_files_that_shall_be_read_again(lake, status):
    """Only what has its place: who is history, or waits anyway, is left alone."""
    lake.manifest.update_statuses([Outcome(file_id=1, status=status), Outcome(file_id=2, status=status)])
    del lake.bronze.files["b"]
    plan = plan_rereading(lake.manifest, lake.bronze, {1: "moved", 2: "moved", 9: "unknown"})
    is_meant = status in {Status.SUCCESS, Status.QUARANTINED, Status.DUPLICATE}
    assert (dict(plan.reread), dict(plan.lost)) == (({1: "a"}, {2: "b"}) if is_meant else ({}, {}))
    assert (plan.tables, plan.reasons[1], plan.quarantine_extra) == ({}, "moved", ())
