"""Lazy frames over a lake that say what happened where their data files were removed before they were read.

Polars has no place for that: what a frame raises is its own. Its operations keep the class of a frame, and the two that
do not, by way of a group, are told to. ``pl.concat`` and ``pl.collect_all`` return Polars' own frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import polars as pl
from polars.lazyframe.group_by import LazyGroupBy

from pointline.errors import PointlineError
from pointline.io.delta.parts import COMPACTED, WRITTEN

P = ParamSpec("P")
T = TypeVar("T")
_PART = re.compile(rf"(?:{WRITTEN}|{COMPACTED})-[0-9a-f]{{32}}[^\s/]*\.parquet")


def of_lake(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the frame as one of a lake."""
    frame.__class__ = LakeFrame
    return frame


def _explains(method: Callable[P, T]) -> Callable[P, T]:
    @wraps(method)
    def explained(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except FileNotFoundError as error:
            part = _PART.search(str(error))
            if part is None:  # of a file that is none of ours
                raise
            raise PointlineError(
                f"the data file {part[0]} was removed after this frame was made: it was replaced, and maintenance "
                "keeps such files for `maintenance.vacuum_retention_hours`, or for an hour at least where they take "
                "more room than `maintenance.max_dead_share`; those of the ledger and of quarantine for an hour",
                subject=part[0],
                hint="make the frame again with `pointline.scan`: it then reads the rows of now",
            ) from error

    return explained


def _frames(method: Callable[P, pl.LazyFrame]) -> Callable[P, pl.LazyFrame]:
    @wraps(method)
    def made(*args: P.args, **kwargs: P.kwargs) -> pl.LazyFrame:
        return of_lake(method(*args, **kwargs))

    return made


def _groups(method: Callable[P, LazyGroupBy]) -> Callable[P, LazyGroupBy]:
    @wraps(method)
    def made(*args: P.args, **kwargs: P.kwargs) -> LazyGroupBy:
        groups = method(*args, **kwargs)
        groups.__class__ = LakeGroups
        return groups

    return made


class LakeGroups(LazyGroupBy):
    """Groups of a frame of a lake."""

    agg = _frames(LazyGroupBy.agg)


class LakeFrame(pl.LazyFrame):
    """A lazy frame that raises PointlineError where a vacuum has removed what it would read."""

    collect = _explains(pl.LazyFrame.collect)  # type: ignore[assignment]
    sink_parquet = _explains(pl.LazyFrame.sink_parquet)  # type: ignore[assignment]
    sink_csv = _explains(pl.LazyFrame.sink_csv)  # type: ignore[assignment]
    sink_ndjson = _explains(pl.LazyFrame.sink_ndjson)  # type: ignore[assignment]
    sink_ipc = _explains(pl.LazyFrame.sink_ipc)  # type: ignore[assignment]
    group_by = _groups(pl.LazyFrame.group_by)
    group_by_dynamic = _groups(pl.LazyFrame.group_by_dynamic)
    rolling = _groups(pl.LazyFrame.rolling)
