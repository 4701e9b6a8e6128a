"""What `pointline doctor` finds out about the machine: disks, watches, clock, versions."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pointline.io import health
from pointline.services.telling.findings import Finding
from pointline_daemon.commands.lake.doctor_compiled import compiled_facts, compiled_findings
from pointline_daemon.commands.shared.present import bytes_text
from pointline_daemon.opening.lake import Lake

FEW_INODES = 10_000
CLOCK_SLACK_SECONDS = 60.0
EVENTS_AT_ONCE = 16_384
PACKAGES = ("pointline", "polars", "deltalake", "pyarrow", "watchdog")
Facts = dict[str, object]


def machine_findings(lake: Lake, facts: Facts) -> list[Finding]:
    config, root = lake.config, lake.config.paths.root
    found = []

    def report(kind: str, what: str, hint: str, path: Path = root) -> None:
        found.append(Finding(kind=kind, table="", path=str(path), what=what, hint=hint))

    seen: list[str | None] = []
    for name, folder in (("", root), ("bronze_", config.paths.bronze), ("silver_", config.paths.silver)):
        path = folder.resolve()
        facts[f"{name}file_system"] = system = health.file_system_of(path)
        seen.append(system)
        if system in health.NETWORK and system not in seen[:-1]:
            what = f"{system} is a network file system: locks, flushes and change events cannot be relied on"
            report("network_file_system", what, "keep the lake on a local disk", path)
    folders, limits = health.count_folders(config.paths.bronze), health.inotify_limits()
    facts["bronze_folders"], facts["inotify"] = folders, limits
    if limits and folders > 0.8 * limits["max_user_watches"]:
        what = f"{folders:,} folders in bronze, {limits['max_user_watches']:,} watches allowed"
        report("inotify_watches", what, f"sysctl fs.inotify.max_user_watches={max(65_536, 2 * folders)}")
    if limits and limits["max_queued_events"] < EVENTS_AT_ONCE:
        what = f"only {limits['max_queued_events']:,} events are kept"
        report("inotify_queue", what, f"sysctl fs.inotify.max_queued_events={EVENTS_AT_ONCE}")
    free, total = health.disk_usage(config.paths.disk)
    inodes = health.free_inodes(config.paths.disk)
    facts["disk"] = {"free_bytes": free, "total_bytes": total, "free_inodes": inodes}
    needed = health.headroom(int(config.ingest.batch_max_bytes), total)
    if free < needed:
        report(
            "disk_low", f"{bytes_text(free)} free, the next batches may need {bytes_text(needed)}", "free some space"
        )
    if inodes is not None and inodes < FEW_INODES:
        report("disk_low", f"{inodes:,} inodes are free on this disk", "remove files, or use another disk")
    newest, now = health.newest_write(table_folders(lake)), time.time()
    facts["clock"] = {"now": round(now, 3), "newest_commit": round(newest, 3)}
    if newest > now + CLOCK_SLACK_SECONDS:
        what = f"the clock is {newest - now:,.0f} s behind the newest commit"
        report("clock", what, "set the clock; keep it set by NTP")
    facts["versions"] = _versions()
    facts.update(compiled_facts())
    return [*found, *compiled_findings()]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def table_folders(lake: Lake) -> list[Path]:
    repositories = lake.repositories()
    return [repository.path for repository in repositories if repository.path.is_dir()]
