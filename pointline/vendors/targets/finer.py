"""Which times have digits beyond the microsecond. These are cut, and the warnings of a file say of how many times."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from pointline.parse.feed import Finer
from pointline.vendors.language import Mapping
from pointline.vendors.values import DIGITS, EPOCH, UNITS

FRACTION = re.compile(r"%(?:\.|\.9|9)f")
"""What a format has that reads more than six digits of a second."""
NOT_ZEROS = r"(?:[1-9][0-9]{2}|[0-9][1-9][0-9]|[0-9]{2}[1-9])"
BEYOND = rf"\.[0-9]{{6}}[0-9]*[1-9]|[0-9]{{6}}{NOT_ZEROS}$"
"""In a text: behind a point, or nine digits of a second, or nineteen of an epoch, at its end."""
ZEROS = ("000", "000Z")
"""How nearly all texts end where a vendor writes nanoseconds and has none."""


def finer_of(mapping: Mapping, sources: Sequence[str]) -> Finer | None:
    """Return what tells of cells whether they have such digits; None where no cell can, or nobody could tell."""
    name = sources[0]
    match mapping.time:
        case "epoch":
            return (lambda frame: _of_ticks(frame[name])) if mapping.unit in {"auto", "ns"} else None
        case "since midnight" | "since start":
            ticks = UNITS["ns"] / UNITS["s" if mapping.unit == "auto" else mapping.unit]
            return lambda _: (pl.col(name) * ticks).round().cast(pl.Int64, strict=False) % 1000 != 0
        case list() | str() as formats if any(
            FRACTION.search(one) or one == EPOCH for one in ([formats] if isinstance(formats, str) else formats)
        ):
            return lambda frame: _of_texts([frame[one] for one in sources])
    return None


def _of_ticks(ticks: pl.Series) -> pl.Expr | None:
    least = DIGITS["ns"][0]
    most = ticks.max()
    if not isinstance(most, int) or most < least:
        return None
    return (pl.col(ticks.name) >= least) & (pl.col(ticks.name) % 1000 != 0)


def _of_texts(texts: Sequence[pl.Series]) -> pl.Expr | None:
    doubtful = [one.name for one in texts if not any(one.str.ends_with(zeros).all() for zeros in ZEROS)]
    return pl.any_horizontal(pl.col(one).str.contains(BEYOND) for one in doubtful) if doubtful else None
