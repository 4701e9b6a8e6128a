"""Missing permission holds up what it concerns, for as long as it lasts, and nothing else."""

from __future__ import annotations

import errno
import os

import pytest
from pointline_daemon.process.committing import repeating

from pointline.io.delta import parts
from pointline.io.delta_log import entries as delta_log
from pointline.services.ingest import schedule
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file, read_manifest
from tests.support.waiting import wait_until

SECONDS = 30.0
SHUT, OTHER = file_name("trades", "A", day="2024-05-02"), file_name("trades", "B")


def drop(daemon: Daemon, name: str) -> None:
    put_file(daemon.bronze, name, file_content(name, 20))


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "FIRST_SECONDS", 0.02)
    return Daemon(tmp_path / "lake", ingest__max_attempts=3)


class Partition:
    """A partition whose folder cannot be written until it is opened."""

    def __init__(self, monkeypatch, code: int) -> None:
        self.is_shut = True
        self.tries = 0
        flush = parts.flush_file

        def flushed(path):
            if self.is_shut and path.parent.name == "date=2024-05-02":
                self.tries += 1
                raise OSError(code, os.strerror(code), str(path))
            flush(path)

        monkeypatch.setattr(parts, "flush_file", flushed)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS], ids=lambda code: errno.errorcode[code])
@pytest.mark.share(3)
def test_a_partition_that_cannot_be_written(daemon, monkeypatch, code):
    """Guards Committer._hold_up and verdict._delayed: the rest of the batch gets in, and these when they may."""
    partition = Partition(monkeypatch, code)
    with daemon.running() as supervisor:
        drop(daemon, SHUT)
        drop(daemon, OTHER)
        assert wait_until(lambda: daemon.events("file.committed"), 5)  # it is not waited for: others go on at once
        assert wait_until(lambda: partition.tries > 6, SECONDS)  # more often than a file is tried that cannot be read
        ledger = dict(read_manifest(daemon.root).select("bronze_file_path", "status").iter_rows())
        assert ledger == {SHUT: "pending", OTHER: "success"}
        [said] = daemon.events("partition.held_up")
        assert said["partition"] == "trades binance/2024-05-02"
        assert said["hint"]
        assert wait_until(lambda: "2024-05-02" in supervisor.state.health().reason, 5)
        partition.is_shut = False
        daemon.wait_for("file.committed", 2)
        assert len(daemon.events("partition.released")) == 1
        assert wait_until(lambda: supervisor.state.health().word == "healthy", 5)
    assert daemon.exit_code == 0
    assert_exact(daemon.root, expect(daemon.bronze))


class Log:
    """The log of a table, which cannot be written until it is opened."""

    def __init__(self, monkeypatch, table: str) -> None:
        self.is_shut = True
        self.tries = 0
        append = delta_log.DeltaLog.append

        def appended(log, actions, *, batch):
            if self.is_shut and log.entry(0).parent.parent.name == table and batch is not None:
                self.tries += 1
                raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(log.entry(log.version + 1)))
            append(log, actions, batch=batch)

        monkeypatch.setattr(delta_log.DeltaLog, "append", appended)


def test_a_table_that_cannot_be_written(daemon, monkeypatch):
    """Guards Committer._hold_up_table: files of other tables get in, in the same batch and after it."""
    quotes = file_name("quotes", "B")
    with daemon.running() as supervisor:
        log = Log(monkeypatch, "trades")
        put_file(daemon.bronze, SHUT, file_content(SHUT, 20, bad=[3]))
        drop(daemon, quotes)
        assert wait_until(lambda: daemon.events("file.committed"), 5)
        assert wait_until(lambda: log.tries > 3, SECONDS)
        ledger = dict(read_manifest(daemon.root).select("bronze_file_path", "status").iter_rows())
        assert ledger == {SHUT: "pending", quotes: "success"}
        [said] = daemon.events("partition.held_up")
        assert said["partition"] == "trades"
        assert str(daemon.root / "silver/trades/_delta_log") in said["error"]
        assert "belongs to" in said["hint"]
        assert wait_until(lambda: "trades" in supervisor.state.health().reason, 5)
        log.is_shut = False
        daemon.wait_for("file.committed", 2)
        assert len(daemon.events("partition.released")) == 1
        assert wait_until(lambda: supervisor.state.health().word == "healthy", 5)
    assert daemon.exit_code == 0
    assert_exact(daemon.root, expect(daemon.bronze))


@pytest.mark.parametrize("table", ["ingest_manifest", "quarantine"])
def test_what_nothing_can_do_without_is_waited_for(daemon, monkeypatch, table):
    """Guards Committer._repeat: no access to the ledger pauses all, is said once, and is over when it is given."""
    monkeypatch.setattr(repeating, "PAUSE_SECONDS", 0.05)
    with daemon.running():
        log = Log(monkeypatch, table)
        put_file(daemon.bronze, OTHER, file_content(OTHER, 20, bad=[3]))
        assert wait_until(lambda: log.tries > 2, SECONDS)
        assert len(daemon.events("ingest.paused")) == 1
        log.is_shut = False
        daemon.wait_for("file.committed")
        assert len(daemon.events("ingest.resumed")) == 1
    assert_exact(daemon.root, expect(daemon.bronze))


def test_run_once_does_not_wait_for_a_person(daemon, monkeypatch):
    """Guards waits_for_access: it ends, and leaves the file to the next run."""
    Partition(monkeypatch, errno.EACCES)
    drop(daemon, SHUT)
    drop(daemon, OTHER)
    assert daemon.once() == 0
    ledger = dict(read_manifest(daemon.root).select("bronze_file_path", "status").iter_rows())
    assert ledger == {SHUT: "pending", OTHER: "success"}


@pytest.mark.parametrize(("code", "ends"), [(errno.EACCES, "pending"), (errno.EIO, "failed")])
def test_a_file_that_may_not_be_read(daemon, code, ends):
    """Guards NoAccess in verdict._delayed: waiting for a person uses up no tries, a bad disk does."""
    tries = []
    opened = daemon.lake.source.open

    def refused(path):
        if shut:
            tries.append(path)
            raise OSError(code, os.strerror(code))
        return opened(path)

    shut = [True]
    daemon.lake.source.open = refused
    with daemon.running():
        drop(daemon, SHUT)
        assert wait_until(lambda: len(tries) > 6 if ends == "pending" else daemon.events("file.failed"), SECONDS)
        assert read_manifest(daemon.root)["status"].to_list() == [ends]
        shut.clear()
        if ends == "failed":  # nothing about the file has changed; whoever changes its mode changes its ctime
            (daemon.bronze / SHUT).chmod(0o600)
            daemon.supervisor.components.rescanner.ask("test")
        daemon.wait_for("file.committed")
    assert read_manifest(daemon.root)["file_id"].to_list() == [1]
    assert_exact(daemon.root, expect(daemon.bronze))
