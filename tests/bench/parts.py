"""A table of very many parts: what it costs to open and to commit to, before and after maintenance."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl
from deltalake import DeltaTable
from msgspec.structs import replace
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.samples import Sample, sample_frame

from pointline.config import load_config
from pointline.io.delta.event_table import DeltaEventTable
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.protocols.tables import Part
from tests.bench.bare import typed
from tests.bench.inputs import EXCHANGES, FIRST_DAY
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.report import progress
from tests.bench.sums import Sums, check_table
from tests.support.maintained import tend

ROWS = 20
EXCHANGE = EXCHANGES[0]
TABLE = "trades"


def parts(bench: Bench) -> Iterator[Measure]:
    for full, quick in ((10_000, 300), (50_000, 1_000)):
        live = bench.size(full, quick)
        table = ManyParts.make(bench, live, per_partition=bench.size(1_000, 100))
        yield from table.measure(bench.runs, f"{live:,} parts")
        begun = time.perf_counter()
        tend(open_lake(load_config(table.lake.root, environ={})), ("compact",))  # a start would miss its files
        seconds = time.perf_counter() - begun
        table.begin_anew()
        left = len(DeltaTable(table.lake.table(TABLE)).file_uris())
        progress(f"compacted to {left:,} parts in {seconds:.1f} s")
        note = f"{left:,} parts; compaction took {seconds:.1f} s"
        yield from table.measure(bench.runs, f"{live:,} parts, compacted", [note])
        check_table(table.lake.table(TABLE), table.sums.times(table.made))
        shutil.rmtree(bench.folder("parts"))


@dataclass(slots=True, kw_only=True)
class ManyParts:
    """One real part under very many names, in partitions of one exchange, committed by the product."""

    lake: BenchLake
    part: Part
    sums: Sums
    made: int = 0
    _repository: DeltaEventTable | None = field(default=None)

    @classmethod
    def make(cls, bench: Bench, live: int, *, per_partition: int) -> ManyParts:
        progress(f"table of {live:,} parts is made")
        lake = BenchLake(bench.folder("parts") / "lake")
        lake.renew()
        adapters = open_lake(load_config(lake.root, environ={}))
        adapters.create()
        repository = adapters.events[TABLE]
        raw = sample_frame(Sample(exchange=EXCHANGE, data_type=TABLE, symbol="BTCUSDT", date=FIRST_DAY, rows=ROWS))
        rows = raw.lazy().with_columns(typed(TABLE)).collect()
        lineage = {"date": FIRST_DAY, "file_id": pl.lit(1, pl.Int64), "file_seq": pl.int_range(1, ROWS + 1)}
        (part,) = repository.write_parts(rows.with_columns(**lineage))
        made = cls(lake=lake, part=part, sums=Sums.of_raw(raw, files=1), _repository=repository)
        for number in range(0, live, per_partition):
            day = str(pl.Series([FIRST_DAY]).dt.offset_by(f"{1 + number // per_partition}d").item())
            made.commit([made.link(day) for _ in range(min(per_partition, live - number))])
        TableUpkeep(repository=made.begin_anew()).checkpoint()
        return made

    def link(self, day: str) -> Part:
        partition: Mapping[str, str] = {"exchange": EXCHANGE, "date": day}
        self.made += 1
        path = f"exchange={EXCHANGE}/date={day}/part-{self.made:06}.parquet"
        target = self.lake.table(TABLE) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(self.lake.table(TABLE) / self.part.path, target)
        return replace(self.part, path=path, partition=partition)

    def commit(self, added: list[Part]) -> None:
        assert self._repository is not None
        self._repository.commit_parts(add=added, remove=())

    def begin_anew(self) -> DeltaEventTable:
        """Go on with a handle that knows nothing yet, as a process that just began."""
        self._repository = open_lake(load_config(self.lake.root, environ={})).events[TABLE]
        return self._repository

    def measure(self, runs: int, what: str, notes: list[str] | None = None) -> Iterator[Measure]:
        """Open the table as a stranger would, and commit one part through the product, in turns."""
        opened, committed = [], []
        for _ in range(runs):
            begun = time.perf_counter()
            DeltaTable(self.lake.table(TABLE))
            opened.append((time.perf_counter() - begun) * 1000)
            part = [self.link(str(FIRST_DAY))]
            begun = time.perf_counter()
            self.commit(part)
            committed.append((time.perf_counter() - begun) * 1000)
        yield Measure.median("parts", f"open, {what}", "ms", opened, notes=notes or ())
        yield Measure.median("parts", f"commit, {what}", "ms", committed)
