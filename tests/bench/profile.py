"""Where the time of one run goes, by the clocks and, where it is installed, by ``py-spy``."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from tests.bench.inputs import Input
from tests.bench.lake import BenchLake, Fact
from tests.bench.measure import Bench
from tests.bench.process import Cost, module, run

RATE_HZ = 200


def profile_once(bench: Bench, work: str, lake: BenchLake, source: Input) -> list[str]:
    """Do the work once more under the clocks; lines to stand beside its number."""
    lake.renew(source)
    found = lake.root.with_suffix(".clocks.json")
    cost = run(module("tests.bench.clocks", found, "run", "--once"), lake.log, lake.settings)
    lake.check(source)
    lines = [*_totals(cost, lake), *_steps(json.loads(found.read_text()))]
    return [*lines, *_sampled(bench, work, lake, source)]


def _totals(cost: Cost, lake: BenchLake) -> Iterator[str]:
    cores = len(os.sched_getaffinity(0))
    idle = max(0.0, cores * cost.wall_seconds - cost.cpu_seconds)
    yield (
        f"profile: {cost.wall_seconds:.2f} s, {cost.cpu_seconds:.2f} s of processor; "
        f"{idle:.2f} s of {cores} cores ({idle / cores / cost.wall_seconds:.0%}) idle or taken by others"
    )
    lines = lake.events("daemon.started", "daemon.ready", "rescan.finished", "file.committed", "daemon.stopped")
    first = _seconds_by_event(reversed(lines), cost.started)
    last = _seconds_by_event(lines, cost.started)
    yield (
        f"  seconds from the start: imported {first['daemon.started']:.2f}, recovered {first['daemon.ready']:.2f}, "
        f"scanned {first['rescan.finished']:.2f}, first file in {first['file.committed']:.2f}, "
        f"last {last['file.committed']:.2f}, stopped {last['daemon.stopped']:.2f}, ended {cost.wall_seconds:.2f}"
    )


def _seconds_by_event(lines: Any, started: float) -> dict[str, float]:
    """Seconds from the start to the last line of each event, in the order given."""
    return {line["event"]: _epoch(line) - started for line in lines}


def _epoch(line: Fact) -> float:
    return dt.datetime.fromisoformat(line["ts"]).timestamp()


def _steps(facts: dict[str, Any]) -> Iterator[str]:
    for step, (wall, cpu, calls) in sorted(facts["steps"].items(), key=lambda item: -item[1][0]):
        yield f"  {step:<9}{wall:8.2f} s over all threads{cpu:8.2f} s processor in them{calls:10,.0f} calls"
    own = sum(cpu for _, cpu, _ in facts["steps"].values())
    rest = facts["cpu_seconds"] - own - facts["import_cpu_seconds"]
    yield (
        f"  processor: {own:.2f} s in the threads of these steps, {facts['import_cpu_seconds']:.2f} s in imports, "
        f"{rest:.2f} s in the threads of Polars and Arrow and between the steps"
    )
    yield from (f"  no longer there under this name, not timed: {place}" for place in facts["missing"])


def _sampled(bench: Bench, work: str, lake: BenchLake, source: Input) -> Iterator[str]:
    """Stacks of one run more, for https://www.speedscope.app."""
    spy = shutil.which("py-spy")
    if spy is None:
        yield "  py-spy is not installed: no stacks"
        return
    lake.renew(source)
    stacks = bench.scratch / "profiles" / f"{work.replace(', ', '-')}.speedscope.json"
    stacks.parent.mkdir(exist_ok=True)
    options = ["--format", "speedscope", "--rate", str(RATE_HZ), "--nonblocking", "--output", str(stacks)]
    run([spy, "record", *options, "--", *module("pointline_daemon", "run", "--once")], lake.log, lake.settings)
    yield f"  stacks by py-spy: {stacks}"
