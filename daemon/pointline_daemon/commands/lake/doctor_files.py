"""The files of a lake's tables as ``pointline doctor`` looks at them: kinds, logs, owners, and what nothing needs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pointline.config import LakePaths
from pointline.errors import NoAccess, PointlineError
from pointline.io import health
from pointline.io.delta_log import loose_files
from pointline.io.lake_links import links_in
from pointline.io.ledger.reader import tables_beside
from pointline.io.translate import one_line
from pointline.services.telling.findings import Finding
from pointline_daemon.commands.lake.doctor_machine import Facts, table_folders
from pointline_daemon.commands.lake.doctor_owners import owner_findings
from pointline_daemon.commands.shared.health import look_at_daemon
from pointline_daemon.commands.shared.present import bytes_text
from pointline_daemon.opening.lake import Lake
from pointline_daemon.opening.left_behind import only_copies


def file_findings(lake: Lake, facts: Facts) -> list[Finding]:
    """Return what is wrong with the files of the tables: their kind, logs, owners, and what nothing needs."""
    paths = lake.config.paths
    daemon = look_at_daemon(paths.lock_file, paths.state_file)
    facts["daemon"] = daemon.as_json(time.time())
    writer, since = daemon.is_alive, daemon.since
    found: list[Finding] = []
    orphans: list[loose_files.LooseFile] = []
    recorded = -1
    for repository in lake.repositories():
        table = repository.path
        found += [
            Finding(kind="wrong_kind", table=table.name, path=path, what=what)
            for path, what in lake.files.wrong_kinds(table.name)
        ]
        if not table.is_dir():
            if repository is lake.manifest.repository and tables_beside(table):
                what = "the ledger is gone, while silver has other tables"
                found.append(Finding(kind="unreadable_table", table=table.name, path=f"silver/{table.name}", what=what))
            continue
        try:
            if repository is lake.manifest.repository:
                recorded = repository.last_batch()
            loose = loose_files.orphans(table, repository.live_paths(), writer=writer, writer_since=since)
            orphans += loose
            found += _orphan_findings(lake, table, loose)
            found += _log_findings(table, recorded if table.name != "ingest_manifest" else -1, writer=writer)
        except (NoAccess, PermissionError):
            continue  # the owner or the mode is a finding below
        except (PointlineError, ValueError) as error:
            what = one_line(error)
            found.append(Finding(kind="unreadable_table", table=table.name, path=f"silver/{table.name}", what=what))
            found += _log_findings(table, recorded if table.name != "ingest_manifest" else -1, writer=writer)
    facts["tables"] = len(table_folders(lake))
    facts["orphans"] = {"files": len(orphans), "bytes": sum(file.size_bytes for file in orphans)}
    for path, target in links_in(paths.silver, paths.state):
        what = f"a symbolic link to {target}: nothing is written or removed through it"
        found.append(Finding(kind="symbolic_link", table="", path=path, what=what))
    owners = owner_findings(paths)
    facts["owners"] = len(owners)
    return found + owners + _leftover_findings(paths, lake, facts, writer=writer, since=since)


def _orphan_findings(lake: Lake, table: Path, orphans: Sequence[loose_files.LooseFile]) -> list[Finding]:
    in_table = f"silver/{table.name}/"
    kept = {
        in_table + path for path in only_copies(lake, table.name, [one.path.removeprefix(in_table) for one in orphans])
    }
    what = "no version of the table names this file"
    unknown = f"{what}, and it has rows of files that the ledger does not know"
    leaves = "maintenance leaves it there; remove it yourself once you do not need these rows"
    vacuum = "`pointline maintain --vacuum` removes it once it is old enough"
    return [
        _loose("orphan", one, unknown, leaves) if one.path in kept else _loose("orphan", one, what, vacuum)
        for one in orphans
    ]


def _log_findings(table: Path, recorded: int, *, writer: bool) -> list[Finding]:
    found = []
    for fault in health.log_faults(table, recorded_batch=recorded):
        if fault.is_newest and writer:
            continue  # being written this moment
        what = f"the log entry is {fault.reason}"
        hint = "`pointline doctor --fix` moves it away; its files are then ingested again"
        if not fault.is_mendable:
            hint = "put the entry back from a copy of the lake; the table cannot be trusted without it"
        kind = "commit_missing" if fault.reason == "missing" else "commit_torn"
        path = f"silver/{table.name}/_delta_log/{fault.entry}"
        found.append(Finding(kind=kind, table=table.name, path=path, what=what, hint=hint))
    return found


def _leftover_findings(paths: LakePaths, lake: Lake, facts: Facts, *, writer: bool, since: float) -> list[Finding]:
    left = loose_files.leftovers(paths.root, paths.state, table_folders(lake), writer=writer, writer_since=since)
    facts["leftovers"] = len(left)
    fix = "`pointline doctor --fix` removes it"
    return [_loose("leftover", file, "a killed process left it half written", fix) for file in left]


def _loose(kind: str, file: loose_files.LooseFile, what: str, hint: str) -> Finding:
    size = bytes_text(file.size_bytes)
    return Finding(kind=kind, table=file.table, path=file.path, what=f"{what} ({size})", hint=hint)
