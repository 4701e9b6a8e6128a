"""The scaling suite: it finds its parts by their names, and its exponents are those of the curves."""

from __future__ import annotations

import pytest

from tests.bench import scale, scale_start


@pytest.mark.parametrize(
    ("values", "exponent"),
    [((7, 7, 7), 0), ((10, 100, 1000), 1), ((1, 100, 10_000), 2), ((0, 0, 0), 0), ((100, 100, 1000), 0.5)],
)
def test_exponent(values, exponent):
    assert scale.exponent(list(zip((10, 100, 1000), values, strict=True))) == pytest.approx(exponent, abs=0.001)


def test_measures():
    counted = [{"what": "listings", "n": n, "total": n, "per_item": n * n} for n in (1, 10)]
    total, each = scale.measures([*counted, {"what": "listings", "n": 100, "total": 100, "per_item": 10_000}])
    assert (total.value, total.verdict, total.notes) == (1, "reached", ("1: 1.00", "10: 10.0", "100: 100"))
    assert (each.value, each.verdict) == (2, "MISSED")


def test_parts_have_rows():
    assert scale_start in scale.modules()
    assert all(callable(module.rows) for module in scale.modules())


def test_start():
    """A start lists and watches each folder once, and the first file waits for one of them."""
    rows = list(scale_start.rows((1, 3)))
    assert [row["total"] for row in rows] == [1, 102, 102, 1, 304, 304]
