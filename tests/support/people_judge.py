"""The lake against a plain-Python model of DESIGN §2: what must hold in whatever order the daemon saw things.

Nothing of the product takes part: tables are read by delta-rs, files by Python.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from tests.support.people_contents import (
    GROUPS,
    HEADERS,
    TABLES,
    Claim,
    Expected,
    Row,
    claim_of,
    digest,
    expect,
    overlap,
    read,
    symbol_key,
)

CLOSED = ("superseded", "gone")
REFUSED = ("quarantined", "failed", "pending")
MIN_REPLACEMENT_SHARE = 0.5
FACTS = ("file_id", "bronze_file_path", "file_size_bytes", "content_hash", "status", "superseded_by")
COUNTS = ("rows_read", "rows_written", "rows_quarantined")
LEDGER_COLUMNS = [*FACTS, *COUNTS, "error"]


@dataclass(slots=True)
class Deeds:
    """What people did that the folder does not show: by content hash."""

    contents: dict[str, bytes] = field(default_factory=dict)
    """Every content that was ever written."""
    withdrawn: set[str] = field(default_factory=set)
    """Contents, and paths for files that could not be read."""
    accepted: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger."""

    file_id: int
    path: str
    size: int
    content: str | None
    status: str
    by: int | None
    counts: tuple[int | None, int | None, int | None]
    error: str | None

    @property
    def claim(self) -> Claim:
        return claim_of(self.path)

    def __str__(self) -> str:
        by = "" if self.by is None else f" by {self.by}"
        return f"file {self.file_id} {self.status}{by} [{(self.content or '-')[:6]}] {self.path}"


class Picture:
    """A lake at a point of quiet: ledger, silver, quarantine and bronze, read once."""

    def __init__(self, root: Path, deeds: Deeds) -> None:
        self.deeds = deeds
        self.entries = _entries(self.records(root, "ingest_manifest", LEDGER_COLUMNS))
        self.silver = {table: _rows(table, self.records(root, table, _columns_of(table))) for table in TABLES}
        aside = self.records(root, "quarantine", ["file_id", "file_seq", "rule"])
        self.aside: dict[int, dict[int, str]] = defaultdict(dict)
        self.aside_rows = len(aside)
        for row in aside:
            self.aside[row["file_id"]][row["file_seq"]] = row["rule"]
        bronze = root / "bronze"
        self.bronze = {
            path.relative_to(bronze).as_posix(): path.read_bytes() for path in sorted(bronze.rglob("*.csv.gz"))
        }
        self.hashes = {path: digest(data) for path, data in self.bronze.items()}
        self.success = [one for one in self.entries if one.status == "success"]

    def records(self, root: Path, table: str, columns: list[str]) -> list[dict[str, Any]]:
        """The rows of a table of the lake."""
        return _records(root, table, columns)

    def content_of(self, entry: Entry) -> bytes | None:
        return self.deeds.contents.get(entry.content or "")

    def expected_of(self, entry: Entry) -> Expected | None:
        """What the content of a ledger row gives at its path."""
        data = self.content_of(entry)
        return None if data is None else expect(data, entry.claim)

    def is_there(self, entry: Entry) -> bool:
        """Its own version lies at its path."""
        return self.hashes.get(entry.path) == entry.content


def judge(root: Path, deeds: Deeds) -> list[str]:
    """Everything that no allowed order of events explains."""
    return judge_picture(Picture(root, deeds))


def judge_picture(picture: Picture) -> list[str]:
    """The same of a picture that was taken otherwise."""
    problems = [*_judge_rows(picture), *_judge_overlaps(picture), *_judge_ledger(picture)]
    for path in picture.bronze:
        problems += _judge_file(picture, path)
    return problems


def describe(root: Path, deeds: Deeds) -> str:
    """The lake for the eyes of whoever looks for a fault."""
    return describe_picture(Picture(root, deeds))


def describe_picture(picture: Picture) -> str:
    """The same of a picture that was taken otherwise."""
    lines = [f"  {entry}  {entry.counts} {entry.error or ''}" for entry in picture.entries]
    lines.append("bronze:")
    for path, content in picture.hashes.items():
        data = picture.bronze[path]
        times = {symbol: (first // 10**6 % 86400, last // 10**6 % 86400) for symbol, (first, last) in _found(data)}
        lines.append(f"  {path} [{content[:6]}] {len(data)} bytes, {len(read(data).rows)} rows {times}")
    return "\n".join(lines)


def _found(data: bytes) -> list[tuple[str, tuple[int, int]]]:
    reading = read(data)
    return sorted(Expected(dict(enumerate(reading.rows))).ranges().items())


# ---- rows


def _judge_rows(picture: Picture) -> list[str]:
    """Rows belong to files that are in, each once, with the values of that content, and all of them are there."""
    problems = []
    by_id = {entry.file_id: entry for entry in picture.entries}
    stray: set[tuple[str, int]] = set()
    for table, rows in picture.silver.items():
        for file_id, found in rows.items():
            entry = by_id.get(file_id)
            if entry is None or entry.status != "success" or entry.claim.table != table:
                stray.add((table, file_id))
            doubled = sorted(seq for seq, versions in found.items() if len(versions) > 1)
            if doubled:
                problems.append(f"doubled: {table} has rows {doubled[:5]} of file {file_id} more than once")
    problems += [f"stray: {table} has rows of {by_id.get(file_id, file_id)}" for table, file_id in sorted(stray)]
    for entry in picture.success:
        problems += _judge_success(picture, entry)
    return problems


def _judge_success(picture: Picture, entry: Entry) -> list[str]:
    wanted = picture.expected_of(entry)
    if wanted is None:
        return [f"unknown: nobody wrote the content of {entry}"]
    if wanted.refused and not (wanted.accepted and entry.content in picture.deeds.accepted):
        return [f"believed: {entry} is in, but: {wanted.refused}"]
    problems = []
    found = picture.silver[entry.claim.table].get(entry.file_id, {})
    if found.keys() != wanted.kept.keys():
        missing, extra = sorted(wanted.kept.keys() - found.keys()), sorted(found.keys() - wanted.kept.keys())
        problems.append(f"rows: of {entry} rows {missing} are missing, {extra} are too many")
    for seq in sorted(wanted.kept.keys() & found.keys()):
        if _as_stored(wanted.kept[seq], entry.claim) != found[seq][0]:
            problems.append(f"values: row {seq} of {entry} is {found[seq][0]}, not {wanted.kept[seq]}")
            break
    aside = picture.aside.get(entry.file_id, {})
    if aside.keys() != wanted.aside.keys():
        problems.append(f"aside: of {entry} rows {sorted(aside)} are in quarantine, not {sorted(wanted.aside)}")
    problems += [
        f"aside: row {seq} of {entry} broke {rules}, not {aside[seq]}"
        for seq, rules in wanted.aside.items()
        if seq in aside and aside[seq] not in rules
    ]
    counts = (len(wanted.kept) + len(wanted.aside), len(wanted.kept), len(wanted.aside))
    if entry.counts != counts:
        problems.append(f"counts: {entry} counts {entry.counts}, not {counts}")
    return problems


def _as_stored(row: Row, claim: Claim) -> tuple[object, ...]:
    rest = tuple(map(float, row.rest)) if claim.table == "quotes" else (*row.rest[:2], *map(float, row.rest[2:]))
    return row.exchange, row.symbol, row.exchange_us, row.local_us, *rest


def _judge_overlaps(picture: Picture) -> list[str]:
    """No two files that are in overlap in a series; judged by what silver has."""
    series: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for table, files in picture.silver.items():
        for file_id, rows in files.items():
            times: dict[str, list[int]] = defaultdict(list)
            for versions in rows.values():
                for row in versions:
                    times[symbol_key(str(row[1]))].append(int(str(row[3])))
            for symbol, those in times.items():
                series[table, symbol].append((min(those), max(those), file_id))
    problems = []
    for (table, symbol), ranges in series.items():
        ranges.sort()
        for number, one in enumerate(ranges):
            problems += [
                f"overlap: files {one[2]} and {other[2]} have the same times of {symbol} in {table}"
                for other in ranges[number + 1 :]
                if overlap(one[:2], other[:2])
            ]
    return problems


# ---- the ledger


def _judge_ledger(picture: Picture) -> list[str]:
    problems = []
    ids = [entry.file_id for entry in picture.entries]
    if len(set(ids)) != len(ids):
        problems.append("ledger: a file id stands there twice")
    by_id = {entry.file_id: entry for entry in picture.entries}
    for entry in picture.entries:
        there = picture.hashes.get(entry.path)
        if entry.status in REFUSED and there is None:
            problems.append(f"gone: {entry} is not in bronze any more")
        elif entry.status in REFUSED and entry.content and entry.content != there:
            problems.append(f"stale: {entry} is about a content that no longer lies there")
        if entry.status == "withdrawn" and (entry.content or entry.path) not in picture.deeds.withdrawn:
            problems.append(f"withdrawn: nobody withdrew {entry}")
        if entry.status == "duplicate" and there == entry.content:
            original = by_id.get(entry.by or -1)
            if original is None or original.status != "success" or original.content != entry.content:
                problems.append(f"duplicate: {entry} is one of {original}")
            elif original.claim.place != entry.claim.place:
                problems.append(f"duplicate: {entry} is one of another table, exchange or day: {original}")
    return problems


# ---- files


def _judge_file(picture: Picture, path: str) -> list[str]:
    """A file in bronze has one ledger row that stands, of this content, and its status has a reason."""
    content, data = picture.hashes[path], picture.bronze[path]
    standing = [one for one in picture.entries if one.path == path and one.status not in CLOSED]
    mine = [one for one in standing if one.content == content]
    # What cannot be read may have no hash.
    mine = mine or [
        one
        for one in standing
        if one.content is None and one.size == len(data) and one.status in ("quarantined", "withdrawn")
    ]
    if not mine:
        return [f"unknown: no row of the ledger stands for {path} [{content[:6]}]: {[str(one) for one in standing]}"]
    entry = next((one for one in mine if one.status == "success"), mine[-1])
    if entry.size != len(data):
        return [f"size: {entry} is of {entry.size} bytes, the file of {len(data)}"]
    problems = []
    held = [one for one in standing if one.status == "success" and one.content != content]
    if held and entry.status not in ("quarantined", "withdrawn"):
        problems.append(f"replaced: rows of {held[0]} are still in; what lies there is {entry}")
    if entry.status in ("pending", "failed"):
        problems.append(f"lost: {entry} at quiet: {entry.error}")
    if entry.status == "quarantined":
        why = reasons(picture, path, entry)
        if not why:
            problems.append(f"lost: nothing speaks against {entry}: {entry.error}")
    return problems


def reasons(picture: Picture, path: str, entry: Entry) -> list[str]:
    """Why a file may be kept out as the lake is now."""
    claim = claim_of(path)
    wanted = expect(picture.bronze[path], claim)
    if wanted.refused:
        return [wanted.refused]
    rest = [one for one in picture.success if one.file_id != entry.file_id]
    others = [one for one in rest if one.claim.place == claim.place]
    moved = [one for one in rest if one not in others and one.content == entry.content]  # onto another table or day
    found = [reason for other in (*moved, *others) if (reason := _reason(picture, entry, wanted, other))]
    return found + _guard_together(picture, entry, wanted, others)


def _reason(picture: Picture, entry: Entry, wanted: Expected, other: Entry) -> str:
    """Why a file may be kept out because of one that is in."""
    content = picture.content_of(other)
    if content is None:
        return ""
    theirs = expect(content, other.claim)
    if content == picture.bronze[entry.path]:  # equal ones are duplicates, or moves; a move may leave too little too
        return _guard(wanted, theirs, other) if entry.claim.key != other.claim.key else ""
    if not wanted.kept:
        speaks = theirs.kept and _same_series(entry.claim, other.claim, theirs)
        return f"it is empty, and {other} has rows" if speaks else ""
    if other.path != entry.path:
        if not _met(wanted, theirs):
            return ""
        if other.path in picture.bronze or not theirs.found | theirs.ranges().keys() <= wanted.ranges().keys():
            return f"it overlaps {other}, which is in bronze or has other symbols too"
    return _guard(wanted, theirs, other)


def _met(wanted: Expected, theirs: Expected) -> bool:
    ranges = theirs.ranges()
    return any(symbol in ranges and overlap(mine, ranges[symbol]) for symbol, mine in wanted.ranges().items())


def _guard(wanted: Expected, theirs: Expected, other: Entry) -> str:
    """It would leave less than half of the rows of what it replaces, over all symbols or over those concerned."""
    concerned = [row for row in wanted.kept.values() if symbol_key(row.symbol) in theirs.ranges()]
    if min(len(concerned), len(wanted.kept)) < MIN_REPLACEMENT_SHARE * len(theirs.kept):
        return f"it would leave too little of {other}"
    return ""


def _guard_together(picture: Picture, entry: Entry, wanted: Expected, others: list[Entry]) -> list[str]:
    """All that it replaces count together: what stands at its path, and what it meets and is gone from bronze.

    A file of the same content does not: that has only moved.
    """
    given_up = {one.file_id: picture.expected_of(one) for one in others if one.content != picture.hashes[entry.path]}
    at_path = [given_up[one.file_id] for one in others if one.path == entry.path and one.file_id in given_up]
    gone = [given_up[one.file_id] for one in others if one.path not in picture.bronze and one.file_id in given_up]
    lost = [theirs for theirs in at_path if theirs is not None]
    lost += [theirs for theirs in gone if theirs is not None and _met(wanted, theirs)]
    symbols = {symbol for theirs in lost for symbol in theirs.ranges()}
    concerned = [row for row in wanted.kept.values() if at_path or symbol_key(row.symbol) in symbols]
    too_little = len(concerned) < MIN_REPLACEMENT_SHARE * sum(len(theirs.kept) for theirs in lost)
    return ["it would leave too little of all that it replaces"] if too_little else []


def _same_series(mine: Claim, theirs: Claim, expected: Expected) -> bool:
    return mine.key in (theirs.key, *expected.ranges()) or mine.key in GROUPS or theirs.key in GROUPS


# ---- reading the lake


def read_ledger(root: Path) -> list[Entry]:
    """The ledger alone."""
    return _entries(_records(root, "ingest_manifest", LEDGER_COLUMNS))


def _records(root: Path, table: str, columns: list[str]) -> list[dict[str, Any]]:
    folder = root / "silver" / table
    if not DeltaTable.is_deltatable(str(folder)):
        return []
    return pl.read_delta(str(folder), columns=columns).to_dicts()


def _entries(rows: list[dict[str, Any]]) -> list[Entry]:
    facts = [(*(row[name] for name in FACTS), tuple(row[name] for name in COUNTS), row["error"]) for row in rows]
    return sorted((Entry(*fact) for fact in facts), key=lambda one: one.file_id)


def _columns_of(table: str) -> list[str]:
    return ["file_id", "file_seq", *HEADERS[table].split(",")]


def _rows(table: str, records: list[dict[str, Any]]) -> Mapping[int, Mapping[int, list[tuple[object, ...]]]]:
    columns = HEADERS[table].split(",")
    found: dict[int, dict[int, list[tuple[object, ...]]]] = defaultdict(lambda: defaultdict(list))
    for row in records:
        values = [row[name] for name in columns]
        values[2:4] = [round(value.timestamp() * 1_000_000) for value in values[2:4]]
        found[row["file_id"]][row["file_seq"]].append(tuple(values))
    return {file_id: dict(those) for file_id, those in found.items()}
