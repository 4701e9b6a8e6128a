"""``filter_pending``: candidates against the ledger in one batch.

``python -m tests.bench.pending ROOT FILES RUNS`` does it in a process of its own and prints the seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from tests.bench.known_files import KnownFiles
from tests.bench.measure import Bench, Measure
from tests.bench.process import BenchmarkFailed, module, run

NEW_EVERY = 100


def filter_pending(bench: Bench) -> Iterator[Measure]:
    """A candidate for each row; one in a hundred has changed since, and those must come back, and no other."""
    known = KnownFiles.prepare(bench.scratch, bench.size(1_000_000, 50_000))
    output = bench.folder("pending") / "output"
    cost = run(module("tests.bench.pending", known.root, known.files, bench.runs), output)
    known.check()
    found = json.loads(output.read_text())
    notes = [
        (
            f"{known.files:,} candidates, {known.files:,} rows in the ledger; the ledger in memory takes "
            f"{found['entries_seconds']:.2f} s to read, once; whole process {cost.peak_bytes / 1e6:,.0f} MB at most"
        )
    ]
    yield Measure.median("filter_pending", "one call", "s", found["seconds"], must=2, aim=0.5, notes=notes)


def main(root: Path, files: int, runs: int) -> None:
    known = KnownFiles(root=root, files=files)
    manifest = known.adapters().manifest
    candidates = [known.seen(number) for number in range(files)]
    for number in range(0, files, NEW_EVERY):
        candidates[number] = replace(candidates[number], file_size_bytes=1 << 20)
    changed = candidates[::NEW_EVERY]
    begun = time.perf_counter()
    manifest.entries()
    entries_seconds = time.perf_counter() - begun
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        pending = manifest.filter_pending(candidates)
        seconds.append(time.perf_counter() - begun)
        if pending != changed:
            raise BenchmarkFailed(f"{len(pending):,} pending in place of {len(changed):,}")
    print(json.dumps({"entries_seconds": entries_seconds, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
