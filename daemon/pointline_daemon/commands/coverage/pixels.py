"""A canvas of flat colours with a small font, written as PNG: enough for a map, without a library for images."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

GLYPH_WIDTH: Final = 6
GLYPH_HEIGHT: Final = 8
_COLUMNS: Final = 5
_FONT: Final = bytes.fromhex(
    # Five columns per character from the space to the tilde, the lowest bit on top.
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649556240 0005030000 001c224100 0041221c00"
    "14083e0814 08083e0808 0050300000 0808080808 0060600000 2010080402 3e5149453e 00427f4000 4261514946 2141454b31"
    "1814127f10 2745454539 3c4a494930 0171090503 3649494936 064949291e 0036360000 0056360000 0814224100 1414141414"
    "0041221408 0201510906 324979413e 7e1111117e 7f49494936 3e41414122 7f4141221c 7f49494941 7f09090901 3e4149497a"
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f020c027f 7f0408107f 3e4141413e 7f09090906 3e4151215e"
    "7f09192946 4649494931 01017f0101 3f4040403f 1f2040201f 3f4038403f 6314081463 0708700807 6151494543 007f414100"
    "0204081020 0041417f00 0402010204 4040404040 0001020400 2054545478 7f48444438 3844444420 384444487f 3854545418"
    "087e090102 0c5252523e 7f08040478 00447d4000 2040443d00 7f10284400 00417f4000 7c04180478 7c08040478 3844444438"
    "7c14141408 081414187c 7c08040408 4854545420 043f444020 3c4040207c 1c2040201c 3c4030403c 4428102844 0c5050503c"
    "4464544c44 0008364100 00007f0000 0041360800 1008081008"
)


class Canvas:
    """Pixels that are numbers of a palette; 0 is the paper. Coordinates count from the upper left corner."""

    def __init__(self, width: int, height: int, palette: Sequence[str]) -> None:
        self.width = width
        self.height = height
        self._palette = bytes.fromhex("".join(colour.removeprefix("#") for colour in palette))
        self._rows = [bytearray(width) for _ in range(height)]

    def fill(self, left: int, top: int, width: int, height: int, colour: int) -> None:
        """Fill a rectangle; what lies outside is left out."""
        left, right = max(0, left), min(self.width, left + width)
        if right > left:
            for row in self._rows[max(0, top) : max(0, top + height)]:
                row[left:right] = bytes((colour,)) * (right - left)

    def write(self, left: int, top: int, text: str, colour: int, scale: int = 1) -> None:
        """Write a line; characters the font does not have become question marks."""
        for position, char in enumerate(text):
            start = _COLUMNS * ((ord(char) if " " <= char <= "~" else ord("?")) - ord(" "))
            for column, bits in enumerate(_FONT[start : start + _COLUMNS]):
                for row in range(GLYPH_HEIGHT):
                    if bits >> row & 1:
                        x = left + scale * (GLYPH_WIDTH * position + column)
                        self.fill(x, top + scale * row, scale, scale, colour)

    def png(self) -> bytes:
        """Return the picture, one byte per pixel before compression."""
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self._rows), 6)
        chunks = ((b"IHDR", head), (b"PLTE", self._palette), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
