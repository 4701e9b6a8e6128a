"""What each tool does with each accident: how it ended, and which rows are there afterwards."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from tests.bench.peers.accidents import KEPT, Accident
from tests.bench.peers.peer import OURS, Peer
from tests.bench.peers.with_pointline import refused
from tests.bench.process import REPOSITORY, environment, module
from tests.bench.report import progress

RIGHT = "**right**"


def behaviour(folder: Path, peers: Sequence[Peer], accidents: Sequence[Accident]) -> Iterator[list[str]]:
    """Yield the rows of a table, with its head: what happens, then what each tool made of it."""
    yield ["what happens", *(peer.name for peer in (OURS, *peers))]
    for accident in accidents:
        progress(accident.title)
        yield [accident.title, *(try_it(folder / "accident", peer, accident) for peer in (OURS, *peers))]


def try_it(folder: Path, peer: Peer, accident: Accident) -> str:
    """Run one tool through one accident; return what came of it, in a few words."""
    shutil.rmtree(folder, ignore_errors=True)
    bronze, out = folder / "bronze", folder / "out"
    bronze.mkdir(parents=True)
    out.mkdir()
    failures = []
    for step in accident.steps:
        step(bronze)
        failures.append(_fails(peer, "load", bronze, out))
    rows = folder / "rows.parquet"
    found = None if _fails(peer, "read", out, rows) else pl.read_parquet(rows)
    said = [_ended(failures), compare(found, accident)]
    if peer is OURS:
        said += refused(folder)
    return "; ".join(filter(None, said))


def _fails(peer: Peer, what: str, first: Path, second: Path) -> bool:
    command = module("tests.bench.peers", what, peer.name, first, second)
    with (first.parent / f"{what}.log").open("wb") as log:
        done = subprocess.run(command, cwd=REPOSITORY, env=environment(), stdout=log, stderr=log, check=False)
    return done.returncode != 0


def _ended(failures: Sequence[bool]) -> str:
    if not any(failures):
        return ""
    if all(failures):
        return "error" if len(failures) == 1 else "errors"
    return "error, then none" if failures[0] else "error"


def compare(found: pl.DataFrame | None, accident: Accident) -> str:
    """Say how the rows that are there differ from those that should be."""
    if found is None:
        return "no rows"
    counted = [_counted(one) for one in (found, accident.wanted)]
    both = counted[0].join(counted[1], on=KEPT, how="full", coalesce=True, nulls_equal=True, suffix="_wanted")
    has, wanted = pl.col("rows").fill_null(0), pl.col("rows_wanted").fill_null(0)
    missing, twice, extra = both.select(
        missing=(wanted - has).clip(0).sum(),
        twice=pl.when(wanted > 0).then((has - wanted).clip(0)).sum(),
        extra=pl.when(wanted == 0).then(has).sum(),
    ).row(0)
    if accident.before is not None and _counted(accident.before).equals(counted[0]):
        return "the old rows stay"
    said = [(missing, "missing"), (twice, "twice"), (extra, "too many")]
    return (
        ", ".join(f"{number:,} {'row' if number == 1 else 'rows'} {what}" for number, what in said if number) or RIGHT
    )


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    rounded = pl.col("price").cast(pl.Float64).round(6)
    return frame.select("symbol", "id", rounded).group_by(KEPT).agg(rows=pl.len().cast(pl.Int64)).sort(KEPT)
