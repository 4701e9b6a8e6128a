"""Trouble that passes: a full disk, permission, open files, I/O errors, foreign commits, errors after a commit."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from msgspec.structs import replace
from pointline_daemon.arrival import intake
from pointline_daemon.opening.lake import now_us, open_lake
from pointline_daemon.opening.requests import Retry, do_or_ask
from pointline_daemon.process.committing import repeating

from pointline.io.content import file_content as content
from pointline.io.delta import parts
from pointline.io.delta.event_table import DeltaEventTable
from pointline.io.delta_log import entries as delta_log
from pointline.io.translate import storage_errors
from pointline.services.ingest import schedule
from pointline.services.ingest.schedule import next_try_us
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import assert_exact, expect, file_content, file_name, put_file, read_manifest, read_table
from tests.support.process import Lake as Process
from tests.support.waiting import wait_until

SECONDS = 30.0
NAME = file_name("trades", "A")
OTHER = file_name("trades", "B")
OS_ERRORS = {name: getattr(errno, name) for name in ("EACCES", "EFBIG", "EMFILE", "EIO", "ENOSPC")}


def os_error(name: str) -> OSError:
    return OSError(OS_ERRORS[name], os.strerror(OS_ERRORS[name]))


class Trouble:
    """Fails at one place: ``part``, or ``before`` or ``after`` the commit to a table; ``mint`` is the ledger's append.

    It passes after ``times``, or when it is lifted.
    """

    def __init__(self, place: str, make: Callable[[], OSError], times: int | None = 1) -> None:
        self._place = place
        self._make = make
        self._left = times
        self.hits = 0
        self.active = False

    def begin(self) -> None:
        self.active = True

    def lift(self) -> None:
        self.active = False

    def reach(self, place: str) -> None:
        if not self.active or place != self._place or self._left == 0:
            return
        self.hits += 1
        if self._left is not None:
            self._left -= 1
        raise self._make()


@pytest.fixture
def beset(monkeypatch):
    """Return what lays a trouble in the way of the adapters, below the place where errors are translated."""

    def lay(trouble: Trouble) -> Trouble:
        append, flush = delta_log.DeltaLog.append, parts.flush_file

        def appended(log, actions, *, batch):
            name = log._folder.parent.name
            name = "mint" if name == "ingest_manifest" and batch is None else name
            if log.version < 0:
                name = "creation"
            trouble.reach(f"before {name}")
            append(log, actions, batch=batch)
            trouble.reach(f"after {name}")

        def flushed(path):
            if "exchange=" in path.parent.parent.name:
                trouble.reach("part")
            flush(path)

        monkeypatch.setattr(delta_log.DeltaLog, "append", appended)
        monkeypatch.setattr(parts, "flush_file", flushed)
        return trouble

    return lay


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    monkeypatch.setattr(repeating, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(schedule, "FIRST_SECONDS", 0.1)
    return Daemon(tmp_path / "lake")


def drop(daemon: Daemon, name: str, rows: int = 20, **facts) -> None:
    put_file(daemon.bronze, name, file_content(name, rows, **facts))


def settle(daemon: Daemon, files: int) -> None:
    daemon.wait_for("file.committed", files)


class TestDiskFull:
    """A full disk pauses the intake, is said once, and is over by itself."""

    @pytest.mark.parametrize(
        "place",
        [
            "part",
            "before trades",
            "before ingest_manifest",
            pytest.param("before mint"),
        ],
    )
    def test_paused_and_resumed(self, daemon, beset, place):
        """Guards Committer._repeat/_pause: waits for as long as it takes, one line, and goes on without a restart."""
        trouble = beset(Trouble(place, lambda: os_error("ENOSPC"), times=None))
        with daemon.running() as supervisor:
            trouble.begin()
            drop(daemon, NAME)
            assert wait_until(lambda: trouble.hits >= 3, SECONDS)
            drop(daemon, OTHER)
            assert wait_until(lambda: supervisor.components.flow.is_paused, 2)
            [said] = daemon.events("ingest.paused")
            assert "no space left" in str(said["error"])
            assert said["hint"]
            assert not daemon.events("file.committed", "file.failed", "ingest.retried")
            trouble.lift()
            settle(daemon, 2)
            assert len(daemon.events("ingest.paused")) == 1
            assert len(daemon.events("ingest.resumed")) == 1
            assert not supervisor.components.flow.is_paused
        assert daemon.exit_code == 0
        assert_exact(daemon.root, expect(daemon.bronze))
        assert read_manifest(daemon.root)["attempts"].to_list() == [1, 1]

    def test_asked_to_stop_meanwhile(self, daemon, beset):
        """Guards Committer._GivenUpError: a full disk does not keep the process from ending, and loses nothing."""
        trouble = beset(Trouble("before trades", lambda: os_error("ENOSPC"), times=None))
        with daemon.running():
            trouble.begin()
            drop(daemon, NAME)
            daemon.wait_for("ingest.paused")
        assert daemon.exit_code == 0
        (entry,) = read_manifest(daemon.root).to_dicts()
        assert (entry["status"], entry["error"]) == ("pending", "the daemon was stopped before it was in")
        trouble.lift()
        with daemon.running():
            settle(daemon, 1)
        assert_exact(daemon.root, expect(daemon.bronze))

    @pytest.mark.parametrize(
        "room",
        [
            pytest.param(60_000, id="for ids"),
            pytest.param(0, id="for nothing"),
        ],
    )
    def test_for_real(self, tmp_path, room):
        """Guards the translation of what the file system, Arrow and delta-rs say when there is no room."""
        lake = Process(tmp_path / "lake")
        silver = lake.root / "silver"
        silver.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(silver)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
        try:
            lake.start()
            fill(silver / "filler", room)
            put_file(lake.bronze, NAME, file_content(NAME, 20_000))
            assert wait_until(lambda: lake.events("ingest.paused"), 10), lake.log_text()[-2000:]
            put_file(lake.bronze, OTHER, file_content(OTHER, 10))
            assert not wait_until(lambda: lake.events("file.committed", "file.failed", "daemon.part_died"), 3)
            (silver / "filler").unlink()
            lake.wait_for_settled(2)
            assert [len(lake.events(f"ingest.{what}")) for what in ("paused", "resumed")] == [1, 1]
            assert lake.stop() == 0
            assert_exact(lake.root, expect(lake.bronze))
        finally:
            lake.kill()
            subprocess.run(["umount", str(silver)], check=True)


def fill(file: Path, room: int) -> None:
    """Take all space but ``room`` bytes."""
    with file.open("wb", buffering=0) as filler:
        with contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        filler.truncate(filler.tell() - room)


class TestPassing:
    """Other trouble is tried again a few times, wherever that is safe, and leaves nothing twice."""

    @pytest.mark.parametrize(
        ("place", "error"),
        [
            ("part", "EMFILE"),
            ("before mint", "EACCES"),
            ("after mint", "EIO"),
            ("before trades", "EIO"),
            ("after trades", "EIO"),
            ("before ingest_manifest", "EMFILE"),
            ("after ingest_manifest", "EIO"),
            ("before quarantine", "EIO"),
            ("after quarantine", "EMFILE"),
        ],
    )
    @pytest.mark.share(3)
    def test_once(self, daemon, beset, place, error):
        """Guards Committer._retrying and the looks of DeltaTableWriter whether it happened."""
        trouble = beset(Trouble(place, lambda: os_error(error)))
        with daemon.running():
            trouble.begin()
            drop(daemon, NAME, bad=[3])
            settle(daemon, 1)
        assert trouble.hits == 1
        # A numbered commit that happened is recognised and not repeated. Minting has no number: it looks again, and
        # finds its ids where they are.
        is_recognised = place.startswith("after") and place != "after mint"
        assert len(daemon.events("ingest.retried")) == (not is_recognised)
        assert daemon.exit_code == 0
        again = open_lake(daemon.config)
        assert again.manifest.entries()["file_id"].to_list() == [1]
        assert_exact(daemon.root, expect(daemon.bronze))

    @pytest.mark.parametrize(("place", "step"), [("part", "load"), ("mint", "begin"), ("before trades", "commit")])
    def test_is_said_when_it_begins_and_when_it_ends(self, daemon, beset, place, step):
        """Guards Flow.troubled and Flow.recovered: a line each, not one per try."""
        trouble = beset(Trouble(place if place != "mint" else "before mint", lambda: os_error("EIO"), times=3))
        with daemon.running() as supervisor:
            trouble.begin()
            drop(daemon, NAME)
            settle(daemon, 1)
            assert supervisor.components.flow.retries[step] == trouble.hits == 3
            assert not supervisor.components.flow.failing
        [began], [ended] = daemon.events("ingest.retried"), daemon.events("ingest.resumed")
        assert (began["step"], ended["step"]) == (step, step)
        assert began["hint"]
        assert began["ts"] < ended["ts"]

    @pytest.mark.parametrize("table", ["trades", "ingest_manifest"])
    def test_a_foreign_writer_is_faster(self, daemon, beset, table):
        """Guards DeltaLog.append and CommitConflict as Transient: done again on what is there."""

        def foreign() -> OSError:
            folder = daemon.root / "silver" / table
            if table == "trades":
                write_deltalake(folder, pl.read_delta(str(folder)).to_arrow(), mode="append")
            else:
                DeltaTable(folder).alter.set_table_properties({"delta.logRetentionDuration": "interval 9 days"})
            return OSError("never raised")

        class Intruder(Trouble):
            def reach(self, place: str) -> None:
                with contextlib.suppress(OSError):
                    super().reach(place)

        intruder = beset(Intruder(f"before {table}", foreign))
        with daemon.running():
            intruder.begin()
            drop(daemon, NAME)
            settle(daemon, 1)
            assert len(daemon.events("ingest.retried")) == 1
        assert intruder.hits == 1
        assert_exact(daemon.root, expect(daemon.bronze))

    def test_that_does_not_pass_ends_the_process(self, daemon, beset, monkeypatch):
        """Guards the limit of Committer._retrying: the service manager is told, and the next start has lost nothing."""
        monkeypatch.setattr(repeating, "TRIES", 2)
        trouble = beset(Trouble("before trades", lambda: os_error("EIO"), times=None))
        with daemon.running():
            trouble.begin()
            drop(daemon, NAME)
            assert daemon.wait_for_end() == 70
            [died] = daemon.events("daemon.part_died")
            assert died["hint"] == "the disk reports an error: look at the kernel log"
        trouble.lift()
        with daemon.running():
            settle(daemon, 1)
        assert_exact(daemon.root, expect(daemon.bronze))

    @pytest.mark.parametrize("error", ["EIO", "EFBIG", "EACCES"])
    def test_of_the_ledger_that_does_not_pass_ends_a_run_once(self, daemon, beset, monkeypatch, error):
        """Guards Intake._begin: nobody waits without end for a run that cannot begin."""
        monkeypatch.setattr(intake, "GIVE_BACK_US", 10_000)
        assert daemon.once() == 0
        trouble = beset(Trouble("before mint", lambda: os_error(error), times=None))
        trouble.begin()
        drop(daemon, NAME)
        assert daemon.once() == 70
        [died] = daemon.events("daemon.part_died")
        assert (died["part"], bool(died["hint"])) == ("intake", True)
        trouble.lift()
        assert daemon.once() == 0
        assert_exact(daemon.root, expect(daemon.bronze))


class TestLostFiles:
    """Data files that vanish between their last byte and their commit are written again: no commit of nothing."""

    @pytest.mark.parametrize("befall", [Path.unlink, lambda path: os.truncate(path, 10)], ids=["removed", "cut"])
    def test_the_group_is_loaded_again(self, daemon, monkeypatch, befall):
        """Guards DeltaTableWriter._require_on_disk and Committer._commit."""
        commit, lost = DeltaEventTable.commit, []

        def committed(table, batch, *, add, **rest):
            if not lost:
                lost.append(table.path / add[0].path)
                befall(lost[0])
            commit(table, batch, add=add, **rest)

        monkeypatch.setattr(DeltaEventTable, "commit", committed)
        with daemon.running():
            drop(daemon, NAME)
            drop(daemon, OTHER)
            settle(daemon, 2)
            [said] = daemon.events("ingest.retried")
            assert lost[0].name in str(said["error"])
            assert said["hint"]
        assert daemon.exit_code == 0
        assert_exact(daemon.root, expect(daemon.bronze))


class Unreadable:
    """Opening a bronze file fails for a while; when it was tried, in microseconds since the epoch."""

    def __init__(self, daemon: Daemon) -> None:
        self._open = daemon.lake.source.open
        self.tries: list[int] = []
        self.active = True
        daemon.lake.source.open = self.open

    def open(self, path: str):
        if not self.active:
            return self._open(path)
        self.tries.append(now_us())
        with storage_errors(path):
            raise os_error("EIO")


class TestOneFile:
    """Trouble with one file is that file's: counted in the ledger, tried later, given up in the end."""

    def test_given_up_and_put_back(self, tmp_path, monkeypatch):
        """Guards the limit in verdict._delayed, its cause and hint, and that `retry` keeps id and time of creation."""
        monkeypatch.setattr(schedule, "FIRST_SECONDS", 0.02)
        daemon = Daemon(tmp_path / "lake", ingest__max_attempts=3)
        with daemon.running():
            unreadable = Unreadable(daemon)
            drop(daemon, NAME)
            daemon.wait_for("file.failed")
            assert len(unreadable.tries) == 3
            [failed] = read_manifest(daemon.root).to_dicts()
            assert (failed["status"], failed["attempts"]) == ("failed", 3)
            cause, _, hint = failed["error"].partition("; ")
            assert NAME in cause
            assert os.strerror(errno.EIO) in cause
            assert hint
            unreadable.active = False
            request = Retry(file_ids=(failed["file_id"],))
            assert do_or_ask(daemon.config.paths, request, pytest.fail, purpose="retry") == {"put_back": 1}
            settle(daemon, 1)
        [entry] = read_manifest(daemon.root).to_dicts()
        for fact in ("file_id", "created_at_us"):
            assert entry[fact] == failed[fact]
        assert (entry["status"], entry["attempts"], entry["error"]) == ("success", 1, None)
        assert_exact(daemon.root, expect(daemon.bronze))

    def test_attempts_and_next_try_survive_a_restart(self, daemon, monkeypatch):
        """Guards Rescanner.postpone: a start does not try at once what failed a moment ago, nor count from zero."""
        monkeypatch.setattr(schedule, "FIRST_SECONDS", 2.0)  # longer than a restart takes
        unreadable = Unreadable(daemon)
        with daemon.running():
            drop(daemon, NAME)
            daemon.wait_for("file.waiting")
        [before] = read_manifest(daemon.root).to_dicts()
        assert (before["status"], before["attempts"], len(unreadable.tries)) == ("pending", 1, 1)
        due = next_try_us(NAME, 1, before["updated_at_us"])
        with daemon.running() as supervisor:
            daemon.wait_for("rescan.finished")
            assert wait_until(lambda: supervisor.components.flow.scheduled == 1, 2)
            monkeypatch.setattr(schedule, "FIRST_SECONDS", 0.02)  # for the third try
            assert wait_until(lambda: len(unreadable.tries) == 2, 5)
            unreadable.active = False
            settle(daemon, 1)
        assert unreadable.tries[1] >= due
        [after] = read_manifest(daemon.root).to_dicts()
        assert (after["status"], after["attempts"], after["file_id"]) == ("success", 3, before["file_id"])


class TestChangedWhileRead:
    """A file that changes under the reader is never half old, half new."""

    def run(self, daemon: Daemon, changed: list[str]) -> None:
        with daemon.running():
            drop(daemon, NAME, rows=10)
            settle(daemon, 1)
        assert changed
        old, new = read_manifest(daemon.root).to_dicts()
        assert (old["status"], old["superseded_by"], old["rows_written"]) == ("superseded", new["file_id"], 0)
        assert (new["status"], new["rows_written"]) == ("success", 30)
        assert_exact(daemon.root, expect(daemon.bronze))

    def test_between_look_and_open(self, daemon):
        """Guards FileContent.check_seen."""
        source, opened, changed = daemon.lake.source, daemon.lake.source.open, []

        def open_changed(path: str):
            if not changed:
                changed.append(path)
                (daemon.bronze / path).write_bytes(file_content(NAME, 30, issue=2))
            return opened(path)

        source.open = open_changed
        self.run(daemon, changed)

    def test_between_first_and_last_byte(self, daemon, monkeypatch):
        """Guards FileContent._end: the bytes read are good, and not what is there now."""
        changed, decode = [], content.decode

        def then_changed(chunks, path):
            yield from chunks
            if not changed:
                changed.append(path)
                (daemon.bronze / path).write_bytes(file_content(NAME, 30, issue=2))

        def decode_changed(file, path, limits, member=None):
            decoded = decode(file, path, limits, member)
            return replace(decoded, chunks=then_changed(decoded.chunks, path))

        monkeypatch.setattr(content, "decode", decode_changed)
        self.run(daemon, changed)


def test_silver_is_read_by_others_meanwhile(daemon, beset):
    """Guards the order of effects: what a reader sees during trouble is what was there before it."""
    trouble = beset(Trouble("before trades", lambda: os_error("ENOSPC"), times=None))
    with daemon.running():
        drop(daemon, NAME)
        settle(daemon, 1)
        trouble.begin()
        drop(daemon, NAME, rows=30, issue=2)
        daemon.wait_for("ingest.paused")
        assert read_table(daemon.root, "trades")["file_id"].to_list() == [1] * 20
        trouble.lift()
        settle(daemon, 2)
    assert_exact(daemon.root, expect(daemon.bronze))
