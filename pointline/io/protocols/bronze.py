"""What the services ask of the folder of vendor files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, Self

from pointline.io.protocols.file_version import BronzeFileMetadata

LOCAL_TIMES = "times by the clock of the feed"
"""What a column of Parquet holds whose time stamps without a zone are given as YYYY-MM-DD HH:MM:SS.ffffff."""
MOMENTS = "time stamps with a zone, or integers since 1970,"
"""What a column of Parquet holds whose time stamps without a zone could be by any clock: they are refused."""


class BronzeSource(Protocol):
    """The folder of vendor files. Knows nothing of ingest state."""

    def list_files(self, glob_pattern: str) -> Iterator[BronzeFileMetadata]:
        """Yield the market-data files below bronze whose relative path matches."""
        ...


class BronzeContent(Protocol):
    """One opened bronze file version."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes of which rows were made. There is none before all of them were read: RuntimeError."""
        ...

    @property
    def warnings(self) -> Mapping[str, int]:
        """What is odd about the file and no reason to refuse it, with counts; complete as the hash is."""
        ...

    @property
    def is_packed(self) -> bool:
        """Tell whether the bytes of the file are packed, whatever its name says; known with its first line."""
        ...

    @property
    def says(self) -> Mapping[str, str]:
        """What a file itself says of all its rows, by the names of fields of its path.

        Decoded files do, and the named groups of a pattern for the members of an archive: see ``first_line``. It is
        known when the beginning of the file was read.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def first_line(self, member: str = "", decoder: str = "", skip: int = 0, separator: str = ",") -> bytes:
        """Return the first line as it is in the file, without its end; empty where no line has text.

        ``member``: a pattern of the name of the one file in an archive that is meant, where others lie beside it.
        ``decoder``: what reads a file that is no text; it has no first line, and the decoder names the columns.
        ``separator`` is between the cells of a line.
        ``skip``: so many lines before it are no part of the content. Rejected where the file has no more than them,
        or begins with a blank line.
        """
        ...

    def header(self) -> tuple[str, ...]:
        """Return the column names, separated by commas; empty where the file holds no data at all."""
        ...

    def blocks(self, wanted: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Yield the data rows as blocks of whole CSV lines, in file order.

        ``wanted`` names the columns that matter, with what each should hold in words; where a file allows to leave out
        the others, they are empty.
        Raises Unfinished where the file ends early, ChangedWhileRead where it is not what was opened, Rejected where
        it cannot be accepted.
        """
        ...

    def lines(self, member: str = "") -> Iterator[bytes]:
        """Yield all lines, the first one too, as blocks of whole lines of any text. Raises as ``blocks``."""
        ...

    def beside(self, path: str) -> BronzeContent | None:
        """Open a file that belongs to it; None where there is none. To be closed by who asks. Raises as ``open``."""
        ...

    def whole(self) -> bytes:
        """Return all of the content, decompressed, for files that are not lines of rows. Raises as ``blocks``."""
        ...


class BronzeReader(Protocol):
    """Opens bronze files for reading."""

    def open(self, meta: BronzeFileMetadata) -> BronzeContent:
        """Open the file. Raises ChangedWhileRead where it is not the version that was seen, Rejected, Transient."""
        ...

    def content_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        """Return the hash of the file's content now, or None where it cannot be read."""
        ...

    def look(self, path: str) -> BronzeFileMetadata | None:
        """Return what is at ``path`` (relative to bronze) now; None where no market-data file can be seen."""
        ...

    def is_gone(self, path: str) -> bool:
        """Tell whether no file is at ``path`` for certain; False where that cannot be told."""
        ...

    def changed_at(self, path: str) -> int | None:
        """Return when what is at ``path``, whatever it is called, last changed; None where no file can be seen.

        In microseconds since the epoch, UTC: its ctime, or its mtime where there is none.
        """
        ...

    def said_by(self, path: str) -> tuple[object, ...]:
        """Return what ``path`` says of rows beside exchange, table, symbol and first day: how far they go, and values.

        Of two paths that say different things, the same bytes are different rows. Empty where it says nothing more.
        """
        ...

    def beginning(self, path: str) -> bytes | None:
        """Return the first bytes of a small file at ``path``, whatever it is called; None where there is none."""
        ...
