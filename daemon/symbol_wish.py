"""What a person wants to have in ``dim_symbol``, on its way to whoever holds the writer's lock."""

from __future__ import annotations

import base64
import datetime as dt
import io
from dataclasses import dataclass

import polars as pl

from daemon.requests import Request
from pointline.services.symbol_holds import lacks
from pointline.services.symbols import Plan, Told
from pointline.tables.dim_symbol_diff import diff
from pointline.tables.dim_symbol_metadata import Metadata

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolWish:
    """What a file says, and how it is meant."""

    told: Told

    def as_request(self) -> Request:
        """Return it for a running daemon, which may not be allowed to read the file."""
        at = self.told.metadata.snapshot_at
        content = io.BytesIO()
        self.told.metadata.updates.write_ipc(content)
        return {
            "command": "symbols",
            "updates": base64.b64encode(content.getvalue()).decode(),
            "snapshot_at": None if at is None else at.isoformat(),
            "is_partial": self.told.metadata.is_partial,
            "exchange": self.told.exchange,
            "insist": self.told.insist,
        }

    @classmethod
    def from_request(cls, request: Request) -> SymbolWish:
        """Read it back."""
        at = request["snapshot_at"]
        metadata = Metadata(
            updates=pl.read_ipc(io.BytesIO(base64.b64decode(request["updates"]))),
            snapshot_at=None if at is None else dt.datetime.fromisoformat(at),
            is_partial=request["is_partial"],
        )
        return cls(told=Told(metadata=metadata, exchange=request["exchange"], insist=request["insist"]))


def answer(plan: Plan) -> Request:
    """Return the versions that change as ``dim_symbol_diff.diff`` has them, and what is held of what was said."""
    times = pl.col("valid_from", "valid_until").dt.strftime(TIME_FORMAT)
    held = plan.held_of(int(plan.add.rows["file_id"][0]))
    return {
        "changes": diff(plan.changes).with_columns(times).to_dicts(),
        "held": held["exchange"].to_list(),
        "reason": lacks(held) if held.height else "",
    }
