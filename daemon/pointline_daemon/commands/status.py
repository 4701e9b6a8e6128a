"""``pointline status``: how the lake and its daemon are, with or without a daemon."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pointline.config import load_config
from pointline.errors import WrongUse
from pointline.io.access import write_fault
from pointline.io.descriptions import own_problems, own_state
from pointline.io.health import headroom
from pointline.phrases import LEAVE_ONE_OUT, count, plural, printable
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import KEEPS_BAD_ROWS, Status
from pointline_daemon.commands.service.hint import start_command
from pointline_daemon.commands.shared.health import Daemon, judge, look_at_daemon
from pointline_daemon.commands.shared.ledger_view import CORRECTED, LedgerView, view_ledger
from pointline_daemon.commands.shared.present import (
    Column,
    aligned,
    bytes_text,
    cut_line,
    duration,
    is_terminal,
    make_console,
    print_json,
    print_labelled,
    print_lines,
    print_table,
    shorten_path,
    terminal_width,
)
from pointline_daemon.commands.shared.settings import refused_at_start
from pointline_daemon.commands.shared.space import look_at_space, space_line
from pointline_daemon.commands.shared.unread import count_unread, show_unread
from pointline_daemon.condition.health import Health
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK

GOOD = {"healthy", "degraded"}
"""Files that arrive get in, and no file failed."""
TO_DO = ("queued", "in_flight", "unfinished", "scheduled")
MOST_TABLES = 3
ODD = "`pointline files --warnings` says what is odd"
HEALTH_COLOURS = {
    "healthy": "bold green",
    "starting": "bold yellow",
    "stopping": "bold yellow",
    "degraded": "bold yellow",
    "paused": "bold yellow",
}


def check_status(lake_root: Path | None, *, watch: bool, as_json: bool) -> int:
    """Print the state of a lake. Exit code 1 where its health is neither healthy nor degraded."""
    if watch:
        raise WrongUse("--watch goes on, and --check ends with an exit code", hint=LEAVE_ONE_OUT)
    return EXIT_OK if _show_status(lake_root, as_json=as_json).word in GOOD else EXIT_FINDINGS


def show_status(lake_root: Path | None, *, as_json: bool) -> int:
    """Print the state of a lake. It only reads: where there is no lake, none is made."""
    _show_status(lake_root, as_json=as_json)
    return EXIT_OK


def _show_status(lake_root: Path | None, *, as_json: bool) -> Health:
    config = load_config(lake_root, needs=())
    paths = config.paths
    now = time.time()
    problems = refused_at_start(config)
    descriptions = own_problems(paths.root) if own_state(paths.root) else []  # to read them costs more than to look
    ledger = view_ledger(paths.table(ingest_manifest.NAME), now)
    daemon = look_at_daemon(paths.lock_file, paths.state_file)
    disk = shutil.disk_usage(paths.disk)
    low = disk.free < headroom(int(config.ingest.batch_max_bytes), disk.total)
    unread = count_unread(config, daemon, now)
    start = start_command(paths.root)
    space = look_at_space(config, daemon)
    shut = write_fault(paths.state_file) or write_fault(paths.state)
    health = judge(daemon, unwritten=shut, failed=ledger.files_at("failed"), disk_is_low=low, start=start, now=now)
    if health.word == "down" and (descriptions or problems):
        what = "a start fails until settings and descriptions are right: `pointline config check` names what is wrong"
        health = replace(health, reason=f"{what}; {health.reason}")
    if as_json:
        print_json(
            {
                "lake": str(paths.root),
                "health": health.word,
                "reason": health.reason,
                "daemon": daemon.as_json(now),
                "work": daemon.work() if daemon.is_alive else None,
                "live": daemon.live(),
                "last_scan": daemon.state.get("last_scan") or None,
                "files": ledger.tables,
                "unrecognised": unread,
                "descriptions": daemon.older_descriptions(),
                "last_hour": ledger.last_hour,
                "last_commits": ledger.commits,
                "last_errors": ledger.errors,
                "files_with_warnings": ledger.odd,
                "problems": problems,
                "tables": space,
                "disk": {"free_bytes": disk.free, "total_bytes": disk.total, "low": low},
            }
        )
        return health
    _show_head(str(paths.root), health, daemon, now)
    _show_scan(daemon, now, pending=ledger.files_at("pending"))
    show_unread(unread)
    low_note = " -- nearly full" if low else ""
    lately = ledger.last_hour
    print_lines(
        [
            f"last hour  {plural(lately['files'], 'file')}, {plural(lately['rows'], 'row')} in silver",
            f"disk       {bytes_text(disk.free)} free of {bytes_text(disk.total)}{low_note}",
            *([cut_line(space_line(space))] if space else []),
            *([f"warnings   {plural(ledger.odd, 'file')} in the lake; {ODD}"] if ledger.odd else []),
            *(f"settings   {printable(problem)}" for problem in problems),
            *(f"vendors    {printable(problem)}" for problem in descriptions),
            "",
        ]
    )
    _show_tables(ledger)
    _show_commits(ledger, now)
    _show_errors(ledger, now)
    return health


def _show_head(root: str, health: Health, daemon: Daemon, now: float) -> None:
    print_lines([f"lake       {printable(root)}"])
    reason = f"  ({printable(health.reason)})" if health.reason else ""
    if is_terminal():
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

        label = "health     "
        word = (health.word, HEALTH_COLOURS.get(health.word, "bold red"))
        lines = Text.assemble(word, reason).wrap(make_console(), max(40, terminal_width() - len(label)))
        for place, line in enumerate(lines):
            line.rstrip()
            make_console().print(Text(" " * len(label) if place else label) + line)
    else:
        print_lines([f"health     {health.word}{reason}"])
    print_lines([f"daemon     {daemon.describe(now)}"])
    if daemon.last_death is not None and daemon.is_alive:
        ago = duration(now - float(daemon.last_death["at"]))
        print_lines([f"last end   {ago} ago, unexpected: {printable(str(daemon.last_death['reason']))}"])
    _show_work(daemon)


def _show_scan(daemon: Daemon, now: float, *, pending: int) -> None:
    """Print what the last scan found, and how much of it is still to do."""
    scan = daemon.state.get("last_scan")
    if isinstance(scan, dict) and scan:
        because = ", ".join(map(str, scan.get("reasons", [])))
        work = daemon.work()
        to_do = max(pending, sum(work[name] for name in TO_DO))
        found = f"it found {plural(scan.get('files', 0), 'file')} in bronze"
        if scan.get("unrecognised"):
            found += f", {count(scan['unrecognised'])} not recognised"
        at = daemon.state.get("scanned_at")
        when = f"{duration(now - float(at))} ago, " if at else ""
        print_lines([f"last scan  {when}{printable(because)}: {found}; {count(to_do)} to do now"])


def _show_work(daemon: Daemon) -> None:
    if not daemon.knows_work:
        return
    work, live = daemon.work(), daemon.live()
    shown = {"queued": "queued", "in_flight": "in flight", "unfinished": "unfinished", "scheduled": "to try again"}
    print_lines([f"work       {', '.join(f'{count(work[name])} {words}' for name, words in shown.items())}"])
    if work["in_flight"]:
        print_lines([cut_line(f"progress   {_progress(live)}")])
    for one in live.get("reading") or []:
        head = f"reading    {_share(one['read_bytes'], one['bytes'])} of {bytes_text(one['bytes'])}  "
        path = printable(one["path"])
        print_lines([head + (shorten_path(path, terminal_width() - len(head)) if is_terminal() else path)])
    if work["partitions_waiting"]:
        names = [printable(name) for name in live.get("partitions") or []]
        more = work["partitions_waiting"] - len(names)
        text = f"maintain   {plural(work['partitions_waiting'], 'partition')} waiting: {', '.join(names)}"
        print_lines([cut_line(f"{text}, {count(more)} more" if more > 0 else text)])


def _progress(live: dict[str, Any]) -> str:
    """Say how far what is in flight is, how fast it goes, and until when it will take."""
    total = live.get("in_flight_bytes") or 0
    read = live.get("in_flight_read_bytes") or 0
    words = [f"{_share(read, total)} of {bytes_text(total)} read"]
    if read >= total:
        words = [f"all of {bytes_text(total)} read, not committed yet"]
    rate = live.get("rate")
    if rate:
        words.append(f"{bytes_text(rate['bytes'])}/s")
        if rate["files"]:
            words += [f"{rate['files']:,.1f} files/s", f"{rate['rows']:,.0f} rows/s"]
    if live.get("eta_seconds") is not None:
        words.append(f"{duration(live['eta_seconds'])} left")
    return ", ".join(words)


def _share(part: int, whole: int) -> str:
    return f"{100 * part // whole if whole else 100} %"


def _show_tables(ledger: LedgerView) -> None:
    if not ledger.tables:
        print_lines(["no market-data file was seen in bronze yet"])
        return
    columns = [
        Column(title="table"),
        Column(title="files in", align="right", style="green"),
        Column(title="rows in", align="right"),
        Column(title="rows quarantined", align="right"),
        Column(title="files not in", fold=True),
    ]
    rows, keeps = list[list[str]](), set(KEEPS_BAD_ROWS)
    for table in dict.fromkeys(str(one["table"]) for one in ledger.tables):
        by_status = {str(one["status"]): one for one in ledger.tables if one["table"] == table}
        landed = by_status.pop("success", {})
        others = ", ".join(f"{count(one['files'])} {status}" for status, one in by_status.items())
        kept = sum(one["rows_quarantined"] for one in ledger.tables if one["table"] == table and one["status"] in keeps)
        cells = [printable(table), count(landed.get("files")), count(landed.get("rows")), count(kept), others]
        rows.append(cells)
    print_table(columns, rows)


def _show_commits(ledger: LedgerView, now: float) -> None:
    if not ledger.commits:
        return
    rows = []
    for commit in ledger.commits:
        ago = f"{duration(now - commit['at_us'] / 1_000_000)} ago"
        tables = (
            ", ".join(commit["tables"]) if len(commit["tables"]) <= MOST_TABLES else f"{len(commit['tables'])} tables"
        )
        rows.append([ago, plural(commit["files"], "file"), plural(commit["rows"], "row"), printable(tables)])
    columns = [Column(title=""), *[Column(title="", align="right")] * 2, Column(title="")]
    lines = aligned(columns, rows)
    print_lines(["", "last commits", *(cut_line(f"  {line}") for line in lines)])


def _show_errors(ledger: LedgerView, now: float) -> None:
    if not ledger.errors:
        return
    refused = ledger.files_at(Status.QUARANTINED)
    shown = sum(error["status"] == Status.QUARANTINED for error in ledger.errors)
    title = f"last errors; `pointline files --status quarantined` lists all {count(refused)} refused files"
    print_lines(["", title if refused > shown else "last errors"])
    for error in ledger.errors:
        ago = f"{duration(now - error['at_us'] / 1_000_000)} ago"
        print_lines([f"  {error['status']}, {ago}: file {error['file_id']}, {printable(error['path'])}"])
        print_labelled("      what  ", error["error"].removeprefix(f"{error['path']}: "))
        if error["next_step"] != CORRECTED:
            print_labelled("      next  ", error["next_step"])
    if any(error["next_step"] == CORRECTED for error in ledger.errors):
        print_labelled("  next  ", CORRECTED)
