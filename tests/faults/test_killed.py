"""``kill -9`` at every boundary of DESIGN §3: the half-done state is proven, then a start has to mend it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pointline_daemon.opening.lake import open_lake

from pointline.config import load_config
from tests.support.kill import Moment, run_once, run_until
from tests.support.lake_check import (
    HEADERS,
    assert_exact,
    batch_of,
    expect,
    file_content,
    file_name,
    find_doubled,
    ids_by_version,
    put_file,
    read_manifest,
    read_table,
)
from tests.support.maintained import tend

EXIT_FINDINGS = 1
"""One of the files has no good row at all and is quarantined."""

MINT = "manifest.resolve_file_ids"
RECORD = "manifest.update_statuses"
SET_ASIDE = "quarantine.set_aside"
FORGET = "quarantine.forget"
QUOTES = "events.quotes.commit"
TRADES = "events.trades.commit"
PART = "events.trades.part_writer"


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDone:
    """What a killed run left. Batch numbers are relative to what the lake had before it."""

    statuses: dict[str, int]
    batches: dict[str, int]
    quarantine_rows: int
    orphans: int


def look(lake: Path, before: dict[str, int]) -> HalfDone:
    manifest = read_manifest(lake)
    statuses = dict(manifest["status"].value_counts().iter_rows()) if "status" in manifest.columns else {}
    orphans = 0
    for table in HEADERS:
        folder = lake / "silver" / table
        if DeltaTable.is_deltatable(str(folder)):
            live = {(folder / path).resolve() for path in DeltaTable(folder).file_uris()}
            orphans += len({path.resolve() for path in folder.rglob("*.parquet")} - live)
    return HalfDone(
        statuses=statuses,
        batches={name: batch - before[name] for name, batch in batches(lake).items()},
        quarantine_rows=read_table(lake, "quarantine").height,
        orphans=orphans,
    )


def batches(lake: Path) -> dict[str, int]:
    return {name: batch_of(lake, name) for name in (*HEADERS, "quarantine", "ingest_manifest")}


def fill_first(bronze: Path) -> None:
    """Two tables, two days, bad rows, a file of nothing else, and a copy."""
    at = 1_714_600_000.0
    second_day = file_name("trades", "AAA", day="2024-05-02")
    for name, rows, bad in (
        (file_name("trades", "AAA"), 5, []),
        (file_name("trades", "BBB"), 4, [2]),
        (second_day, 3, []),
        (file_name("quotes", "AAA"), 3, [3]),
        (file_name("quotes", "BBB"), 2, [1, 2]),
    ):
        put_file(bronze, name, file_content(name, rows, bad=bad), modified_at=at)
    put_file(bronze / "copy", second_day, file_content(second_day, 3), modified_at=at)


def fill_second(bronze: Path) -> None:
    """A replacement in either table, the one with a bad row, and something new."""
    at = 1_714_700_000.0
    for name, rows, bad, issue in (
        (file_name("trades", "AAA"), 6, [6], 2),
        (file_name("quotes", "AAA"), 4, [], 2),
        (file_name("quotes", "CCC"), 3, [1], 1),
        (file_name("trades", "CCC", day="2024-05-02"), 3, [], 1),
    ):
        put_file(bronze, name, file_content(name, rows, bad=bad, issue=issue), modified_at=at)


FIRST_QUARANTINE = 4
SECOND_QUARANTINE = 2


def make_lake(root: Path) -> Path:
    fill_first(root / "bronze")
    (root / "pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    return root


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that has the first files."""
    lake = make_lake(tmp_path_factory.mktemp("settled") / "lake")
    ran = run_once(lake)
    assert ran.returncode == EXIT_FINDINGS, ran.stdout + ran.stderr
    assert_exact(lake, expect(lake / "bronze"))
    return lake


def kill(lake: Path, moment: Moment) -> HalfDone:
    """Let a run die and return what it left; rows never stand in silver twice, half done or not."""
    before = batches(lake) if (lake / "silver").exists() else dict.fromkeys((*HEADERS, "quarantine"), -1)
    before.setdefault("ingest_manifest", -1)
    ran = run_until(lake, moment)
    assert ran.returncode == -signal.SIGKILL, f"never came to {moment}:\n{ran.stdout}{ran.stderr}"
    assert [one for one in find_doubled(lake) if one[0] != "quarantine"] == []
    return look(lake, before)


def mend(lake: Path, *, starts: int = 1) -> None:
    """Start again: everything is there once, under the ids it had."""
    ids = ids_by_version(lake)
    for _ in range(starts):
        ran = run_once(lake)
        assert ran.returncode == EXIT_FINDINGS, ran.stdout + ran.stderr
        assert_exact(lake, expect(lake / "bronze"), ids)


def nothing_but(**statuses: int) -> Callable[[HalfDone], bool]:
    return lambda found: (
        found.statuses == statuses
        and not any(found.batches[name] > 0 for name in ("trades", "quotes", "ingest_manifest"))
    )


def silver_has(*tables: str) -> Callable[[HalfDone], bool]:
    """The batch is in these tables, not in the others, and the manifest does not know."""

    def proven(found: HalfDone) -> bool:
        return (
            "pending" in found.statuses
            and found.batches["ingest_manifest"] == 0
            and {name for name in HEADERS if found.batches[name] > 0} == set(tables)
        )

    return proven


def and_quarantine(proven: Callable[[HalfDone], bool], rows: int) -> Callable[[HalfDone], bool]:
    return lambda found: proven(found) and found.quarantine_rows == rows


def and_orphans(proven: Callable[[HalfDone], bool], least: int) -> Callable[[HalfDone], bool]:
    return lambda found: proven(found) and found.orphans >= least


def is_done(found: HalfDone) -> bool:
    return "pending" not in found.statuses and found.batches["ingest_manifest"] > 0


ALL_PENDING = nothing_but(pending=6)


def name_case(value: object) -> str:
    return str(value) if isinstance(value, Moment) else ""


FIRST: list[tuple[Moment, Callable[[HalfDone], bool]]] = [
    (Moment("events.trades.create", "before"), lambda found: found.statuses == {}),
    (Moment(MINT, "before"), lambda found: found.statuses == {}),
    (Moment(MINT, "after"), ALL_PENDING),
    (Moment(f"{PART}.write", "before"), ALL_PENDING),
    (Moment(f"{PART}.write", "after"), and_orphans(ALL_PENDING, 1)),
    (Moment(f"{PART}.close", "before"), and_orphans(ALL_PENDING, 1)),
    (Moment(f"{PART}.close", "after", 2), and_orphans(ALL_PENDING, 2)),
    (Moment(SET_ASIDE, "before"), and_quarantine(and_orphans(silver_has(), 3), 0)),
    (Moment(SET_ASIDE, "after"), and_quarantine(silver_has(), FIRST_QUARANTINE)),
    (Moment(QUOTES, "before"), and_quarantine(silver_has(), FIRST_QUARANTINE)),
    (Moment(QUOTES, "after"), and_quarantine(silver_has("quotes"), FIRST_QUARANTINE)),
    (Moment(TRADES, "before"), and_quarantine(silver_has("quotes"), FIRST_QUARANTINE)),
    (Moment(TRADES, "after"), and_quarantine(silver_has("quotes", "trades"), FIRST_QUARANTINE)),
    (Moment(RECORD, "before"), and_quarantine(silver_has("quotes", "trades"), FIRST_QUARANTINE)),
    (Moment(RECORD, "after"), is_done),
]


@pytest.mark.parametrize(("moment", "proven"), FIRST, ids=name_case)
@pytest.mark.share(3)
def test_killed_while_files_come_in(moment, proven, tmp_path):
    """Guards the order of effects and recovery: mint, parts, quarantine, silver, manifest."""
    lake = make_lake(tmp_path / "lake")
    found = kill(lake, moment)
    assert proven(found), found
    mend(lake)


ALL_OLD = {"success": 4, "quarantined": 1, "duplicate": 1}
OLD_PENDING = nothing_but(**ALL_OLD, pending=4)
BOTH_QUARANTINES = FIRST_QUARANTINE + SECOND_QUARANTINE

SECOND: list[tuple[Moment, Callable[[HalfDone], bool]]] = [
    (Moment(MINT, "after"), OLD_PENDING),
    (Moment(f"{PART}.close", "after", 2), and_orphans(OLD_PENDING, 2)),
    # The third part holds what stays of the part that the replaced file shared.
    (Moment(f"{PART}.close", "after", 3), and_orphans(silver_has("quotes"), 3)),
    (Moment(SET_ASIDE, "after"), and_quarantine(silver_has(), BOTH_QUARANTINES)),
    (Moment(QUOTES, "after"), and_quarantine(silver_has("quotes"), BOTH_QUARANTINES)),
    (Moment(TRADES, "after"), and_quarantine(silver_has("quotes", "trades"), BOTH_QUARANTINES)),
    (Moment(RECORD, "after"), is_done),
]


@pytest.mark.parametrize(("moment", "proven"), SECOND, ids=name_case)
@pytest.mark.share(3)
def test_killed_while_files_are_replaced(moment, proven, settled, tmp_path):
    """Guards the commit that takes old rows out and new ones in at once, and its replay into the manifest."""
    lake = shutil.copytree(settled, tmp_path / "lake")
    fill_second(lake / "bronze")
    found = kill(lake, moment)
    assert proven(found), found
    mend(lake)
    superseded = read_manifest(lake).filter(status="superseded")
    assert sorted(superseded["bronze_file_path"]) == [file_name("quotes", "AAA"), file_name("trades", "AAA")]


RECOVERIES = [
    (fill_first, [Moment(SET_ASIDE, "after"), Moment(FORGET, "before"), Moment(FORGET, "after")]),
    (fill_first, [Moment(QUOTES, "after"), Moment(FORGET, "after"), Moment(RECORD, "before"), Moment(RECORD, "after")]),
    (fill_second, [Moment(TRADES, "after"), Moment(RECORD, "before"), Moment(RECORD, "after")]),
    (fill_second, [Moment(QUOTES, "after"), Moment(RECORD, "after"), Moment(TRADES, "after"), Moment(RECORD, "after")]),
]


@pytest.mark.parametrize(
    ("fill", "moments"),
    RECOVERIES,
    ids=lambda value: "+".join(map(str, value)) if isinstance(value, list) else value.__name__,
)
@pytest.mark.share(3)
def test_killed_again_while_it_recovers(fill, moments, settled, tmp_path):
    """Guards that every step of recovery can be repeated: the quarantine's, then the manifest's."""
    if fill is fill_first:
        lake = make_lake(tmp_path / "lake")
    else:
        lake = shutil.copytree(settled, tmp_path / "lake")
        fill(lake / "bronze")
    ids = {}
    for moment in moments:
        kill(lake, moment)
        now = ids_by_version(lake)
        assert ids.items() <= now.items()
        ids = now
    mend(lake)


def test_replaced_while_it_was_down(tmp_path):
    """Guards against an old version that comes back: minted, killed, replaced in bronze, then started."""
    lake = make_lake(tmp_path / "lake")
    kill(lake, Moment(QUOTES, "after"))
    fill_second(lake / "bronze")
    mend(lake, starts=2)


@pytest.fixture(scope="session")
def grown(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose partitions, ledger and quarantine have several parts, and some that nobody needs."""
    lake = shutil.copytree(settled, tmp_path_factory.mktemp("grown") / "lake")
    fill_second(lake / "bronze")
    mend(lake)
    put_file(lake / "bronze", file_name("trades", "DDD"), file_content(file_name("trades", "DDD"), 3))
    mend(lake)
    return lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Halfway:
    """What maintenance had done to the tables when it was killed. Counts of all tables together."""

    live: dict[str, int]
    spare: int
    """Parts that no version needs any more, or not yet."""
    staged: int
    checkpoints: int
    entries: int


def look_at_upkeep(lake: Path) -> Halfway:
    tables = [path.parent for path in (lake / "silver").glob("*/_delta_log")]
    live = {table.name: len(DeltaTable(table).file_uris()) for table in tables}
    files = [path for path in (lake / "silver").rglob("*.parquet") if path.parent.name != "_delta_log"]
    logged = [path for table in tables for path in (table / "_delta_log").iterdir()]
    return Halfway(
        live=live,
        spare=len(files) - sum(live.values()),
        staged=sum(path.name.startswith(".") for path in logged),
        checkpoints=sum(path.name.endswith(".checkpoint.parquet") for path in logged),
        entries=sum(path.suffix == ".json" for path in logged),
    )


Proof = Callable[[Halfway, Halfway], bool]


def merged(*tables: str, spare: int = 0, staged: int = 0) -> Proof:
    """These tables have fewer parts and the others what they had; so many files more are spare, so many staged."""
    return lambda before, now: (
        {name for name in before.live if now.live[name] < before.live[name]} == set(tables)
        and now.spare - before.spare >= spare
        and now.staged == staged
        and now.checkpoints == 0
    )


def summed_up(checkpoints: int, *, cleaned: bool) -> Proof:
    return lambda before, now: now.checkpoints == checkpoints and (now.entries < before.entries) is cleaned


def vacuumed(files: int) -> Proof:
    return lambda before, now: now.live == before.live and before.spare - now.spare == files


MAINTENANCE: list[tuple[str, Moment, Proof]] = [
    ("compact", Moment(f"{PART}.close", "after"), merged(spare=1)),
    ("compact", Moment("disk.link", "before"), merged(spare=1, staged=1)),
    ("compact", Moment("disk.link", "after"), merged(spare=1, staged=1)),
    ("compact", Moment("disk.link", "after", 2), merged("trades", spare=4, staged=1)),
    ("compact", Moment("events.trades.rewrite", "after"), merged("trades", spare=3)),
    ("compact", Moment("disk.link", "before", 2), merged(spare=3, staged=1)),
    ("merge", Moment("ledger.commit_parts", "before"), merged(spare=1)),
    ("merge", Moment("ledger.commit_parts", "after"), merged("ingest_manifest", spare=2)),
    ("checkpoint", Moment("delta.create_checkpoint", "after"), summed_up(0, cleaned=False)),
    ("checkpoint", Moment("upkeep._drop_entries_before", "after"), summed_up(1, cleaned=True)),
    ("vacuum", Moment("disk.unlink", "after"), vacuumed(1)),
]


@pytest.mark.parametrize(("step", "moment", "proven"), MAINTENANCE, ids=name_case)
@pytest.mark.share(3)
def test_killed_while_it_is_maintained(step, moment, proven, grown, tmp_path):
    """Guards that maintenance takes nothing away before what stands in for it is there, and can be begun again."""
    lake = shutil.copytree(grown, tmp_path / "lake")
    before = look_at_upkeep(lake)
    ran = run_until(lake, moment, step)
    assert ran.returncode == -signal.SIGKILL, f"never came to {moment}:\n{ran.stdout}{ran.stderr}"
    found = look_at_upkeep(lake)
    assert proven(before, found), (before, found)
    assert_exact(lake, expect(lake / "bronze"))
    put_file(lake / "bronze", file_name("trades", "EEE"), file_content(file_name("trades", "EEE"), 3))
    mend(lake)
    assert look_at_upkeep(lake).staged == 0
    tend(open_lake(load_config(lake, environ={})))
    assert_exact(lake, expect(lake / "bronze"))
    assert look_at_upkeep(lake).spare == 0
