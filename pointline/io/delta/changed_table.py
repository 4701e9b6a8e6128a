"""Whether the table that silver has is the one that belongs there: what rows were written as, they stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Schema

from pointline.errors import PointlineError
from pointline.io.delta.table_path import data_files, is_table, open_table
from pointline.io.translate import storage_errors
from pointline.tables.schema import EventTable

KINDS = {"double": "number", "long": "integer", "timestamp": "time", "boolean": "flag", "string": "text"}
"""What a column of silver may have been described as."""

MOST_NAMED = 3


def delta_schema(schema: Mapping[str, pl.DataType]) -> Schema:
    """Return what a Delta log says of a table with these columns."""
    return _delta_schema(tuple(schema.items()))


@cache
def _delta_schema(columns: tuple[tuple[str, pl.DataType], ...]) -> Schema:
    """A few dozen are asked for at each start, and always the same ones."""
    arrow = pl.DataFrame(schema=dict(columns)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return Schema.from_arrow(pa.schema(arrow))


def types_in(schema: Schema) -> dict[str, str]:
    """Return the type of each column, in Delta's words."""
    return {field.name: str(getattr(field.type, "type", field.type)) for field in schema.fields}


def not_ours(
    table: DeltaTable, schema: Mapping[str, pl.DataType], partition_by: Sequence[str], may_lack: Collection[str] | None
) -> str:
    """Return in which way a table is not the one that belongs in its place; empty where it is.

    Columns that another program has added are left alone; ``may_lack`` are those that came with later releases, None
    where there are no rows, and the columns do not matter.
    """
    if tuple(table.metadata().partition_columns) != tuple(partition_by):
        return (
            f"it is partitioned by other columns than {' and '.join(partition_by)}"
            if partition_by
            else "it has partitions"
        )
    if may_lack is None:
        return ""
    stored, wanted = types_in(table.schema()), types_in(delta_schema(schema))
    if lacking := [name for name in wanted if name not in stored and name not in may_lack]:
        return f"it has no column {' and no column '.join(lacking[:MOST_NAMED])}"
    for name, kind in wanted.items():
        if stored.get(name, kind) != kind:
            return f"its column {name} is of the type {stored[name]}, not {kind}"
    return ""


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
