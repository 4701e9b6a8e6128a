"""A table that nothing has come into yet, told by its log alone: most tables of most lakes, at a tenth of the time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from pointline.io.checksums import is_altered
from pointline.io.delta.changed_table import delta_schema
from pointline.io.delta.table_path import LOG
from pointline.io.delta_log.entries import entry_name
from pointline.io.delta_log.format_version import FORMAT_VERSION, version_in

READER_VERSION = 1
WRITER_VERSION = 2
"""Of the Delta protocol: what the tables are created with, and all that ``DeltaLog`` knows."""


def is_as_made(path: Path, schema: Mapping[str, pl.DataType], partition_by: Sequence[str]) -> bool:
    """Tell whether the log is the one entry that makes a table, sound, and of a table with these columns.

    Where it is not, or cannot be read, delta-rs says what there is.
    """
    log = path / LOG
    first = log / entry_name(0)
    try:
        if os.path.lexists(log / entry_name(1)) or list(log.iterdir()) != [first] or not first.is_file():
            return False
        content = first.read_bytes()
        actions = [json.loads(line) for line in content.splitlines()]
        if is_altered(content) or [next(iter(action)) for action in actions] != ["commitInfo", "protocol", "metaData"]:
            return False
        protocol, made = actions[1]["protocol"], actions[2]["metaData"]
        return (
            protocol == {"minReaderVersion": READER_VERSION, "minWriterVersion": WRITER_VERSION}
            and version_in(made["configuration"]) == FORMAT_VERSION
            and made["partitionColumns"] == list(partition_by)
            and made["schemaString"] == delta_schema(schema).to_json()
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration):
        return False
