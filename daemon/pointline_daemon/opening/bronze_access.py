"""The part of the composition root that reads bronze, for commands that need nothing else of a lake.

``daemon.lake`` has the rest. What takes time to load is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pointline.config import Config
from pointline.errors import PointlineError
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.mounts import Mounts
from pointline.io.bronze.paths.layout import Layout
from pointline.io.bronze.spelled_path import spelled_path, written_path
from pointline.io.descriptions import read_feeds
from pointline.settings import values_of
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.vendors.feeds import Feeds

if TYPE_CHECKING:
    from pathlib import Path

    from pointline.io.content.decode import Limits
    from pointline.io.content.file_content import FileContent
    from pointline.io.content.file_reader import FileReader, Folder
    from pointline.io.protocols.file_version import BronzeFileMetadata
    from pointline.services.loading.trial import Terms


def make_layout(config: Config, *, on_problem: Callable[[str], None] | None = None) -> Layout:
    """Return how names of files are read.

    Raises ConfigurationError with all that is wrong with the lake's descriptions of vendors; with ``on_problem`` that
    hears of it, and the command goes on without what they say.
    """
    return layout_with(config, make_feeds(config, on_problem=on_problem))


def make_feeds(config: Config, *, on_problem: Callable[[str], None] | None = None) -> Feeds:
    """Return the feeds of a lake; see ``make_layout``."""
    return read_feeds(config.paths.root, on_problem)


def layout_with(config: Config, feeds: Feeds) -> Layout:
    """Return how names of files are read by these feeds."""
    return Layout(config.bronze.patterns, config.bronze.left_alone, {*feeds.tables, INSTRUMENTS}, feeds)


def make_source(
    config: Config,
    *,
    on_trouble: Callable[[str, Exception], None] = lambda _path, _error: None,
    on_problem: Callable[[str], None] | None = None,
) -> FolderBronzeSource:
    """Return bronze. Touches nothing on disk. ``on_problem``: see ``make_layout``."""
    layout = make_layout(config, on_problem=on_problem)
    return FolderBronzeSource(
        config.paths.bronze,
        layout,
        on_trouble=on_trouble,
        follow_links=config.bronze.follow_links,
        mounts=Mounts(config.paths.bronze, config.paths.state / "mounts"),
    )


def open_one(config: Config, feeds: Feeds, file: Path, path: str) -> tuple[BronzeFileMetadata | None, FileReader]:
    """Return what a file anywhere would be under a path in bronze, None where it is none, and what opens it."""
    from pointline.io.content.one_file import OneFile  # noqa: PLC0415 - see above

    found = OneFile(file, written_path(path))
    source = FolderBronzeSource(config.paths.bronze, layout_with(config, feeds), on_trouble=lambda _path, _error: None)
    return source.describe(path, *found.version()), _reader_of(config, found)


def open_lines(config: Config, file: Path, path: str) -> FileContent:
    """Open a file anywhere under a path that need not be that of any feed."""
    from pointline.io.content.one_file import OneFile  # noqa: PLC0415 - see above
    from pointline.io.protocols.file_version import BronzeFileMetadata  # noqa: PLC0415

    found = OneFile(file)
    size, mtime_us, changed_us, inode = found.version()
    meta = BronzeFileMetadata(
        exchange="",
        data_type="",
        symbol="",
        date=None,
        bronze_file_path=path,
        file_size_bytes=size,
        last_modified_ts=mtime_us,
        changed_us=changed_us,
        inode=inode,
    )
    return _reader_of(config, found).open(meta)


def place_in_bronze(config: Config, path: str) -> Path:
    """Return where a path lies that the ledger has."""
    bronze = config.paths.bronze
    return bronze / spelled_path(str(bronze), path)


def whose_first_line(config: Config, feeds: Feeds, path: str, file: Path | None = None) -> str:
    """Say where a file that nothing reads belongs by its first line; empty where that says nothing.

    ``file``: where it is, if it is not at its path in bronze.
    """
    from pointline.vendors.headers import whose_header  # noqa: PLC0415 - see above

    try:
        with open_lines(config, file or place_in_bronze(config, path), path) as content:
            return whose_header(feeds, path, content.first_line().decode("utf-8", "replace"))
    except (PointlineError, OSError):  # it is asked of any file, and what is wrong with one is not the answer
        return ""


def make_limits(config: Config) -> Limits:
    """Return what is let through of a compressed file."""
    from pointline.io.content.decode import Limits  # noqa: PLC0415 - see above

    settings = config.ingest
    return Limits(max_expansion_ratio=settings.max_expansion_ratio, max_line_bytes=int(settings.max_line_bytes))


def make_reader(config: Config, source: FolderBronzeSource) -> FileReader:
    """Return what opens the files of bronze."""
    return _reader_of(config, source)


def _reader_of(config: Config, source: Folder) -> FileReader:
    from pointline.io.content.file_reader import FileReader  # noqa: PLC0415 - see above

    return FileReader(source, make_limits(config))


def make_terms(config: Config, feeds: Feeds) -> Terms:
    """Return what decides about the rows of a file beside the file itself."""
    from pointline.services.loading.trial import Terms  # noqa: PLC0415 - most commands try no file

    return Terms(
        feeds=feeds,
        checks=values_of(config.checks),
        groups=config.bronze.groups,
        max_quarantined_share=config.ingest.max_quarantined_share,
    )
