"""What each event says beside ``ts``, ``level``, ``event`` and, where something can be done, ``hint``."""

from __future__ import annotations

from typing import Final

from pointline_daemon import events

OF_FILE: Final = (
    *("file_id", "path", "table", "exchange", "symbol", "date", "status", "bytes", "rows_read", "rows_written"),
    *("rows_quarantined", "warnings", "error", "replaces", "attempts", "batch", "waited_ms", "parse_ms", "write_ms"),
    "commit_ms",
)
ALWAYS: Final = ("ts", "level", "event", "hint")

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    events.DAEMON_STARTED: ("lake", "pid", "once", "parser"),
    events.DAEMON_READY: ("watching",),
    events.DAEMON_STOPPING: ("signal",),
    events.DAEMON_STOPPED: ("files", "rows", "forced"),
    events.DAEMON_PART_DIED: ("part", "error", "exception"),
    events.LAKE_CREATED: ("lake", "named_by"),
    events.LAKE_EMPTY: ("silver", "ids_given"),
    events.LAKE_REPLACED: ("part", "error", "exception"),
    events.LOCK_WRITTEN_AGAIN: ("lake",),
    **dict.fromkeys(
        (
            events.FILE_COMMITTED,
            events.FILE_QUARANTINED,
            events.FILE_FAILED,
            events.FILE_DUPLICATE,
            events.FILE_WAITING,
        ),
        OF_FILE,
    ),
    events.FILE_MOVED: ("file_id", "path", "before"),
    events.FILE_GONE: ("file_id", "path"),
    events.FILE_CHECKSUM_MISMATCH: ("path", "what"),
    events.FILE_REOPENED: ("file_id", "path"),
    events.FILES_WITHDRAWN: ("file_ids",),
    events.SYMBOLS_HELD: ("file_id", "status", "error"),
    events.SYMBOLS_RELEASED: ("file_id", "status", "error"),
    events.FILE_SUSPECT: ("path", "process_ended"),
    events.FILE_IGNORED: ("path", "error"),
    events.VENDORS_CHANGED: ("folder", "feeds"),
    events.VENDORS_REFUSED: ("problems",),
    events.BRONZE_UNRECOGNISED: ("files", "examples"),
    events.BATCH_COMMITTED: ("batch", "files", "commit_ms"),
    events.COMMIT_SET_ASIDE: ("table", "file", "reason", "kept_at"),
    events.INGEST_PAUSED: ("step", "error"),
    events.INGEST_RESUMED: ("step",),
    events.INGEST_RETRIED: ("step", "error"),
    events.STATE_UNWRITTEN: ("path", "error"),
    events.RECOVERY_FINISHED: ("brought_up", "forgotten"),
    events.LAKE_HEALED: ("what", "read_again", "lost"),
    events.RESCAN_FINISHED: ("reasons", "files", "offered", "unrecognised", "seconds"),
    events.QUEUE_OVERFLOWED: ("reason",),
    events.RESCAN_FAILED: ("error",),
    events.BRONZE_VANISHED: ("files",),
    events.BRONZE_RETURNED: ("files",),
    events.WATCHER_RESTARTED: (),
    events.WATCHER_FAILED: ("error", "scans_every_seconds"),
    events.WATCHER_READY: ("folders",),
    events.MAINTENANCE_FAILED: ("what", "table", "error"),
    events.MAINTENANCE_RESUMED: ("what", "table"),
    events.PARTITION_COMPACTED: (
        "table",
        "exchange",
        "date",
        "parts_before",
        "parts_after",
        "rows",
        "bytes_before",
        "bytes_after",
    ),
    events.PARTITION_HELD_UP: ("partition", "files", "error"),
    events.PARTITION_RELEASED: ("partition",),
    events.TABLE_VACUUMED: ("table", "files", "bytes", "retention_hours"),
    events.TABLE_CHECKPOINTED: ("table", "version"),
    events.NOTIFY_FAILED: ("error",),
    events.NOTIFY_RESUMED: (),
    events.METRICS_STARTED: ("url",),
    events.METRICS_FAILED: ("error", "exception"),
}


def unknown_fields(line: dict[str, object]) -> set[str]:
    """Return the fields of a log line that nothing is said of here."""
    return line.keys() - {*ALWAYS, *FIELDS[str(line["event"])]}
