"""What an audit may find, and what mends it."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import asdict

from pointline.phrases import DESCRIBE_AGAIN

REPAIR = "`pointline repair` mends it from bronze; `pointline repair --dry-run` says first what it would do"
INGEST = "`pointline run --once` (or a running daemon) ingests it"
REPLAY = "`pointline run --once` brings the ledger up to silver"

HINTS = {
    **dict.fromkeys(
        (
            "unreadable_table",
            "part_missing",
            "part_size",
            "part_damaged",
            "part_unreadable",
            "part_replaced",
            "commit_altered",
            "rows_missing",
            "rows_extra",
            "rows_doubled",
            "rows_misnumbered",
            "rows_misplaced",
            "rows_without_success",
            "manifest_counts",
            "manifest_doubled",
            "manifest_link",
            "manifest_fact",
            "quarantine_missing",
            "quarantine_extra",
            "symbol_observation_missing",
        ),
        REPAIR,
    ),
    "wrong_kind": "`pointline repair` moves it to .pointline/set_aside, and mends from bronze what is missing then",
    "part_shut": "run this as the owner of the lake; `pointline doctor`, run by the owner, names owner and mode, and "
    "the command that gives access",
    "symbolic_link": "put the file or folder itself in the place of the link: only the lake, silver and bronze may be "
    "links",
    "manifest_behind": REPLAY,
    "duplicate_of_nothing": "`pointline run --once` reads it again",
    "rows_overlap": "`pointline explain` both files, then `pointline withdraw` the wrong one",
    "symbol_windows": "remove silver/dim_symbol: the next start of `pointline run` computes it",
    "symbol_history": "remove silver/dim_symbol: the next start of `pointline run` computes it",
    "bronze_changed": INGEST,
    "bronze_altered": "put the original file back; if the new content is right, `touch` it and `pointline run --once`",
    "bronze_unreadable": "check the owner and mode of the file, then `pointline verify --deep` again",
    "content_differs": f"{REPAIR}, by the settings and descriptions of now",
    "quarantine_differs": f"{REPAIR}, by the settings and descriptions of now",
    "claim_differs": "`pointline withdraw ID`, then `pointline retry ID`: it comes back as a new file, of what its "
    "description says now; or take the change of the description back",
    "checksum_differs": "download the file and its checksum again",
    "table_undescribed": DESCRIBE_AGAIN,
}
BY_INGEST = frozenset({"bronze_changed", "duplicate_of_nothing", "manifest_behind"})
"""What an ingest mends."""
READ_AGAIN = frozenset(
    {
        "rows_missing",
        "rows_extra",
        "rows_doubled",
        "rows_misnumbered",
        "manifest_counts",
        "manifest_fact",
        "manifest_link",
        "quarantine_missing",
        "quarantine_extra",
        "content_differs",
        "quarantine_differs",
        "symbol_observation_missing",
    }
)
"""What is mended by reading the file again."""


class Finding(Struct, frozen=True, kw_only=True):
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


class Checked(Struct, kw_only=True):
    """How much an audit looked at."""

    files: int = 0
    in_flight: int = 0
    tables: int = 0
    parts: int = 0
    parts_unread: int = 0
    """Data files of which only the footer and the columns that are counted were read."""
    bytes_unread: int = 0
    parts_without_checksum: int = 0
    """Data files of an older release, or of another program: what they hold proves nothing by itself."""
    rows: int = 0
    quarantined_rows: int = 0
    bronze_files: int = 0
    bronze_gone: int = 0
    bronze_waiting: int = 0
    bronze_changing: int = 0
    """Files that were changed a moment ago, and are on their way in."""
    bronze_unrecognised: int = 0
    bronze_unread: int = 0
    """1 where bronze could not be listed: silver was not compared with it."""
    contents: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it for programs."""
        return asdict(self)


class Report(Struct, frozen=True, kw_only=True):
    """What an audit looked at and found."""

    checked: Checked
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.findings
