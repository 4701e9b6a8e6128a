"""``pointline maintain``."""

from __future__ import annotations

import math
from pathlib import Path

from pointline.errors import WrongUse
from pointline.io.ledger.reader import no_ledger
from pointline.phrases import WOULD_DO, plural
from pointline.unknown import no_such
from pointline_daemon import events
from pointline_daemon.commands.shared.known import require_table
from pointline_daemon.commands.shared.present import Column, bytes_text, print_json, print_table
from pointline_daemon.commands.shared.settings import require_columns, settings_for, warn
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.requests import Answer, Maintain
from pointline_daemon.opening.writing import write_or_ask
from pointline_daemon.process.maintenance.compactions import Facts
from pointline_daemon.process.maintenance.upkeep import Upkeep

PATIENCE_SECONDS = 3600.0
ONLY_VACUUM = "leave out --compact, or use --vacuum"
COLUMNS = (
    Column(title="table"),
    Column(title="partition"),
    Column(title="what", fold=True),
)


def maintain(lake_root: Path | None, request: Maintain, *, as_json: bool) -> int:
    """Run one pass of maintenance now, here or in the running daemon."""
    _require_use(request)
    config = settings_for(lake_root, needs=("maintenance",))
    require_columns(config)
    lake = open_lake(config, on_problem=warn)
    if not lake.manifest.repository.exists():
        raise no_ledger(lake.manifest.repository.path)
    if request.table is not None:
        require_table(request.table, Upkeep(lake).tables())
    if request.partition is not None:
        _require_partition(lake, request.partition, request.table)

    def do(lake: Lake) -> Answer:
        return {"done": Upkeep(lake).fulfil(request)}

    done: list[Facts] = write_or_ask(config, request, do, purpose="maintain", patience=PATIENCE_SECONDS)["done"]
    if as_json:
        print_json({"dry_run": request.dry_run, "done": done})
    elif not done:
        print("nothing to do")
    else:
        print_table(COLUMNS, [_row(facts) for facts in done])
        if request.dry_run:
            print(f"\n{WOULD_DO}")
    return EXIT_OK


def _require_use(request: Maintain) -> None:
    """Raise WrongUse for options that do not go together."""
    if request.partition is not None and not request.compact:
        raise WrongUse(
            "--vacuum is for whole tables, and --partition names a part of one",
            hint="leave out --partition, or --vacuum",
        )
    if request.retention_hours is not None and not 0 <= request.retention_hours < math.inf:
        raise WrongUse(f"--retention-hours {request.retention_hours:g} is no number of hours", hint="write 24, or 1.5")
    if request.retention_hours is not None and not request.vacuum:
        raise WrongUse("--compact removes nothing, and --retention-hours is for what is removed", hint=ONLY_VACUUM)
    if request.below_floor and request.retention_hours is None:
        hint = "add --retention-hours, or leave out --below-floor"
        raise WrongUse("--below-floor allows a short --retention-hours, and none is given", hint=hint)


def _require_partition(lake: Lake, partition: str, table: str | None) -> None:
    """Raise UnknownValue where no event table, or not the one named, has such a partition."""
    repositories = [one for name, one in lake.events.items() if table in {None, name} and one.exists()]
    known = sorted({"/".join(part.partition.values()) for one in repositories for part in one.live_parts()})
    if partition not in known:
        raise no_such("partition", partition, known, hint="a partition is written as exchange/date")


def _row(facts: Facts) -> tuple[str, ...]:
    partition = f"{facts['exchange']}/{facts['date']}" if "exchange" in facts else ""
    match facts["action"]:
        case "vacuum":
            unused = f"{plural(facts['files'], 'file')} unused for {facts['retention_hours']:g} h"
            what = f"{unused}, {bytes_text(facts['bytes'])}"
        case events.TABLE_CHECKPOINTED:
            what = f"log checkpointed at version {facts['version']}"
        case _:
            before, after = facts["parts_before"], facts["parts_after"]
            merged = f"{plural(before, 'data file')} compacted to {after:,}"
            sizes = [bytes_text(facts[name]) for name in ("bytes_before", "bytes_after") if facts.get(name)]
            word = merged if before > after else f"{plural(before, 'data file')} regrouped"
            what = ", ".join(filter(None, [word, " to ".join(sizes)]))
    return facts["table"], partition, what
