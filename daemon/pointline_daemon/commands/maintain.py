"""``pointline maintain``."""

from __future__ import annotations

from pathlib import Path

from pointline.errors import PointlineError
from pointline_daemon import events
from pointline_daemon.commands.present import Column, bytes_text, plural, print_json, print_table
from pointline_daemon.commands.settings import settings_for, warn
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.lake import Lake, open_lake
from pointline_daemon.requests import Answer, Maintain
from pointline_daemon.upkeep import Facts, Upkeep
from pointline_daemon.writing import write_or_ask

PATIENCE_SECONDS = 3600.0
COLUMNS = (
    Column(title="table"),
    Column(title="partition"),
    Column(title="what", fold=True),
)


def maintain(lake_root: Path | None, wish: Maintain, *, as_json: bool) -> int:
    """Run one pass of maintenance now, here or in the running daemon."""
    config = settings_for(lake_root, needs=("maintenance",))
    lake = open_lake(config, on_problem=warn)
    if not lake.manifest.repository.exists():
        raise PointlineError(f"there is no lake in {config.paths.root}", hint="`pointline run` makes one")
    if wish.table is not None and wish.table not in Upkeep(lake).tables():
        raise PointlineError(f"there is no table {wish.table}", hint=f"tables: {', '.join(Upkeep(lake).tables())}")

    def do(lake: Lake) -> Answer:
        return {"done": Upkeep(lake).fulfil(wish)}

    done: list[Facts] = write_or_ask(config, wish, do, purpose="maintain", patience=PATIENCE_SECONDS)["done"]
    if as_json:
        print_json({"dry_run": wish.dry_run, "done": done})
    elif not done:
        print("nothing to do")
    else:
        print_table(COLUMNS, [_row(facts) for facts in done])
        if wish.dry_run:
            print("\nnothing was changed: this is what `pointline maintain` would do")
    return EXIT_OK


def _row(facts: Facts) -> tuple[str, ...]:
    partition = f"{facts['exchange']}/{facts['date']}" if "exchange" in facts else ""
    match facts["action"]:
        case "vacuum":
            unused = f"{plural(facts['files'], 'file')} unused for {facts['retention_hours']:g} h"
            what = f"{unused}, {bytes_text(facts['bytes'])}"
        case events.TABLE_CHECKPOINTED:
            what = f"log summed up at version {facts['version']}"
        case _:
            before, after = facts["parts_before"], facts["parts_after"]
            merged = f"{plural(before, 'part')} merged to {after:,}"
            sizes = [bytes_text(facts[name]) for name in ("bytes_before", "bytes_after") if facts.get(name)]
            word = merged if before > after else f"{plural(before, 'part')} put in order"
            what = ", ".join(filter(None, [word, " to ".join(sizes)]))
    return facts["table"], partition, what
