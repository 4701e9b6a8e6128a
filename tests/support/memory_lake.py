"""A lake of fakes over a real bronze folder: the services are the product's, and any effect may be the last one.

Every write of a table is an effect that happens as a whole. ``Fuse`` lets the process end, or raises trouble that
passes, just before or just after the one that it is set to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pointline_daemon.arrival.touched import SCHEMA as TOUCHED

from pointline.config import load_config
from pointline.errors import Rejected, StorageTrouble
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.paths.layout import Layout
from pointline.io.content.decode import Limits
from pointline.io.content.file_reader import FileReader
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.claims import Claims
from pointline.services.files.place.decide import Policy
from pointline.services.ingest.backlog import Sieve, backlog
from pointline.services.ingest.batch import Batch
from pointline.services.ingest.departure import Departures
from pointline.services.ingest.effects import IngestService
from pointline.services.ingest.recovery import recover
from pointline.services.loading.load import Loader
from pointline.services.symbols.changes import Symbols
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import with_hashes
from pointline.tables.registry import event_tables
from pointline.vendors.feeds import Feeds
from tests.support.fakes import (
    MemoryEventTable,
    MemoryManifest,
    MemoryObservations,
    MemoryQuarantine,
    MemorySymbolTable,
)
from tests.support.people_contents import TABLES
from tests.support.people_judge import Deeds, Picture
from tests.support.ticks import Ticks

EFFECTS = ("resolve_file_ids", "update_statuses", "relocate", "restore", "set_aside", "forget", "commit", "rewrite")
MOST_PASSES = 30
MOST_TRIES = 3
LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)

T = TypeVar("T")


class Crash(BaseException):
    """The process has ended."""


class Fuse:
    """Counts effects. ``after`` so many, ``make`` says what is raised, ``when`` the effect was made or before that."""

    def __init__(self) -> None:
        self.left = 0
        self.when = "before"
        self.make: Callable[[], BaseException] = Crash

    def set(self, left: int, when: str, make: Callable[[], BaseException]) -> None:
        self.left, self.when, self.make = left, when, make

    def around(self, effect: Callable[[], T]) -> T:
        self.left -= 1
        if self.left == 0 and self.when == "before":
            raise self.make()
        result = effect()
        if self.left == 0:
            raise self.make()
        return result


class Fused:
    """A table whose effects go by the fuse."""

    def __init__(self, inner: object, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in EFFECTS:
            return method

        def told(*args: Any, **kwargs: Any) -> object:
            args = tuple(list(arg) if isinstance(arg, map | filter) or hasattr(arg, "send") else arg for arg in args)
            if args and hasattr(args[0], "__len__") and not len(args[0]) and "batch" not in kwargs:
                return method(*args, **kwargs)  # nothing to write: no effect
            return self._fuse.around(lambda: method(*args, **kwargs))

        return told


def _trouble() -> StorageTrouble:
    return StorageTrouble("the disk does not answer", subject="silver")


CRASH: Callable[[], BaseException] = Crash
TROUBLE: Callable[[], BaseException] = _trouble


@dataclass(slots=True)
class Process:
    """What ends with a process."""

    service: IngestService
    loader: Loader


class MemoryLake:
    """The tables, which stay, and the process that works on them, which may end."""

    def __init__(self, root: Path, *, overlap: str = "quarantine") -> None:
        self.root = root
        self.overlap = overlap
        (root / "bronze").mkdir(parents=True, exist_ok=True)
        (root / "bronze" / "notes.txt").touch()  # an empty bronze is taken for one that is not mounted
        config = load_config(root, environ={})
        layout = Layout(config.bronze.patterns, config.bronze.left_alone, {*event_tables(), INSTRUMENTS})
        self.groups = config.bronze.groups
        self.source = FolderBronzeSource(root / "bronze", layout, on_trouble=lambda _path, _error: None)
        self.ticks = Ticks(1_800_000_000_000_000)
        self.fuse = Fuse()
        self.manifest = MemoryManifest(lambda: next(self.ticks))
        self.quarantine = MemoryQuarantine()
        self.tables = {name: MemoryEventTable(event_tables()[name]) for name in TABLES}
        self.observations, self.symbols = MemoryObservations(), MemorySymbolTable()
        self.deeds = Deeds()
        self._process: Process | None = None

    # ---- the process

    @property
    def process(self) -> Process:
        if self._process is None:
            self._process = self._start()
        return self._process

    def die(self) -> None:
        self._process = None

    def _start(self) -> Process:
        manifest: Any = Fused(self.manifest, self.fuse)
        quarantine: Any = Fused(self.quarantine, self.fuse)
        tables: Any = {name: Fused(table, self.fuse) for name, table in self.tables.items()}
        recover(manifest, quarantine, tables)
        claims, reader = Claims(), FileReader(self.source, LIMITS)
        service = IngestService(
            manifest=manifest,
            quarantine=quarantine,
            repositories=tables,
            symbols=Symbols(
                observations=self.observations,
                table=self.symbols,
                manifest=manifest,
                max_missing_share=0.2,
                clock=lambda: next(self.ticks),
            ),
            reader=reader,
            claims=claims,
            policy=Policy(overlap=self.overlap, max_attempts=3, max_deaths=1000, unfinished_us=0, groups=self.groups),
            age_us=lambda at: next(self.ticks) - at,
        )
        loader = Loader(
            feeds=Feeds(event_tables()),
            repositories=tables,
            reader=reader,
            claims=claims,
            checks={},
            groups=self.groups,
        )
        return Process(service, loader)

    def repeat(self, action: Callable[[], T]) -> T:
        """What the committer does about trouble that passes."""
        for _ in range(MOST_TRIES):
            try:
                return action()
            except StorageTrouble:
                continue
        return action()

    # ---- a pass over bronze

    def run(self, *, batch_files: int = 1000, fused: bool = True) -> None:
        """Scan, and ingest what is found, until nothing is left to do; the fuse may end the process on the way.

        Two batches are under way at once, as far as there are two.
        """
        try:
            for _ in range(MOST_PASSES):
                if not self._pass(batch_files):
                    return
        except (Crash, StorageTrouble):  # trouble that lasts, or at the start, ends the process too
            self.die()
            if fused:
                return
            raise
        raise AssertionError(f"not quiet after {MOST_PASSES} passes")

    def _pass(self, batch_files: int) -> bool:
        """Return whether anything was to be done."""
        service = self.process.service
        known = self.manifest.entries()
        keep = Sieve(known, service.absence.asked_of_bronze(known, lambda _path, _feed: None))
        survey = keep(self.source.survey())
        departed = self.repeat(lambda: service.absence.compare(survey, known)) if keep.seen else Departures()
        waiting = backlog(survey, self.manifest.entries(), pl.DataFrame(schema=TOUCHED)).sort("path")
        metas = [meta for path in waiting["path"] if (meta := self.source.look(path)) is not None]
        batches = [metas[first : first + batch_files] for first in range(0, len(metas), batch_files)]
        done = bool(departed.gone or departed.freed)
        for first in range(0, len(batches), 2):
            begun = [self._begin(batch) for batch in batches[first : first + 2]]
            loaded = [(batch, [self.process.loader.load(group) for group in batch.groups]) for batch in begun]
            for batch, groups in loaded:
                if batch.entries:
                    done = True
                    self.repeat(lambda batch=batch, groups=groups: service.commit(batch, groups))  # type: ignore[misc]
        return done

    def _begin(self, metas: Sequence[BronzeFileMetadata]) -> Batch:
        batch, _ = self.repeat(lambda: self.process.service.begin(metas))
        return batch

    # ---- what a person types

    def command(self, name: str, path: str, *options: str) -> int:
        """``withdraw`` or ``retry`` of a path: 0 where something was done."""
        rows = [row for row in self.manifest.rows if row["bronze_file_path"] == path]
        if not rows:
            return 1
        newest = int(str(rows[-1]["file_id"]))
        try:
            if name == "retry":
                service = self.process.service
                return 0 if self.repeat(lambda: service.put_back([newest], accepted="--accept" in options)) else 1
            self.repeat(lambda: self.process.service.withdraw([newest]))
        except Rejected:
            if all(row["status"] != "withdrawn" for row in rows):  # an earlier try may have done it
                return 1
        except Crash:
            self.die()
        self.deeds.withdrawn |= {path, *(str(row["content_hash"]) for row in rows if row["content_hash"])}
        return 0

    # ---- for the tests

    def snapshot(self) -> Callable[[], None]:
        """Return what puts the tables back to what they are now, with no process on them. Bronze is left alone."""
        tables = (self.manifest, self.quarantine, *self.tables.values())
        states = [{name: copy(value) for name, value in vars(table).items()} for table in tables]
        rows = [dict(row) for row in self.manifest.rows]

        def restore() -> None:
            for table, state in zip(tables, states, strict=True):
                vars(table).update({name: copy(value) for name, value in state.items()})
            self.manifest.rows = [dict(row) for row in rows]
            self.die()

        return restore

    def picture(self) -> Picture:
        """What the judge of people looks at."""
        return MemoryPicture(self)


class MemoryPicture(Picture):
    """The same picture of tables in memory."""

    def __init__(self, lake: MemoryLake) -> None:
        self._lake = lake
        super().__init__(lake.root, lake.deeds)

    def records(self, root: Path, table: str, columns: list[str]) -> list[dict[str, Any]]:
        lake = self._lake
        known: dict[str, Any] = {"ingest_manifest": lake.manifest, "quarantine": lake.quarantine, **lake.tables}
        is_ledger = table == "ingest_manifest"
        frame: pl.DataFrame = with_hashes(known[table].entries()) if is_ledger else known[table].read_all()
        words = [name for name, kind in frame.schema.items() if kind == pl.Categorical]
        return frame.with_columns(pl.col(words).cast(pl.String)).select(columns).to_dicts()
