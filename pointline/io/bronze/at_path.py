"""What is at one path of bronze: looked at and opened safely, whatever people put there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pointline.errors import NoAccess, PointlineError, Rejected, StorageTrouble
from pointline.io.bronze.file_system import Version, open_below, status_below, version_of
from pointline.io.bronze.links import is_inside
from pointline.io.bronze.spelled_path import spelled_path, written_path
from pointline.io.bronze.walk import leaves_bronze
from pointline.io.translate import NO_ACCESS


class AtPath:
    """Only regular files count; nothing outside bronze is opened unless links are followed."""

    def __init__(self, root: Path, ignores: Callable[[str], bool], *, follow_links: bool) -> None:
        self._bronze = root
        self._ignores = ignores
        self._follow_links = follow_links

    def version(self, path: str) -> Version | None:
        """Return the version of the regular file at a path, None for anything else. Raises OSError, Rejected."""
        with suppress(OSError):
            seen = status_below(str(self._bronze), path)
            if stat.S_ISREG(seen[0]):
                return seen[1:]  # no link on the way, as nearly always
        root = os.path.realpath(self._bronze)
        full = f"{root}/{spelled_path(root, path)}"
        status = os.lstat(full)
        folder_path = full.rpartition("/")[0]
        real_folder = os.path.realpath(folder_path)
        if real_folder != folder_path and not (self._follow_links and not self._is_walked(root, real_folder)):
            return None
        if stat.S_ISLNK(status.st_mode):
            status = Path(full).stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        if not self._follow_links and not is_inside(root, os.path.realpath(full)):
            raise leaves_bronze(path)
        return version_of(status)

    def open(self, path: str) -> BinaryIO:
        """Opens a regular file inside bronze, and never blocks on anything else.

        Raises ``Rejected`` for what is no such file, ``Unfinished`` if it is gone, ``StorageTrouble`` if unreadable.
        """
        try:
            descriptor = self._descriptor(path)
        except OSError as error:
            raise _translated(error, path) from error
        if descriptor is None:
            raise Rejected("not a regular file", subject=path, hint="remove it from bronze; only files are read")
        return os.fdopen(descriptor, "rb")

    def is_behind_nothing(self, path: str) -> bool:
        """Tell whether a path is, or goes through, a link to nothing: its disk may only not be mounted."""
        root = os.path.realpath(self._bronze)
        full = Path(f"{root}/{spelled_path(root, path)}")
        return any(one.is_symlink() and not one.exists() for one in (full, *full.parents) if is_inside(root, str(one)))

    def _is_walked(self, root: str, real: str) -> bool:
        """Tell whether a folder is in bronze and entered there, so that its files have a path without a link."""
        inside = os.path.relpath(real, root)
        return inside == "." or (is_inside(root, real) and not any(self._ignores(name) for name in inside.split("/")))

    def _descriptor(self, path: str) -> int | None:
        with suppress(OSError):  # nearly always there is no link on the way
            if is_plain(path) and (descriptor := open_below(str(self._bronze), path)) is not None:
                return descriptor
        root = os.path.realpath(self._bronze)
        real = os.path.realpath(f"{root}/{spelled_path(root, path)}")
        if is_inside(root, real):
            return open_below(root, os.path.relpath(real, root))
        if not self._follow_links or not is_plain(path):
            raise leaves_bronze(path)
        return open_below("/", real.lstrip("/"))


def is_plain(path: str) -> bool:
    """Tell whether a path is the one that a walk would find: no ``..``, not absolute."""
    return os.path.normpath(path) == path and not path.startswith(("/", "../")) and path != ".."


def _translated(error: OSError, path: str) -> PointlineError:
    subject = written_path(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StorageTrouble("the file is gone", subject=subject, hint="it is read again when it comes back")
    if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}:
        return Rejected(f"cannot be opened as a file: {error.strerror}", subject=subject, hint="remove it from bronze")
    kind = NoAccess if error.errno in NO_ACCESS else StorageTrouble
    return kind(f"cannot be read: {error.strerror}", subject=subject, hint="check its owner, mode and disk")
