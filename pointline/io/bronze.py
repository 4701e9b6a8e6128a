r"""The bronze folder as a source of files. The only code that walks it and opens what lies in it.

People drop anything into a folder, so nothing here trusts it: only regular files count, folders behind symbolic links
are not entered, and nothing outside bronze is ever opened.

Paths are relative to bronze, POSIX style. A name that is not UTF-8 cannot be stored in a table; it is written with
backslash escapes (``BTC\xff.csv.gz``), and such a file is never taken, only reported.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeAlias

import polars as pl

from pointline.errors import NoAccess, PointlineError, Rejected, StorageTrouble
from pointline.io.layout import Layout, Refused
from pointline.io.protocols import BronzeFileMetadata
from pointline.io.translate import NO_ACCESS

_Row: TypeAlias = tuple[str, int, int, int, int]
"""Path, size in bytes, mtime and ctime in microseconds, inode."""

NOT_UTF8 = "file name is not valid UTF-8: rename it"

_SURVEY_SCHEMA = pl.Schema(
    {"path": pl.String(), "size": pl.Int64(), "mtime_us": pl.Int64(), "changed_us": pl.Int64(), "inode": pl.Int64()}
)
_SURVEY_CHUNK_FILES = 65_536
ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderBronzeSource:
    """Bronze on a local file system; implements ``BronzeSource``.

    ``on_trouble(path, error)`` hears of what had to be left out: a folder that cannot be read, a symbolic link that
    leads out of bronze or in a circle. It is called on every walk that meets the trouble.
    """

    def __init__(self, root: Path, layout: Layout, *, on_trouble: Callable[[str, Exception], None]) -> None:
        self._bronze = root
        self._layout = layout
        self._on_trouble = on_trouble

    def list_files(self, glob_pattern: str = "**/*") -> Iterator[BronzeFileMetadata]:
        """Market-data files whose path matches the glob (``**`` spans folders), in no particular order.

        Raises ``StorageTrouble`` if bronze itself cannot be read.
        """
        wanted = _glob(glob_pattern)
        for path, *version in chain.from_iterable(self._walk()):
            if wanted.fullmatch(path):
                meta = self.describe(path, *version)
                if meta is not None:
                    yield meta

    def survey(self, folder: str = "") -> pl.DataFrame:
        """Every regular file below a folder, but ignored names: ``path, size, mtime_us, changed_us, inode``.

        Made for an anti-join with the manifest: a million files take seconds and a few hundred megabytes.
        Raises ``StorageTrouble`` if bronze itself cannot be read.
        """
        chunks = [pl.DataFrame(schema=_SURVEY_SCHEMA)]
        rows: list[_Row] = []
        for files in self._walk(folder):
            rows += files
            if len(rows) >= _SURVEY_CHUNK_FILES:
                chunks.append(_frame(rows))
                rows.clear()
        chunks.append(_frame(rows))
        return pl.concat(chunks)

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of bronze; None where it cannot be looked at."""
        try:
            status = self._bronze.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def look(self, path: str) -> BronzeFileMetadata | None:
        """The file as it is now; ``None`` if it is gone, foreign, not regular, or not inside bronze.

        Takes a path as the file system spells it (surrogate escapes) or as it is written in a table, but only the one
        that a walk would find: no ``..``, no way round through a linked folder.
        """
        if not _is_plain(path) or "\0" in path:
            return None
        try:
            status = self._status(path)
        except Rejected:
            return None
        except OSError as error:
            self._report(written_path(path), error)
            return None
        return None if status is None else self.describe(path, *version_of(status))

    def describe(
        self, path: str, size: int, mtime_us: int, changed_us: int = 0, inode: int = 0
    ) -> BronzeFileMetadata | None:
        """What the path alone tells about a file, without looking at the disk; ``None`` if it is foreign."""
        path = written_path(path)
        found = self._layout.recognise(path)
        if found is None:
            return None
        problem = found.reason if isinstance(found, Refused) else None
        return BronzeFileMetadata(
            exchange=found.exchange,
            data_type=found.data_type,
            symbol=found.symbol,
            date=found.date,
            bronze_file_path=path,
            file_size_bytes=size,
            last_modified_ts=mtime_us,
            changed_us=changed_us,
            inode=inode,
            vendor=found.vendor,
            problem=NOT_UTF8 if ESCAPED_BYTE.search(path) else problem,
        )

    def open(self, path: str) -> BinaryIO:
        """Opens a regular file inside bronze, and never blocks on anything else.

        Raises ``Rejected`` for what is no such file, ``Unfinished`` if it is gone, ``StorageTrouble`` if unreadable.
        """
        try:
            descriptor = self._open(path)
        except OSError as error:
            raise _translated(error, path) from error
        if descriptor is None:
            raise Rejected("not a regular file", subject=path, hint="remove it from bronze; only files can be taken")
        return os.fdopen(descriptor, "rb")

    def _status(self, path: str) -> os.stat_result | None:
        with suppress(OSError), _folder_of(str(self._bronze), path) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                return status  # no link on the way, as nearly always
        root = os.path.realpath(self._bronze)
        return _regular_status(root, spelled_path(root, path))

    def _open(self, path: str) -> int | None:
        with suppress(OSError):  # nearly always there is no link on the way
            if _is_plain(path) and (descriptor := _open_regular(str(self._bronze), path)) is not None:
                return descriptor
        root = os.path.realpath(self._bronze)
        real = os.path.realpath(f"{root}/{spelled_path(root, path)}")
        if not _is_inside(root, real):
            raise _leaves_bronze(path)
        return _open_regular(root, os.path.relpath(real, root))

    def _walk(self, below: str = "") -> Iterator[list[_Row]]:
        """Folder by folder, depth first, without recursion and with one folder open at a time."""
        root = os.path.realpath(self._bronze)
        start = os.path.normpath(f"{root}/{spelled_path(root, below)}")
        if os.path.realpath(start) != start or not f"{start}/".startswith(f"{root}/"):
            return  # behind a symbolic link, or outside bronze
        folders = [start]
        while folders:
            folder = folders.pop()
            rows: list[_Row] = []
            try:
                self._read_folder(root, folder, rows, folders)
            except OSError as error:
                if folder == root:
                    raise StorageTrouble(
                        f"bronze cannot be read: {error.strerror}",
                        subject=str(self._bronze),
                        hint="check that the folder exists, is mounted and may be read",
                    ) from error
                self._report(written_path(os.path.relpath(folder, root)), error)
            yield rows

    def _read_folder(self, root: str, folder: str, rows: list[_Row], folders: list[str]) -> None:
        """Adds the files of one folder to ``rows`` and the folders in it to ``folders``.

        Everything is asked relative to the open folder, which spares the kernel a walk down the whole path per file.
        """
        prefix = "" if folder == root else f"{written_path(folder[len(root) + 1 :])}/"
        ignores = self._layout.ignores
        with _opened_folder(folder) as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                name = entry.name
                if ignores(name):
                    continue
                path = prefix + (name if name.isascii() else written_path(name))
                try:
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(f"{folder}/{name}")
                        continue
                    elif entry.is_symlink():
                        target = _regular_status(root, os.path.relpath(f"{folder}/{name}", root))
                        if target is None:
                            continue
                        status = target
                    else:
                        continue
                except (OSError, Rejected) as error:
                    self._report(path, error)
                else:
                    rows.append((path, *version_of(status)))

    def _report(self, path: str, error: Exception) -> None:
        """What vanished while we walked is no trouble: it is not there."""
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self._on_trouble(path, error)


def version_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return size, mtime and ctime (microseconds since the epoch), inode: what tells versions of a file apart."""
    inode = status.st_ino & 0x7FFF_FFFF_FFFF_FFFF  # some file systems use the last bit, which no table column has
    return status.st_size, status.st_mtime_ns // 1000, status.st_ctime_ns // 1000, inode


def _frame(rows: list[_Row]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(_SURVEY_SCHEMA)
    return pl.DataFrame(dict(zip(_SURVEY_SCHEMA, columns, strict=True)), schema=_SURVEY_SCHEMA)


@contextmanager
def _opened_folder(path: str) -> Iterator[int]:
    """A descriptor of a folder that is not a symbolic link."""
    descriptor = os.open(path, _OPEN_FLAGS | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _regular_status(root: str, path: str) -> os.stat_result | None:
    """Status of the regular file at a normal path relative to ``root``; through a symbolic link, that of its target.

    ``None`` if it is no regular file or lies behind a link to a folder, ``Rejected`` if it is outside ``root``.
    """
    full = f"{root}/{path}"
    folder = full.rpartition("/")[0]
    status = os.lstat(full)
    if os.path.realpath(folder) != folder:
        return None
    if stat.S_ISLNK(status.st_mode):
        status = Path(full).stat()
    if not stat.S_ISREG(status.st_mode):
        return None
    if not _is_inside(root, os.path.realpath(full)):
        raise _leaves_bronze(path)
    return status


@contextmanager
def _folder_of(root: str, path: str) -> Iterator[tuple[int, str]]:
    """The open folder that ``path`` lies in, below ``root``, and the file's name there.

    Goes down folder by folder without following links, so that nobody can swap one in between a check and its use.
    """
    *folders, name = path.split("/")
    above = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=above)
            os.close(above)
            above = below
        yield above, name
    finally:
        os.close(above)


def _open_regular(root: str, path: str) -> int | None:
    """A descriptor of the file at ``path`` below ``root``, or ``None`` if it is not a regular file.

    Raises OSError where a link is on the way. The file is looked at before it is opened, because opening a device can
    have effects, and again after.
    """
    with _folder_of(root, path) as (folder, name):
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return None
        descriptor = os.open(name, _OPEN_FLAGS | os.O_NONBLOCK, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _is_plain(path: str) -> bool:
    return os.path.normpath(path) == path and not path.startswith(("/", "../")) and path != ".."


def _is_inside(root: str, real: str) -> bool:
    return real.startswith(root.rstrip("/") + "/")


def _leaves_bronze(path: str) -> Rejected:
    return Rejected(
        "the path leads out of bronze", subject=written_path(path), hint="copy or hard-link the file into bronze"
    )


def _translated(error: OSError, path: str) -> PointlineError:
    subject = written_path(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StorageTrouble("the file is gone", subject=subject, hint="it is taken up again when it comes back")
    if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG}:
        return Rejected(f"cannot be opened as a file: {error.strerror}", subject=subject, hint="remove it from bronze")
    kind = NoAccess if error.errno in NO_ACCESS else StorageTrouble
    return kind(f"cannot be read: {error.strerror}", subject=subject, hint="check its owner, mode and disk")


def written_path(path: str) -> str:
    """How a path is written in tables and logs: bytes that are not UTF-8 become backslash escapes."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def spelled_path(root: str, path: str) -> str:
    """The inverse of ``written_path``: how the file system spells a path. A real backslash in the name wins."""
    if ESCAPED_BYTE.search(path) and not os.path.lexists(f"{root}/{path}"):
        return ESCAPED_BYTE.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), path)
    return path


def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` and ``?`` stay within one name, ``**`` spans any number of folders."""
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    literals_and_specials = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(special.get(part) or re.escape(part) for part in literals_and_specials), re.DOTALL)
