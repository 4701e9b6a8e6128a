"""What grows with the lake, and how fast: counts and bytes at 1, 10 and 100 times, and the exponent through them.

Each module ``tests/bench/scale_<name>.py`` is a part of the suite, by its name alone. It has ``rows(scales)``, which
yields ``{"what", "n", "total", "per_item"}`` for each scale: ``n`` items cost ``total`` together, and one of them
``per_item`` (None where that says no more than the total). Times are no such numbers: they differ between machines.
"""

from __future__ import annotations

import importlib
import logging
import math
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType

import structlog

from tests import bench as parts
from tests.bench.measure import Bench, Measure
from tests.bench.report import number, progress

SCALES, QUICK_SCALES = (1, 10, 100), (1, 10)
PREFIX = "scale_"
MOST_OF_TOTAL, MOST_PER_ITEM = 1.1, 0.1
"""The exponents that are allowed: a total follows the number of items, and one item costs what the first one did."""

Row = Mapping[str, object]


def scale(bench: Bench) -> Iterator[Measure]:
    """Measure all parts."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for module in modules():
        progress(module.__name__.rpartition(PREFIX)[2])
        yield from measures(module.rows(QUICK_SCALES if bench.quick else SCALES))


def modules() -> list[ModuleType]:
    """Return the parts, by name."""
    names = sorted(one.name for one in pkgutil.iter_modules(parts.__path__) if one.name.startswith(PREFIX))
    return [importlib.import_module(f"{parts.__name__}.{name}") for name in names]


def measures(rows: Iterable[Row]) -> Iterator[Measure]:
    """Yield the exponents of each thing that was counted, with the counts."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row["what"]), []).append(row)
    for what, counted in found.items():
        if any(row["total"] is not None for row in counted):
            yield _measure(f"{what}, in all", counted, "total", MOST_OF_TOTAL)
        if any(row["per_item"] is not None for row in counted):
            yield _measure(f"{what}, each", counted, "per_item", MOST_PER_ITEM)


def _measure(what: str, rows: Sequence[Row], column: str, most: float) -> Measure:
    points = sorted((int(str(row["n"])), float(str(row[column]))) for row in rows if row[column] is not None)
    notes = [f"{n:,}: {number(value)}" for n, value in points]
    found = exponent(points)
    return Measure.median("scale", what, "", [found], must=most, notes=notes)


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Return ``e`` of the curve ``value = a * n ** e`` that fits best. Nothing counts as the least that there was."""
    least = min((value for _, value in points if value > 0), default=1.0)
    logs = [(math.log(n), math.log(max(value, least))) for n, value in points]
    if len({x for x, _ in logs}) < 2:
        raise ValueError("an exponent needs two sizes at least")
    mean_x, mean_y = (sum(column) / len(logs) for column in zip(*logs, strict=True))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)
    return round(slope, 3) + 0.0
