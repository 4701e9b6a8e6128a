"""What a command may ask of a running daemon, and how: a file in, a file out, each renamed into place.

A lake has one writer. A command that writes takes the writer's lock if it is free and its user owns the lake; else it
asks the lock's holder. ``daemon.request_desk`` is the other side.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from pointline.config import LakePaths
from pointline.errors import LakeInUse, PointlineError
from pointline.io.durable import make_folder
from pointline.io.lock import LakeLock, describe_holder, holder_of
from pointline.io.translate import FULL, from_os_error
from pointline_daemon.opening.owner import act_as_owner, may_write, refusal

ANSWER_SECONDS = 60.0
LOOK_SECONDS = 0.05
LIFE_SECONDS = 0.5
"""How often whoever waits looks whether the daemon still lives."""
FOLDER_SECONDS = 2.0
"""How long the folder for requests is waited for: the daemon makes it, and releases before this one did not."""
OPEN_MODE = 0o664
"""Of requests and answers: who may enter their folder may read them, whatever the umask of who wrote them."""

FileId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command"):
    """The field ``command`` tells which one it is."""


class Retry(_Request, frozen=True, tag="retry"):
    file_ids: tuple[FileId, ...]
    accept: bool = False


class Withdraw(_Request, frozen=True, tag="withdraw"):
    file_ids: tuple[FileId, ...]


class Maintain(_Request, frozen=True, tag="maintain"):
    """``partition`` is ``exchange/date``; ``retention_hours`` None means the setting."""

    compact: bool = True
    vacuum: bool = True
    dry_run: bool = False
    table: str | None = None
    partition: str | None = None
    retention_hours: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    below_floor: bool = False
    """Let the retention be shorter than any file is written for. Never while a daemon runs."""


class UpdateSymbols(_Request, frozen=True, tag="symbols"):
    """``updates``: a frame in ``UPDATE_SCHEMA`` as Arrow IPC. See ``daemon.symbol_request``."""

    updates: bytes
    snapshot_at: Annotated[dt.datetime, Meta(tz=True)] | None = None
    is_partial: bool = False
    exchange: str = ""
    insist: bool = False


Request: TypeAlias = Retry | Withdraw | Maintain | UpdateSymbols
Answer: TypeAlias = dict[str, Any]
_DECODER: Final = msgspec.json.Decoder(Request)


def decode_request(content: bytes) -> Request:
    """Read a request. Raises PointlineError, which says what is wrong with it."""
    try:
        request: Request = _DECODER.decode(content)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise PointlineError(
            f"the daemon does not understand the request: {error}", hint="use the same version of pointline as it does"
        ) from error
    return request


def do_or_ask(
    paths: LakePaths, request: Request, do: Callable[[], Answer], *, purpose: str, patience: float = ANSWER_SECONDS
) -> Answer:
    """Do it here under the writer's lock, or have the lock's holder do it; where the holder dies meanwhile, do it here.

    Root does it as the lake's owner. Raises LakeInUse where the holder does not answer within ``patience`` seconds,
    NotTheOwner where nobody holds the lock and the user may not, PointlineError where the answer is an error.
    """
    act_as_owner(paths.root)
    deadline = time.monotonic() + patience
    while True:
        if may_write(paths.root):
            lock = LakeLock(paths.lock_file, purpose=purpose)
            try:
                lock.acquire()
            except LakeInUse:
                pass
            else:
                with lock:
                    return do()
        elif holder_of(paths.lock_file) is None:
            raise refusal(paths.root)
        answer = _ask(paths, request, deadline)
        if answer is not None:
            return answer


def _ask(paths: LakePaths, request: Request, deadline: float) -> Answer | None:
    """Return the holder's answer, or None where nobody holds the lock any more."""
    with _ended_by_exception():  # what nobody waits for any more is not to be done
        return _wait(paths, request, deadline)


@contextmanager
def _ended_by_exception() -> Iterator[None]:
    """Turn signals that end a process into an exception: it tidies up on its way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _wait(paths: LakePaths, request: Request, deadline: float) -> Answer | None:
    name = uuid.uuid4().hex
    question, answer = paths.requests / f"{name}.json", paths.requests / f"{name}.answer"
    _leave(paths, question, msgspec.json.encode(request))
    look_at = time.monotonic() + LIFE_SECONDS
    try:
        while not answer.exists():
            now = time.monotonic()
            if now > look_at:
                look_at = now + LIFE_SECONDS
                if holder_of(paths.lock_file) is None and not answer.exists():
                    return None
                if not question.exists() and not answer.exists():  # its folder was removed, or put back from a copy
                    _leave(paths, question, msgspec.json.encode(request))
            if now > deadline:
                holder = describe_holder(paths.lock_file)
                raise LakeInUse(
                    f"{holder} has the lake and does not answer", subject=str(paths.root), hint="stop it and try again"
                )
            time.sleep(LOOK_SECONDS)
        found: Answer = json.loads(answer.read_bytes())
    finally:
        with suppress(OSError):
            question.unlink()
    with suppress(OSError):
        answer.unlink()
    if "error" in found:
        raise PointlineError(str(found["error"]), hint=str(found.get("hint", "")))
    return found


def _leave(paths: LakePaths, question: Path, content: bytes) -> None:
    """Put a request where the daemon finds it."""
    make_it_at = time.monotonic() + FOLDER_SECONDS
    try:
        while True:
            with suppress(FileNotFoundError):
                return put_file(question, content)
            if time.monotonic() > make_it_at:
                if not may_write(paths.root):
                    raise _not_asked(paths, "its folder for requests does not exist")
                make_folder(paths.requests)
            time.sleep(LOOK_SECONDS)
    except OSError as error:
        why = f"{error.strerror}: {paths.requests}"
        if error.errno not in {*FULL, errno.EROFS}:
            raise _not_asked(paths, why) from error
        found = from_os_error(error, str(paths.requests))
        raise _no_request(paths, why, f"{found.hint}; or stop the daemon, and type the command again") from error


def _not_asked(paths: LakePaths, why: str) -> PointlineError:
    hint = f"{refusal(paths.root).hint}; members of the group that may write {paths.bronze} may ask the daemon"
    return _no_request(paths, why, hint)


def _no_request(paths: LakePaths, why: str, hint: str) -> PointlineError:
    what = f"{describe_holder(paths.lock_file)} has the lake and cannot be asked: {why}"
    return PointlineError(what, subject=str(paths.requests), hint=hint)


def put_file(path: Path, content: bytes) -> None:
    """Write a file that appears whole, for whoever may enter its folder. Follows no link that lies there."""
    staged = path.with_name(f".{uuid.uuid4().hex}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(staged, flags, OPEN_MODE), "wb") as file:
        try:
            os.fchmod(file.fileno(), OPEN_MODE)
            file.write(content)
            file.flush()
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)
