"""Whole processes side by side: the lake, the bare line, the peers, in turns over the same files."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from tests.bench import peers
from tests.bench.drops import Drops
from tests.bench.inputs import Input, small_files, whole_files
from tests.bench.lake import BenchLake
from tests.bench.measure import Bench, Measure
from tests.bench.process import Cost, module, run
from tests.bench.profile import profile_once
from tests.bench.report import number, progress
from tests.bench.sums import check_rows

MIB = 2**20
OURS = "pointline"
Contestant = Callable[[], Cost]


def bulk(bench: Bench) -> Iterator[Measure]:
    """Few large files."""
    source = whole_files(bench.scratch, "trades", files=10, rows=bench.size(1_000_000, 100_000))
    yield from _compare(bench, "bulk", source, must=0.85, aim=1.0, at_a_time=(1, 2))


def small(bench: Bench) -> Iterator[Measure]:
    """Many small files; the bare line takes them one by one."""
    source = small_files(bench.scratch, folders=bench.size(20, 2), symbols=100, rows=1000)
    yield from _compare(bench, "small", source, must=1.5, aim=3.0, at_a_time=(1,), in_rows=False)


def book(bench: Bench) -> Iterator[Measure]:
    """One file of order book changes; one of snapshots, 100 columns that become four lists.

    From a rename into the bronze of a daemon that runs to its commit, against the bare line without its start.
    """
    changes = whole_files(bench.scratch, "incremental_book_L2", files=1, rows=bench.size(5_000_000, 500_000))
    yield from _one_drop(bench, "book, changes", changes)
    snapshots = whole_files(bench.scratch, "book_snapshot_25", files=1, rows=bench.size(200_000, 20_000))
    yield from _one_drop(bench, "book, snapshots", snapshots)


def _one_drop(bench: Bench, work: str, source: Input) -> Iterator[Measure]:
    folder = bench.folder(source.data_type)
    lake = BenchLake(folder / "lake")
    costs = _in_turns(bench.runs, {OURS: _dropped(lake, source), "bare": bare(folder, source, 1, whole=False)})
    yield Measure.median(
        work,
        "of bare Polars",
        "x",
        _ratios(costs["bare"], costs[OURS]),
        must=0.85,
        aim=1.0,
        more_is_better=True,
        notes=[
            *(_rate(name, costs[name], source) for name in costs),
            *(profile_once(bench, work, lake, source) if bench.profile else ()),
        ],
    )
    shutil.rmtree(folder)


def _compare(
    bench: Bench,
    work: str,
    source: Input,
    *,
    must: float,
    aim: float,
    at_a_time: tuple[int, ...],
    in_rows: bool = True,
) -> Iterator[Measure]:
    folder = bench.folder(source.data_type)
    lake = BenchLake(folder / "lake")
    lines = {f"bare, {files} at a time": bare(folder, source, files) for files in at_a_time}
    rivals = peers.contestants(folder, source) if bench.peers else {}
    absent = peers.absent() if bench.peers else []
    costs = _in_turns(bench.runs, {OURS: ours(lake, source), **lines, **rivals})
    best = min(lines, key=lambda name: _median_wall(costs[name]))
    measured = Measure.median(
        work,
        "of bare Polars",
        "x",
        _ratios(costs[best], costs[OURS]),
        must=must,
        aim=aim,
        more_is_better=True,
        notes=[*(_rate(name, costs[name], source) for name in (OURS, *lines)), *absent],
    )
    if bench.profile:
        measured = measured.with_notes(profile_once(bench, work, lake, source))
    yield measured
    unit, amount = ("M rows/s", source.sums.rows / 1e6) if in_rows else ("files/s", source.sums.files)
    rates = [amount / cost.wall_seconds for cost in costs[OURS]]
    yield Measure.median(work, "rate", unit, rates, more_is_better=True)
    for name in rivals:
        notes = [_rate(name, costs[name], source)]
        yield Measure.median(
            work, f"{name}, of bare Polars", "x", _ratios(costs[best], costs[name]), more_is_better=True, notes=notes
        )
    shutil.rmtree(folder)


def _in_turns(runs: int, contestants: dict[str, Contestant]) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for turn in range(1, runs + 1):
        for name, contest in contestants.items():
            cost = contest()
            costs[name].append(cost)
            progress(f"{turn}/{runs} {name}: {cost.wall_seconds:.2f} s")
    return costs


def ours(lake: BenchLake, source: Input) -> Contestant:
    """The lake, made anew, as a whole process."""

    def contest() -> Cost:
        lake.renew(source)
        cost = lake.once()
        lake.check(source)
        return cost

    return contest


def _dropped(lake: BenchLake, source: Input) -> Contestant:
    """One file, renamed into the bronze of a running daemon: until a fresh reader sees it."""

    def contest() -> Cost:
        lake.renew()
        drops = Drops(lake=lake, source=source)
        drops.stage()
        with lake.daemon() as daemon:
            daemon.wait_for("rescan.finished")
            started, before = time.time(), daemon.cpu_seconds()
            drops.drop()
            while drops.unseen:
                drops.poll()
            cpu, peak = daemon.cpu_seconds() - before, daemon.peak_bytes()
        lake.check(source)
        return Cost(started=started, wall_seconds=drops.seen_ms[0] / 1000, cpu_seconds=cpu, peak_bytes=peak)

    return contest


def bare(folder: Path, source: Input, at_a_time: int, *, whole: bool = True) -> Contestant:
    """The bare line; not ``whole``: without the start of its process."""
    out = folder / "bare"
    log = out.with_suffix(".log")

    def contest() -> Cost:
        shutil.rmtree(out, ignore_errors=True)
        cost = run(module("tests.bench.bare", source.folder, out, source.data_type, at_a_time), log)
        check_rows(pl.scan_parquet(out).select(pl.len()).collect().item(), source.sums.rows, "the bare line's output")
        return cost if whole else replace(cost, wall_seconds=float(log.read_text()))

    return contest


def _median_wall(costs: list[Cost]) -> float:
    return statistics.median(cost.wall_seconds for cost in costs)


def _ratios(bare: list[Cost], theirs: list[Cost]) -> list[float]:
    """How many times as fast as the bare run of the same turn."""
    return [one.wall_seconds / other.wall_seconds for one, other in zip(bare, theirs, strict=True)]


def _rate(name: str, costs: list[Cost], source: Input) -> str:
    wall = _median_wall(costs)
    cpu = statistics.median(cost.cpu_seconds for cost in costs)
    peak = max(cost.peak_bytes for cost in costs)
    return (
        f"{name}: {wall:.2f} s, {number(source.sums.rows / wall / 1e6)} M rows/s, "
        f"{number(source.sums.files / wall)} files/s, {cpu:.2f} s of processor, {peak / MIB:,.0f} MiB at most"
    )
