"""Whether a described table is still the one that silver has: what rows were written as, they stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import Schema

from pointline.errors import PointlineError
from pointline.io.delta.table_path import data_files, is_table, open_table
from pointline.io.translate import storage_errors
from pointline.tables.schema import EventTable

KINDS = {"double": "number", "long": "integer", "timestamp": "time", "boolean": "flag", "string": "text"}
"""What a column of silver may have been described as."""


def delta_schema(schema: Mapping[str, pl.DataType]) -> Schema:
    """Return what a Delta log says of a table with these columns."""
    arrow = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return Schema.from_arrow(pa.schema(arrow))


def types_in(schema: Schema) -> dict[str, str]:
    """Return the type of each column, in Delta's words."""
    return {field.name: str(getattr(field.type, "type", field.type)) for field in schema.fields}


def refused_changes(path: Path, table: EventTable) -> list[str]:
    """Return what the rows that silver has cannot become, one entry a column; none where there are no rows.

    A log that cannot be read is the matter of others.
    """
    with suppress(PointlineError), storage_errors(table.name):
        if is_table(path):
            stored = open_table(path)
            if (found := list(_changes(types_in(stored.schema()), table))) and data_files(stored, flatten=True).height:
                return found
    return []


def _changes(stored: Mapping[str, str], table: EventTable) -> Iterator[str]:
    described = types_in(delta_schema(table.silver_schema))
    columns = {column.name: column for column in table.columns}
    for name, kind in stored.items():
        was = KINDS.get(kind, kind)
        if name not in described:
            yield f"silver has a column {name} ({was}) and the description has none"
        elif kind != described[name]:
            yield f"column {name} is {was} in silver and {columns[name].kind.value} in the description"
    for name, column in columns.items():
        if name not in stored and column.required:
            yield f"column {name} is required and the rows in silver have none"
