"""What a person can do about a file now, by where its newest version stands."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from pointline.phrases import AGAIN, WAIT_OR_AGAIN, plural
from pointline.services.files.companion import is_disputed, settle_dispute
from pointline.services.files.regained import days_left
from pointline.services.symbols.holds import is_marked
from pointline.tables.ingest_manifest import NO_DATE, NO_ROWS, Status
from pointline.tables.spelling import EVERY_SYMBOL, holds_many, symbol_key

LedgerRow = Mapping[str, Any]
"""One row of the manifest."""
NO_DAEMON = "no daemon is running: `pointline run` ingests it"
CUT_SHORT = "no_final_line_end"
"""The warning of a file whose last line has no end."""
NEXT_STEPS = {
    Status.FAILED: "fix the cause, then `pointline retry {file_id}`",
    Status.QUARANTINED: "fix the cause; a file that is changed, moved or replaced is read again by itself; "
    "`pointline retry {file_id}` reads this one again as it is",
    Status.SUPERSEDED: "nothing to do; `pointline explain {superseded_by}` tells of what replaced it",
    Status.DUPLICATE: "nothing to do; this file may be removed",
    Status.WITHDRAWN: "nothing to do; `pointline retry {file_id}` takes the file in again",
    Status.GONE: "nothing to do; if the file comes back it is read again",
}


def next_step(
    row: LedgerRow,
    *,
    daemon_runs: bool,
    original: LedgerRow | None = None,
    is_only_copy: bool = False,
    is_in_bronze: bool = True,
    groups: Collection[str] = (),
) -> str:
    """Say what a person can do now.

    ``original`` is what a duplicate is a copy of; ``is_only_copy`` where that one does not lie in bronze any more,
    ``is_in_bronze`` where this one does.
    """
    status = Status(row["status"])
    step = NEXT_STEPS[status].format(**row) if status in NEXT_STEPS else ""
    match status:
        case Status.SUCCESS:
            step = _after_success(row)
        case Status.PENDING:
            step = _while_it_waits(row, daemon_runs=daemon_runs)
        case Status.QUARANTINED if row["superseded_by"] is not None:
            step = "do one of the things named there, or nothing: what is in silver stays"
        case Status.DUPLICATE if original is not None and is_of_another(row, original, groups):
            step = f"get the file of {claim(row)} again, or remove this one"
        case Status.DUPLICATE if not is_in_bronze:
            step = "nothing to do"
        case Status.DUPLICATE if is_only_copy:
            step = "nothing to do; keep this file, since the one that it is a copy of is not in bronze any more"
    if not row["rows_quarantined"] or status not in {Status.SUCCESS, Status.QUARANTINED}:
        return step
    lines = f"`pointline quarantine {row['file_id']}` shows the quarantined lines"
    return f"{step}; {lines}" if status is Status.SUCCESS else f"{lines}; {step}"


def _while_it_waits(row: LedgerRow, *, daemon_runs: bool) -> str:
    if AGAIN in (row["error"] or ""):
        return WAIT_OR_AGAIN
    return "nothing to do: the running daemon ingests it" if daemon_runs else NO_DAEMON


def _after_success(row: LedgerRow) -> str:
    if is_marked(row):
        return f"if what is held is right, `pointline retry {row['file_id']} --accept` takes it"
    if is_disputed(row):
        return settle_dispute(row["file_id"])
    if CUT_SHORT in json.loads(row["warnings"] or "{}"):
        return "nothing to do if the file ends as the vendor made it; else put the whole file in its place"
    if NO_ROWS in json.loads(row["warnings"] or "{}"):
        return "download it again if its day has rows: `pointline coverage` counts it as missing"
    return "nothing to do"


def claim(row: LedgerRow) -> str:
    """Say what the path of a file claims."""
    is_described = bool(row["feed"])
    symbol = "many symbols" if is_described and row["symbol"] == EVERY_SYMBOL else row["symbol"]
    day = "no day in the path" if is_described and row["date"] == NO_DATE else row["date"] or "no such day"
    return f"{row['data_type']} of {row['exchange']}, {symbol}, {day}"


def why_without_rows(row: LedgerRow) -> str:
    """Say why a file that is in has no rows in silver; empty where it has some."""
    if row["status"] != Status.SUCCESS or row["rows_written"]:
        return ""
    if left := list(days_left(row["warnings"])):
        return f"its {plural(len(left), 'day')} are taken from other files, which come first by the feed's `prefer`"
    return "there is no row in it"


def same_content(row: LedgerRow, original: LedgerRow | None, groups: Collection[str]) -> str:
    """Say what a duplicate is a copy of; of which day and symbol, where its own path claims another."""
    if original is None or not is_of_another(row, original, groups):
        return str(row["error"])
    return f"{row['error']}, which is {claim(original)}: there is no row of {claim(row)} in it"


def is_of_another(row: LedgerRow, original: LedgerRow, groups: Collection[str]) -> bool:
    """Tell whether a duplicate claims what its original has no rows of."""
    if any(row[name] != original[name] for name in ("data_type", "exchange", "date")):
        return True
    found = {symbol_key(symbol) for symbol in (*(original["symbols"] or ()), original["symbol"])}
    return symbol_key(row["symbol"]) not in found and not holds_many(row["symbol"], row["feed"], groups)
