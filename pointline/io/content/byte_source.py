"""The bytes of a file, or of a decompressed stream, in order: what the readers of containers read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointline.errors import Rejected, Unfinished
from pointline.phrases import AGAIN


def cut(path: str, what: str) -> Unfinished:
    """The file ends early or is damaged: the rest, or a better copy, may still come."""
    return Unfinished(f"{path}: {what}", subject=path, hint=AGAIN)


class ByteSource:
    """Bytes in order, some of which may be given back. ``name`` is of the container that they make up."""

    def __init__(self, read: Callable[[], bytes], first: bytes, *, path: str, name: str, read_bytes: int) -> None:
        self._read = read
        self._chunk = memoryview(first)
        self._at = 0
        self.taken = 0
        self.path = path
        self.name = name
        self.read_bytes = read_bytes
        """How many bytes are asked for at once, at most."""

    def more(self) -> bool:
        """Tell whether there is another byte."""
        if self._at == len(self._chunk):
            self._chunk, self._at = memoryview(self._read()), 0
        return self._at < len(self._chunk)

    def take(self, size: int) -> memoryview:
        """Return the next bytes, at most ``size``; none at the end."""
        self.more()
        taken = self._chunk[self._at : self._at + size]
        self._at += len(taken)
        self.taken += len(taken)
        return taken

    def give_back(self, size: int) -> None:
        """Make the last ``size`` bytes of what ``take`` returned the next ones again."""
        self._at -= size
        self.taken -= size

    def peek(self, size: int) -> bytes:
        """Return the next bytes without taking them: fewer than ``size`` only at the end."""
        while len(self._chunk) - self._at < size and (data := self._read()):
            self._chunk, self._at = memoryview(bytes(self._chunk[self._at :]) + data), 0
        return bytes(self._chunk[self._at : self._at + size])

    def exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes. Raises Unfinished where they are fewer."""
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the next ``size`` bytes as they come. Raises Unfinished where they are fewer."""
        while size:
            piece = bytes(self.take(min(size, self.read_bytes)))
            if not piece:
                raise self.cut(f"{self.name} ends before its end mark")
            size -= len(piece)
            yield piece

    def is_zero_to_the_end(self) -> bool:
        """Take all that is left; tell whether every byte of it is 0."""
        while chunk := bytes(self.take(self.read_bytes)):
            if chunk.count(0) != len(chunk):
                return False
        return True

    def cut(self, what: str) -> Unfinished:
        """Return ``cut`` for this file."""
        return cut(self.path, what)

    def bytes_behind(self) -> Rejected:
        """The container is whole, and the file goes on."""
        return Rejected(
            f"{self.path}: bytes follow the end of the {self.name}", subject=self.path, hint="download the file again"
        )
