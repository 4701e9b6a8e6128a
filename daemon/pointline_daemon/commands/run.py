"""``pointline run``."""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import structlog

from pointline.config import Config, load_config, notify_address
from pointline.io.ledger.last_id import LastId
from pointline.io.lock import LakeLock
from pointline.phrases import plural
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status, stands_at
from pointline_daemon import events
from pointline_daemon.commands.shared.settings import require_columns
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.open_files import raise_limit
from pointline_daemon.opening.owner import require_owner
from pointline_daemon.process.notify import Notifier
from pointline_daemon.process.supervisor import Supervisor

if TYPE_CHECKING:
    from pointline_daemon.commands.progress import OnceProgress

TROUBLED = (Status.FAILED, Status.QUARANTINED, Status.PENDING)

log = structlog.get_logger()


def run_lake(lake_root: Path | None, *, once: bool) -> int:
    """Run the daemon; with ``once`` end when everything there is in. Returns the exit code."""
    return keep_lake(load_config(lake_root), once=once, manager=notify_address())


def keep_lake(config: Config, *, once: bool, manager: str = "", stream: TextIO | None = None) -> int:
    """Do the same for settings that are known already, logging to ``stream`` (standard output).

    ``manager``: where a service manager listens.
    """
    configure_logging(config.log.format, config.log.level, stream)
    known: set[str] = set()

    def on_trouble(path: str, error: Exception) -> None:
        if path not in known:  # said once, not at every scan
            known.add(path)
            log.warning(events.FILE_IGNORED, path=path, error=str(error), hint=getattr(error, "hint", ""))

    raise_limit()
    require_owner(config.paths.root)
    require_columns(config)
    lake = open_lake(config, on_trouble=on_trouble)
    gc.enable()
    gc.freeze()  # what was imported stays; no collection needs to look at it again
    lock = LakeLock(config.paths.lock_file, purpose="run --once" if once else "run")
    watched = _progress(config) if once and sys.stderr.isatty() else None
    told = Notifier(manager) if manager and not once else None
    with lock, watched or nullcontext():
        if ids := _ids_given(config):
            _say_empty_lake(config, ids)
        elif not config.paths.silver.exists():
            _say_new_lake(config)
        supervisor = Supervisor(lake, lock=lock, once=once, on_tick=watched or told)
        code = supervisor.run()
        if watched is not None:
            watched.note(supervisor)
        left = _left_out(lake) if once and code == EXIT_OK else 0
    if left and watched is not None:
        files = f"{plural(left, 'file')} of bronze {'is' if left == 1 else 'are'} not in the lake"
        print(f"exit code {EXIT_FINDINGS}: {files}; `pointline status` says why", file=sys.stderr)
    return EXIT_FINDINGS if left else code


def _ids_given(config: Config) -> int:
    """Return how many file ids the lake has given where it has no ledger to show for it; else 0."""
    return 0 if config.paths.table(ingest_manifest.NAME).exists() else LastId(config.paths.last_id_file).read()


def _say_empty_lake(config: Config, ids: int) -> None:
    """A disk that is not mounted looks like that too."""
    has_logs = config.paths.silver.is_dir() and any(config.paths.silver.glob("*/_delta_log"))
    hint = (
        "the ledger is missing: it is made again from what the logs of the other tables tell, as far as these are there"
        if has_logs
        else "if the disk of silver is not mounted, stop this, mount it and start again; else every file of bronze is "
        "ingested anew, those too that you had withdrawn"
    )
    log.warning(events.LAKE_EMPTY, silver=str(config.paths.silver), ids_given=ids, hint=hint)


def _say_new_lake(config: Config) -> None:
    """A new lake is often a mistake in LAKE_ROOT, and looks like an empty one."""
    root = str(config.paths.root)
    source = config.sources["lake_root"]
    elsewhere = "if your lake is elsewhere, stop this and name it by --lake-root or LAKE_ROOT"
    hint = f"drop files into {config.paths.bronze}; {elsewhere}"
    if beside := sorted(path.name for path in config.paths.strangers()):
        others = f" and {plural(len(beside) - 1, 'other')}" if len(beside) > 1 else ""
        hint = f"the folder has {beside[0]}{others}: only what is in bronze is read; {hint}"
    log.warning(events.LAKE_CREATED, lake=root, named_by=source, hint=hint)


def _progress(config: Config) -> OnceProgress:
    from pointline_daemon.commands.progress import OnceProgress  # noqa: PLC0415 - what draws on a terminal takes time to load

    return OnceProgress(config.log)


def _left_out(lake: Lake) -> int:
    """Return how many files that are in bronze did not get into the lake."""
    troubled = lake.manifest.entries().filter(stands_at(*TROUBLED))["bronze_file_path"]
    return sum(lake.source.look(path) is not None for path in troubled)
