"""Third-party errors become ours here, once, always from their cause."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import CommitFailedError, DeltaError
from polars.exceptions import PanicException

from pointline.errors import CommitConflict, DiskFull, LakeDamaged, PointlineError, StorageTrouble

FULL = {errno.ENOSPC, errno.EDQUOT}
FULL_WORDS = ("no space left", "disk quota exceeded", "os error 28")
TROUBLE_WORDS = ("permission denied", "too many open files", "input/output error", "os error")
HINTS = {
    errno.EACCES: "give the daemon's user access to it",
    errno.EPERM: "give the daemon's user access to it",
    errno.EROFS: "the file system is mounted read-only: remount it for writing",
    errno.EMFILE: "raise the limit of open files (LimitNOFILE, ulimit -n)",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
    errno.EIO: "the disk reports an error: look at the kernel log",
}
LONGEST = 300
"""Characters of a message that a library raises."""
_ENDS = ("stack backtrace", "Resolved plan until failure", "This error occurred with the following context stack")


@contextmanager
def storage_errors(subject: str) -> Iterator[None]:
    """Translate what the file system and delta-rs raise while ``subject`` is worked on."""
    try:
        yield
    except PointlineError:
        raise
    except OSError as error:
        raise from_os_error(error, subject) from error
    except PanicException as error:  # not an Exception: Polars met a file it cannot take apart
        raise LakeDamaged(f"{subject}: {error}", subject=subject, hint="run `pointline doctor`") from error
    except CommitFailedError as error:
        if _mentions(error, FULL_WORDS):
            raise _disk_full(subject) from error
        message = f"another writer committed to {subject}: {error}"
        raise CommitConflict(message, subject=subject, hint="let one program only write this lake") from error
    except DeltaError as error:
        if _mentions(error, FULL_WORDS):
            raise _disk_full(subject) from error
        if _mentions(error, TROUBLE_WORDS):
            raise StorageTrouble(f"{subject}: {error}", subject=subject, hint="run `pointline doctor`") from error
        raise LakeDamaged(f"{subject}: {error}", subject=subject, hint="run `pointline doctor`") from error


def from_os_error(error: OSError, subject: str) -> PointlineError:
    """Return the Pointline error that says the same."""
    if error.errno in FULL:
        return _disk_full(subject)
    hint = HINTS.get(error.errno or 0, "run `pointline doctor`")
    return StorageTrouble(f"{subject}: {error.strerror or error}", subject=subject, hint=hint)


def one_line(error: BaseException) -> str:
    """Return what an error says, without the backtrace, the plan or the schema that libraries append to it."""
    lines = (" ".join(line.split()) for line in str(error).splitlines())
    first = next((line for line in lines if line), type(error).__name__)
    for end in _ENDS:
        first = first.partition(end)[0].rstrip()
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 3]}..."


def _disk_full(subject: str) -> DiskFull:
    return DiskFull(f"no space left while writing {subject}", subject=subject, hint="free space on the lake's disk")


def _mentions(error: Exception, words: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(word in text for word in words)
