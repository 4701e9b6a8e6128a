"""Every event the daemon logs, named ``area.what_happened``, and what each one means."""

from __future__ import annotations

from typing import Final

DAEMON_STARTED: Final[str] = "daemon.started"
DAEMON_READY: Final[str] = "daemon.ready"
DAEMON_STOPPING: Final[str] = "daemon.stopping"
DAEMON_STOPPED: Final[str] = "daemon.stopped"
DAEMON_PART_DIED: Final[str] = "daemon.part_died"

LAKE_CREATED: Final[str] = "lake.created"
LAKE_EMPTY: Final[str] = "lake.empty"
LAKE_REPLACED: Final[str] = "lake.replaced"
LOCK_WRITTEN_AGAIN: Final[str] = "lock.written_again"

FILE_COMMITTED: Final[str] = "file.committed"
FILE_QUARANTINED: Final[str] = "file.quarantined"
FILE_FAILED: Final[str] = "file.failed"
FILE_DUPLICATE: Final[str] = "file.duplicate"
FILE_MOVED: Final[str] = "file.moved"
FILE_GONE: Final[str] = "file.gone"
FILE_CHECKSUM_MISMATCH: Final[str] = "file.checksum_mismatch"
FILE_REOPENED: Final[str] = "file.reopened"
FILES_WITHDRAWN: Final[str] = "files.withdrawn"
SYMBOLS_HELD: Final[str] = "symbols.held"
SYMBOLS_RELEASED: Final[str] = "symbols.released"
FILE_WAITING: Final[str] = "file.waiting"
FILE_SUSPECT: Final[str] = "file.suspect"
FILE_IGNORED: Final[str] = "file.ignored"

VENDORS_CHANGED: Final[str] = "vendors.changed"
VENDORS_REFUSED: Final[str] = "vendors.refused"
BRONZE_UNRECOGNISED: Final[str] = "bronze.unrecognised"
BATCH_COMMITTED: Final[str] = "batch.committed"
COMMIT_SET_ASIDE: Final[str] = "commit.set_aside"

INGEST_PAUSED: Final[str] = "ingest.paused"
INGEST_RESUMED: Final[str] = "ingest.resumed"
INGEST_RETRIED: Final[str] = "ingest.retried"

STATE_UNWRITTEN: Final[str] = "state.unwritten"
RECOVERY_FINISHED: Final[str] = "recovery.finished"
LAKE_HEALED: Final[str] = "lake.healed"
RESCAN_FINISHED: Final[str] = "rescan.finished"
QUEUE_OVERFLOWED: Final[str] = "queue.overflowed"
RESCAN_FAILED: Final[str] = "rescan.failed"
BRONZE_VANISHED: Final[str] = "bronze.vanished"
BRONZE_RETURNED: Final[str] = "bronze.returned"
WATCHER_RESTARTED: Final[str] = "watcher.restarted"
WATCHER_FAILED: Final[str] = "watcher.failed"
WATCHER_READY: Final[str] = "watcher.ready"

MAINTENANCE_FAILED: Final[str] = "maintenance.failed"
MAINTENANCE_RESUMED: Final[str] = "maintenance.resumed"
PARTITION_COMPACTED: Final[str] = "partition.compacted"
PARTITION_HELD_UP: Final[str] = "partition.held_up"
PARTITION_RELEASED: Final[str] = "partition.released"
TABLE_VACUUMED: Final[str] = "table.vacuumed"
TABLE_CHECKPOINTED: Final[str] = "table.checkpointed"

NOTIFY_FAILED: Final[str] = "notify.failed"
NOTIFY_RESUMED: Final[str] = "notify.resumed"
METRICS_STARTED: Final[str] = "metrics.started"
METRICS_FAILED: Final[str] = "metrics.failed"

EVENTS: Final[dict[str, str]] = {
    DAEMON_STARTED: "The daemon holds the lake's lock and begins to recover; `parser` is `compiled` or `polars`.",
    DAEMON_READY: "Recovery is done; `watching` says whether bronze is watched: `run --once` only scans it.",
    DAEMON_STOPPING: "The daemon was asked to stop: it finishes what is in flight and begins nothing new.",
    DAEMON_STOPPED: "Everything in flight is in the lake and every thread has ended.",
    DAEMON_PART_DIED: "A thread died; the process exits so that the service manager restarts it.",
    LAKE_CREATED: "There was no lake at the path, so the daemon made one; `named_by` says where the path came from.",
    LAKE_EMPTY: "Silver has no ledger, though the lake has given file ids: it was removed, or its disk is not mounted.",
    LAKE_REPLACED: "The lake's folder was removed, renamed or replaced; the process writes nothing more and ends.",
    LOCK_WRITTEN_AGAIN: "`.pointline` was removed or replaced, and the daemon has made it again; the lock was kept.",
    FILE_COMMITTED: "The file's rows are in silver and its outcome is in the ledger; one canonical line per file.",
    FILE_QUARANTINED: "The file's content cannot be accepted; the reason is in the ledger too.",
    FILE_FAILED: "The file failed in all permitted attempts, or the process ended each time the file was read.",
    FILE_DUPLICATE: "The same content is already in the lake from another path; nothing was added.",
    FILE_MOVED: "Known content is at a new path and the old path is gone; the ledger has the new path.",
    FILE_CHECKSUM_MISMATCH: "A checksum that came after its file is not that of its content; the rows stay.",
    FILE_GONE: "A refused or waiting file is no longer in bronze; the ledger has closed it.",
    FILE_REOPENED: "The reason why the file was refused is gone; it is read again.",
    FILES_WITHDRAWN: "A person withdrew these files: their rows left the lake.",
    SYMBOLS_HELD: "What a list of symbols said counted before, and is held now because an older list arrived late.",
    SYMBOLS_RELEASED: "What a list of symbols said was held, and counts now because another list agrees.",
    FILE_WAITING: "The file is not finished yet, or is to be tried again later.",
    FILE_SUSPECT: "The process ended more than once while the file was being read; it is now read alone.",
    FILE_IGNORED: "The name is not that of market data; the file was ignored.",
    VENDORS_CHANGED: "Descriptions in the lake's folder `vendors` have changed; files are read by them from now on.",
    VENDORS_REFUSED: "A changed file in `vendors` is wrong or waits for a restart; what it was before still holds.",
    BRONZE_UNRECOGNISED: "Files in bronze fit no layout, or links are not followed: how many, whenever that changes.",
    BATCH_COMMITTED: "A group of files went into the lake together.",
    COMMIT_SET_ASIDE: "An unreadable newest entry of a table's log, or a folder in place of a file, was moved away.",
    INGEST_PAUSED: "Ingest waits for a condition that would fail every file, such as a full disk.",
    INGEST_RESUMED: "The condition has passed; ingest goes on.",
    INGEST_RETRIED: "An operation failed in a way that may pass and is tried again.",
    STATE_UNWRITTEN: "The daemon cannot write its state: `status` shows an older one. Files go in as before.",
    RECOVERY_FINISHED: "The ledger was behind the logs of silver, as after a crash, and is brought up to them.",
    LAKE_HEALED: "Ledger and tables did not agree; what was lost or damaged is ingested again from bronze.",
    RESCAN_FINISHED: "A scan is finished: all of bronze was compared with the ledger.",
    QUEUE_OVERFLOWED: "More file events arrived than the queue holds; a rescan finds their files.",
    BRONZE_VANISHED: "All files were gone at once: bronze is not mounted, or was emptied. Their rows stay.",
    BRONZE_RETURNED: "There are files in bronze again.",
    WATCHER_RESTARTED: "Watching bronze had failed or lost events, and was restarted.",
    WATCHER_READY: "Bronze has many folders; all of them are watched now. Until then scans found what events did not.",
    RESCAN_FAILED: "Bronze could not be walked; it is tried again at the next scan.",
    WATCHER_FAILED: "Bronze, or a folder in it, cannot be watched; scans, at least every 30 seconds, find its files.",
    MAINTENANCE_FAILED: "Maintenance of a table or a partition failed; it is tried again later.",
    MAINTENANCE_RESUMED: "Maintenance that failed before has succeeded.",
    PARTITION_COMPACTED: "Small data files of a partition were rewritten into larger ones, row for row.",
    PARTITION_HELD_UP: "A table or a partition cannot be written; its files are tried again later, all others go on.",
    PARTITION_RELEASED: "The table or partition can be written again; its files are ingested.",
    TABLE_VACUUMED: "Files that no retained version of the table needs were removed.",
    TABLE_CHECKPOINTED: "A table's log was checkpointed, and older entries were removed.",
    NOTIFY_FAILED: "The service manager cannot be told the daemon's health, and may restart it.",
    NOTIFY_RESUMED: "The service manager is told the daemon's health again.",
    METRICS_STARTED: "Metrics and the live page are served on the loopback interface.",
    METRICS_FAILED: "Metrics cannot be served; ingest goes on without them, and a port that is taken is tried again.",
}
