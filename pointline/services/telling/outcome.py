"""The end of a file's story: what became of it, and where its rows went."""

from __future__ import annotations

import json

from pointline.io.protocols.file_version import PROCESS_ENDED
from pointline.io.protocols.tables import CommitNote
from pointline.phrases import plural
from pointline.services.telling.chapter import Chapter, Sources
from pointline.services.telling.next_steps import LedgerRow, claim, is_of_another
from pointline.tables import dim_symbol
from pointline.tables.ingest_manifest import Status
from pointline.tables.symbols import observations as symbol_observations


def outcome(row: LedgerRow, sources: Sources) -> list[Chapter]:
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
