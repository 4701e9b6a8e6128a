"""``pointline maintain``."""

from __future__ import annotations

import json
from pathlib import Path

from daemon.lake import open_lake
from daemon.requests import Request, do_or_ask
from daemon.upkeep import Facts, Upkeep, Wish
from pointline.config import load_config
from pointline.errors import PointlineError
from pointline.services.recovery import recover

PATIENCE_SECONDS = 3600.0


def maintain(lake_root: Path | None, wish: Wish, *, as_json: bool) -> int:
    """Run one pass of maintenance now, here or in the running daemon."""
    config = load_config(lake_root)
    lake = open_lake(config)
    if not lake.manifest.repository.exists():
        raise PointlineError(f"there is no lake in {config.paths.root}", hint="`pointline run` makes one")
    if wish.table is not None and wish.table not in Upkeep(lake).tables():
        raise PointlineError(f"there is no table {wish.table}", hint=f"tables: {', '.join(Upkeep(lake).tables())}")

    def do(request: Request) -> Request:
        lake.mend()
        recover(lake.manifest, lake.quarantine, lake.events)
        return {"done": Upkeep(lake).fulfil(Wish.from_request(request))}

    request = wish.as_request()
    done: list[Facts] = do_or_ask(config.paths, request, do, purpose="maintain", patience=PATIENCE_SECONDS)["done"]
    if as_json:
        print(json.dumps({"dry_run": wish.dry_run, "done": done}))
    elif not done:
        print("nothing to do")
    else:
        for facts in done:
            print(_line(facts, dry_run=wish.dry_run))
    return 0


def _line(facts: Facts, *, dry_run: bool) -> str:
    place = " ".join(str(facts[name]) for name in ("table", "exchange", "date") if name in facts)
    match facts["action"]:
        case "vacuum":
            verb = "would remove" if dry_run else "removed"
            return f"{place}: {verb} {facts['files']} files older than {facts['retention_hours']:g} hours"
        case "table.checkpointed":
            return f"{place}: log summed up at version {facts['version']}"
        case _:
            verb = "would compact" if dry_run else "compacted"
            return f"{place}: {verb} {facts['parts_before']} parts to {facts['parts_after']}"
