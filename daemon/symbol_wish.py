"""What a person wants to have in ``dim_symbol``, on its way to whoever holds the writer's lock."""

from __future__ import annotations

import base64
import datetime as dt
import io
from dataclasses import dataclass

import polars as pl

from daemon.requests import Request
from pointline.services.symbols import DimSymbolService
from pointline.tables.dim_symbol_diff import diff
from pointline.tables.dim_symbol_metadata import Metadata

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolWish:
    """What a file says, and how it is meant. ``exchange`` and ``insist`` as for ``DimSymbolService.take``."""

    metadata: Metadata
    exchange: str = ""
    insist: bool = False

    def as_request(self) -> Request:
        """Return it for a running daemon, which may not be allowed to read the file."""
        at = self.metadata.snapshot_at
        content = io.BytesIO()
        self.metadata.updates.write_ipc(content)
        return {
            "command": "symbols",
            "updates": base64.b64encode(content.getvalue()).decode(),
            "snapshot_at": None if at is None else at.isoformat(),
            "exchange": self.exchange,
            "insist": self.insist,
        }

    @classmethod
    def from_request(cls, request: Request) -> SymbolWish:
        """Read it back."""
        at = request["snapshot_at"]
        metadata = Metadata(
            updates=pl.read_ipc(io.BytesIO(base64.b64decode(request["updates"]))),
            snapshot_at=None if at is None else dt.datetime.fromisoformat(at),
        )
        return cls(metadata=metadata, exchange=request["exchange"], insist=request["insist"])

    def fulfil(self, service: DimSymbolService, *, dry_run: bool = False) -> Request:
        """Do it, or find what it would do; return the versions that change as ``dim_symbol_diff.diff`` has them."""
        changes = service.take(self.metadata, exchange=self.exchange, insist=self.insist, dry_run=dry_run)
        times = pl.col("valid_from", "valid_until").dt.strftime(TIME_FORMAT)
        return {"changes": diff(changes).with_columns(times).to_dicts()}
