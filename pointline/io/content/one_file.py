"""One file, wherever it lies, in the place of bronze: to be looked at as if it had been dropped there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pointline.errors import Rejected, UnknownValue
from pointline.io.bronze.file_system import version_of
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.io.small_file import read_small_file
from pointline.io.translate import storage_errors
from pointline.phrases import CHECK_PATH


def read_small(file: Path) -> bytes:
    """Return what is in a file that a person named. Raises UnknownValue, Rejected, StorageTrouble."""
    try:
        with _named(file):
            return read_small_file(file)
    except ValueError as error:
        raise Rejected(f"{file} cannot be read: {error}", subject=str(file), hint="name a file") from error


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Say of a file that a person named that it is not there."""
    with storage_errors(str(file)):
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UnknownValue(f"there is no file {file}", subject=str(file), hint=CHECK_PATH) from error


class OneFile:
    """What ``FileReader`` opens files from, with a single one in it: ``path`` is that file's, others lie beside it."""

    def __init__(self, file: Path, path: str = "") -> None:
        self._file = file
        self._path = path

    def version(self) -> tuple[int, int, int, int]:
        """Return size, mtime, ctime and inode. Raises Rejected for what is no file, Transient."""
        with _named(self._file):
            status = self._file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Rejected(f"{self._file} is not a regular file", subject=str(self._file), hint="name a file")
        return version_of(status)

    def open(self, path: str) -> BinaryIO:
        """Open the file. Raises Rejected, Transient."""
        with storage_errors(path):
            descriptor = os.open(self._at(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Rejected(f"{path} is not a regular file", subject=path, hint="name a file")
        return os.fdopen(descriptor, "rb")

    def look(self, path: str) -> BronzeFileMetadata | None:  # noqa: ARG002 - nobody asks a single file what it is
        """There is no bronze to look into."""
        return None

    def is_gone(self, path: str) -> bool:
        """Tell whether the file is gone."""
        return not self._at(path).exists()

    def changed_at(self, path: str) -> int | None:  # noqa: ARG002 - nothing waits for a single file
        """There is no bronze to look into."""
        return None

    def said_by(self, path: str) -> tuple[object, ...]:  # noqa: ARG002 - it is compared with no other
        """There are no other files."""
        return ()

    def _at(self, path: str) -> Path:
        is_it = not self._path or path == self._path
        return self._file if is_it else self._file.with_name(path.rpartition("/")[2])
