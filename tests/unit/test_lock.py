"""The writer's lock: whatever becomes of ``.pointline``, a lake has one writer, and it is named."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import stat
from pathlib import Path

import pytest

from pointline.errors import DiskFull, LakeInUse, LakeReplaced, PointlineError, StorageTrouble
from pointline.io import lock as lock_module
from pointline.io.lock import LakeLock, describe_holder, holder_of


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(lock_module, "PATIENCE_SECONDS", 0.0)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "lake").mkdir()
    return tmp_path / "lake"


def file_of(root: Path) -> Path:
    return root / ".pointline" / "lock"


def lock(root: Path, purpose: str = "run") -> LakeLock:
    return LakeLock(file_of(root), purpose=purpose)


def remove_state(root: Path) -> None:
    shutil.rmtree(root / ".pointline")


def rename_state(root: Path) -> None:
    (root / ".pointline").rename(root / "away")


def restore_state(root: Path) -> None:
    shutil.copytree(root / ".pointline", root / "copy")
    (root / "copy" / "lock").write_text(json.dumps({"pid": 1, "purpose": "of the backup"}))
    remove_state(root)
    (root / "copy").rename(root / ".pointline")


def remove_file(root: Path) -> None:
    file_of(root).unlink()


def replace_file(root: Path) -> None:
    (root / "new").write_text("{}")
    (root / "new").replace(file_of(root))


def overwrite_file(root: Path) -> None:
    file_of(root).write_text(json.dumps({"pid": 1, "purpose": "of the backup"}))


def link_elsewhere(root: Path) -> None:
    (root / "elsewhere").write_text("")
    file_of(root).unlink()
    file_of(root).symlink_to(root / "elsewhere")


def fifo_instead(root: Path) -> None:
    file_of(root).unlink()
    os.mkfifo(file_of(root))


DAMAGE = [
    remove_state,
    rename_state,
    restore_state,
    remove_file,
    replace_file,
    overwrite_file,
    link_elsewhere,
    fifo_instead,
]
by_name = pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)


@by_name
class TestUnderAHolder:
    """What people and backups do to ``.pointline`` while a daemon runs."""

    def test_no_second_writer(self, root, damage):
        with lock(root):
            damage(root)
            with pytest.raises(LakeInUse):
                lock(root, "retry").acquire()
            assert holder_of(file_of(root)) is not None

    def test_the_holder_is_named_again(self, root, damage):
        with lock(root) as held:
            damage(root)
            assert held.keep()
            assert not held.keep()
            found = holder_of(file_of(root))
            assert found is not None
            assert (found["pid"], found["purpose"]) == (os.getpid(), "run")
            assert f"process {os.getpid()}" in describe_holder(file_of(root))
        assert holder_of(file_of(root)) is None

    def test_it_is_free_when_the_holder_leaves(self, root, damage):
        with lock(root):
            damage(root)
        with lock(root, "retry"):
            pass


class TestTheFolderOfTheState:
    """``.pointline`` is a folder of the lake, and nothing is written through a link in its place."""

    def test_a_link_that_is_put_there_ends_the_holder(self, root, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        with lock(root) as held:
            shutil.rmtree(root / ".pointline")
            (root / ".pointline").symlink_to(tmp_path / "elsewhere")
            for look in (held.keep, held.require):
                with pytest.raises(LakeReplaced, match="symbolic link"):
                    look()
        assert not [*(tmp_path / "elsewhere").iterdir()]

    def test_a_link_is_refused_at_the_start(self, root, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (root / ".pointline").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StorageTrouble, match="symbolic link"):
            lock(root).acquire()
        assert not [*(tmp_path / "elsewhere").iterdir()]

    def test_a_file_is_named(self, root):
        (root / ".pointline").touch()
        with pytest.raises(StorageTrouble, match="is not a folder") as caught:
            lock(root).acquire()
        assert "mv " in caught.value.hint

    def test_a_full_disk_is_said(self, root, monkeypatch):
        def full(*_arguments: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(lock_module.os, "pwrite", full)
        with pytest.raises(DiskFull, match="no space left while writing"):
            lock(root).acquire()
        monkeypatch.undo()
        with lock(root):
            pass


class TestTheLakeItself:
    """The folder that is locked is the lake; another one at its path is another lake."""

    @pytest.mark.parametrize("again", [False, True], ids=["gone", "replaced"])
    def test_the_holder_is_told(self, root, again):
        with lock(root) as held:
            root.rename(root.with_name("moved"))
            if again:
                shutil.copytree(root.with_name("moved"), root)
            with pytest.raises(LakeReplaced, match="another folder" if again else "gone"):
                held.keep()
            assert root.exists() == again

    def test_moved_behind_a_link_it_is_the_same_lake(self, root):
        with lock(root) as held:
            root.rename(root.with_name("moved"))
            root.symlink_to(root.with_name("moved"))
            held.require()

    def test_a_new_one_is_made_where_its_folder_belongs(self, tmp_path):
        held = lock(tmp_path / "new")
        with held:
            assert held.made_root

    def test_none_is_made_where_the_folder_above_is_missing(self, tmp_path):
        with pytest.raises(PointlineError, match=rf"{tmp_path}/not does not exist") as caught:
            lock(tmp_path / "not" / "here" / "lake").acquire()
        assert "mkdir -p" in caught.value.hint
        assert not (tmp_path / "not").exists()


def hold_the_file_alone(path: Path, told, done) -> None:
    import fcntl  # noqa: PLC0415 - in a process of its own

    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told.set()
        done.wait(30)


class TestOtherReleases:
    """An older release locks the file alone, and some file systems lock no folders."""

    def test_a_holder_of_the_file_alone_is_respected(self, root):
        (root / ".pointline").mkdir()
        file_of(root).write_text(json.dumps({"pid": 7, "purpose": "run"}))
        context = multiprocessing.get_context("spawn")
        told, done = context.Event(), context.Event()
        other = context.Process(target=hold_the_file_alone, args=(file_of(root), told, done))
        other.start()
        try:
            assert told.wait(30)
            assert holder_of(file_of(root)) == {"pid": 7, "purpose": "run"}
            with pytest.raises(LakeInUse, match="process 7"):
                lock(root).acquire()
        finally:
            done.set()
            other.join()

    def test_where_folders_cannot_be_locked_the_file_is(self, root, monkeypatch):
        real = lock_module.fcntl.flock

        def files_alone(descriptor, how):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(9, "Bad file descriptor")
            real(descriptor, how)

        monkeypatch.setattr(lock_module.fcntl, "flock", files_alone)
        with lock(root), pytest.raises(LakeInUse):
            lock(root, "retry").acquire()
