"""How the ledger says which snapshots are held: of a file all its exchanges, or only some."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import polars as pl

from pointline.io.protocols.file_version import Outcome
from pointline.tables.ingest_manifest import Status

MARK = "held:"
"""Begins the warnings of a file whose word on an exchange does not count; the name of the exchange follows."""
IS_MARKED = pl.col("warnings").str.contains(f'"{MARK}', literal=True)
"""True for rows of the ledger that say something is held."""
SHOWN = 3


def judged(file: Mapping[str, object], heads: pl.DataFrame, held: pl.DataFrame, touched: Collection[str]) -> Outcome:
    """Return what the ledger has to say of a file.

    ``file`` is its row of the ledger, ``heads`` what it told of, ``held`` what of it is held among the ``touched``
    exchanges; of others the ledger is right already. A file all of whose exchanges are held is quarantined.
    """
    told = warnings_of(file)
    marks = {f"{MARK}{exchange}": missing for exchange, missing in held.select("exchange", "missing").iter_rows()}
    kept = {name: count for name, count in told.items() if not _is_mark_of(name, touched)}
    warnings = {**kept, **marks}
    file_id = int(str(file["file_id"]))
    names = {name.removeprefix(MARK) for name in warnings if name.startswith(MARK)}
    rows = int(heads["rows"].sum())
    if names and names >= set(heads["exchange"]):
        return Outcome(
            file_id=file_id,
            status=Status.QUARANTINED,
            warnings=warnings,
            content_hash=_text(file.get("content_hash")),
            error=reason(file, held, names),
            attempts=_number(file.get("attempts")),
        )
    return Outcome(
        file_id=file_id,
        status=Status.SUCCESS,
        content_hash=_text(file.get("content_hash")),
        rows_read=rows + (_number(file.get("rows_quarantined")) or 0),
        rows_written=rows,
        rows_quarantined=_number(file.get("rows_quarantined")) or 0,
        warnings=warnings,
        error=reason(file, held, names) if names else _text(file.get("error_of_rows")),
        attempts=_number(file.get("attempts")),
    )


def reason(file: Mapping[str, object], held: pl.DataFrame, names: Collection[str]) -> str:
    """Say what is held, why, and what releases it, with the command whole."""
    others = sorted(set(names) - set(held["exchange"]))
    more = f"; {', '.join(others)} held as before" if others else ""
    return (
        f"{file['bronze_file_path']}: {lacks(held)}{more}; what it says of {_these(names)} is held until a later list "
        f"agrees; if it is right, `pointline retry {file['file_id']} --accept` takes it"
    )


def _these(names: Collection[str]) -> str:
    return "this exchange" if len(names) == 1 else "these exchanges"


def lacks(held: pl.DataFrame) -> str:
    """Say what held snapshots lack, the worst first."""
    ordered = held.sort(pl.col("missing") / pl.col("listed"), "listed", "exchange", descending=[True, True, False])
    said = [
        f"it lacks {missing:,} of the {listed:,} symbols of {exchange} that were listed before"
        if is_named
        else f"it names {exchange} no longer, of which {listed:,} symbols are listed"
        for exchange, missing, listed, is_named in ordered.select("exchange", "missing", "listed", "is_named")
        .head(SHOWN)
        .iter_rows()
    ]
    more = [f"and the same of {held.height - SHOWN} more exchanges"] if held.height > SHOWN else []
    return "; ".join([*said, *more])


def warnings_of(file: Mapping[str, object]) -> dict[str, int]:
    """Return the warnings of a row of the ledger."""
    found: dict[str, int] = json.loads(str(file["warnings"])) if file.get("warnings") else {}
    return found


def is_marked(file: Mapping[str, object]) -> bool:
    """Tell whether a row of the ledger says that something is held."""
    return any(name.startswith(MARK) for name in warnings_of(file))


def marked(rows: pl.DataFrame) -> list[int]:
    """Return the files that rows of the ledger say something is held of."""
    return rows.filter(IS_MARKED)["file_id"].to_list()


def says_the_same(file: Mapping[str, object], outcome: Outcome) -> bool:
    """Tell whether the ledger says that of a file already."""
    return str(file["status"]) == outcome.status.value and warnings_of(file) == dict(outcome.warnings or {})


def _is_mark_of(name: str, exchanges: Collection[str]) -> bool:
    return name.startswith(MARK) and name.removeprefix(MARK) in exchanges


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
