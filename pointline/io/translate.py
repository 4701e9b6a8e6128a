"""Third-party errors become ours here, once, always from their cause."""

from __future__ import annotations

import errno
import os
import re
import traceback
from pathlib import Path
from types import TracebackType

import pyarrow as pa
from deltalake.exceptions import CommitFailedError, DeltaError
from polars.exceptions import PanicException, PolarsError

from pointline.errors import CommitConflict, DiskFull, LakeDamaged, NoAccess, PointlineError, StorageTrouble
from pointline.io.access import access_hint

ROOM_HINT = "free space on the lake's disk (`df -h`), or remove files where it has no inodes left (`df -i`)"
HINT = "run `pointline doctor`"
REPAIR_HINT = "`pointline repair --dry-run` says what it would do, `pointline repair` does it"
DAMAGE_HINT = "`pointline verify --data` names the damaged files, `pointline repair` makes them again from bronze"
DAMAGE_WORDS = ("checksum", "crc", "corrupt", "parquet", "magic", "thrift", "decompress", "deserialize", "eof")
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS}
MISSING_WORDS = ("no such file", "os error 2", "errno 2")
FULL_WORDS = ("no space left", "disk quota exceeded", "os error 28")
NO_ACCESS_WORDS = ("permission denied", "os error 13")
TROUBLE_WORDS = ("too many open files", "input/output error", "os error")
HINTS = {
    errno.EACCES: "give the daemon's user access to it",
    errno.EPERM: "give the daemon's user access to it",
    errno.EROFS: "the file system is mounted read-only: remount it for writing",
    errno.EMFILE: "raise the limit of open files (LimitNOFILE, ulimit -n)",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
    errno.ELOOP: "put the file or folder itself in the place of the symbolic link",
    errno.EFBIG: "raise the limit of the size of files (LimitFSIZE, ulimit -f)",
    errno.EIO: "the disk reports an error: look at the kernel log",
}
LONGEST = 300
"""Characters of a message that a library raises."""
PREFIXES = ("Kernel error: ", "Generic delta kernel error: ", "Generic error: ")
"""What delta-rs says first, and tells nobody anything."""
ENDS = (
    ": ParsedLogPath",
    "stack backtrace",
    "Resolved plan until failure",
    "This error occurred with the following context stack",
)
"""Where the part for people ends, if it is not at the end of a line."""


class storage_errors:  # noqa: N801 - read as a word, like those of contextlib, and entered for each small file
    """Translate what the file system, delta-rs, Polars and Arrow raise while ``subject`` is worked on."""

    __slots__ = ("_subject",)

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, PointlineError):
            return
        translated = _translated(error, self._subject)
        if translated is not None:
            raise translated from error


def _translated(error: BaseException, subject: str) -> PointlineError | None:
    match error:
        case OSError():
            return from_os_error(error, subject)
        case PanicException() | PolarsError() | pa.ArrowException():  # the first of them is not even an Exception
            return LakeDamaged(f"{subject}: {one_line(error)}", subject=subject, hint=DAMAGE_HINT)
        case CommitFailedError() if not _mentions(error, FULL_WORDS):
            message = f"another writer committed to {subject}: {one_line(error)}"
            return CommitConflict(message, subject=subject, hint="let one program only write this lake")
        case DeltaError():
            return _from_delta(error, subject)
    return None


def _from_delta(error: DeltaError, subject: str) -> PointlineError:
    if _mentions(error, FULL_WORDS):
        return _disk_full(subject)
    if _mentions(error, NO_ACCESS_WORDS):
        return NoAccess(f"{subject}: no access (Permission denied)", subject=subject, hint=HINTS[errno.EACCES])
    if _mentions(error, TROUBLE_WORDS):
        return StorageTrouble(f"{subject}: {one_line(error)}", subject=subject, hint=HINT)
    return LakeDamaged(f"{subject}: {one_line(error)}", subject=subject, hint=REPAIR_HINT)


def from_os_error(error: OSError, subject: str) -> PointlineError:
    """Return the Pointline error that says the same."""
    if error.errno in FULL:
        return _disk_full(subject)
    if error.errno is None and isinstance(error, PermissionError):  # of Polars, which gives no number
        return NoAccess(f"{subject}: no access ({one_line(error)})", subject=subject, hint=HINTS[errno.EACCES])
    is_damage = error.errno is None and _mentions(error, DAMAGE_WORDS)
    hint = HINTS.get(error.errno or 0, DAMAGE_HINT if is_damage else HINT)
    message = f"{subject}: {error.strerror or one_line(error)}"
    if error.errno not in NO_ACCESS:
        return StorageTrouble(message, subject=subject, hint=hint)
    message = f"{subject}: no access ({error.strerror})"
    named = error.filename if isinstance(error.filename, str | os.PathLike) else subject
    path = Path(os.fspath(named))
    if error.errno != errno.EROFS and path.is_absolute():
        message, hint = f"{message}: {path}" if str(path) != subject else message, access_hint(path, error.errno)
    return NoAccess(message, subject=subject, hint=hint)


def lost_data_file(error: BaseException) -> LakeDamaged | None:
    """Return what is to be said where a reader of a table did not find one of its data files."""
    text = str(error)
    path = re.search(r"[^/\s]+/[^/\s]+\.parquet", text)
    if path is None or not _mentions(error, MISSING_WORDS):
        return None
    return LakeDamaged(f"{path[0]}, which the log of its table names, is gone", subject=path[0], hint=REPAIR_HINT)


def with_place(error: BaseException) -> str:
    """Say what went wrong that should not be able to, and where, for whoever is told of it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {one_line(error)}{where}"


def one_line(error: BaseException) -> str:
    """Return what an error says, without the backtrace, the plan or the schema that libraries append to it."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    said = ""
    for line in lines:
        said = f"{said} {line}".lstrip()
        if not line.endswith(":"):  # else what was found is in the next line
            break
    for prefix in PREFIXES:
        said = said.removeprefix(prefix)
    for end in ENDS:
        said = said.partition(end)[0].rstrip(" .:;,")
    said = said or type(error).__name__
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def _disk_full(subject: str) -> DiskFull:
    return DiskFull(f"no space left while writing {subject}", subject=subject, hint=ROOM_HINT)


def _mentions(error: BaseException, words: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(word in text for word in words)
