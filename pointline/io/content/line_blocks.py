"""The cutting of a file's decoded chunks into blocks of whole lines, the header line by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pointline.errors import Rejected
from pointline.io.content.containers import refuse_nul_block
from pointline.io.decoders.decoder import BLOCK_BYTES
from pointline.parse import text_path
from pointline.parse.feed import Dialect
from pointline.phrases import CR_ENDS, CR_HINT, plural

MOST_WAITING_BYTES = 64 << 20
"""Blank lines are held back until it is known whether rows follow; so many of them never make a file."""
LINE_END = b"\r\n"
FEW_BYTES = 64


class LineCutter:
    """Cuts one file into blocks of lines; what is odd about its end is counted in ``warnings``."""

    def __init__(self, path: str, max_line_bytes: int, warnings: Counter[str], separator: str = ",") -> None:
        self._path = path
        self._dialect = Dialect(separator=separator)
        self._max_line_bytes = max_line_bytes
        self._warnings = warnings

    def blocks(self, chunks: Iterator[bytes], *, is_csv: bool, is_packed: bool, skip: int = 0) -> Iterator[bytes]:
        """Yield blocks of whole lines, of CSV the header line before them; blank lines at the very end are no rows.

        The first ``skip`` lines are left out, of CSV.
        """
        waiting: list[bytes] = []
        size = unbroken = offset = 0
        width = 1  # cells of a line, by the first one
        header_seen = not is_csv
        for chunk in chunks:
            waiting.append(chunk)
            size += len(chunk)
            cut = chunk.rfind(b"\n") + 1
            unbroken = len(chunk) - cut if cut else unbroken + len(chunk)
            if unbroken > self._max_line_bytes or size > MOST_WAITING_BYTES:
                raise self._line_too_long(b"".join(waiting), offset)
            if size < BLOCK_BYTES or not cut or (skip and not header_seen and _line_count(waiting) <= skip):
                continue
            lines = b"".join([*waiting[:-1], chunk[:cut]])  # of nothing but bytes: other threads run meanwhile
            block, rest = _split_blank_end(lines)
            self._check_lines(block, offset)
            offset += len(block)
            if not header_seen and block:
                header, block = _split_header(self._without_first(block, skip))
                width = len(text_path.split_cells(text_path.readable(header), self._dialect))
                yield header
                header_seen = True
            block, still_open = text_path.split_open_row(block, width, self._dialect) if is_csv else (block, b"")
            if still_open:
                rest = still_open + rest
                offset -= len(still_open)
            waiting = [rest + chunk[cut:]]
            size = len(waiting[0])
            if block:
                yield block
        last = b"".join(waiting)
        self._check_lines(last, offset)
        if last and not last.endswith(b"\n") and not is_packed:
            self._warnings["no_final_line_end"] = 1
        if not header_seen:
            header, last = _split_header(self._without_first(last, skip))
            yield header
        last = last.rstrip(LINE_END)
        if last:
            yield last + b"\n"

    def _without_first(self, text: bytes, skip: int) -> bytes:
        """Leave out the first lines. Raises Rejected where there are no more of them."""
        if not skip or not text:
            return text
        lines = text.split(b"\n", skip)
        if len(lines) <= skip or not lines[skip].strip(LINE_END):
            path = self._path
            what = f"{path} has nothing after the {plural(skip, 'line')} that its feed skips"
            raise Rejected(what, subject=path, hint="is it a whole file, of this kind?")
        return lines[skip]

    def _check_lines(self, block: bytes, offset: int) -> None:
        """Raise Rejected where text is missing or a line is longer than allowed: it covers one of a few places."""
        refuse_nul_block(block, offset, self._path)
        limit = self._max_line_bytes
        for place in range(limit // 2, len(block), limit // 2):
            start, end = block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place)
            if (len(block) if end < 0 else end) - start > limit:
                raise self._line_too_long(block, offset)

    def _line_too_long(self, text: bytes, offset: int) -> Rejected:
        path = self._path
        refuse_nul_block(text, offset, path)
        if not offset and b"\r" in text and b"\n" not in text:
            return Rejected(
                f"{path}: {CR_ENDS}",
                subject=path,
                hint=CR_HINT,
            )
        return Rejected(
            f"{path} has a line of more than {self._max_line_bytes} bytes",
            subject=path,
            hint="if it is genuine, raise ingest.max_line_bytes and run `pointline retry --rule max_line_bytes`",
        )


def _line_count(texts: list[bytes]) -> int:
    return sum(text.count(b"\n") for text in texts)


def _split_header(text: bytes) -> tuple[bytes, bytes]:
    line, _, rest = text.partition(b"\n")
    return line, rest


def _split_blank_end(block: bytes) -> tuple[bytes, bytes]:
    """Hold back blank lines: whether they are rows or the end of the file is known when more comes, or nothing."""
    few = block[-FEW_BYTES:].rstrip(LINE_END)  # nearly always there are none; to strip the block would copy it
    text = len(block) - len(block[-FEW_BYTES:]) + len(few) if few else len(block.rstrip(LINE_END))
    end = block.find(b"\n", text) + 1 if text else 0
    return block[:end], block[end:]
