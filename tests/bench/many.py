"""Very many very small files: the rate must not fall as the lake grows."""

from __future__ import annotations

import datetime as dt
import shutil
import statistics
from collections.abc import Iterator, Sequence

from tests.bench.inputs import small_files
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.profile import profile_once
from tests.bench.report import number, progress

WINDOW_SHARE = 10
"""The first and the last tenth are compared: 10,000 of 100,000 files."""
Progress = list[tuple[float, int]]


def many(bench: Bench) -> Iterator[Measure]:
    folders = bench.size(1000, 100)
    source = small_files(bench.scratch, folders=folders, symbols=100, rows=20)
    lake = BenchLake(bench.folder("many") / "lake")
    window = source.sums.files // WINDOW_SHARE
    ratios, rates, walls = [], [], []
    for turn in range(1, bench.runs + 1):
        lake.renew(source)
        cost = lake.once()
        lake.check(source)
        first, last = rates_at_the_ends(committed_files(lake), window)
        rates.append((first, last))
        ratios.append(last / first)
        walls.append(cost.wall_seconds)
        progress(f"{turn}/{bench.runs} {cost.wall_seconds:.1f} s, {first:,.0f} files/s at first, {last:,.0f} at last")
    first, last = (statistics.median(pair[end] for pair in rates) for end in (0, 1))
    notes = [
        f"{source.sums.files:,} files in {folders:,} folders and as many partitions",
        f"{number(first)} files/s over the first {window:,}, {number(last)} over the last",
    ]
    if bench.profile:
        notes += profile_once(bench, "many", lake, source)
    yield Measure.median(
        "many", "last of first tenth", "x", ratios, must=0.9, aim=1.0, more_is_better=True, notes=notes
    )
    rate = [source.sums.files / wall for wall in walls]
    yield Measure.median("many", "rate", "files/s", rate, more_is_better=True)
    shutil.rmtree(bench.folder("many"))


def committed_files(lake: BenchLake) -> Progress:
    """When each batch was in (seconds), and how many files were in by then."""
    files: dict[int, int] = {}
    ends: dict[int, float] = {}
    for line in lake.events("file.committed"):
        files[line["batch"]] = files.get(line["batch"], 0) + 1
        ends[line["batch"]] = dt.datetime.fromisoformat(line["ts"]).timestamp()
    done: Progress = []
    for batch, end in sorted(ends.items(), key=lambda item: item[1]):
        done.append((end, files[batch] + (done[-1][1] if done else 0)))
    return done


def rates_at_the_ends(done: Sequence[tuple[float, int]], window: int) -> tuple[float, float]:
    """Files a second over the first and the last ``window`` files at least, from batch end to batch end.

    The first batch is not counted: until it is in, most of the time goes into starting.
    """
    begin, end = done[0], done[-1]
    early = next(one for one in done if one[1] >= begin[1] + window or one is end)
    late = next(one for one in reversed(done) if one[1] <= end[1] - window or one is begin)
    return _rate(begin, early), _rate(late, end)


def _rate(begin: tuple[float, int], end: tuple[float, int]) -> float:
    return (end[1] - begin[1]) / max(end[0] - begin[0], 1e-9)
