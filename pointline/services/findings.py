"""What an audit may find, and what mends it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

LOST = "put the part back from a copy of the lake; without one, make a new lake from this bronze with `pointline run`"
INGEST = "`pointline run --once` (or a running daemon) takes it in"
REPLAY = "`pointline run --once` brings the ledger up to silver"

HINTS = {
    "unreadable_table": "`pointline doctor` names the entry; `pointline doctor --fix` sets aside what it can do "
    "without; else put the log back from a copy of the lake",
    "part_missing": LOST,
    "part_size": LOST,
    "part_unreadable": LOST,
    "part_replaced": LOST,
    "rows_missing": LOST,
    "rows_extra": "compare with `pointline verify --deep`, then put the table back from a copy of the lake",
    "rows_doubled": "put the table back from a copy of the lake",
    "rows_misnumbered": LOST,
    "rows_misplaced": "put the ledger or the table back from a copy of the lake: they name different tables or days",
    "rows_without_success": "put the ledger back from a copy of the lake; rows of no known file are no one's",
    "manifest_behind": REPLAY,
    "manifest_counts": "put the ledger back from a copy; `pointline verify --deep` tells which side is right",
    "manifest_doubled": "put the ledger back from a copy of the lake",
    "manifest_link": "put the ledger back from a copy of the lake",
    "manifest_fact": "put the ledger back from a copy of the lake: its facts are not those that were committed",
    "duplicate_of_nothing": "`pointline run --once` reads it again",
    "rows_overlap": "`pointline explain` both files, then `pointline withdraw` the wrong one",
    "quarantine_missing": "put silver/quarantine back from a copy of the lake; the lines themselves are in bronze",
    "quarantine_extra": "put silver/quarantine back from a copy of the lake; the lines themselves are in bronze",
    "symbol_windows": "remove silver/dim_symbol: the next start of `pointline run` computes it",
    "symbol_history": "remove silver/dim_symbol: the next start of `pointline run` computes it",
    "symbol_observation_missing": "`pointline withdraw` it, then `pointline retry` it, and `pointline run --once`",
    "bronze_changed": INGEST,
    "bronze_altered": "put the original file back; if the new content is right, `touch` it and `pointline run --once`",
    "bronze_unreadable": "check the owner and mode of the file, then `pointline verify --deep` again",
    "content_differs": "put the table back from a copy; or were `checks.*` changed since it was ingested?",
    "quarantine_differs": "put silver/quarantine back from a copy of the lake; or were `checks.*` changed since?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be. ``path`` is relative to bronze, or to silver for a part."""

    kind: str
    table: str
    what: str
    file_id: int | None = None
    path: str = ""
    hint: str = ""
    partition: tuple[str, str] | None = None
    """``(exchange, date)`` where it was seen; None where it concerns more than one."""

    @property
    def key(self) -> tuple[str, str, int | None, str]:
        """What makes it the same finding at a second look."""
        return self.kind, self.table, self.file_id, self.path

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "kind": self.kind,
            "table": self.table,
            "file": self.file_id,
            "path": self.path,
            "what": self.what,
            "try": self.hint or HINTS.get(self.kind, ""),
        }


@dataclass(slots=True, kw_only=True)
class Checked:
    """How much an audit looked at."""

    files: int = 0
    in_flight: int = 0
    tables: int = 0
    parts: int = 0
    rows: int = 0
    quarantined_rows: int = 0
    bronze_files: int = 0
    bronze_gone: int = 0
    bronze_waiting: int = 0
    bronze_unrecognised: int = 0
    contents: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it for programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an audit looked at and found."""

    checked: Checked
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.findings
