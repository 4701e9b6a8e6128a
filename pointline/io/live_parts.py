"""The parts of one version of a table, found by partition without a pass over all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import polars as pl
from deltalake import DeltaTable

from pointline.io.parts import COMPACTED
from pointline.io.protocols import Part


class LiveParts:
    """What readers of a version see. Does not change."""

    def __init__(self, table: DeltaTable, partition_by: Sequence[str]) -> None:
        self.version = table.version()
        self._actions = pl.DataFrame(table.get_add_actions(flatten=False))
        self._partition_by = partition_by
        self._places = self._place_by_partition() if partition_by else {}

    @property
    def paths(self) -> pl.Series:
        """Path of each, relative to the table."""
        return self._actions["path"]

    def of(self, partition: Mapping[str, str] | None) -> list[Part]:
        """Return the parts of a partition, whose columns are all named, or of the table."""
        actions = self._actions
        if partition is not None:
            actions = actions[self._places.get(tuple(partition[name] for name in self._partition_by), [])]
        return [_part(action) for action in actions.iter_rows(named=True)]

    def _place_by_partition(self) -> dict[tuple[str, ...], list[int]]:
        keys = self._actions.select(
            pl.col("partition").struct.field(name).cast(pl.String) for name in self._partition_by
        )
        places: dict[tuple[str, ...], list[int]] = {}
        for place, key in enumerate(keys.iter_rows()):
            places.setdefault(key, []).append(place)
        return places


def may_hold(part: Part, file_ids: Sequence[int]) -> bool:
    """Tell by its statistics whether a part can hold rows of one of these files; one without any may."""
    stats = json.loads(part.stats)
    low, high = (stats.get(bound, {}).get("file_id") for bound in ("minValues", "maxValues"))
    return low is None or high is None or any(low <= file_id <= high for file_id in file_ids)


def _part(action: Mapping[str, Any]) -> Part:
    low, high = action.get("min") or {}, action.get("max") or {}
    bounds = {"numRecords": action["num_records"], "minValues": low, "maxValues": high}
    return Part(
        path=action["path"],
        partition={name: str(value) for name, value in (action.get("partition") or {}).items()},
        size_bytes=action["size_bytes"],
        rows=action["num_records"],
        stats=json.dumps(bounds, default=str),
        first_file_id=low.get("file_id") or 0,
        last_file_id=high.get("file_id") or 0,
        is_compacted=PurePosixPath(action["path"]).name.startswith(COMPACTED),
    )
