"""One very large file: memory must not follow its size."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from tests.bench.inputs import whole_files
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.process import Cost
from tests.bench.report import number, progress

MB = 1_000_000


def memory(bench: Bench) -> Iterator[Measure]:
    source = whole_files(bench.scratch, "trades", files=1, rows=bench.size(20_000_000, 2_000_000))
    lake = BenchLake(bench.folder("memory") / "lake")
    costs: list[Cost] = []
    for turn in range(1, bench.runs + 1):
        lake.renew(source)
        costs.append(lake.once())
        progress(f"{turn}/{bench.runs} {costs[-1].peak_bytes / MB:,.0f} MB, {costs[-1].wall_seconds:.1f} s")
        lake.check(source)
    fastest = min(cost.wall_seconds for cost in costs)
    notes = [f"a file of {source.sums.rows:,} rows, {number(source.gzip_bytes / MB)} MB of gzip, in {fastest:.1f} s"]
    peaks = [cost.peak_bytes / MB for cost in costs]
    yield Measure.median("memory", "peak of one large file", "MB", peaks, must=700, aim=450, notes=notes)
    shutil.rmtree(bench.folder("memory"))
