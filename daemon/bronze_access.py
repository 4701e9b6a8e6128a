"""The part of the composition root that reads bronze, for commands that need nothing else of a lake.

``daemon.lake`` has the rest. What takes time to load is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pointline.config import Config
from pointline.io.bronze import FolderBronzeSource
from pointline.io.descriptions import read_feeds
from pointline.io.layout import Layout
from pointline.tables.dim_symbol import INSTRUMENTS

if TYPE_CHECKING:
    from pointline.io.content import FileReader
    from pointline.io.decode import Limits


def make_layout(config: Config) -> Layout:
    """Return how names of files are read."""
    feeds = read_feeds(config.paths.root)
    return Layout(config.bronze.patterns, config.bronze.left_alone, {*feeds.tables, INSTRUMENTS}, feeds)


def make_source(
    config: Config, *, on_trouble: Callable[[str, Exception], None] = lambda _path, _error: None
) -> FolderBronzeSource:
    """Return bronze. Touches nothing on disk."""
    return FolderBronzeSource(
        config.paths.bronze, make_layout(config), on_trouble=on_trouble, follow_links=config.bronze.follow_links
    )


def make_limits(config: Config) -> Limits:
    """Return what is let through of a compressed file."""
    from pointline.io.decode import Limits  # noqa: PLC0415 - see above

    settings = config.ingest
    return Limits(max_expansion_ratio=settings.max_expansion_ratio, max_line_bytes=int(settings.max_line_bytes))


def make_reader(config: Config, source: FolderBronzeSource) -> FileReader:
    """Return what opens the files of bronze."""
    from pointline.io.content import FileReader  # noqa: PLC0415 - see above

    return FileReader(source, make_limits(config))
