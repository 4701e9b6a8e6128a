"""Others that do a part of this job, over the same files: what they cost, and what they do with everyday accidents.

``python -m tests.bench accidents`` prints both as tables. Each peer is used as its own documentation shows it; what is
not installed is left out, and said. All of them: ``pip install -e '.[bench]'``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench.inputs import Input
from tests.bench.peers.peer import PEERS, absent
from tests.bench.process import Cost, module, run
from tests.bench.sums import check_rows

__all__ = ["absent", "contestants"]


def contestants(folder: Path, source: Input) -> dict[str, Callable[[], Cost]]:
    """The peers that are installed, each as a whole process; the rows are counted after each run."""
    return {peer.name: partial(_contest, peer.name, folder / "peer", source) for peer in PEERS if not peer.missing()}


def _contest(name: str, out: Path, source: Input) -> Cost:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    cost = run(module("tests.bench.peers", "load", name, source.folder, out), out.with_suffix(".log"))
    counted = out.with_suffix(".count")
    run(module("tests.bench.peers", "count", name, out, counted), out.with_suffix(".log"))
    check_rows(int(counted.read_text()), source.sums.rows, name)
    return cost
