"""A loop of ``write_delta``: what one writes first. It does not know which files are in already."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.bench.bare import convert
from tests.bench.peers.peer import sources


def load(bronze: Path, out: Path) -> None:
    for path in sources(bronze):
        convert("trades", path).collect().write_delta(out / "trades", mode="append")


def read(out: Path) -> pl.DataFrame:
    return pl.read_delta(str(out / "trades"), columns=["symbol", "id", "price"])
