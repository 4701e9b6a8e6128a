"""How long a person waits for a command."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

from tests.bench.inputs import small_files
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.process import module, run

TIMES = 10


def commands(bench: Bench) -> Iterator[Measure]:
    """Each command ten times or more, in turns with an interpreter that does nothing."""
    source = small_files(bench.scratch, folders=2, symbols=5, rows=20)
    lake = BenchLake(bench.folder("commands") / "lake")
    lake.renew(source)
    lake.once()
    lake.check(source)
    work = {
        "python alone": [sys.executable, "-c", "pass"],
        "pointline --help": module("pointline_daemon", "--help"),
        "pointline status": module("pointline_daemon", "status"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(max(TIMES, bench.runs)):
        for name, command in work.items():
            seconds[name].append(run(command, lake.log, lake.settings).wall_seconds)
    bounds = {"pointline --help": (0.35, 0.15), "pointline status": (0.8, 0.4)}
    for name, spent in seconds.items():
        must, aim = bounds.get(name, (None, None))
        yield Measure.median("commands", name, "s", spent, must=must, aim=aim)
    shutil.rmtree(bench.folder("commands"))
