"""A file issued again replaces its old rows in one commit: no reader sees both versions, or neither."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from msgspec.structs import replace
from pointline_daemon.opening.lake import Lake, open_lake

from pointline.config import load_config
from pointline.errors import CommitConflict
from pointline.services.compaction import Compacted
from pointline.services.ingest.effects import Committed, IngestService
from pointline.services.loading.load import Loader
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file, read_manifest, read_table
from tests.support.maintained import TO_ONE, compact_partition
from tests.support.waiting import wait_until

ISSUES = 6
ISSUES_FOR_LONG = 60
PARTITION = {"exchange": "binance", "date": "2024-05-01"}
NAME = file_name("trades", "AGAIN")
OTHERS = [file_name("trades", f"S{number}") for number in range(4)]
SECONDS = 30.0


class Ingest:
    """A lake that is fed by hand, one batch at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bronze = root / "bronze"
        self.lake: Lake = open_lake(load_config(root, environ={"POINTLINE_INGEST__MIN_REPLACEMENT_SHARE": "0"}))
        self.lake.create()
        self._service, self._loader = self.parts_of(self.lake)

    @staticmethod
    def parts_of(lake: Lake) -> tuple[IngestService, Loader]:
        return lake.ingest()

    def put(self, *names: str, rows: int = 5, issue: int = 1) -> None:
        for name in names:
            put_file(self.bronze, name, file_content(name, rows, issue=issue), modified_at=1_700_000_000 + issue)

    def take(self, *names: str, lake: Lake | None = None) -> Committed:
        """Bring these files in; ``lake`` may have other adapters. A conflict is tried again, as the committer does."""
        service, loader = (self._service, self._loader) if lake is None else lake.ingest()
        batch, _ = service.begin([meta for name in names if (meta := self.lake.source.look(name)) is not None])
        loaded = [loader.load(group) for group in batch.groups]
        while True:
            with contextlib.suppress(CommitConflict):
                return service.commit(batch, loaded)

    def compact(self, table: object | None = None) -> Compacted | None:
        repository = table or self.lake.events["trades"]
        return compact_partition(repository, PARTITION, TO_ONE, target_bytes=1 << 20)

    def live_parts(self) -> int:
        return len(self.lake.events["trades"].live_parts(PARTITION))


@pytest.fixture
def ingest(tmp_path):
    return Ingest(tmp_path / "lake")


def by_scan(folder: Path) -> pl.DataFrame:
    return pl.scan_delta(str(folder)).filter(pl.col("symbol") == "AGAIN").select("file_id").collect()


def by_handle(folder: Path) -> pl.DataFrame:
    rows = DeltaTable(folder).to_pyarrow_table(columns=["symbol", "file_id"])
    return pl.DataFrame(rows).filter(pl.col("symbol") == "AGAIN").select("file_id")


Seen = Counter[tuple[tuple[int, int], ...]]
"""How often each ``((file_id, rows), ...)`` of the symbol was seen."""


@contextlib.contextmanager
def reading(root: Path) -> Iterator[list[Seen]]:
    """Read the table again and again, in two ways at once: what each of them saw."""
    failures: list[BaseException] = []
    done = threading.Event()

    def loop(read: Callable[[Path], pl.DataFrame], seen: Seen) -> None:
        try:
            while not done.is_set():
                ids = Counter(read(root / "silver" / "trades")["file_id"])
                seen[tuple(sorted(ids.items()))] += 1
        except BaseException as error:  # noqa: BLE001 - the thread's body: told to the test
            failures.append(error)

    ways = {by_scan: Counter(), by_handle: Counter()}
    threads = [threading.Thread(target=loop, args=way, name=way[0].__name__) for way in ways.items()]
    for thread in threads:
        thread.start()
    try:
        yield list(ways.values())
    finally:
        done.set()
        for thread in threads:
            thread.join(SECONDS)
    assert not failures


@contextlib.contextmanager
def compacting(ingest: Ingest) -> Iterator[list[Compacted]]:
    """Compact again and again: what was done."""
    compacted: list[Compacted] = []
    done = threading.Event()

    def loop() -> None:
        while not done.is_set():
            if (one := ingest.compact()) is not None:
                compacted.append(one)

    thread = threading.Thread(target=loop, name="compactor")
    thread.start()
    try:
        yield compacted
    finally:
        done.set()
        thread.join(SECONDS)


def wait_for_a_look(readers: list[Seen]) -> None:
    """Wait until each of them has read the table from now on."""
    before = [seen.total() for seen in readers]
    for seen, looks in zip(readers, before, strict=True):
        assert wait_until(lambda seen=seen, looks=looks: seen.total() > looks, SECONDS)


@pytest.mark.parametrize("issues", [ISSUES, pytest.param(ISSUES_FOR_LONG, marks=pytest.mark.soak)])
@pytest.mark.parametrize("compaction", ["none", "between", "meanwhile"])
def test_a_reader_sees_exactly_one_version(ingest, compaction, issues):
    """Guards the one commit of IngestService._commit_table, with compaction's rewrite beside it.

    Each issue has another number of rows; in one of them the day has no data.
    """
    rows = {issue: 0 if issue == issues // 2 else 10 + issue for issue in range(1, issues + 1)}
    ingest.put(NAME, rows=rows[1])
    ingest.put(*OTHERS)
    for name in (NAME, *OTHERS):
        ingest.take(name)
    beside = compacting(ingest) if compaction == "meanwhile" else contextlib.nullcontext([])
    with beside as compacted, reading(ingest.root) as readers:
        wait_for_a_look(readers)
        for issue in range(2, issues + 1):
            if compaction == "between":
                compacted.append(ingest.compact())
                assert ingest.live_parts() == 1, "the old rows share a part with those of other files"
            ingest.put(NAME, rows=rows[issue], issue=issue)
            ingest.take(NAME)
            wait_for_a_look(readers)
    assert bool(compacted) == (compaction != "none")
    manifest = read_manifest(ingest.root).filter(pl.col("bronze_file_path") == NAME)
    versions = {((row["file_id"], row["rows_read"]),) if row["rows_read"] else () for row in manifest.to_dicts()}
    for seen in readers:
        assert set(seen) <= versions
        assert len(set(seen)) >= issues // 2, "the reader was there while it happened"
    assert manifest["status"].to_list() == ["superseded"] * (issues - 1) + ["success"]
    assert manifest["superseded_by"].to_list() == [*manifest["file_id"][1:].to_list(), None]
    assert_exact(ingest.root, expect(ingest.bronze))


class Held:
    """Stands in for an event table: stops before its commit, after everything was read for it, until it is let go."""

    def __init__(self, inner: object, method: str) -> None:
        self._inner = inner
        self._method = method
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def __getattr__(self, attribute: str):
        value = getattr(self._inner, attribute)
        if attribute != self._method:
            return value

        def held(*args, **kwargs):
            self.reached.set()
            assert self.let_go.wait(SECONDS)
            return value(*args, **kwargs)

        return held


@pytest.mark.parametrize("shrinks", [False, True])
@pytest.mark.parametrize("held", ["rewrite", "commit"])
def test_replacement_and_compaction_race(ingest, held, shrinks):
    """Guards DeltaTableWriter._require_live: whoever read parts that are gone by now does not commit on them.

    Without it compaction would bring the old rows back, or the replacement those of the others twice.
    """
    ingest.put(NAME, *OTHERS)
    for name in (NAME, *OTHERS):
        ingest.take(name)
    table = Held(ingest.lake.events["trades"], held)
    lake = replace(ingest.lake, events={**ingest.lake.events, "trades": table})
    ingest.put(NAME, rows=0 if shrinks else 9, issue=2)
    results: list[object] = []
    slow = {"rewrite": lambda: ingest.compact(table), "commit": lambda: ingest.take(NAME, lake=lake)}[held]
    quick = {"rewrite": lambda: ingest.take(NAME), "commit": ingest.compact}[held]
    thread = threading.Thread(target=lambda: results.append(slow()), name="slow")
    thread.start()
    try:
        assert table.reached.wait(SECONDS)
        assert quick() is not None
    finally:
        table.let_go.set()
        thread.join(SECONDS)
    assert (results == [None]) == (held == "rewrite"), "a compaction that came too late gives up in silence"
    assert len(results) == 1
    assert_exact(ingest.root, expect(ingest.bronze))
    again = read_table(ingest.root, "trades").filter(pl.col("symbol") == "AGAIN")
    assert again["file_id"].value_counts().rows() == ([] if shrinks else [(len(OTHERS) + 2, 9)])
    old, new = read_manifest(ingest.root).filter(pl.col("bronze_file_path") == NAME).to_dicts()
    assert (old["status"], old["superseded_by"]) == ("superseded", new["file_id"])
    assert (new["status"], new["rows_written"]) == ("success", again.height)
