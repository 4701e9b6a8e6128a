"""From a rename in bronze to rows in a fresh reader's hands, the daemon idle, and under a steady trickle."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Sequence

from tests.bench.drops import Drops
from tests.bench.inputs import Input, small_files
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure, percentile
from tests.bench.report import progress

SHARES = {"p50": 0.5, "p95": 0.95}
PAUSE_SECONDS = (0.25, 0.75)
"""Long enough that the daemon is done with the drop before."""
PACE_SECONDS = 0.1
MAINTENANCE_SECONDS = 1.0
ROWS = 1000


def latency(bench: Bench) -> Iterator[Measure]:
    """Drops at random moments into a daemon that has nothing else to do: from inside bronze, and moved in."""
    source = small_files(bench.scratch, folders=4, symbols=bench.size(50, 5), rows=ROWS)
    for way, outside in (("", False), (", moved in from outside", True)):
        drops = _idle_run(BenchLake(bench.folder("latency") / "lake"), source, outside=outside)
        notes = [f"{source.sums.files} drops of {ROWS:,} rows; spread over {bench.runs} stretches", *drops.stages()]
        for (name, share), must, aim in zip(SHARES.items(), (150, 400), (50, 100), strict=True):
            yield _measure("latency", name + way, drops.seen_ms, share, bench.runs, must=must, aim=aim, notes=notes)
            notes = []
    shutil.rmtree(bench.folder("latency"))


def _idle_run(lake: BenchLake, source: Input, *, outside: bool) -> Drops:
    lake.renew()
    drops = Drops(lake=lake, source=source)
    drops.stage(outside=outside)
    pauses = random.Random(2)
    with lake.daemon() as daemon:
        daemon.wait_for("rescan.finished")
        while drops.left:
            time.sleep(pauses.uniform(*PAUSE_SECONDS))
            drops.drop()
            while drops.unseen:
                drops.poll()
    lake.check(source)
    return drops


def paced(bench: Bench) -> Iterator[Measure]:
    """Ten drops a second, with maintenance at work every second and without: what it costs those who wait."""
    source = small_files(bench.scratch, folders=4, symbols=bench.size(50, 10), rows=ROWS)
    seen: dict[str, list[list[float]]] = {"on": [], "off": []}
    compactions = 0
    for turn in range(1, bench.runs + 1):
        for state, measured in seen.items():
            lake = BenchLake(
                bench.folder("paced") / "lake",
                maintenance__enabled=state == "on",
                maintenance__interval_seconds=MAINTENANCE_SECONDS,
            )
            measured.append(_paced_run(lake, source))
            compactions += len(lake.events("partition.compacted"))
            progress(f"{turn}/{bench.runs} maintenance {state}: median {percentile(measured[-1], 0.5):.0f} ms")
    for state, measured in seen.items():
        together = [one for run in measured for one in run]
        notes = [f"{compactions} compactions in {bench.runs} runs"] if state == "on" else []
        for name, share in SHARES.items():
            yield _measure("paced", f"{name}, maintenance {state}", together, share, bench.runs, notes=notes)
            notes = []
    shutil.rmtree(bench.folder("paced"))


def _paced_run(lake: BenchLake, source: Input) -> list[float]:
    lake.renew()
    drops = Drops(lake=lake, source=source)
    drops.stage()
    with lake.daemon() as daemon:
        daemon.wait_for("rescan.finished")
        due = time.perf_counter()
        while drops.left or drops.unseen:
            if drops.left and time.perf_counter() >= due:
                drops.drop()  # by the clock, whether or not those before have been seen
                due += PACE_SECONDS
            drops.poll()
    lake.check(source)
    return drops.seen_ms


def _measure(
    work: str,
    what: str,
    seen_ms: Sequence[float],
    share: float,
    stretches: int,
    *,
    must: float | None = None,
    aim: float | None = None,
    notes: Sequence[str] = (),
) -> Measure:
    length = -(-len(seen_ms) // stretches)
    each = [percentile(seen_ms[begin : begin + length], share) for begin in range(0, len(seen_ms), length)]
    return Measure(
        work=work,
        what=what,
        unit="ms",
        value=percentile(seen_ms, share),
        low=min(each),
        high=max(each),
        samples=tuple(seen_ms),
        must=must,
        aim=aim,
        notes=tuple(notes),
    )
