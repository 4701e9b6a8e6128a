"""What `doctor` says of owners and modes: who may not write or read what, with the command that mends it."""

from __future__ import annotations

import grp
import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pointline.config import LakePaths
from pointline.io.access import write_fault
from pointline.io.ownership import Off, name_of_user, ownership_faults
from pointline.services.telling.findings import Finding


def owner_findings(paths: LakePaths) -> list[Finding]:
    """Look at everything in the lake. With a large bronze that takes as long as a scan."""
    tables = sorted(path for path in paths.silver.iterdir() if path.is_dir()) if paths.silver.is_dir() else []
    faults = ownership_faults(paths.root, paths.bronze, [*tables, paths.state])
    user = paths.root.stat().st_uid
    found = [_finding(paths, fault, user) for fault in faults]
    return [*found, *_unwritable(paths, tables), *_closed_to_the_group(paths, user)]


def _unwritable(paths: LakePaths, tables: Sequence[Path]) -> list[Finding]:
    """Name what the daemon has to write and cannot, although owner and mode permit it."""
    state = [paths.state, paths.state_file, paths.lock_file, paths.last_id_file]
    folders = [paths.silver, *(Path(folder) for table in tables for folder, _, _ in os.walk(table))]
    faults = [fault for path in (*state, *folders) if (fault := write_fault(path)) is not None]
    more = f", and so it is with {len(faults) - 1:,} more" if len(faults) > 1 else ""
    return [
        Finding(
            kind="not_writable",
            table="",
            path=str(fault.path.relative_to(paths.root)),
            what=f"it {fault.what}{more}",
            hint=fault.hint,
        )
        for fault in faults[:1]
    ]


def _finding(paths: LakePaths, off: Off, user: int) -> Finding:
    place, name = shlex.quote(str(off.place)), name_of_user(user)
    example = off.example.relative_to(paths.root)
    entries = "1 entry" if off.entries == 1 else f"{off.entries:,} entries"
    match off.kind:
        case "owner":
            what = f"{entries} below it belong to another user than {name}, to whom the lake belongs, such as {example}"
            hint = f"sudo chown -R {name}: {place}"
        case "mode":
            what = f"{name} may not write or read {entries} of its own, such as {example}"
            hint = f"sudo chmod -R u+rwX {place}"
        case _:
            what = f"{name} may not read {entries} of bronze, such as {example}"
            hint = f"sudo chmod -R a+rX {place}"
    where = off.place.relative_to(paths.root)
    table = off.place.name if off.place.parent == paths.silver else ""
    return Finding(kind=off.kind, table=table, path=str(where), what=what, hint=hint)


def _closed_to_the_group(paths: LakePaths, user: int) -> Iterator[Finding]:
    """Who may drop files shall be able to ask the daemon; it opens its folder for requests where it can."""
    try:
        bronze, requests = paths.bronze.stat(), paths.requests.stat()
    except OSError:
        return
    if not bronze.st_mode & stat.S_IWGRP or requests.st_gid == bronze.st_gid:
        return
    group = _name_of_group(bronze.st_gid)
    yield Finding(
        kind="requests",
        table="",
        path=str(paths.requests.relative_to(paths.root)),
        what=f"members of the group {group} may drop files, and may not ask the daemon for `retry` or `withdraw`: "
        f"{name_of_user(user)} may not give the folder to that group",
        hint=f"sudo chgrp {group} {shlex.quote(str(paths.state))} {shlex.quote(str(paths.requests))}",
    )


def _name_of_group(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
