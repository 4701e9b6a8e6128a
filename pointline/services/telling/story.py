"""One file version's story in sentences, oldest first, from what the ledger, quarantine and the logs of commits hold.

Pure: rows in, sentences out. What was never recorded is said to be unknown, not guessed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

from pointline.io.protocols.file_version import ACCEPTED
from pointline.phrases import plural
from pointline.services.coverage.differing import rows_on
from pointline.services.files.companion import DISPUTED, is_disputed
from pointline.services.files.regained import days_left
from pointline.services.telling.chapter import Chapter, Sources
from pointline.services.telling.next_steps import LedgerRow, claim
from pointline.services.telling.oddities import oddities
from pointline.services.telling.outcome import outcome
from pointline.tables.ingest_manifest import NO_ROWS, Status

MOST_RULES = 5
LONGEST_EXAMPLE = 160


def tell(row: LedgerRow, sources: Sources) -> list[Chapter]:
    """Return the chapters of a version, oldest first."""
    chapters = [_seen(row, sources), *_replaced(row, sources)]
    if row["content_hash"] or row["rows_read"]:
        chapters += _read(row, sources)
        chapters += _quarantined(row, sources)
    chapters += outcome(row, sources)
    chapters += [
        Chapter(what=f"It was moved: found again at {move.target}, was {move.origin}", at_us=move.at_us)
        for move in sources.moves
    ]
    return _in_order(chapters)


def _in_order(chapters: Sequence[Chapter]) -> list[Chapter]:
    """By time; what has none stays with what is told before it."""
    since = 0
    timed = []
    for chapter in chapters:
        since = since if chapter.at_us is None else chapter.at_us
        timed.append((since, chapter))
    return [chapter for _, chapter in sorted(timed, key=lambda one: one[0])]


def _seen(row: LedgerRow, sources: Sources) -> Chapter:
    about = f"{plural(row['file_size_bytes'], 'byte')}, last changed {_time(row['last_modified_ts'])}"
    by = f" by {sources.found_by}" if sources.found_by else ""
    unknown = "" if sources.found_by else "; whether an event or a scan found it is not recorded any more"
    return Chapter(
        what=f"It was found in bronze{by} and became file {row['file_id']}: {about}; "
        f"by its path: {claim(row)}{unknown}",
        at_us=row["created_at_us"],
    )


def _named(file_id: int, row: LedgerRow, sources: Sources) -> str:
    """Name another file; its path only where that is another one."""
    path = sources.path_of(file_id, row)
    age = "an older version" if file_id < row["file_id"] else "a version that came later"
    where = age if path == row["bronze_file_path"] else path
    return f"file {file_id} ({where})"


def _replaced(row: LedgerRow, sources: Sources) -> list[Chapter]:
    if not sources.replaced:
        return []
    older = ", ".join(_named(file_id, row, sources) for file_id in sources.replaced)
    had_rows = any(sources.others.get(file_id, row)["rows_written"] for file_id in sources.replaced)
    silver = "of which nothing is in silver any more" if had_rows else "of which nothing ever was in silver"
    return [Chapter(what=f"It takes the place of {older}, {silver}")]


def _read(row: LedgerRow, sources: Sources) -> list[Chapter]:
    if row["status"] == Status.DUPLICATE:
        return []
    left = list(days_left(row["warnings"]))
    if not row["rows_read"] and not left:
        nothing = "It was read and holds no rows"
        if NO_ROWS in json.loads(row["warnings"] or "{}"):
            nothing += ". An empty gzip would say that there was no data; this file says nothing"
        return [Chapter(what=nothing)] if row["status"] in {Status.SUCCESS, Status.SUPERSEDED} else []
    read = row["rows_read"] + sum(rows for _, _, rows in left)
    what = f"It was read: {plural(read, 'row')}"
    if row["first_local_timestamp"] is not None:
        first, last = _exact(row["first_local_timestamp"]), _exact(row["last_local_timestamp"])
        what += f", local_timestamp from {first} to {last} UTC"
    chapters = [Chapter(what=what)]
    if ACCEPTED in json.loads(row["warnings"] or "{}"):
        chapters.append(Chapter(what="You accepted it with `pointline retry --accept`"))
    chapters += [Chapter(what=_left_day(file_id, day, rows, row, sources)) for file_id, day, rows in left]
    chapters += [Chapter(what=what) for what in oddities(row["warnings"])]
    return chapters


def _left_day(file_id: int, day: dt.date, rows: int, row: LedgerRow, sources: Sources) -> str:
    """Say who has a day that this file has too."""
    other = sources.heirs.get(file_id)
    file_id = file_id if other is None else other["file_id"]
    what = f"{plural(rows, 'row')} of {day} were left to {_named(file_id, row, sources)}"
    status = "not known" if other is None else other["status"]
    there = rows_on(other, day)
    if there is not None and there < rows:
        return (
            f"{what}, whose day it is by the order of the feed, but which has only {plural(there, 'row')} of it: get "
            f"the whole file, or have the rows of this one with `pointline withdraw {file_id}`"
        )
    if row["status"] != Status.SUCCESS or status in {Status.SUCCESS, Status.PENDING, Status.SUPERSEDED}:
        return f"{what}, whose day it is"
    return f"{what}, which is {status}; they are read again from this file at the next scan that finds it in bronze"


def _quarantined(row: LedgerRow, sources: Sources) -> list[Chapter]:
    chapters = [
        Chapter(
            what=f"{plural(broken.rows, 'row')} quarantined by the rule {broken.what}, such as row "
            f"{broken.file_seq:,}: "
            f"{_cut(broken.raw)}"
        )
        for broken in sources.set_aside[:MOST_RULES]
    ]
    if len(sources.set_aside) > MOST_RULES:
        more = sources.set_aside[MOST_RULES:]
        rows = plural(sum(broken.rows for broken in more), "row")
        rules = "another rule" if len(more) == 1 else f"{len(more)} more rules"
        chapters.append(Chapter(what=f"{rows} quarantined by {rules}"))
    if is_disputed(row):
        chapters.append(Chapter(what=f"{DISPUTED[:1].upper()}{DISPUTED[1:]}"))
    if row["rows_quarantined"] and not sources.set_aside:
        why = f": {row['error']}" if row["error"] else ""
        chapters.append(Chapter(what=f"{plural(row['rows_quarantined'], 'row')} quarantined{why}"))
    return chapters


def _exact(moment: dt.datetime) -> str:
    """The time of a row, to the microsecond where it has some."""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None)}"


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_EXAMPLE else f"{line[:LONGEST_EXAMPLE]}... ({len(line):,} characters)"
