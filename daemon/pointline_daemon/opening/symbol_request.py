"""What a person wants to have in ``dim_symbol``, on its way to whoever holds the writer's lock."""

from __future__ import annotations

import datetime as dt
import io

import polars as pl
from msgspec import Struct

from pointline.errors import PointlineError
from pointline.services.symbols.changes import Told
from pointline.services.symbols.holds import lacks
from pointline.services.symbols.planning import Plan
from pointline.tables.symbols.diff import diff
from pointline.tables.symbols.updates import UPDATE_SCHEMA
from pointline.vendors.symbols.metadata import Metadata
from pointline_daemon.opening.requests import Answer, UpdateSymbols

TIMES = (dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC))
"""Beyond them a table has rows that nothing can read any more."""
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"


class SymbolRequest(Struct, frozen=True, kw_only=True):
    """What a file says, and what it is meant for."""

    told: Told

    def as_request(self) -> UpdateSymbols:
        """Return it for a running daemon, which may not be allowed to read the file."""
        content = io.BytesIO()
        metadata = self.told.metadata
        metadata.updates.write_ipc(content)
        return UpdateSymbols(
            updates=content.getvalue(),
            snapshot_at=metadata.snapshot_at,
            is_partial=metadata.is_partial,
            exchange=self.told.exchange,
            insist=self.told.insist,
        )

    @classmethod
    def from_request(cls, request: UpdateSymbols) -> SymbolRequest:
        """Read it back. Raises PointlineError where it does not hold what ``as_request`` writes."""
        try:
            updates = pl.read_ipc(io.BytesIO(request.updates))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
            raise _no_updates(type(error).__name__) from error
        if dict(updates.schema) != dict(UPDATE_SCHEMA):
            raise _no_updates(f"columns {', '.join(updates.columns)}")
        if updates.is_empty():
            raise _no_updates("no rows")
        times = pl.col(name for name, kind in UPDATE_SCHEMA.items() if isinstance(kind, pl.Datetime))
        if not updates.select(pl.all_horizontal(times.is_between(*TIMES).fill_null(value=True)).all()).item():
            raise PointlineError("the request has a time outside of the years 1 to 9999", hint="correct that time")
        metadata = Metadata(updates=updates, snapshot_at=request.snapshot_at, is_partial=request.is_partial)
        return cls(told=Told(metadata=metadata, exchange=request.exchange, insist=request.insist))


def answer(plan: Plan) -> Answer:
    """Return the versions that change as ``tables.symbols.diff.diff`` has them, and what is held of what was said."""
    times = pl.col("valid_from", "valid_until").dt.strftime(TIME_FORMAT)
    held = plan.held_of(int(plan.add.rows["file_id"][0]))
    return {
        "changes": diff(plan.changes).with_columns(times).to_dicts(),
        "held": held["exchange"].to_list(),
        "reason": lacks(held) if held.height else "",
    }


def _no_updates(found: str) -> PointlineError:
    return PointlineError(
        f"the request holds no updates of symbols ({found})", hint="use the same version of pointline as the daemon"
    )
