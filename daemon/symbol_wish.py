"""What a person wants to have in ``dim_symbol``, on its way to whoever holds the writer's lock."""

from __future__ import annotations

import io
from dataclasses import dataclass

import polars as pl

from daemon.requests import Answer, UpdateSymbols
from pointline.errors import PointlineError
from pointline.services.symbols import DimSymbolService
from pointline.tables.dim_symbol import UPDATE_SCHEMA
from pointline.tables.dim_symbol_diff import diff
from pointline.tables.dim_symbol_metadata import Metadata

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolWish:
    """What a file says, and how it is meant. ``exchange`` and ``insist`` as for ``DimSymbolService.take``."""

    metadata: Metadata
    exchange: str = ""
    insist: bool = False

    def as_request(self) -> UpdateSymbols:
        """Return it for a running daemon, which may not be allowed to read the file."""
        content = io.BytesIO()
        self.metadata.updates.write_ipc(content)
        return UpdateSymbols(
            updates=content.getvalue(),
            snapshot_at=self.metadata.snapshot_at,
            exchange=self.exchange,
            insist=self.insist,
        )

    @classmethod
    def from_request(cls, request: UpdateSymbols) -> SymbolWish:
        """Read it back. Raises PointlineError where it does not hold what ``as_request`` writes."""
        try:
            updates = pl.read_ipc(io.BytesIO(request.updates))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            raise _no_updates(type(error).__name__) from error
        if dict(updates.schema) != dict(UPDATE_SCHEMA):
            raise _no_updates(f"columns {', '.join(updates.columns)}")
        metadata = Metadata(updates=updates, snapshot_at=request.snapshot_at)
        return cls(metadata=metadata, exchange=request.exchange, insist=request.insist)

    def fulfil(self, service: DimSymbolService, *, dry_run: bool = False) -> Answer:
        """Do it, or find what it would do; return the versions that change as ``dim_symbol_diff.diff`` has them."""
        changes = service.take(self.metadata, exchange=self.exchange, insist=self.insist, dry_run=dry_run)
        times = pl.col("valid_from", "valid_until").dt.strftime(TIME_FORMAT)
        return {"changes": diff(changes).with_columns(times).to_dicts()}


def _no_updates(found: str) -> PointlineError:
    return PointlineError(
        f"the request holds no updates of symbols ({found})", hint="use the same version of pointline as the daemon"
    )
