r"""The bronze folder as a source of files. The only code that opens what lies in it; ``bronze_walk`` walks it.

People drop anything into a folder, so nothing here trusts it: only regular files count, folders behind symbolic links
are not entered, and nothing outside bronze is ever opened, unless the setting ``bronze.follow_links`` says so.

Paths are relative to bronze, POSIX style. A name that is not UTF-8 cannot be stored in a table; it is written with
backslash escapes (``BTC\xff.csv.gz``), and such a file is never taken, only reported.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import polars as pl

from pointline.ahead import ahead
from pointline.errors import Rejected
from pointline.io.bronze.at_path import AtPath, is_plain
from pointline.io.bronze.links import follow, kind_of, left_out_link, left_out_special, left_out_unmounted
from pointline.io.bronze.mounts import Mounts
from pointline.io.bronze.paths.layout import Layout, Refused
from pointline.io.bronze.paths.unrecognised import Seen, Unrecognised, describe_foreign
from pointline.io.bronze.spelled_path import ESCAPED_BYTE, NOT_UTF8, spelled_path, written_path
from pointline.io.bronze.walk import BronzeWalk, Row
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.vendors.feeds import Feeds

_SURVEY_SCHEMA = pl.Schema(
    {"path": pl.String(), "size": pl.Int64(), "mtime_us": pl.Int64(), "changed_us": pl.Int64(), "inode": pl.Int64()}
)
_SURVEY_CHUNK_FILES = 16_384


class FolderBronzeSource:
    """Bronze on a local file system; implements ``BronzeSource``.

    ``on_trouble(path, error)`` hears of what had to be left out: a folder that cannot be read, a symbolic link that
    leads out of bronze or in a circle. It is called on every walk that meets the trouble.
    """

    def __init__(
        self,
        root: Path,
        layout: Layout,
        *,
        on_trouble: Callable[[str, Exception], None],
        follow_links: bool = False,
        mounts: Mounts | None = None,
    ) -> None:
        self.mounts = mounts or Mounts(root)
        """Its folders that are disks of their own."""
        self._bronze = root
        self._layout = layout
        self._on_trouble = on_trouble
        self._follow_links = follow_links
        self._at = AtPath(root, layout.ignores, follow_links=follow_links)

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

    @property
    def feeds(self) -> Feeds:
        """The feeds by which paths are read."""
        return self._layout.feeds

    def survey(
        self,
        folder: str = "",
        left_out: list[Unrecognised] | None = None,
        *,
        on_files: Callable[[list[Row]], None] = lambda _rows: None,
        keep: Callable[[pl.DataFrame], pl.DataFrame] = lambda files: files,
    ) -> pl.DataFrame:
        """Every regular file below a folder, but ignored names: ``path, size, mtime_us, changed_us, inode``.

        Made for an anti-join with the manifest: a million files take seconds, and room is taken only by those that
        ``keep`` returns of each piece. What was met and is no file that may be read, such as a link that is not
        followed, is added to ``left_out``. ``on_files`` is told of the files of each folder as it is read, and may
        raise to end the walk.
        Raises ``StorageTrouble`` if bronze itself cannot be read.
        """
        with ahead(self._pieces(self._walk(folder, left_out), on_files)) as pieces:  # the walk goes on meanwhile
            return pl.concat([survey_frame([]), *(keep(survey_frame(rows)) for rows in pieces)])

    def _pieces(self, folders: Iterator[list[Row]], on_files: Callable[[list[Row]], None]) -> Iterator[list[Row]]:
        rows: list[Row] = []
        for files in folders:
            on_files(files)
            rows += files
            if len(rows) >= _SURVEY_CHUNK_FILES:
                yield rows
                rows = []
        yield rows

    def unrecognised(
        self,
        *,
        known: Callable[[list[Row]], Collection[Row]] = lambda _rows: (),
        give_up: Callable[[], bool] = lambda: False,
    ) -> Seen | None:
        """Walk all of bronze for what is not read; None where ``give_up`` said so before the end.

        ``known`` picks the files that the ledger has from those that fit no layout, however they got into it.

        Raises ``StorageTrouble`` if bronze itself cannot be read.
        """
        left_out: list[Unrecognised] = []
        foreign: list[Row] = []
        for rows in self._walk("", left_out):
            if give_up():
                return None
            foreign += [row for row in rows if self._layout.recognise(row[0]) is None]
        settled = set(known(foreign)) if foreign else set()
        return Seen([row[0] for row in foreign if row not in settled], left_out, self.feeds)

    def why_unread(self, path: str) -> Unrecognised | None:
        """Say why what is at a path is not read; None where it is, or is ignored, or there is nothing."""
        if not is_plain(path) or any(self._layout.ignores(name) for name in path.split("/")):
            return None
        root = os.path.realpath(self._bronze)
        full = f"{root}/{spelled_path(root, path)}"
        try:
            status = os.lstat(full)
            if os.path.realpath(full.rpartition("/")[0]) != full.rpartition("/")[0]:
                return None  # behind a link, which is named itself
            if stat.S_ISLNK(status.st_mode):
                target = follow(root, full, follow_links=self._follow_links)
                return left_out_link(path, target) if target.fault else None
        except OSError:
            return None
        kind = kind_of(status.st_mode)
        if kind is None:
            return describe_foreign(path, self.feeds) if self._layout.recognise(path) is None else None
        return None if stat.S_ISDIR(status.st_mode) else left_out_special(path, kind)

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
        if not is_plain(path) or "\0" in path:
            return None
        try:
            version = self._at.version(path)
        except Rejected:
            return None
        except OSError as error:
            self._report(written_path(path), error)
            return None
        return None if version is None else self.describe(path, *version)

    def changed_at(self, path: str) -> int | None:
        """Return when what is at ``path`` last changed; see ``BronzeReader``."""
        try:
            version = self._at.version(path) if is_plain(path) and "\0" not in path else None
        except (OSError, Rejected):
            return None
        if version is None:
            return None
        _, modified_us, changed_us, _ = version
        return changed_us or modified_us

    def said_by(self, path: str) -> tuple[object, ...]:
        """Return what a path says of rows; see ``BronzeReader``."""
        return self.feeds.said_by(path)

    def is_gone(self, path: str) -> bool:
        """Whether no file is at ``path``; False where that cannot be told, as in a folder that may not be read."""
        try:
            return not is_plain(path) or self._at.version(path) is None
        except FileNotFoundError:
            return not (self._is_unmounted(path) or (self._follow_links and self._at.is_behind_nothing(path)))
        except (NotADirectoryError, Rejected):
            return True
        except OSError:
            return False

    def _is_unmounted(self, path: str) -> bool:
        """Tell whether a path is in a folder whose disk is not mounted."""
        return any(f"{path}/".startswith(f"{one}/") for one in self.mounts.missing())

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
            feed=found.feed,
            receive_clock=found.receive_clock,
            is_one_day=found.is_one_day,
            names_symbol=found.names_symbol,
            is_timed_by_path=found.is_timed_by_path,
            problem=NOT_UTF8 if ESCAPED_BYTE.search(path) else problem,
        )

    def open(self, path: str) -> BinaryIO:
        """Opens a regular file inside bronze, and never blocks on anything else.

        Raises ``Rejected`` for what is no such file, ``Unfinished`` if it is gone, ``StorageTrouble`` if unreadable.
        """
        return self._at.open(path)

    def _walk(self, below: str = "", left_out: list[Unrecognised] | None = None) -> Iterator[list[Row]]:
        if left_out is not None:
            left_out += map(left_out_unmounted, self.mounts.missing())
        return BronzeWalk(
            self._bronze,
            self._layout.ignores,
            follow_links=self._follow_links,
            on_trouble=self._report,
            left_out=[] if left_out is None else left_out,
        ).folders(below)

    def _report(self, path: str, error: Exception) -> None:
        """What vanished while we walked is no trouble: it is not there."""
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self._on_trouble(path, error)


def survey_frame(rows: list[Row]) -> pl.DataFrame:
    """Return files as a survey has them."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(_SURVEY_SCHEMA)
    return pl.DataFrame(dict(zip(_SURVEY_SCHEMA, columns, strict=True)), schema=_SURVEY_SCHEMA)


def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` and ``?`` stay within one name, ``**`` spans any number of folders."""
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    literals_and_specials = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(special.get(part) or re.escape(part) for part in literals_and_specials), re.DOTALL)
