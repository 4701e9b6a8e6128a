"""``pointline doctor``: the machine and the files of a lake; ``--fix`` does what is safe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pointline.config import Config, load_config
from pointline.errors import LakeInUse, PointlineError
from pointline.io.delta_log import loose_files
from pointline.io.lock import LakeLock
from pointline.phrases import count, no_lake, plural, printable
from pointline.services.telling.findings import Finding
from pointline_daemon.commands.lake.doctor_compiled import compiled_lines
from pointline_daemon.commands.lake.doctor_files import file_findings
from pointline_daemon.commands.lake.doctor_machine import Facts, machine_findings, table_folders
from pointline_daemon.commands.lake.verify import show_findings
from pointline_daemon.commands.shared.health import look_at_daemon
from pointline_daemon.commands.shared.present import bytes_text, print_json, print_lines
from pointline_daemon.commands.shared.unread import LIST, walk_bronze
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.logs import log_to_stderr
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.owner import require_owner
from pointline_daemon.opening.prepare import prepare

NAMED = 3


def examine(lake_root: Path | None, *, fix: bool, as_json: bool) -> int:
    """Look at machine and lake and say what is wrong. Changes nothing without ``fix``, and deletes no data ever."""
    config = load_config(lake_root, needs=())
    paths = config.paths
    if not paths.silver.is_dir():
        raise no_lake(paths.root)
    wrong: list[str] = []
    lake = open_lake(config, on_problem=wrong.append)
    lake.require_known_format(shut_ones_too=False)
    fixed: list[str] = []
    if fix:
        require_owner(paths.root)
        log_to_stderr()
        try:
            with LakeLock(paths.lock_file, purpose="doctor --fix"):
                fixed = _mend(lake)
                fixed += _prepare(lake)
        except LakeInUse as error:
            hint = "stop it first, or leave out --fix: without, nothing is changed"
            raise LakeInUse(str(error), subject=error.subject, hint=hint) from error
        wrong.clear()
        lake = open_lake(config, on_problem=wrong.append)
    facts: Facts = {}
    findings = [
        *_settings(config),
        *_descriptions(config, wrong),
        *machine_findings(lake, facts),
        *file_findings(lake, facts),
        *_unread(lake, facts),
    ]
    if as_json:
        told = [finding.as_json() for finding in findings]
        print_json({"ok": not findings, "checked": facts, "findings": told, "fixed": fixed})
    else:
        _show(facts, fixed, fix=fix)
        show_findings(findings)
    return EXIT_FINDINGS if findings else EXIT_OK


def _mend(lake: Lake) -> list[str]:
    """Move away what is torn and remove what is left over; return what was done."""
    paths = lake.config.paths
    done = []
    # Before mending takes some of it.
    left = loose_files.leftovers(paths.root, paths.state, table_folders(lake), writer=False)
    try:
        mended = lake.mend()
    except PointlineError as error:
        done.append(f"no entry was moved away: {error}")
    else:
        done += [f"moved {one.path} away ({one.reason}), to {one.kept_at.relative_to(paths.root)}" for one in mended]
    loose_files.remove_leftovers(paths.root, left)
    return done + [f"removed {file.path} ({bytes_text(file.size_bytes)}), left half written" for file in left]


def _prepare(lake: Lake) -> list[str]:
    """Leave the lake as every other command that writes does: tables made, the ledger brought up to them."""
    try:
        prepare(lake)
    except PointlineError as error:
        return [f"the ledger was not brought up to the tables: {error}"]
    return []


def _settings(config: Config) -> list[Finding]:
    where = str(config.paths.settings_file)
    hint = "correct it; `pointline config check` shows all problems, and `pointline run` starts only without any"
    return [Finding(kind="setting", table="", path=where, what=problem, hint=hint) for problem in config.problems]


def _descriptions(config: Config, problems: list[str]) -> list[Finding]:
    where = str(config.paths.vendors)
    older = look_at_daemon(config.paths.lock_file, config.paths.state_file).older_descriptions()
    if older and not problems:
        return [Finding(kind="description", table="", path=where, what=older["problem"], hint=older["try"])]
    hint = "correct it; `pointline vendors check FILE` says when it is valid, and `pointline run` does not start before"
    return [Finding(kind="description", table="", path=where, what=problem, hint=hint) for problem in problems]


def _unread(lake: Lake, facts: Facts) -> list[Finding]:
    """Name the first of what lies in bronze and is not read, by what they look like."""
    try:
        seen = walk_bronze(lake.config, on_problem=lambda _problem: None)
    except PointlineError as error:
        what = str(error)
        facts["unrecognised"] = None
        return [Finding(kind="bronze_unreadable", table="", path="bronze", what=what, hint=error.hint)]
    assert seen is not None
    examples = seen.first()
    facts["unrecognised"] = {"files": seen.files, "examples": [one.as_json() for one in examples]}
    if not seen.files:
        return []
    named = ", ".join(f"{one.path} ({one.looks_like or 'unknown'})" for one in examples[:NAMED])
    fit = (
        "fits no layout, or is a link that is not followed"
        if seen.files == 1
        else ("fit no layout, or are links that are not followed")
    )
    more = f" and {seen.files - NAMED:,} more" if seen.files > NAMED else ""
    what = f"{plural(seen.files, 'file')} {fit}: {named}{more}"
    hint = f"{LIST}; to ignore a name, add it to bronze.ignore_also"
    return [Finding(kind="unrecognised", table="", path="bronze", what=what, hint=hint)]


def _unread_words(unread: object) -> str:
    return f", {plural(unread['files'], 'file')} not read" if isinstance(unread, dict) and unread["files"] else ""


def _file_systems(facts: Mapping[str, object]) -> str:
    lake = facts["file_system"] or "unknown"
    others = [
        f", {name} on {system}"
        for name in ("bronze", "silver")
        if (system := facts[f"{name}_file_system"] or "unknown") != lake
    ]
    return f"{lake}{''.join(others)}"


def _show(facts: Mapping[str, object], fixed: list[str], *, fix: bool) -> None:
    disk, limits, clock = facts["disk"], facts["inotify"], facts["clock"]
    daemon, versions, orphans = facts["daemon"], facts["versions"], facts["orphans"]
    assert isinstance(disk, dict)
    assert isinstance(limits, dict)
    assert isinstance(clock, dict)
    assert isinstance(daemon, dict)
    assert isinstance(versions, dict)
    assert isinstance(orphans, dict)
    folders = facts["bronze_folders"]
    assert isinstance(folders, int)
    watches = f" of {count(limits['max_user_watches'])} that can be watched" if limits else ""
    holder = f"pointline {daemon.get('purpose')}, process {daemon.get('pid')}" if daemon["running"] else "nobody"
    names = [f"{name} {number}" for name, number in versions.items() if name != "system"]
    lines = [
        f"system     {versions['system']}",
        f"versions   {', '.join(names[:3])},",
        f"           {', '.join(names[3:])}",
        *compiled_lines(),
        f"files on   {_file_systems(facts)}",
        f"disk       {bytes_text(disk['free_bytes'])} free of {bytes_text(disk['total_bytes'])}",
        f"bronze     {plural(folders, 'folder')}{watches}{_unread_words(facts['unrecognised'])}",
        f"writer     {holder}",
        f"owners     {facts['owners'] or 'no'} problems",
        f"tables     {facts['tables']}, {plural(orphans['files'], 'orphan')} ({bytes_text(orphans['bytes'])})",
    ]
    print_lines(lines)
    if fix:
        print_lines(["", *(f"fixed: {printable(line)}" for line in fixed)] if fixed else ["", "nothing to fix"])
