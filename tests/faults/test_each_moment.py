"""Maintenance and ingest, looked at and killed at every moment: readers, `verify` and the next start agree at each."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pointline_daemon.commands.lake.verify import audit
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.opening.prepare import prepare

from pointline.config import load_config
from tests.support.lake_check import (
    Rows,
    assert_exact,
    expect,
    file_content,
    file_name,
    find_doubled,
    put_file,
    read_manifest,
)
from tests.support.maintained import tend
from tests.support.moments import Taken, recorder

SHORT = 4
SEED = 3
DAYS = ("2024-05-01", "2024-05-02")
AT = 1_714_600_000.0
LOGS = ("_delta_log", ".checkpoint")
"""Folders of a table that hold no rows; in the second a checkpoint is made, and one that was killed stays."""


class Person:
    """Puts files into bronze; ``issue`` rises with each of a name."""

    def __init__(self, lake: Path) -> None:
        self.bronze = lake / "bronze"
        self._issues: dict[str, int] = {}

    def put(self, symbol: str, *, table: str = "trades", day: str = DAYS[0], rows: int = 12, bad: int = 0) -> None:
        name = file_name(table, symbol, day=day)
        self._issues[name] = issue = self._issues.get(name, 0) + 1
        content = file_content(name, rows, bad=range(1, bad + 1), issue=issue)
        put_file(self.bronze, name, content, modified_at=AT + 100 * issue)


def take_all(lake: Path) -> None:
    """One start, one batch with all that is new, as `run --once` does it."""
    opened = open_lake(load_config(lake, environ={}))
    prepare(opened)
    service, loader = opened.ingest()
    known = opened.manifest.entries()
    survey = opened.source.survey()
    service.absence.compare(survey, known)
    metas = [meta for path in survey["path"].sort() if (meta := opened.source.look(path)) is not None]
    batch, _ = service.begin(metas)
    if batch.entries:
        service.commit(batch, [loader.load(group) for group in batch.groups])


def fill(lake: Path, person: Person) -> None:
    """Partitions, ledger and quarantine have several data files, and some that nobody needs."""
    for number in range(3):
        person.put("AAA", bad=number)
        person.put(f"B{number}", day=DAYS[number % 2], bad=1)
        person.put(f"Q{number}", table="quotes", day=DAYS[number % 2])
        take_all(lake)


def change(person: Person) -> None:
    person.put("AAA", bad=2)
    person.put("B1", day=DAYS[1])
    person.put("NEW")
    person.put("Q0", table="quotes", bad=1)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Taken, dict[str, Rows]]]:
    """Maintenance, a batch with replacements, and maintenance again; with what each reader has to see meanwhile."""
    folder = tmp_path_factory.mktemp("moments")
    lake = folder / "lake"
    person = Person(lake)
    (lake / "bronze").mkdir(parents=True)
    (lake / "pointline.toml").write_text("[ingest]\nsettle_seconds = 0\n")
    fill(lake, person)
    found: list[tuple[Taken, dict[str, Rows]]] = []
    (folder / "copies").mkdir()
    with recorder(lake, folder / "copies") as taking:

        def record(act: Callable[[], None]) -> None:
            before = len(taking.taken)
            with taking.recording():
                act()
            settled = expect(lake / "bronze")
            found.extend((one, settled) for one in taking.taken[before:])

        record(lambda: tend(open_lake(load_config(lake, environ={}))))
        change(person)
        record(lambda: take_all(lake))
        record(lambda: tend(open_lake(load_config(lake, environ={}))))
    return found


def is_half_in(taken: Taken) -> bool:
    """A batch is under way: some files are pending, or what is in is not recorded yet."""
    statuses = set(read_manifest(taken.lake)["status"])
    return "pending" in statuses or batch_is_ahead(taken.lake)


def batch_is_ahead(lake: Path) -> bool:
    opened = open_lake(load_config(lake, environ={}))
    recorded = opened.manifest.last_batch()
    return any(table.last_batch() > recorded for table in (*opened.events.values(), opened.quarantine))


def check(taken: Taken, settled: dict[str, Rows]) -> None:
    lake = taken.lake
    assert [one for one in find_doubled(lake) if one[0] != "quarantine"] == [], taken.what
    is_settled = not is_half_in(taken) and {*read_manifest(lake)["bronze_file_path"]} >= {*settled}
    report = audit(open_lake(load_config(lake, environ={})))
    told = [finding.as_json() for finding in report.findings]
    # Nobody runs who would bring the ledger up: that is said. Else the copy of a moment is a sound lake.
    assert [one for one in told if one["kind"] not in {"manifest_behind", "bronze_changed"}] == [], taken.what
    if is_settled and not told:
        assert_exact(lake, settled)
    take_all(lake)
    assert_exact(lake, settled)
    opened = open_lake(load_config(lake, environ={}))
    tend(opened)
    assert_exact(lake, settled)
    assert audit(open_lake(load_config(lake, environ={})), data=True).findings == []
    for table in (opened.manifest.repository, opened.quarantine, *opened.events.values()):
        files = {path.relative_to(table.path).as_posix() for path in table.path.rglob("*.parquet")}
        assert {path for path in files if not path.startswith(LOGS)} == table.live_paths(), taken.what
        assert [path.name for path in (table.path / "_delta_log").iterdir() if path.name.startswith(".")] == []


def copied_over_time(early: Taken, late: Taken, folder: Path) -> Path:
    """A copy by ``cp -a`` that took from one moment to the other: data files first, and the logs last."""
    copy = folder / early.lake.name
    shutil.copytree(early.lake, copy)
    shutil.rmtree(copy / "bronze")
    shutil.copytree(late.lake / "bronze", copy / "bronze")
    for table in (copy / "silver").iterdir():
        shutil.rmtree(table / "_delta_log")
        shutil.copytree(late.lake / "silver" / table.name / "_delta_log", table / "_delta_log")
    return copy


def a_batch(moments: list[tuple[Taken, dict[str, Rows]]]) -> list[Taken]:
    """The moments of the batch between the two passes of maintenance."""
    ends = [number for number, (taken, _) in enumerate(moments) if taken.what == "the end"]
    return [taken for taken, _ in moments[ends[0] + 1 : ends[1] + 1]]


def test_a_copy_that_takes_a_batch_heals(moments, tmp_path):
    """Guards against a ledger whose log names data files that came after they were copied."""
    batch = a_batch(moments)
    settled = expect(batch[-1].lake / "bronze")
    for early in (0, len(batch) // 3, len(batch) // 2):
        copy = copied_over_time(batch[early], batch[-1], tmp_path)
        take_all(copy)
        take_all(copy)
        assert_exact(copy, settled)
        assert audit(open_lake(load_config(copy, environ={})), data=True).findings == []


def test_at_some_moments(moments):
    for taken, settled in random.Random(SEED).sample(moments, SHORT):
        check(taken, settled)


@pytest.mark.soak
def test_at_every_moment(moments):
    print(f"{len(moments)} moments")
    for taken, settled in moments:
        check(taken, settled)
