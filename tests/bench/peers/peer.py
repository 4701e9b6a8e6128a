"""What a peer is here, and all of them. The modules that do the work load a library when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

FILES = "*.csv.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """``module`` has ``load(bronze, out)`` for the trades of a folder, and ``read(out)``: ``symbol, id, price``."""

    name: str
    package: str
    module: str

    def missing(self) -> str:
        """Say why it is left out; empty where it is installed."""
        if importlib.util.find_spec(self.package) is None:
            return f"{self.name} is not installed and left out: pip install -e '.[bench]'"
        return ""

    def load(self, bronze: Path, out: Path) -> None:
        self._function("load")(bronze, out)

    def read(self, out: Path) -> pl.DataFrame:
        frame: pl.DataFrame = self._function("read")(out)
        return frame

    def count(self, out: Path) -> int:
        try:
            rows: int = self._function("count")(out)
        except AttributeError:
            return self.read(out).height
        return rows

    def _function(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(importlib.import_module(f"tests.bench.peers.{self.module}"), name)
        return found


PEERS = (
    Peer(name="write_delta loop", package="deltalake", module="write_delta"),
    Peer(name="Polars partitioned sink", package="polars", module="polars_sink"),
    Peer(name="DuckDB", package="duckdb", module="with_duckdb"),
    Peer(name="DataFusion", package="datafusion", module="with_datafusion"),
    Peer(name="chDB", package="chdb", module="with_chdb"),
    Peer(name="dlt", package="dlt", module="with_dlt"),
    Peer(name="NautilusTrader", package="nautilus_trader", module="with_nautilus"),
)
OURS = Peer(name="Pointline", package="pointline", module="with_pointline")


def by_name(name: str) -> Peer:
    return next(peer for peer in (*PEERS, OURS) if peer.name == name)


def absent() -> list[str]:
    """Why peers are left out."""
    return [reason for peer in PEERS if (reason := peer.missing())]


def sources(bronze: Path) -> list[Path]:
    return sorted(bronze.rglob(FILES))
