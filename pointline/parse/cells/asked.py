"""What a parser of cells is asked for: columns with their kinds, of a table or of a vendor's feed."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from pointline.tables.schema import Column


class Columns(Protocol):
    """Named columns; their order is that of the result."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are wanted."""
        ...

    @property
    def raw_schema(self) -> dict[str, pl.DataType]:
        """Their names and the types of their cells."""
        ...
