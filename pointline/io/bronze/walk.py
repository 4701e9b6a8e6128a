"""The walk over bronze: every regular file, folder by folder, and what was met that is none."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from pointline.errors import Rejected, StorageTrouble
from pointline.io.bronze.file_system import UNKNOWN, entries, version_of
from pointline.io.bronze.links import (
    Target,
    follow,
    is_inside,
    kind_of,
    left_out_link,
    left_out_special,
    left_out_unreadable,
)
from pointline.io.bronze.paths.unrecognised import Unrecognised
from pointline.io.bronze.spelled_path import spelled_path, written_path

Row: TypeAlias = tuple[str, int, int, int, int]
"""Path, size in bytes, mtime and ctime in microseconds, inode."""

_OPEN_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY


class BronzeWalk:
    """One walk. Depth first, without recursion, with one folder open at a time.

    ``on_trouble(path, error)`` hears of a folder that cannot be read and of a link that leads out of bronze;
    ``left_out`` gets these and every other link, pipe, socket or device that is not read.

    With ``follow_links`` links are entered after all real folders, in the order of their paths, and no real folder
    twice: a file has the same path at every walk, and a circle ends.
    """

    def __init__(
        self,
        bronze: Path,
        ignores: Callable[[str], bool],
        *,
        follow_links: bool,
        on_trouble: Callable[[str, Exception], None],
        left_out: list[Unrecognised],
    ) -> None:
        self._bronze = bronze
        self._ignores = ignores
        self._follow_links = follow_links
        self._on_trouble = on_trouble
        self._left_out = left_out
        self._root = os.path.realpath(bronze)
        self._folders: list[tuple[str, str]] = []
        """Still to be read: where it really is, and its path from bronze with a slash at its end, as written."""
        self._links: dict[str, Target] = {}
        """To folders, by path: still to be entered."""
        self._entered: set[tuple[int, int]] = set()
        """Device and inode of the folders read so far, where links are followed."""

    def folders(self, below: str = "") -> Iterator[list[Row]]:
        """Yield the files of each folder. Raises ``StorageTrouble`` if bronze itself cannot be read."""
        start = os.path.normpath(f"{self._root}/{spelled_path(self._root, below)}")
        if os.path.realpath(start) != start or not f"{start}/".startswith(f"{self._root}/"):
            return  # behind a symbolic link, or outside bronze
        prefix = "" if start == self._root else f"{written_path(start[len(self._root) + 1 :])}/"
        self._folders.append((start, prefix))
        while self._folders or (self._links and not below and self._enter_link()):
            if not self._folders:
                continue
            folder, prefix = self._folders.pop()
            rows: list[Row] = []
            try:
                self._read_folder(folder, prefix, rows)
            except OSError as error:
                if folder == self._root:
                    raise StorageTrouble(
                        f"bronze cannot be read: {error.strerror}",
                        subject=str(self._bronze),
                        hint="check that the folder exists, is mounted and may be read",
                    ) from error
                self._say(prefix.rstrip("/"), error)
            yield rows

    def _enter_link(self) -> bool:
        """Take the next link to a folder, unless that was read already. Returns True."""
        path = min(self._links)
        target = self._links.pop(path)
        assert target.status is not None
        if (target.status.st_dev, target.status.st_ino) in self._entered or is_inside(target.real, self._root):
            where = written_path(target.real)
            fault = f"is a symbolic link to the folder {where!r}, which is read already or holds bronze itself"
            self._left_out.append(left_out_link(path, target._replace(fault=fault, advice="remove the link")))
        else:
            self._folders.append((target.real, f"{path}/"))
        return True

    def _read_folder(self, folder: str, prefix: str, rows: list[Row]) -> None:
        """Adds the files of one folder to ``rows``, and notes the folders and links in it.

        Everything is asked relative to the open folder, which spares the kernel a walk down the whole path per file.
        """
        ignores = self._ignores
        with _opened_folder(folder) as descriptor:
            if self._follow_links and not self._is_new(descriptor):
                return
            found = entries(descriptor)
        while found:  # a folder may have a million files: what is done with is let go
            name, mode, size, modified_us, changed_us, inode = found.pop()
            if ignores(name):
                continue
            path = prefix + (name if name.isascii() else written_path(name))
            if stat.S_ISREG(mode):
                rows.append((path, size, modified_us, changed_us, inode))
            elif mode == UNKNOWN:
                self._say(path, OSError(size, os.strerror(size), path))
            else:
                self._read_other(path, f"{folder}/{name}", mode, rows)

    def _read_other(self, path: str, full: str, mode: int, rows: list[Row]) -> None:
        if stat.S_ISDIR(mode):
            self._folders.append((full, f"{path}/"))
            return
        if not stat.S_ISLNK(mode):
            if kind := kind_of(mode):
                self._left_out.append(left_out_special(path, kind))
            return
        try:
            target = follow(self._root, full, follow_links=self._follow_links)
        except OSError as error:
            self._say(path, error)
            return
        if target.fault:
            is_unreadable = self._follow_links and target.status is None
            self._left_out.append(left_out_link(path, target, is_unreadable=is_unreadable))
            if target.error is not None:
                self._on_trouble(path, target.error)
            elif target.real and not target.is_folder and not is_inside(self._root, target.real):
                self._on_trouble(path, leaves_bronze(path))
        elif target.is_folder:
            self._links[path] = target
        elif target.status is not None:
            rows.append((path, *version_of(target.status)))

    def _is_new(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        key = status.st_dev, status.st_ino
        if key in self._entered:
            return False
        self._entered.add(key)
        return True

    def _say(self, path: str, error: OSError) -> None:
        """What vanished while we walked is not there, and that is all."""
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self._left_out.append(left_out_unreadable(path, error))
            self._on_trouble(path, error)


def leaves_bronze(path: str) -> Rejected:
    """Return the error of a path that leads out of bronze."""
    return Rejected(
        "the path leads out of bronze",
        subject=written_path(path),
        hint="copy or hard-link the file into bronze, or set bronze.follow_links",
    )


@contextmanager
def _opened_folder(path: str) -> Iterator[int]:
    """A descriptor of a folder that is not a symbolic link."""
    descriptor = os.open(path, _OPEN_FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
