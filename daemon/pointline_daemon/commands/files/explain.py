"""``pointline explain``: what happened to a file, in sentences, and what to do next."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.config import Config
from pointline.errors import UnknownValue
from pointline.io.bronze.paths.layout import Layout
from pointline.io.bronze.whereabouts import Place, Whereabouts, look_closer
from pointline.io.ledger.reader import scan_ledger
from pointline.phrases import plural, printable
from pointline.services.files.identity.ledger_row import REFUSED
from pointline.services.telling.chapter import Chapter, Sources
from pointline.services.telling.next_steps import LedgerRow, next_step
from pointline.services.telling.story import tell
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import CLOSED, Status
from pointline.vendors.feeds import Feeds
from pointline_daemon.arrival.touched import Touched
from pointline_daemon.commands.files.presence import (
    Moment,
    Presence,
    describe_presence,
    is_in_place,
    without_description,
)
from pointline_daemon.commands.files.sources import versions_at
from pointline_daemon.commands.files.targets import id_in, path_in
from pointline_daemon.commands.shared.health import look_at_daemon
from pointline_daemon.commands.shared.known import unknown_file
from pointline_daemon.commands.shared.present import print_json, print_labelled, print_lines
from pointline_daemon.commands.shared.settings import settings_for, warn
from pointline_daemon.condition.health import judge_state
from pointline_daemon.exit_codes import EXIT_OK
from pointline_daemon.opening.bronze_access import make_layout, whose_first_line

MOST_GUESSES = 3
NO_TIME = " " * len("2024-05-01 00:00:00Z")


class Version(Struct, frozen=True, kw_only=True):
    """One file version and its story."""

    row: LedgerRow
    chapters: Sequence[Chapter]
    next_step: str


class Answer(Struct, frozen=True, kw_only=True):
    """What there is to say about one target. ``versions`` are those of its path, oldest first."""

    asked: str
    path: str
    versions: Sequence[Version]
    presence: Presence
    is_known: bool

    @property
    def next_step(self) -> str:
        """What to do: about the file as it is now, else about its newest version."""
        return self.presence.next_step or self.versions[-1].next_step

    def as_json(self) -> dict[str, Any]:
        """Return the facts for programs."""
        return {
            "target": self.asked,
            "path": self.path,
            "versions": [
                {
                    "file_id": one.row["file_id"],
                    "status": one.row["status"],
                    "story": [{"at": _iso(chapter.at_us), "what": chapter.what} for chapter in one.chapters],
                    "next": one.next_step,
                }
                for one in self.versions
            ],
            "bronze": self.presence.what,
            "next": self.next_step,
        }


def explain(lake_root: Path | None, targets: Sequence[str], *, as_json: bool) -> int:
    """Tell the stories of files by id or path. It only reads.

    Raises UnknownValue for a path that nothing is at, after the stories of the others.
    """
    config = settings_for(lake_root, needs=("bronze",))
    every = answers(config, targets, on_problem=warn)
    found = [answer for answer in every if answer.is_known]
    if as_json and len(found) == len(every):
        print_json([answer.as_json() for answer in found])
    elif not as_json:
        for position, answer in enumerate(found):
            _show(answer, separate=position > 0)
    if unknown := next((answer for answer in every if not answer.is_known), None):
        what = f"{unknown.asked}: {unknown.presence.what[0].lower()}{unknown.presence.what[1:]}"
        raise UnknownValue(what, subject=unknown.asked, hint=unknown.next_step)
    return EXIT_OK


def answers(config: Config, targets: Sequence[str], *, on_problem: Callable[[str], None]) -> list[Answer]:
    """Return the stories of files by id or path. Raises PointlineError for an id that the ledger does not have."""
    ledger = scan_ledger(config.paths.table(ingest_manifest.NAME))
    bronze = config.paths.bronze
    ids = {target: file_id for target in targets if (file_id := id_in(bronze, target)) is not None}
    named = ledger.filter(pl.col("file_id").is_in(list(ids.values()))).select("file_id", "bronze_file_path")
    by_id = dict(named.collect().iter_rows())
    if unknown := [file_id for file_id in ids.values() if file_id not in by_id]:
        raise unknown_file(unknown[0])
    paths = {target: by_id[ids[target]] if target in ids else path_in(bronze, target) for target in targets}
    paths = {target: _below_folders(config, ledger, path) for target, path in paths.items()}
    versions = versions_at(config, ledger, sorted(set(paths.values())))
    moment = _moment_of(config)
    problems: list[str] = []
    layout = make_layout(config, on_problem=problems.append)
    for problem in problems:
        on_problem(problem)
    return [
        _answer(
            target,
            _look(config, layout, path, is_known=path in versions),
            versions.get(path, []),
            moment,
            asked_id=ids.get(target),
            ledger=ledger,
            feeds=layout.feeds,
            problems=problems,
        )
        for target, path in paths.items()
    ]


def _look(config: Config, layout: Layout, path: str, *, is_known: bool) -> Whereabouts:
    """Look at a path; into a file too that nothing reads, and of which nothing else is known."""
    where = look_closer(config.paths.bronze, layout, path, follow_links=config.bronze.follow_links)
    if where.place is not Place.FOREIGN or is_known:
        return where
    return replace(where, advice=whose_first_line(config, layout.feeds, path) or where.advice)


def _answer(
    target: str,
    where: Whereabouts,
    at_path: list[tuple[LedgerRow, Sources]],
    moment: Moment,
    *,
    asked_id: int | None,
    ledger: pl.LazyFrame,
    feeds: Feeds,
    problems: Sequence[str],
) -> Answer:
    """``at_path``: all versions of the path; ``asked_id``: the one that is meant, None for all of them."""
    rows = [one for one in at_path if asked_id in {None, one[0]["file_id"]}]
    standing = [row for row, _ in rows if row["status"] not in CLOSED]
    newest = standing[-1] if standing else None
    other = next((row for row, _ in at_path if row["status"] not in CLOSED and is_in_place(where, row)), None)
    if newest is not None and other is not None and other not in standing and not is_in_place(where, newest):
        what = f"What is in bronze at its path is another version, file {other['file_id']}"
        presence = Presence(what=what, next_step=f"`pointline explain {other['file_id']}` tells of that one")
    elif rows and newest is None and where.place in {Place.TAKEN, Place.REFUSED, Place.MISSING}:
        is_there = where.place is not Place.MISSING
        what = "What is in bronze at its path is another version" if is_there else "Nothing is at its path in bronze"
        presence = Presence(what=what)
    else:
        lacking = None if newest is None else without_description(where, newest, feeds, problems)
        presence = lacking or describe_presence(where, newest, moment)
        older = [row["file_id"] for row in standing[:-1] if row["status"] == Status.SUCCESS]
        if older and standing[-1]["status"] in REFUSED:
            what = f"{presence.what}; the rows in silver are those of file {older[-1]}, an older version"
            presence = Presence(what=what, next_step=presence.next_step)
    is_known = bool(rows) or where.place not in {Place.MISSING, Place.OUTSIDE}
    if not is_known and (guesses := _similar(ledger, where.path)):
        step = f"{presence.next_step}; " if where.place is Place.OUTSIDE and presence.next_step else ""
        presence = Presence(what=presence.what, next_step=f"{step}did you mean {' or '.join(guesses)}?")
    if where.place is Place.NOT_A_FILE and (below := _count_below(ledger, where.path)):
        step = "`pointline explain FILE` tells of one of them, `pointline files` lists them"
        presence = Presence(what=f"It is a folder, and the ledger has {below} in it", next_step=step)
    versions = [
        Version(
            row=row,
            chapters=tell(row, sources),
            next_step=next_step(
                row,
                daemon_runs=moment.daemon_runs,
                original=sources.original_of(row),
                is_only_copy=sources.is_only_copy,
                is_in_bronze=where.place is not Place.MISSING,
                groups=sources.groups,
            ),
        )
        for row, sources in rows
    ]
    return Answer(asked=target, path=where.path, versions=versions, presence=presence, is_known=is_known)


def _count_below(ledger: pl.LazyFrame, folder: str) -> str:
    """Count the files of a folder by status, such as ``3 files (2 success, 1 quarantined)``; empty where none is."""
    below = ledger.filter(pl.col("bronze_file_path").str.starts_with(f"{folder}/"), ~pl.col("status").is_in(CLOSED))
    counts = below.group_by("status").len().sort("len", "status", descending=True).collect().rows()
    told = ", ".join(f"{count:,} {status}" for status, count in counts)
    return f"{plural(sum(count for _, count in counts), 'file')} ({told})" if counts else ""


def _below_folders(config: Config, ledger: pl.LazyFrame, path: str) -> str:
    """Return the path that is meant by a name alone: the one file of that name, where there is nothing at the top."""
    if "/" in path or os.path.lexists(config.paths.bronze / path):
        return path
    known = ledger.select(pl.col("bronze_file_path").unique()).filter(pl.col("bronze_file_path").str.ends_with(path))
    paths: list[str] = known.collect()["bronze_file_path"].to_list()
    named = [one for one in paths if one.rpartition("/")[2] == path]
    return named[0] if len(named) == 1 and path not in paths else path


def _similar(ledger: pl.LazyFrame, path: str) -> list[str]:
    """Return known paths that end in the same name."""
    name = path.rpartition("/")[2]
    if not name:
        return []
    known = ledger.select("bronze_file_path").filter(pl.col("bronze_file_path").str.contains(name, literal=True))
    return [printable(one) for one in known.unique().sort("bronze_file_path").head(MOST_GUESSES).collect().to_series()]


def _moment_of(config: Config) -> Moment:
    daemon = look_at_daemon(config.paths.lock_file, config.paths.state_file)
    touched = Touched(config.paths.state / "touched.parquet").frame()
    health = judge_state(daemon.state, now=time.time()) if daemon.knows_work else None
    return Moment(
        now_us=time.time_ns() // 1000,
        settle_us=int(config.ingest.settle_seconds * 1_000_000),
        rescan_seconds=config.ingest.rescan_seconds,
        daemon_runs=daemon.is_alive,
        trouble=health if health is not None and health.word in {"paused", "troubled"} else None,
        refused=(daemon.state.get("descriptions") or {}) if daemon.is_alive else {},
        touched=frozenset(touched.select("path", "size", "mtime_us").iter_rows()),
    )


def _show(answer: Answer, *, separate: bool) -> None:
    print_lines([*[""] * separate, printable(answer.path)])
    for number, version in enumerate(answer.versions, 1):
        of = f" (version {number} of {len(answer.versions)} at this path)" if len(answer.versions) > 1 else ""
        print_lines(["", f"file {version.row['file_id']}, {version.row['status']}{of}"])
        for chapter in version.chapters:
            print_labelled(f"{_moment(chapter.at_us) or NO_TIME}  ", chapter.what)
    print_lines([""])
    print_labelled("now   ", answer.presence.what)
    print_labelled("next  ", answer.next_step)


def _iso(at_us: int | None) -> str | None:
    moment = _moment(at_us)
    return None if moment is None else moment.replace(" ", "T")


def _moment(at_us: int | None) -> str | None:
    return None if at_us is None else dt.datetime.fromtimestamp(at_us // 1_000_000, dt.UTC).strftime("%F %TZ")
