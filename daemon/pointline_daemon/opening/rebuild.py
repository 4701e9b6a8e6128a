"""Tables that cannot be read are moved away and made again; what they held comes back from the rest of the lake.

A ledger is made again from its sound data files and from what the commits of silver told; an event table from bronze,
and, of files that bronze does not have any more, from its own data files (``opening.left_behind``). Ids stay as they
are. Nothing is deleted: what was moved away lies in ``.pointline/set_aside``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import polars as pl
from msgspec import Struct

from pointline.errors import LakeDamaged, NoAccess, PointlineError
from pointline.io.delta.table.reader import DeltaTableReader
from pointline.io.durable import flush_folder, make_folder
from pointline.io.protocols.tables import Part
from pointline.io.translate import one_line
from pointline.tables import ingest_manifest
from pointline_daemon.opening.lake import Lake

Fault = tuple[str, str] | None
MANGLED = (PointlineError, ValueError, KeyError, TypeError, OSError, pl.exceptions.PolarsError)
"""Whatever a mangled log makes its readers say."""
SHUT = (NoAccess, PermissionError)
"""What may not be read may be sound: it is not moved away."""


def unreadable_tables(lake: Lake) -> dict[str, str]:
    """Return the tables that cannot be read, and why.

    Of an event table only the log counts: it is mended file by file. A table that is not there is none of them.
    """
    files = lake.files
    found = {}
    for repository in lake.repositories():
        name = repository.path.name
        look = (lambda _name, _part: None) if name in lake.events else files.damage_of
        if repository.path.exists():
            altered = [f"{entry} was {reason}" for entry, reason in files.log_faults(name)]
            if why := next(iter(altered), "") or _fault_of(repository, look):
                found[name] = why
    observations = lake.observations
    if observations.exists() and not {observations.path.name, observations.states.path.name} & found.keys():
        try:
            observations.require_states()
        except MANGLED as error:
            found[observations.states.path.name] = _first_line(error)
    if observations.states.path.name in found:  # neither says anything without the other; both come from bronze
        found.setdefault(observations.path.name, f"it is of no use without {observations.states.path.name}")
    if ingest_manifest.NAME not in found and lake.manifest.repository.exists():
        try:
            lake.manifest.entries()
        except SHUT:
            raise
        except MANGLED as error:
            found[ingest_manifest.NAME] = _first_line(error)
    return found


def missing_tables(lake: Lake) -> list[str]:
    """Return the tables that are not there."""
    return [repository.path.name for repository in lake.repositories() if not repository.exists()]


class Rebuilt(Struct, frozen=True, kw_only=True):
    """``why`` the tables could not be read, and the folders that they were ``moved_to``, by table."""

    why: Mapping[str, str]
    moved_to: Mapping[str, Path]


def rebuild_unreadable(lake: Lake) -> Rebuilt:
    """Mend what can be mended, and make the tables again that still cannot be read."""
    with suppress(LakeDamaged):  # a ledger that cannot be read: it is made again below
        lake.mend()
    found = unreadable_tables(lake)
    keep_in = lake.config.paths.state / "set_aside"
    saved = _sound_rows(lake) if ingest_manifest.NAME in found else None
    moved = {}
    for repository in lake.repositories():
        if repository.path.name in found and repository.path.exists():
            moved[repository.path.name] = _move_away(repository.path, keep_in)
            repository.let_go()
    if saved is not None:
        lake.manifest.repository.create()
        lake.manifest.forget_entries()
        lake.manifest.adopt(saved)
    return Rebuilt(why=found, moved_to=moved)


def _fault_of(repository: DeltaTableReader, look: Callable[[str, Part], Fault]) -> str:
    try:
        repository.last_batch()
        faults = [look(repository.path.name, part) for part in repository.live_parts()]
    except SHUT:
        raise
    except MANGLED as error:
        return _first_line(error)
    return next((fault[1] for fault in faults if fault is not None), "")


def _first_line(error: BaseException) -> str:
    return one_line(error)[:200]


def _sound_rows(lake: Lake) -> pl.DataFrame:
    """Return the rows of the ledger's data files that are as they were written."""
    files = lake.files
    repository = lake.manifest.repository
    rows = [pl.DataFrame(schema=ingest_manifest.SCHEMA)]
    try:
        sound = [part for part in repository.live_parts() if files.damage_of(ingest_manifest.NAME, part) is None]
        rows += [frame.select(list(ingest_manifest.SCHEMA)) for part in sound for frame in repository.rows_of(part)]
    except MANGLED:
        return rows[0]
    return pl.concat(rows).filter(~ingest_manifest.senseless())


def _move_away(folder: Path, keep_in: Path) -> Path:
    make_folder(keep_in)
    target = folder.rename(keep_in / f"{folder.name}-{time.time_ns()}")
    flush_folder(keep_in)
    flush_folder(folder.parent)
    return target
