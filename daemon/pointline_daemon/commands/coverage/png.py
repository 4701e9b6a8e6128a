"""Coverage as a picture: the calendars beside and below each other, one square per day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pointline.errors import PointlineError
from pointline.phrases import plural
from pointline_daemon.commands.coverage.maps import TONES, Map, percent, total
from pointline_daemon.commands.coverage.pixels import GLYPH_WIDTH, Canvas

PAPER, INK, QUIET, BLANK = range(4)
PALETTE: Final = ("#ffffff", "#1f2328", "#6b7280", "#f0f1f3", *(tone.colour for tone in TONES.values()))
COLOURS: Final = {name: 4 + position for position, name in enumerate(TONES)}

SCALE: Final = 2
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
    canvas = Canvas(width, height, PALETTE)
    top = MARGIN
    for row, tall in zip(rows, heights, strict=True):
        for position, one in enumerate(row):
            _draw(canvas, one, MARGIN + position * (BLOCK_WIDTH + BETWEEN), top)
        top += tall
    _draw_legend(canvas, maps, top + STEP)
    return canvas.png()


def _draw(canvas: Canvas, one: Map, left: int, top: int) -> None:
    whole = total([one])
    symbols = "" if one.symbol is not None else f"{plural(one.symbols, 'symbol')}, "
    tail = f"{symbols}{percent(whole.covered, whole.expected)} of {plural(whole.expected, 'day')}"
    room = BLOCK_WIDTH // (GLYPH_WIDTH * SCALE) - len(tail) - 2
    title = one.title if len(one.title) <= room else one.title[: room - 3] + "..."
    canvas.write(left, top, title, INK, SCALE)
    canvas.write(left + (len(title) + 2) * GLYPH_WIDTH * SCALE, top, tail, QUIET, SCALE)
    for day in (1, 5, 10, 15, 20, 25, 30):
        canvas.write(left + LABEL + (day - 1) * STEP, top + 34, str(day), QUIET)
    for number, days in enumerate(one.months):
        line = top + TITLE - 6 + number * STEP
        canvas.write(left, line + 2, str(days[0].date)[:7], QUIET, SCALE)
        for cell in days:
            tone = one.tone(cell)
            colour = BLANK if tone is None else COLOURS[tone]
            canvas.fill(left + LABEL + (cell.date.day - 1) * STEP, line, SQUARE, SQUARE, colour)
        month = total(days)
        share = percent(month.covered, month.expected)
        canvas.write(left + BLOCK_WIDTH - len(share) * GLYPH_WIDTH * SCALE, line + 2, share, QUIET, SCALE)


def _draw_legend(canvas: Canvas, maps: Sequence[Map], top: int) -> None:
    found = {tone for one in maps for tone in one.tones}
    left = MARGIN
    for name in (name for name in TONES if name in found):
        text = TONES[name].means
        if left + 3 * STEP + len(text) * GLYPH_WIDTH * SCALE > canvas.width - MARGIN:
            left, top = MARGIN, top + STEP
        canvas.fill(left, top, SQUARE, SQUARE, COLOURS[name])
        canvas.write(left + STEP + 6, top + 2, text, INK, SCALE)
        left += 3 * STEP + len(text) * GLYPH_WIDTH * SCALE
