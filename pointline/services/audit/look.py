"""One look of an audit at a lake: whom it asks, how far it is, and what it has found."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from msgspec import Struct, field

from pointline.errors import NoAccess, PointlineError
from pointline.io.protocols.tables import Part
from pointline.services.audit.audited import Parties
from pointline.services.telling.findings import Checked, Finding

UNREADABLE = (PointlineError, OSError, ValueError, pl.exceptions.PolarsError)
"""What reading a damaged part may raise, whichever library meets the damage."""


class Look(Struct, kw_only=True):
    """``data``: every data file is read whole; ``deep``: every bronze file as well."""

    parties: Parties
    data: bool
    deep: bool
    only: set[str] | None
    """The tables that are looked at; None: all."""
    on_step: Callable[[Checked], None]
    """Is told again and again how much was looked at."""
    checked: Checked = field(default_factory=Checked)
    findings: list[Finding] = field(default_factory=list)
    shut: list[tuple[str, Part]] = field(default_factory=list)
    """Data files that may not be read, each with its table: what is in them, and lacks elsewhere, cannot be told."""

    def wants(self, table: str) -> bool:
        """Tell whether a table is looked at."""
        return self.only is None or table in self.only


def unreadable(table: str, error: Exception) -> Finding:
    """Return the finding that a table cannot be read."""
    hint = error.hint if isinstance(error, NoAccess) else ""  # else what mends damage
    return Finding(kind="unreadable_table", table=table, path=f"silver/{table}", what=first_line(error), hint=hint)


def first_line(error: Exception) -> str:
    """Return the beginning of what an error says."""
    return str(error).partition("\n")[0][:200]
