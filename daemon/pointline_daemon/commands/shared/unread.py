"""What lies in bronze and is not read, for the commands: by a walk of their own, or as the daemon last saw it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from pointline.config import Config
from pointline.errors import PointlineError
from pointline.io.ledger.reader import require_known_ledger, scan_ledger
from pointline.phrases import plural, printable
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at
from pointline_daemon.commands.shared.health import Daemon, look_at_daemon
from pointline_daemon.commands.shared.present import (
    Column,
    cut_line,
    duration,
    is_terminal,
    print_json,
    print_labelled,
    print_lines,
    print_table,
    shorten_path,
    terminal_width,
)
from pointline_daemon.commands.shared.settings import warn
from pointline_daemon.exit_codes import EXIT_OK

if TYPE_CHECKING:
    from pointline.io.bronze.paths.unrecognised import Seen, Unrecognised
    from pointline.io.bronze.walk import Row

SHOWN = 50
MOST_OPENED = 200
"""So many files are looked into for a list."""
PATIENCE_SECONDS = 2.0
LIST = "`pointline files --unrecognised` says why, and what to do"


def walk_bronze(
    config: Config, *, seconds: float | None = None, on_problem: Callable[[str], None] = warn
) -> Seen | None:
    """Walk all of bronze for what is not read; None where that takes longer than ``seconds``.

    ``on_problem`` hears of what is wrong with descriptions of vendors.

    A file that the ledger has is not among it, whatever the layouts of now say. Raises PointlineError.
    """
    from pointline_daemon.opening.bronze_access import make_source  # noqa: PLC0415 - a daemon that runs has counted already

    source = make_source(config, on_problem=on_problem)
    deadline = None if seconds is None else time.monotonic() + seconds
    return source.unrecognised(
        known=lambda rows: _known(config, rows),
        give_up=lambda: deadline is not None and time.monotonic() > deadline,
    )


def _known(config: Config, rows: list[Row]) -> list[Row]:
    """Return the versions that the ledger has, under a layout of before; a superseded one may have come back."""
    path = pl.col("bronze_file_path")
    ledger = scan_ledger(config.paths.table(ingest_manifest.NAME)).filter(~stands_at(Status.SUPERSEDED))
    found = ledger.filter(path.is_in([row[0] for row in rows])).select(
        path, "file_size_bytes", pl.col("last_modified_ts").to_physical()
    )
    versions = set(found.collect().iter_rows())
    return [row for row in rows if row[:3] in versions]


def count_unread(config: Config, daemon: Daemon, now: float) -> dict[str, Any]:
    """Count and name what is not read, ready for JSON: ``files`` (None: unknown), ``examples``, ``counted``.

    ``counted`` says by whom and when: a running daemon knows; without one bronze is walked, unless that takes long.
    """
    published = daemon.state.get("unrecognised")
    published = published if isinstance(published, dict) else None
    if daemon.knows_work:
        counted = "by the daemon" if published else "the daemon's first scan is under way"
        return {**(published or {"files": None, "examples": []}), "counted": counted}
    try:
        seen = walk_bronze(config, seconds=PATIENCE_SECONDS)
    except PointlineError as error:
        return {"files": None, "examples": [], "counted": str(error)}
    if seen is not None:
        return {"files": seen.files, "examples": [one.as_json() for one in seen.first()], "counted": "now"}
    scanned_at = daemon.state.get("scanned_at")
    if published is not None and scanned_at:
        return {**published, "counted": f"{duration(now - scanned_at)} ago, by the last daemon"}
    return {
        "files": None,
        "examples": [],
        "counted": f"bronze takes more than {PATIENCE_SECONDS:g} s to walk; `pointline files --unrecognised` does",
    }


def list_unread(config: Config, *, last: int | None, as_json: bool) -> int:
    """Print each path with the reason, what it looks like and what to do, in the order of the paths.

    ``last`` is how many at most, 0 for all; a terminal gets 50 where it is None, everything else all.
    """
    require_known_ledger(config.paths.table(ingest_manifest.NAME))
    seen = walk_bronze(config)
    assert seen is not None
    most = (SHOWN if is_terminal() and not as_json else 0) if last is None else last
    shown = seen.first(most or None)
    shown = [*_told_by_content(config, seen, shown[:MOST_OPENED]), *shown[MOST_OPENED:]]
    if as_json:
        print_json([one.as_json() for one in shown])
    elif not shown:
        print_lines(["every file in bronze is in the ledger, on its way into it, or left alone by its name"])
    elif is_terminal():
        _show_on_terminal(seen, shown)
    else:
        columns = [Column(title=title) for title in ("path", "reason", "looks like", "try")]
        print_table(columns, [[printable(cell) for cell in one.as_json().values()] for one in shown])
    if older := look_at_daemon(config.paths.lock_file, config.paths.state_file).older_descriptions():
        print(f"note: the daemon goes by older descriptions: {older['problem']}; {older['try']}", file=sys.stderr)
    return EXIT_OK


def _told_by_content(config: Config, seen: Seen, shown: Sequence[Unrecognised]) -> list[Unrecognised]:
    """Say where files belong whose first line is the header of a feed."""
    from pointline_daemon.opening.bronze_access import whose_first_line  # noqa: PLC0415 - see above

    feeds = seen.feeds
    if feeds is None:
        return list(shown)
    foreign = set(seen.foreign)
    return [
        one._replace(advice=whose, is_told_more=False)
        if one.path in foreign and (whose := whose_first_line(config, feeds, one.path))
        else one
        for one in shown
    ]


def _show_on_terminal(seen: Seen, shown: Sequence[Unrecognised]) -> None:
    for one in shown:
        print_lines([printable(one.path)])
        print_labelled("      what  ", one.reason)
        if one.looks_like:
            print_labelled("      like  ", one.looks_like)
        print_labelled("      try   ", one.next_step)
    if seen.files > len(shown):
        print_lines([f"\n{len(shown):,} of {seen.files:,}; --last 0 shows all"])


def show_unread(unread: dict[str, Any]) -> None:
    """Print how many there are and the first of them; nothing where there are none."""
    if unread["files"] is None:
        print_labelled("not read   ", f"not counted: {unread['counted']}")
        return
    if not unread["files"]:
        return
    what = f"{plural(unread['files'], 'file')} in bronze (counted {unread['counted']})"
    print_labelled("not read   ", f"{what}; {LIST}")
    for one in unread["examples"]:
        looks = f"  ({printable(one['looks_like'])})" if one["looks_like"] else ""
        path = printable(one["path"])
        if is_terminal():
            path = shorten_path(path, max(24, terminal_width() - 11 - len(looks)))
        print_lines([cut_line(f"           {path}{looks}")])
    if unread["files"] > len(unread["examples"]):
        print_lines([f"           and {unread['files'] - len(unread['examples']):,} more"])
