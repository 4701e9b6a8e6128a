"""The format version of a table whose log may be torn: asked before anything is mended, and without delta-rs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from polars.exceptions import PolarsError

from pointline.io.delta.table_path import LOG, read_data_file
from pointline.io.delta_log.checkpoint import checkpoint_files, newest_checkpoint
from pointline.io.delta_log.format_version import PROPERTY, require_known
from pointline.io.translate import storage_errors


def require_known_log(table: Path) -> None:
    """Raise NewerFormat where a later release wrote the table, by what can be read of its log."""
    with storage_errors(table.name):
        for configuration in _configurations(table / LOG):
            require_known(table.name, configuration)


def _configurations(log: Path) -> Iterator[Mapping[str, object]]:
    """Yield what the newest checkpoint and the entries after it say; all entries where it cannot be read."""
    newest = newest_checkpoint(log)
    for checkpoint in filter(Path.is_file, checkpoint_files(log, newest)):
        try:
            rows = read_data_file(checkpoint, ["metaData"])["metaData"].drop_nulls().to_list()
        except (OSError, PolarsError):
            newest = -1
        else:
            yield from (dict(row["configuration"] or {}) for row in rows)
    for entry in log.glob("[0-9]*.json"):
        if entry.stem.isdecimal() and int(entry.stem) > newest and entry.is_file():
            yield from _in_entry(entry.read_bytes())


def _in_entry(content: bytes) -> Iterator[Mapping[str, object]]:
    for line in content.splitlines():
        if PROPERTY.encode() in line:
            with suppress(ValueError, KeyError, TypeError):  # torn: mending comes next
                yield dict(json.loads(line)["metaData"]["configuration"])
