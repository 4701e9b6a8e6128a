"""One file version's story in sentences, oldest first, from what the ledger, quarantine and the logs of commits hold.

Pure: rows in, sentences out. What was never recorded is said to be unknown, not guessed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct, field

from pointline.io.protocols.file_version import ACCEPTED, PROCESS_ENDED, Move
from pointline.io.protocols.tables import CommitNote
from pointline.phrases import plural
from pointline.services.coverage.differing import rows_on
from pointline.services.files.companion import DISPUTED, is_disputed
from pointline.services.files.regained import days_left
from pointline.services.rows.aside import RuleBroken
from pointline.services.telling.next_steps import LedgerRow, claim, is_of_another
from pointline.services.telling.oddities import oddities
from pointline.tables import dim_symbol
from pointline.tables.ingest_manifest import NO_ROWS, Status
from pointline.tables.symbols import observations as symbol_observations

MOST_RULES = 5
LONGEST_EXAMPLE = 160


class Chapter(Struct, frozen=True, kw_only=True):
    """One thing that happened. ``at_us`` is microseconds since the epoch, UTC; None where nobody noted the time."""

    what: str
    at_us: int | None = None


class Sources(Struct, frozen=True, kw_only=True):
    """What there is to tell of one version beside its row. ``others`` are the files that it names, by id."""

    others: Mapping[int, LedgerRow] = field(default_factory=dict)
    is_only_copy: bool = False
    """Of a file whose own path in bronze is empty."""
    came_back_as: LedgerRow | None = None
    """Of a file that is gone: the file that has its content now."""
    heirs: Mapping[int, LedgerRow] = field(default_factory=dict)
    """What is now in the place of the files that days were left to, by their ids."""
    groups: Collection[str] = ()
    """Names in the place of a symbol that stand for many, beside those that always do."""
    replaced: Sequence[int] = ()
    """Older versions that gave way to this one."""
    set_aside: Sequence[RuleBroken] = ()
    commits: Sequence[CommitNote] = ()
    moves: Sequence[Move] = ()
    oldest_version: int | None = None
    """The oldest version of its table that can still be opened."""
    found_by: str | None = None

    def original_of(self, row: LedgerRow) -> LedgerRow | None:
        """Return what a duplicate is a copy of."""
        return self.others.get(row["superseded_by"]) if row["status"] == Status.DUPLICATE else None

    def path_of(self, file_id: int, row: LedgerRow) -> str:
        """Return the path of another file; that of the version itself where nothing is known of it."""
        return str(self.others.get(file_id, row)["bronze_file_path"])


def tell(row: LedgerRow, sources: Sources) -> list[Chapter]:
    """Return the chapters of a version, oldest first."""
    chapters = [_seen(row, sources), *_replaced(row, sources)]
    if row["content_hash"] or row["rows_read"]:
        chapters += _read(row, sources)
        chapters += _quarantined(row, sources)
    chapters += _outcome(row, sources)
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


def _outcome(row: LedgerRow, sources: Sources) -> list[Chapter]:
    at_us, attempts = row["updated_at_us"], row["attempts"]
    tries = "" if attempts <= 1 else f" after {attempts} tries; why it waited is in the log (file.waiting)"
    by = row["superseded_by"]
    match Status(row["status"]):
        case Status.PENDING:
            return [_waits(row)]
        case Status.SUCCESS:
            return [*_withdrawn_before(sources), _committed(row, sources, at_us, tries)]
        case Status.DUPLICATE:
            where = f" ({sources.path_of(by, row)})" if by in sources.others else ""
            what = f"It has the same content as file {by}{where}, whose rows are in silver: nothing was added{tries}"
            if (original := sources.original_of(row)) is not None and is_of_another(row, original, sources.groups):
                what += f". That one is {claim(original)}: there is no row of {claim(row)} in it"
            return [Chapter(what=what, at_us=at_us)]
        case Status.FAILED | Status.QUARANTINED:
            done = "given up" if row["status"] == Status.FAILED else "refused"
            return [Chapter(what=f"It was {done}{tries}: {row['error']}", at_us=at_us)]
        case Status.SUPERSEDED:
            return _superseded(row, sources, at_us)
        case Status.WITHDRAWN | Status.GONE:
            return [Chapter(what=_left(row, sources.came_back_as), at_us=at_us)]


def _waits(row: LedgerRow) -> Chapter:
    if row["error"]:
        tried = f"tried {_times(row['attempts'])} and " if row["attempts"] else ""
        return Chapter(what=f"It was {tried}put off, because {row['error']}", at_us=row["updated_at_us"])
    if not row["attempts"]:
        return Chapter(what="It was put back and waits to be read again", at_us=row["updated_at_us"])
    if ended := json.loads(row["warnings"] or "{}").get(PROCESS_ENDED, 0):
        what = f"The process ended {_times(ended)} while it was being read: it is read again"
        return Chapter(what=what, at_us=row["updated_at_us"])
    return Chapter(what="It waits for its batch to be read and committed")


def _withdrawn_before(sources: Sources) -> list[Chapter]:
    """Tell that rows which are in were taken out once and put back."""
    return [_withdrawn(note, "; later you put it back") for note in sources.commits if note.status == Status.WITHDRAWN]


def _withdrawn(note: CommitNote, then: str = "") -> Chapter:
    return Chapter(what=f"You withdrew it: its rows left the table in version {note.version}{then}", at_us=note.at_us)


def _committed(row: LedgerRow, sources: Sources, at_us: int, tries: str) -> Chapter:
    what = f"{plural(row['rows_written'], 'row')} went into {_home(row)}"
    if not row["rows_written"]:
        return Chapter(what=f"It was accepted{tries}", at_us=at_us)
    note = _last(sources, Status.SUCCESS)
    if note is None:
        when = None if sources.moves else at_us  # a move is the last thing the ledger noted
        return Chapter(what=f"{what}{_unknown_version(sources)}{tries}", at_us=when)
    return Chapter(what=f"{what}, with version {note.version} of that table{tries}", at_us=note.at_us)


def _superseded(row: LedgerRow, sources: Sources, at_us: int) -> list[Chapter]:
    chapters = []
    if row["rows_written"]:
        came = _last(sources, Status.SUCCESS)
        version = f", with version {came.version} of that table" if came else _unknown_version(sources)
        what = f"{plural(row['rows_written'], 'row')} went into {_home(row)}{version}"
        chapters.append(Chapter(what=what, at_us=came.at_us if came else None))
    left, withdrawn = _last(sources, Status.SUPERSEDED), _last(sources, Status.WITHDRAWN)
    gone = ": its rows left the table" + (f" in version {left.version}" if left else "")
    if left is None and withdrawn is not None:
        chapters.append(_withdrawn(withdrawn))
        gone = ""
    gone = gone if row["rows_written"] else ": it never had rows in silver"
    by = row["superseded_by"]
    path = sources.path_of(by, row)
    age = "a newer version" if by > row["file_id"] else "an older version, which came back"
    where = age if path == row["bronze_file_path"] else path
    chapters.append(Chapter(what=f"File {by} ({where}) took its place{gone}", at_us=at_us))
    return chapters


def _left(row: LedgerRow, came_back_as: LedgerRow | None) -> str:
    if row["status"] == Status.WITHDRAWN:
        return "You withdrew it" + (": its rows are not in the lake any more" if row["rows_written"] else "")
    if row["rows_written"]:
        return f"It was in the lake; {row['error'] or 'it was removed from bronze before it could be read again'}"
    why = f", after it was refused: {row['error']}" if row["error"] else ""
    it_left = f"It left its place in bronze before it got into the lake{why}"
    if came_back_as is None:
        return it_left
    return f"{it_left}. File {came_back_as['file_id']} ({came_back_as['bronze_file_path']}) has its content"


def _home(row: LedgerRow) -> str:
    return symbol_observations.NAME if row["data_type"] == dim_symbol.INSTRUMENTS else row["data_type"]


def _last(sources: Sources, status: Status) -> CommitNote | None:
    return next((note for note in reversed(sources.commits) if note.status == status), None)


def _unknown_version(sources: Sources) -> str:
    oldest = sources.oldest_version
    if oldest is None:
        return ""
    return f", in a version before {oldest}, the oldest one that can still be opened"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _exact(moment: dt.datetime) -> str:
    """The time of a row, to the microsecond where it has some."""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None)}"


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_EXAMPLE else f"{line[:LONGEST_EXAMPLE]}... ({len(line):,} characters)"
