"""Two files of which each line of one goes on in the same line of the other, read as one; as ``paste`` puts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from pointline.errors import Rejected, Transient, Unfinished
from pointline.io.protocols.bronze import BronzeContent
from pointline.parse.feed import Beside
from pointline.phrases import NOT_BESIDE, WAIT_OR_AGAIN, plural


class Pasted:
    """The content of the first file, with the lines of the one beside it. Hash and warnings are those of the first."""

    def __init__(self, content: BronzeContent, beside: Beside, separator: str, path: str) -> None:
        self._content = content
        self._beside = beside
        self._separator = separator.encode()
        self._path = path
        self._other_path = beside.path_of(path)
        self._other: Lines | None = None
        self._widths = (0, 0)
        """How many cells the first line of each file has."""

    @property
    def content_hash(self) -> str:
        """That of the first file."""
        return self._content.content_hash

    @property
    def is_packed(self) -> bool:
        """That of the first file."""
        return self._content.is_packed

    @property
    def warnings(self) -> Mapping[str, int]:
        """Those of the first file."""
        return self._content.warnings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """The first file is closed by who opened it."""

    @property
    def says(self) -> Mapping[str, str]:
        """What the first file says of itself."""
        return self._content.says

    def first_line(self, member: str = "", decoder: str = "", skip: int = 0, separator: str = ",") -> bytes:
        """Return both first lines as one; empty where the first file has none."""
        line = self._content.first_line(member, decoder, skip, separator)
        if not line:
            return line
        cells = line.count(self._separator) + 1
        if cells not in self._beside.widths:
            raise Rejected(
                f"{self._path}: its first line has {plural(cells, 'cell')}, {counts(self._beside.widths)} are expected",
                subject=self._path,
                hint="is it a whole file, of this kind?",
            )
        with self._errors():
            other = self._content.beside(self._other_path)
            if other is None:
                raise Unfinished(
                    f"{self._path}: each of its lines goes on in {self._other_name}, {NOT_BESIDE}",
                    subject=self._path,
                    hint=f"put {self._other_name} there: the next scan then reads both",
                )
            self._other = Lines(other)
            theirs = self._other.take(1)
        cells = theirs[0].count(self._separator) + 1 if theirs else 0
        if theirs and cells not in self._beside.widths_there:
            raise Rejected(
                f"{self._path}: the first line of {self._other_name} has {plural(cells, 'cell')}, "
                f"{counts(self._beside.widths_there)} are expected",
                subject=self._path,
                hint="is it a whole file, of this kind?",
            )
        self._widths = (line.count(self._separator) + 1, cells)
        return self._join([line], theirs).removesuffix(b"\n")

    def header(self) -> tuple[str, ...]:
        """Return the header of the first file, which is only asked for where it has no lines."""
        return self._content.header()

    def blocks(self, wanted: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Yield the lines after the first."""
        if self._other is None:
            self.first_line()
        if self._other is None:
            yield from self._content.blocks(wanted)
            return
        for block in self._content.blocks(wanted):
            lines = block.removesuffix(b"\n").split(b"\n")
            with self._errors():
                theirs = self._other.take(len(lines))
            yield self._join(lines, theirs)
        with self._errors():
            more = self._other.take(1)
        if more:
            raise self._uneven("more")

    def lines(self, member: str = "") -> Iterator[bytes]:
        """Yield the lines of the first file."""
        return self._content.lines(member)

    def beside(self, path: str) -> BronzeContent | None:
        """Open another file."""
        return self._content.beside(path)

    def whole(self) -> bytes:
        """Return the first file."""
        return self._content.whole()

    @property
    def _other_name(self) -> str:
        return self._other_path.rpartition("/")[2]

    def _join(self, lines: list[bytes], theirs: list[bytes]) -> bytes:
        if len(theirs) < len(lines):
            raise self._uneven("fewer")
        return b"".join(
            [
                b"%b%b%b\n" % (line.removesuffix(b"\r"), self._seam(line, other), other)
                for line, other in zip(lines, theirs, strict=True)
            ]
        )

    def _seam(self, line: bytes, other: bytes) -> bytes:
        """Return what is put between two lines.

        Where one has as many cells too many as the other has too few, two separators: else cells of one file would be
        taken for those of the other, and so the line is ragged.
        """
        mine, theirs = self._widths
        cells = line.count(self._separator) + 1
        is_shifted = cells != mine and cells + other.count(self._separator) + 1 == mine + theirs
        return self._separator * 2 if is_shifted else self._separator

    def _uneven(self, fewer: str) -> Unfinished:
        return Unfinished(
            f"{self._path}: {self._other_name} has {fewer} lines than it, and each line goes on in the same one there",
            subject=self._path,
            hint=f"{WAIT_OR_AGAIN}, both of them",
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say of the first file what keeps the other one from being read: it is the first that has to wait."""
        try:
            yield
        except Rejected as error:
            raise Rejected(str(error), subject=self._path, hint=error.hint) from error
        except Transient as error:
            if error.subject != self._other_path:
                raise
            raise type(error)(str(error), subject=self._path, hint=error.hint) from error


def counts(widths: tuple[int, ...]) -> str:
    """Return numbers of cells in words."""
    return " or ".join(map(str, widths))


class Lines:
    """The lines of a file, so many at a time; it is closed at its end."""

    def __init__(self, content: BronzeContent) -> None:
        self._blocks = _until_closed(content)
        self._waiting: list[bytes] = []
        self._at = 0

    def take(self, count: int) -> list[bytes]:
        """Return the next lines, without their ends; fewer only at the end."""
        while len(self._waiting) - self._at < count and (block := next(self._blocks, b"")):
            self._waiting = [*self._waiting[self._at :], *block.removesuffix(b"\n").split(b"\n")]
            self._at = 0
        found = self._waiting[self._at : self._at + count]
        self._at += len(found)
        return found


def _until_closed(content: BronzeContent) -> Iterator[bytes]:
    with content:
        yield from content.lines()
