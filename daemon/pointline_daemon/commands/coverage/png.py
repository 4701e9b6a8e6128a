"""Coverage as a picture: the calendars beside and below each other, one square per day. Drawn by Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from pointline.errors import PointlineError
from pointline.phrases import plural, printable
from pointline_daemon.commands.coverage.maps import TONES, Map, percent, total

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    raise PointlineError(
        "pictures are drawn by Pillow, which is not installed",
        hint="install it into the Python of Pointline by `pip install pillow`, or use --html",
    ) from error

PAPER: Final = "#ffffff"
INK: Final = "#1f2328"
QUIET: Final = "#6b7280"
BLANK: Final = "#f0f1f3"

TEXT: Final = 15
SMALL: Final = 11
"""Heights of letters."""
STEP: Final = 20
SQUARE: Final = 17
LABEL: Final = 96
TITLE: Final = 54
MARGIN: Final = 40
BLOCK_WIDTH: Final = LABEL + 31 * STEP + 60
BETWEEN: Final = 60
LARGEST: Final = 30_000
"""Pixels of height; beyond this few programs show a picture."""


def render_png(maps: Sequence[Map]) -> bytes:
    """Draw all maps. Raises PointlineError where they are too many for one picture."""
    beside = 1 if len(maps) < 3 else 2 if len(maps) < 12 else 3
    rows = [maps[start : start + beside] for start in range(0, len(maps), beside)]
    heights = [TITLE + STEP * max(len(one.months) for one in row) + STEP for row in rows]
    height = sum(heights) + 2 * MARGIN + 2 * STEP
    if height > LARGEST:
        raise PointlineError(
            f"a picture of {plural(len(maps), 'map')} would be {height:,} pixels high",
            hint="narrow it by --exchange, --table, --from, --to, or use --html",
        )
    width = 2 * MARGIN + beside * BLOCK_WIDTH + (beside - 1) * BETWEEN
    picture = _Picture(width, height)
    top = MARGIN
    for row, tall in zip(rows, heights, strict=True):
        for position, one in enumerate(row):
            _draw(picture, one, MARGIN + position * (BLOCK_WIDTH + BETWEEN), top)
        top += tall
    _draw_legend(picture, maps, top + STEP)
    return picture.png()


class _Picture:
    """Squares and lines of text. Coordinates count pixels from the upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._fonts = {size: ImageFont.load_default(size) for size in (TEXT, SMALL)}

    def square(self, left: int, top: int, colour: str) -> None:
        self._draw.rectangle((left, top, left + SQUARE - 1, top + SQUARE - 1), colour)

    def write(self, left: float, top: int, text: str, colour: str, size: int = TEXT, *, anchor: str = "la") -> None:
        """``anchor``: of Pillow; the point is the left end of the line, or with ``ra`` its right end."""
        self._draw.text((left, top), text, colour, self._fonts[size], anchor)

    def length(self, text: str) -> float:
        """Return how wide a line is."""
        return self._draw.textlength(text, self._fonts[TEXT])

    def png(self) -> bytes:
        content = io.BytesIO()
        self._image.save(content, "PNG")
        return content.getvalue()


def _draw(picture: _Picture, one: Map, left: int, top: int) -> None:
    whole = total([one])
    symbols = "" if one.symbol is not None else f"{plural(one.symbols, 'symbol')}, "
    tail = f"{symbols}{percent(whole.covered, whole.expected)} of {plural(whole.expected, 'day')}"
    room = BLOCK_WIDTH - picture.length(f"  {tail}")
    title = printable(one.title)
    while title and picture.length(title) > room:
        title = title.removesuffix("...")[:-1] + "..."
    picture.write(left, top, title, INK)
    picture.write(left + picture.length(f"{title}  "), top, tail, QUIET)
    for day in (1, 5, 10, 15, 20, 25, 30):
        picture.write(left + LABEL + (day - 1) * STEP, top + 31, str(day), QUIET, SMALL)
    for number, days in enumerate(one.months):
        line = top + TITLE - 6 + number * STEP
        picture.write(left, line, str(days[0].date)[:7], QUIET)
        for cell in days:
            tone = one.tone(cell)
            picture.square(
                left + LABEL + (cell.date.day - 1) * STEP, line, BLANK if tone is None else TONES[tone].colour
            )
        month = total(days)
        picture.write(left + BLOCK_WIDTH, line, percent(month.covered, month.expected), QUIET, anchor="ra")


def _draw_legend(picture: _Picture, maps: Sequence[Map], top: int) -> None:
    found = {tone for one in maps for tone in one.tones}
    left: float = MARGIN
    for name in (name for name in TONES if name in found):
        text = TONES[name].means
        width = 3 * STEP + picture.length(text)
        if left + width > picture.width - MARGIN:
            left, top = MARGIN, top + STEP
        picture.square(int(left), top, TONES[name].colour)
        picture.write(left + STEP + 6, top, text, INK)
        left += width
