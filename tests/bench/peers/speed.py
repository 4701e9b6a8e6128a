"""What taking in a few large files and many small ones costs each tool, beside the bare Polars line."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterator

from tests.bench.inputs import Input, small_files, whole_files
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench
from tests.bench.peers import contestants
from tests.bench.process import BenchmarkFailed, Cost
from tests.bench.report import number, progress
from tests.bench.throughput import MIB, OURS, bare, ours

BARE = "bare Polars, one file at a time"
SHOWN = 60
Costs = dict[str, list[Cost] | str]


def speed(bench: Bench) -> Iterator[list[str]]:
    """Yield the rows of a table, with its head. A tool that fails says so in its cell, and the others go on."""
    large = whole_files(bench.scratch, "trades", files=bench.size(10, 2), rows=bench.size(1_000_000, 20_000))
    small = small_files(bench.scratch, folders=bench.size(20, 1), symbols=bench.size(100, 20), rows=1000)
    found = [_run(bench, source) for source in (large, small)]
    yield ["", *(f"{one.sums.files:,} files of {one.sums.rows // one.sums.files:,} trades" for one in (large, small))]
    for name in found[0]:
        yield [name, _cell(found[0], name, large, in_rows=True), _cell(found[1], name, small, in_rows=False)]


def _run(bench: Bench, source: Input) -> Costs:
    folder = bench.folder("peers")
    lake = BenchLake(folder / "lake")
    tools: dict[str, Callable[[], Cost]] = {
        OURS: ours(lake, source),
        BARE: bare(folder, source, 1),
        **contestants(folder, source),
    }
    costs: Costs = {name: [] for name in tools}
    for turn in range(1, bench.runs + 1):
        for name, contest in tools.items():
            sofar = costs[name]
            if isinstance(sofar, str):
                continue
            try:
                sofar.append(contest())
            except BenchmarkFailed as error:
                costs[name] = str(error).strip().splitlines()[-1][:SHOWN]
                progress(f"{name} failed: {error}")
            else:
                progress(f"{turn}/{bench.runs} {name}: {sofar[-1].wall_seconds:.2f} s")
    shutil.rmtree(folder)
    return costs


def _cell(costs: Costs, name: str, source: Input, *, in_rows: bool) -> str:
    own, line = costs[name], costs[BARE]
    if isinstance(own, str) or isinstance(line, str):
        return f"failed: {own}" if isinstance(own, str) else "the bare line failed"
    wall = statistics.median(cost.wall_seconds for cost in own)
    ratio = statistics.median(one.wall_seconds / other.wall_seconds for one, other in zip(line, own, strict=True))
    peak = max(cost.peak_bytes for cost in own) / MIB
    rate = (
        f"{number(source.sums.rows / wall / 1e6)} M rows/s"
        if in_rows
        else f"{number(source.sums.files / wall)} files/s"
    )
    return f"{number(ratio)} x, {rate}, {peak:,.0f} MiB"
