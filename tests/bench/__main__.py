"""The command."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from tests.bench import machine
from tests.bench.measure import Bench, Measure
from tests.bench.peers.tables import print_tables
from tests.bench.process import BenchmarkFailed
from tests.bench.report import as_json, print_markdown, print_report, progress
from tests.bench.works import WORKS

LEAST_RUNS = 5
ACCIDENTS = "accidents"


def main() -> int:
    options = _options()
    scratch = options.scratch.expanduser().resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    bench = Bench(scratch=scratch, runs=options.runs, quick=options.quick, profile=options.profile, peers=options.peers)
    if options.names == [ACCIDENTS]:
        print_tables(bench)
        shutil.rmtree(scratch / "work", ignore_errors=True)
        return 0
    facts = {
        **machine.describe(scratch),
        "command": " ".join(["python -m tests.bench", *sys.argv[1:]]),
        "runs": bench.runs,
        "quick": bench.quick,
    }
    measures: list[Measure] = []
    failures: dict[str, str] = {}
    for name in options.names or WORKS:
        print(name, file=sys.stderr, flush=True)
        try:
            measures += WORKS[name](bench)
        except BenchmarkFailed as error:
            failures[name] = str(error)
            progress(f"FAILED: {error}")
    if not failures:
        shutil.rmtree(scratch / "work", ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(as_json(measures, facts, failures), indent=1))
    (print_markdown if options.markdown else print_report)(measures, facts)
    for name, reason in failures.items():
        print(f"{name} FAILED: {reason}")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure pointline against bare Polars on the same files. For a machine with nothing else to do.",
        epilog="example: python -m tests.bench bulk small --peers --json out.json",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure (default: all): {', '.join(WORKS)}; or {ACCIDENTS}"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work or less: a try, no measurement")
    parser.add_argument("--runs", type=int, default=LEAST_RUNS, help="turns of each contestant (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--profile", action="store_true", help="bulk, small, book, many once more, taken apart by step")
    parser.add_argument(
        "--peers",
        action="store_true",
        help="other tools in the same run; `accidents` compares what they do with broken files",
    )
    parser.add_argument(
        "--scratch", type=Path, default=_cache(), metavar="DIR", help="input and lakes (default: %(default)s)"
    )
    options = parser.parse_args()
    if ACCIDENTS in options.names and len(options.names) > 1:
        parser.error(f"{ACCIDENTS} is measured by itself: its tables are others")
    if unknown := [name for name in options.names if name not in {*WORKS, ACCIDENTS}]:
        parser.error(f"no such work: {', '.join(unknown)}; there are {', '.join(WORKS)} and {ACCIDENTS}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "pointline-bench"


if __name__ == "__main__":
    sys.exit(main())
