"""One process writes a lake: an exclusive lock that the kernel drops when its holder dies.

The lock is on the lake's folder itself, which nobody can remove or replace and still have the lake. The file
``.pointline/lock`` says who holds it, and is locked as well: releases before this one look at the file alone, and some
network file systems lock no folders. What is in ``.pointline`` may be removed or put back from a copy at any time; the
holder writes it again (``keep``).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shlex
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from pointline.errors import LakeInUse, LakeReplaced, PointlineError, StorageTrouble
from pointline.io.durable import flush_folder, make_folder
from pointline.io.lake_links import refuse_links
from pointline.io.translate import storage_errors

PATIENCE_SECONDS = 0.5
LONGEST_HOLDER = 4096
NO_FOLDER_LOCKS = frozenset({errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.EISDIR})
"""What a file system says that locks files and no folders."""


class LakeLock:
    """The writer's lock of a lake, taken at the latest by ``with``. ``path`` is the file in ``.pointline``."""

    def __init__(self, path: Path, *, purpose: str) -> None:
        self._path = path
        self._root = path.parent.parent
        self._purpose = purpose
        self._folder: int | None = None
        self._file: int | None = None
        self._since = 0.0
        self.made_root = False
        """Whether the lake's folder had to be made."""

    def __enter__(self) -> Self:
        if self._folder is None:
            self.acquire()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock, making the lake's folder where it is missing.

        Raises LakeInUse, naming the holder, where another process has it, and PointlineError where the folder above the
        lake does not exist.
        """
        with storage_errors(str(self._root)):
            self.made_root = make_root(self._root)
            self._folder = _open_folder(self._root)
        self._since = time.time()
        taken = False
        try:
            self._require_folder()
            taken = _locked(self._folder) and self._take_file()
        finally:
            if not taken:
                self._close()
        if not taken:
            raise LakeInUse(
                f"the lake is in use by {describe_holder(self._path)}",
                subject=str(self._root),
                hint="one process writes a lake: stop that one, or use a command that only reads, such as "
                "`pointline verify`",
            )

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None and self._is_at_path():
            with suppress(OSError):
                os.ftruncate(self._file, 0)
        self._close()

    def keep(self) -> bool:
        """Look whether the lake is still there, and say again who holds it where that was removed or replaced.

        Returns whether ``.pointline`` had to be mended. Raises LakeReplaced where another folder, or none, is at the
        lake's path.
        """
        self.require()
        if self._is_at_path() and self._says_so():
            return False
        with suppress(OSError, PointlineError):  # a disk that cannot take it: the lock itself is on the folder
            if self._is_at_path():
                self._say_so()
                return True
            return self._take_file()
        return False

    def _require_folder(self) -> None:
        """Raise StorageTrouble where ``.pointline`` is a symbolic link, or no folder at all."""
        state = self._path.parent
        refuse_links(state, state)
        there = _status(state)
        if there is not None and not stat.S_ISDIR(there.st_mode):
            raise StorageTrouble(
                f"{state} is not a folder: the daemon writes there what it notes and its status",
                subject=str(state),
                hint=f"move it away: mv {shlex.quote(str(state))} {shlex.quote(str(state))}.old; the folder is made "
                "again",
            )

    def require(self) -> None:
        """Raise LakeReplaced where the folder at the lake's path, or ``.pointline`` in it, is not the lake's own."""
        assert self._folder is not None
        locked, there = os.fstat(self._folder), _status(self._root, follow=True)
        if there is None or (there.st_dev, there.st_ino) != (locked.st_dev, locked.st_ino):
            found = "is gone" if there is None else "is another folder now"
            raise LakeReplaced(
                f"the lake's folder {self._root} {found}: it was removed, renamed or replaced while pointline wrote it",
                subject=str(self._root),
                hint="nothing more was written there; put the folder back where it was, or start pointline again",
            )
        state = self._path.parent
        if state.is_symlink():
            raise LakeReplaced(
                f"{state} is a symbolic link now: it was put there while pointline wrote the lake",
                subject=str(state),
                hint="nothing more was written through it; put a folder in its place, or remove it, and start "
                "pointline again",
            )

    def _take_file(self) -> bool:
        """Lock the file at its path and write into it who holds the lake; False where another process has it."""
        with storage_errors(str(self._path)):
            make_folder(self._path.parent)
            there = _status(self._path)
            if there is not None and not stat.S_ISREG(there.st_mode):
                self._path.unlink()
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            if not _locked(descriptor):
                os.close(descriptor)
                return False
            if self._file is not None:
                os.close(self._file)
            self._file = descriptor
            self._say_so()
        return True

    def _say_so(self) -> None:
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, self._holder(), 0)

    def _holder(self) -> bytes:
        facts = {"pid": os.getpid(), "host": socket.gethostname(), "purpose": self._purpose, "since": self._since}
        return json.dumps(facts).encode()

    def _is_at_path(self) -> bool:
        there = _status(self._path)
        if there is None or self._file is None:
            return False
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _says_so(self) -> bool:
        assert self._file is not None
        holder = self._holder()
        return os.pread(self._file, len(holder) + 1, 0) == holder

    def _close(self) -> None:
        for descriptor in (self._file, self._folder):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._folder = None


def make_root(root: Path) -> bool:
    """Make the folder of a new lake; tell whether it was missing. What is above has to be there."""
    if root.is_dir():
        return False
    if not root.parent.is_dir():
        missing = next(one for one in (*reversed(root.parents), root) if not one.is_dir())
        raise PointlineError(
            f"there is no lake at {root}, and none is made there: the folder {missing} does not exist",
            subject=str(root),
            hint=f"check LAKE_ROOT and whether the disk is mounted; for a new lake there: mkdir -p {root}",
        )
    root.mkdir()
    flush_folder(root.parent)
    return True


def _open_folder(root: Path) -> int:
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _status(path: Path, *, follow: bool = False) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=follow)
    except OSError:
        return None


def _locked(descriptor: int) -> bool:
    """Take the lock. A command that looks who holds it has it for a moment; that is waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(PATIENCE_SECONDS / 10)
        except OSError as error:
            if error.errno in NO_FOLDER_LOCKS:
                return True  # the file is what counts there
            raise
        else:
            return True


def holder_of(path: Path) -> dict[str, object] | None:
    """Return who holds the lock (``pid, host, purpose, since``), or None where nobody does. Takes nothing.

    Empty where somebody does who has not said so yet.
    """
    if _is_held(path.parent.parent, os.O_DIRECTORY) or _is_held(path, os.O_NOFOLLOW):
        return _read_holder(path)
    return None


def _is_held(path: Path, flags: int) -> bool:
    """Tell whether somebody has an exclusive lock on it. What cannot be opened says nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def describe_holder(path: Path) -> str:
    """Return a phrase such as ``pointline run (process 4711)``."""
    holder = _read_holder(path)
    if "pid" not in holder:
        return "another process"
    return f"pointline {holder.get('purpose', '')} (process {holder['pid']} on {holder.get('host', 'this machine')})"


def _read_holder(path: Path) -> dict[str, object]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = json.loads(file.read(LONGEST_HOLDER))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
