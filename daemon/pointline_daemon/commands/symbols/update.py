"""``pointline symbols update``."""

from __future__ import annotations

import datetime as dt
import shlex
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.config import Config
from pointline.errors import PointlineError, UnknownValue
from pointline.io.content.decode import decoded
from pointline.io.ledger.reader import no_ledger, scan_rows
from pointline.io.translate import storage_errors
from pointline.phrases import CHECK_PATH, WOULD_DO, and_more, plural, printable
from pointline.services.symbols.changes import Told
from pointline.tables import dim_symbol, ingest_manifest
from pointline.vendors.symbols.metadata import Metadata, read_metadata
from pointline_daemon.commands.shared.present import Column, print_json, print_lines, print_problem, print_table
from pointline_daemon.commands.shared.settings import READING, settings_for, warn
from pointline_daemon.commands.symbols.show import parsed_time, short_time
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.opening.bronze_access import make_limits
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.requests import Answer
from pointline_daemon.opening.symbol_request import SymbolRequest, answer
from pointline_daemon.opening.writing import write_or_ask

SHOWN = 50
NEAR = 0.75
"""How like a known name the name of an exchange has to be to be taken for a slip."""
COLUMNS = (
    Column(title="change"),
    Column(title="exchange"),
    Column(title="symbol"),
    Column(title="from"),
    Column(title="until"),
    Column(title="what", fold=True),
)


class Source(Struct, frozen=True, kw_only=True):
    """A file and what a person says of it."""

    file: Path
    snapshot: bool
    effective_at: str | None
    exchange: str


def update(lake_root: Path | None, source: Source, *, insist: bool, dry_run: bool, as_json: bool) -> int:
    """Bring dim_symbol up to a file, here or in the running daemon."""
    config = settings_for(lake_root, needs=("symbols", *READING))
    effective_at = None if source.effective_at is None else parsed_time("--effective-at", source.effective_at)
    if not insist:
        _require_exchange(config, source)
    lake = open_lake(config, on_problem=warn)
    if not lake.manifest.repository.exists():
        raise no_ledger(lake.manifest.repository.path)
    lake.require_known_format()
    metadata = _meant(_read(config, source, effective_at), source, effective_at)
    if metadata.updates.is_empty():
        raise PointlineError(f"{source.file} names no instrument: nothing is changed", hint="name a list that does")
    request = SymbolRequest(told=Told(metadata=metadata, exchange=source.exchange, insist=insist))
    found = _look(lake, request) if dry_run else _do(config, request)
    if as_json:
        print_json({"dry_run": dry_run, "changes": found["changes"], "held": found["held"], "reason": found["reason"]})
    else:
        if found["changes"] or not found["held"]:
            _show(found["changes"], dry_run=dry_run)
        if found["held"]:
            print_problem(f"held: {found['reason']}", f"if that is right: {_insisting(source)}")
    return EXIT_FINDINGS if found["held"] else EXIT_OK


def _require_exchange(config: Config, source: Source) -> None:
    """Raise UnknownValue for an exchange of nothing in the lake whose name is nearly one that something is of."""
    tables = (
        scan_rows(config.paths.table(ingest_manifest.NAME), ingest_manifest.SCHEMA),
        scan_rows(config.paths.table(dim_symbol.NAME), dim_symbol.SCHEMA),
    )
    known = set(pl.concat([table.select("exchange").unique() for table in tables]).collect()["exchange"])
    near = get_close_matches(source.exchange.lower(), sorted(known), n=3, cutoff=NEAR) if source.exchange else []
    if not near or source.exchange.lower() in {one.lower() for one in known}:
        return
    words = f"did you mean --exchange {' or '.join(near)}? a new exchange is taken with {_insisting(source)}"
    raise UnknownValue(f"nothing in the lake is of exchange {source.exchange!r}", subject=source.exchange, hint=words)


def _insisting(source: Source) -> str:
    """The command that was typed, insisting."""
    words = ["pointline", "symbols", "update", str(source.file)]
    words += ["--snapshot"] if source.snapshot else []
    words += ["--effective-at", source.effective_at] if source.effective_at else []
    words += ["--exchange", source.exchange] if source.exchange else []
    return f"`{shlex.join([*words, '--insist'])}`"


def _read(config: Config, source: Source, effective_at: dt.datetime | None) -> Metadata:
    limits = make_limits(config)
    name = str(source.file)
    with storage_errors(name):
        if not source.file.is_file():
            raise UnknownValue(f"there is no file {name}", subject=name, hint=CHECK_PATH)
        with source.file.open("rb") as file:
            data = b"".join(decoded(file, name, limits))
    return read_metadata(data, exchange=source.exchange, effective_at=effective_at)


def _meant(metadata: Metadata, source: Source, effective_at: dt.datetime | None) -> Metadata:
    """Only who says so has symbols delisted for what a list lacks; an ``exchangeInfo`` says so itself."""
    if effective_at is not None and metadata.knows_time and not source.snapshot:
        own = "in valid_from" if metadata.snapshot_at is None else f"{short_time(metadata.snapshot_at)} UTC"
        raise PointlineError(
            f"{source.file} says itself when it holds ({own}), and --effective-at says {source.effective_at}",
            hint="leave --effective-at away, or take the time out of the file",
        )
    if effective_at is not None and metadata.snapshot_at is not None and metadata.snapshot_at != effective_at:
        raise PointlineError(
            f"{source.file} is of {short_time(metadata.snapshot_at)} UTC by its own word, and --effective-at says "
            f"{source.effective_at}",
            hint="leave --effective-at away",
        )
    if source.snapshot:
        at = metadata.snapshot_at or effective_at
        if at is None:
            raise PointlineError("the snapshot does not say when it was taken", hint="add --effective-at 2024-05-01")
        return replace(metadata, snapshot_at=at)
    if metadata.snapshot_at is not None and not metadata.knows_time:
        return replace(metadata, snapshot_at=None, is_partial=True)
    return metadata


def _look(lake: Lake, request: SymbolRequest) -> dict[str, Any]:
    if not lake.symbols.exists():
        raise PointlineError("the lake has no symbols yet", hint="leave --dry-run away: its first update makes them")
    return answer(lake.symbol_service().update(lake.next_batch(), request.told, dry_run=True))


def _do(config: Config, request: SymbolRequest) -> dict[str, Any]:
    def do(lake: Lake) -> Answer:
        service, _ = lake.ingest()
        return answer(service.update_symbols(request.told))

    return write_or_ask(config, request.as_request(), do, purpose="symbols update")


def _show(changes: list[dict[str, Any]], *, dry_run: bool) -> None:
    if not changes:
        print_lines(["nothing to change: dim_symbol says all of that already"])
        return
    print_table(COLUMNS, [_row(change) for change in changes[:SHOWN]])
    if len(changes) > SHOWN:
        print_lines([and_more(len(changes) - SHOWN)])
    counted = Counter(change["change"] for change in changes)
    said = ", ".join(f"{number:,} {change}" for change, number in sorted(counted.items()))
    print_lines(["", f"{plural(len(changes), 'version')}: {said}"])
    if dry_run:
        print_lines([WOULD_DO])


def _row(change: dict[str, Any]) -> tuple[str, ...]:
    until = short_time(change["valid_until"]) if change["valid_until"] else ""
    names = (printable(change[name]) for name in ("change", "exchange", "symbol"))
    return (*names, short_time(change["valid_from"]), until, printable(change["what"]))
