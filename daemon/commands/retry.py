"""``pointline retry``."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from daemon.lake import open_lake
from daemon.requests import Request, do_or_ask
from pointline.config import load_config
from pointline.errors import PointlineError
from pointline.services.retry import Selection, put_back, select
from pointline.tables.ingest_manifest import Status

SHOWN = 20


def retry(
    lake_root: Path | None,
    targets: list[str],
    *,
    status: Status | None,
    rule: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Put refused files back to pending; with ``dry_run`` only name them."""
    config = load_config(lake_root)
    lake = open_lake(config)
    found = pl.concat(
        select(lake.manifest.repository.read_all(), selection) for selection in _selections(targets, status, rule)
    ).unique("file_id", maintain_order=True)
    if not dry_run and not found.is_empty():

        def do(request: Request) -> Request:
            put_back(lake.manifest, request["file_ids"])
            return {"put_back": len(request["file_ids"])}

        ids = found["file_id"].to_list()
        do_or_ask(config.paths, {"command": "retry", "file_ids": ids}, do, purpose="retry")
    if as_json:
        print(json.dumps({"dry_run": dry_run, "files": found.to_dicts()}))
    else:
        _print(found, dry_run=dry_run)
    return 0 if not found.is_empty() else 1


def _selections(targets: list[str], status: Status | None, rule: str | None) -> list[Selection]:
    if not targets and status is None and rule is None:
        raise PointlineError(
            "nothing was named to try again", hint="name a file id or a path, or use --status failed, or --rule ragged"
        )
    ids = tuple(int(target) for target in targets if target.isdecimal())
    paths: list[str | None] = [target for target in targets if not target.isdecimal()]
    selections = [Selection(path=path, status=status, error_contains=rule) for path in paths]
    if ids or not paths:
        selections.append(Selection(file_ids=ids, status=status, error_contains=rule))
    return selections


def _print(found: pl.DataFrame, *, dry_run: bool) -> None:
    if found.is_empty():
        print("no failed or quarantined file is meant by that; `pointline files --status quarantined` lists them")
        return
    for file_id, path, status, error in found.head(SHOWN).iter_rows():
        print(f"{file_id}  {status}  {path}\n    {error}")
    if found.height > SHOWN:
        print(f"... and {found.height - SHOWN} more")
    count = f"{found.height} file{'s' if found.height > 1 else ''}"
    print(f"{count} would be tried again" if dry_run else f"{count} put back; a running daemon takes them up at once")
