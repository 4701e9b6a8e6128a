"""What a long run measured, as a table of numbers and as a picture of lines."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.test_soak import Measure

WIDTH, HEIGHT, LEFT, GAP = 900, 130, 110, 34
COLOUR, FAINT = "#2563a8", "#c9ced6"


def write_measures(folder: Path, lives: Sequence[Sequence[Measure]]) -> None:
    """Write ``soak.csv``, a row a measure, and ``soak.svg``, a line a fact; a grey mark is a kill."""
    folder.mkdir(parents=True, exist_ok=True)
    measures = [one for life in lives for one in life]
    if not measures:
        return
    names = [field.name for field in fields(measures[0])]
    with (folder / "soak.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(asdict(one) for one in measures)
    kills = [life[0].at for life in lives[1:] if life]
    lines = [name for name in names if name != "at"]
    drawn = [_line(measures, kills, name, number) for number, name in enumerate(lines)]
    height = len(lines) * (HEIGHT + GAP) + GAP
    style = "font-family='sans-serif' font-size='12'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' width='{LEFT + WIDTH + 20}' height='{height}' {style}>"
    (folder / "soak.svg").write_text(
        "\n".join([head, "<rect width='100%' height='100%' fill='white'/>", *drawn, "</svg>"])
    )


def _line(measures: Sequence[Measure], kills: Sequence[float], name: str, number: int) -> str:
    values = [float(getattr(one, name)) for one in measures]
    first, last = measures[0].at, max(measures[-1].at, measures[0].at + 1)
    highest = max(*values, 1e-9) if len(values) > 1 else max(values[0], 1e-9)
    top = GAP + number * (HEIGHT + GAP)

    def across(at: float) -> float:
        return LEFT + (at - first) / (last - first) * WIDTH

    points = " ".join(
        f"{across(one.at):.1f},{top + HEIGHT * (1 - value / highest):.1f}"
        for one, value in zip(measures, values, strict=True)
    )
    marks = "".join(
        f"<line x1='{across(at):.1f}' x2='{across(at):.1f}' y1='{top}' y2='{top + HEIGHT}' stroke='{FAINT}'/>"
        for at in kills
    )
    frame = f"<path d='M{LEFT} {top}V{top + HEIGHT}H{LEFT + WIDTH}' fill='none' stroke='black' stroke-width='0.5'/>"
    titles = f"<text x='4' y='{top + HEIGHT / 2}'>{name}</text>"
    titles += f"<text x='{LEFT - 6}' y='{top + 10}' text-anchor='end'>{highest:,.3g}</text>"
    titles += f"<text x='{LEFT - 6}' y='{top + HEIGHT}' text-anchor='end'>0</text>"
    return f"{marks}{frame}{titles}<polyline points='{points}' fill='none' stroke='{COLOUR}'/>"
