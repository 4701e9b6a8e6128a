"""The daemon's side of requests: the folder, what lies in it, and who answers what.

Whoever may drop files into bronze may leave requests, so nothing here trusts them: whatever lies in the folder is
answered or removed, and neither blocks the thread nor ends it.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from polars.exceptions import PanicException

from pointline.config import LakePaths
from pointline.errors import PointlineError
from pointline.io.durable import make_folder
from pointline.io.translate import FULL, with_place
from pointline_daemon.opening.requests import Answer, Request, decode_request, put_file

STALE_SECONDS = 3600.0
LONGEST_BYTES = 64 << 20
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
SHARED_MODE, PRIVATE_MODE = 0o770, 0o700

Handler: TypeAlias = Callable[[Any], "Answer | Future[Answer]"]
"""Answers a request at once, or says later what became of it. May raise PointlineError."""


class RequestDesk:
    """Takes requests and gives them to their handlers, by type. Used by one thread."""

    def __init__(self, paths: LakePaths, handlers: Mapping[type[Request], Handler]) -> None:
        self._paths = paths
        self._handlers = handlers
        self._open: dict[Path, Future[Answer]] = {}
        self._left: set[Path] = set()
        """Answered, and cannot be removed."""

    def serve(self) -> None:
        """Take what is new and give out what was answered meanwhile. One look at a folder."""
        with suppress(OSError, PointlineError):  # a disk that cannot take it: tried again
            keep_folder(self._paths)
        for entry in self._entries():
            self._look(entry)
        for question, answer in list(self._open.items()):
            if answer.done():
                self._give(question, answer)

    def _entries(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from sorted(self._paths.requests.iterdir())

    def _look(self, entry: Path) -> None:
        if entry in self._open:
            return
        with suppress(OSError):  # whoever asked may give up or fetch the answer at any moment
            is_stale = time.time() - entry.lstat().st_mtime > STALE_SECONDS
            if is_stale or entry in self._left:
                _remove(entry)  # nobody came for it
            elif entry.suffix == ".json" and not entry.name.startswith("."):
                self._open[entry] = self._begin(entry)

    def _begin(self, question: Path) -> Future[Answer]:
        answer: Future[Answer] = Future()
        try:
            request = decode_request(_read(question))
            found = self._handlers[type(request)](request)
            if isinstance(found, Future):
                return found
            answer.set_result(found)
        except FileNotFoundError:
            raise  # its asker gave up
        except PointlineError as error:
            answer.set_exception(error)
        except (Exception, PanicException) as error:  # noqa: BLE001 - one request's boundary: no question ends the daemon
            answer.set_exception(unexpected(error))
        return answer

    def _give(self, question: Path, answer: Future[Answer]) -> None:
        """Write the answer down where somebody may still want it. A disk too full for it is tried again."""
        try:
            if os.path.lexists(question):
                put_file(question.with_suffix(".answer"), msgspec.json.encode(_answer_of(answer)))
        except OSError as error:
            if error.errno in FULL:
                return
        del self._open[question]
        if not _remove(question):
            self._left.add(question)


def unexpected(error: BaseException) -> PointlineError:
    """Name what no request should be able to cause."""
    hint = "use the same version of pointline as the daemon; if you do, this is a fault of pointline: report it"
    return PointlineError(f"the daemon cannot do that: {with_place(error)}", hint=hint)


def _answer_of(answer: Future[Answer]) -> Answer:
    error = answer.exception()
    if error is None:
        return answer.result()
    return {"error": str(error), "hint": error.hint if isinstance(error, PointlineError) else ""}


def _read(question: Path) -> bytes:
    """Return what a request says. Opens nothing that could block, and reads no file that has another name elsewhere."""
    try:
        descriptor = os.open(question, OPEN)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise
        raise _no_request(f"it cannot be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise _no_request("it is a link, not a file of its own")
        if status.st_size > LONGEST_BYTES:
            raise _no_request(f"it has {status.st_size:,} bytes, and {LONGEST_BYTES:,} are read")
        return file.read(LONGEST_BYTES)


def _no_request(why: str) -> PointlineError:
    return PointlineError(f"the daemon does not understand the request: {why}", hint="leave requests to pointline")


def _remove(entry: Path) -> bool:
    """Remove whatever it is; False where that cannot be done."""
    try:
        entry.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            entry.rmdir()
            return True
        return not os.path.lexists(entry)
    return True


def keep_folder(paths: LakePaths) -> None:
    """Make the folder for requests, or mend it: open to the group that may drop files into bronze, else private."""
    bronze = paths.bronze.stat()
    group = bronze.st_gid if bronze.st_mode & stat.S_IWGRP else None
    make_folder(paths.state)
    if group is not None:
        _open_way(paths.state, group)
    folder = paths.requests
    with suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            folder.unlink()
        elif found.st_uid == os.geteuid():
            _open_to(folder, group)
            return
        else:
            folder.rmdir()  # somebody else's: where it is empty it can be made again
    staged = folder.with_name(f".{folder.name}.tmp")
    make_folder(staged)
    _open_to(staged, group)
    staged.rename(folder)  # whoever finds it may enter it


def _open_to(folder: Path, group: int | None) -> None:
    """Give a folder to a group; where the daemon's user is not in that group it is private, and `doctor` says so."""
    found = folder.lstat()
    is_shared = group is not None and _give_to(folder, group, found)
    mode = SHARED_MODE if is_shared else PRIVATE_MODE
    if stat.S_IMODE(folder.lstat().st_mode) & 0o777 != mode:
        folder.chmod(mode)


def _give_to(folder: Path, group: int, found: os.stat_result) -> bool:
    if found.st_gid == group:
        return True
    try:
        os.chown(folder, -1, group)
    except OSError:
        return False
    return True


def _open_way(state: Path, group: int) -> None:
    """Let the group enter the folder of the state, where it may not."""
    status = state.lstat()
    if status.st_mode & stat.S_IXOTH or (status.st_gid == group and status.st_mode & stat.S_IXGRP):
        return
    if _give_to(state, group, status):
        state.chmod(stat.S_IMODE(status.st_mode) & 0o777 | stat.S_IXGRP | stat.S_IRGRP)
