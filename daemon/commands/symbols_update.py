"""``pointline symbols update``."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.bronze_access import make_limits
from daemon.commands.present import Column, plural, print_json, print_lines, print_problem, print_table, printable
from daemon.commands.settings import READING, settings_for
from daemon.commands.symbols_show import parsed_time, short_time
from daemon.exit_codes import EXIT_OK, EXIT_USAGE
from daemon.lake import Lake, open_lake
from daemon.requests import Answer
from daemon.symbol_wish import SymbolWish
from daemon.writing import write_or_ask
from pointline.config import Config
from pointline.errors import PointlineError
from pointline.io.decode import decoded
from pointline.io.translate import storage_errors
from pointline.tables.dim_symbol_metadata import Metadata, read_metadata

SHOWN = 50
COLUMNS = (
    Column(title="change"),
    Column(title="exchange"),
    Column(title="symbol"),
    Column(title="from"),
    Column(title="until"),
    Column(title="what", fold=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file and what a person says of it."""

    file: Path
    snapshot: bool
    effective_at: str | None
    exchange: str


def update(lake_root: Path | None, source: Source, *, insist: bool, dry_run: bool, as_json: bool) -> int:
    """Bring dim_symbol up to a file, here or in the running daemon."""
    config = settings_for(lake_root, needs=("symbols", *READING))
    try:
        effective_at = None if source.effective_at is None else parsed_time("--effective-at", source.effective_at)
    except ValueError as error:
        print_problem(str(error.args[0]), str(error.args[1]), as_json=as_json)
        return EXIT_USAGE
    lake = open_lake(config)
    if not lake.manifest.repository.exists():
        raise PointlineError(f"there is no lake in {config.paths.root}", hint="`pointline run` makes one")
    lake.require_known_format()
    metadata = _meant(_read(config, source, effective_at), source, effective_at)
    wish = SymbolWish(metadata=metadata, exchange=source.exchange, insist=insist)
    changes = _look(lake, wish) if dry_run else _do(config, wish)
    if as_json:
        print_json({"dry_run": dry_run, "changes": changes})
    else:
        _show(changes, dry_run=dry_run)
    return EXIT_OK


def _read(config: Config, source: Source, effective_at: dt.datetime | None) -> Metadata:
    limits = make_limits(config)
    name = str(source.file)
    with storage_errors(name):
        if not source.file.is_file():
            raise PointlineError(f"there is no file {name}", subject=name, hint="check the path")
        with source.file.open("rb") as file:
            data = b"".join(decoded(file, name, limits))
    return read_metadata(data, exchange=source.exchange, effective_at=effective_at)


def _meant(metadata: Metadata, source: Source, effective_at: dt.datetime | None) -> Metadata:
    """Only who says so has symbols delisted for what a list lacks; an ``exchangeInfo`` says so itself."""
    if source.snapshot:
        at = effective_at or metadata.snapshot_at
        if at is None:
            raise PointlineError("the snapshot does not say when it was taken", hint="add --effective-at 2024-05-01")
        return replace(metadata, snapshot_at=at)
    return replace(metadata, snapshot_at=None) if metadata.snapshot_at == effective_at else metadata


def _look(lake: Lake, wish: SymbolWish) -> list[dict[str, Any]]:
    if not lake.symbols.exists():
        raise PointlineError("the lake has no symbols yet", hint="leave --dry-run away: its first update makes them")
    changes: list[dict[str, Any]] = wish.fulfil(lake.symbol_service(), dry_run=True)["changes"]
    return changes


def _do(config: Config, wish: SymbolWish) -> list[dict[str, Any]]:
    def do(lake: Lake) -> Answer:
        return wish.fulfil(lake.symbol_service())

    changes: list[dict[str, Any]] = write_or_ask(config, wish.as_request(), do, purpose="symbols update")["changes"]
    return changes


def _show(changes: list[dict[str, Any]], *, dry_run: bool) -> None:
    if not changes:
        print_lines(["nothing to change: dim_symbol says all of that already"])
        return
    print_table(COLUMNS, [_row(change) for change in changes[:SHOWN]])
    if len(changes) > SHOWN:
        print_lines([f"... and {len(changes) - SHOWN:,} more; --json shows all"])
    counted = Counter(change["change"] for change in changes)
    said = ", ".join(f"{number:,} {change}" for change, number in sorted(counted.items()))
    print_lines(["", f"{plural(len(changes), 'version')}: {said}"])
    if dry_run:
        print_lines(["nothing was changed: this is what `pointline symbols update` would do"])


def _row(change: dict[str, Any]) -> tuple[str, ...]:
    until = short_time(change["valid_until"]) if change["valid_until"] else ""
    names = (printable(change[name]) for name in ("change", "exchange", "symbol"))
    return (*names, short_time(change["valid_from"]), until, printable(change["what"]))
