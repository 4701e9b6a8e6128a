"""Digits of a time beyond the microsecond are cut, and the warnings of its file count the times that lost some."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import pytest

from tests.support.vendor_files import Taken, take_described

TEXT = """
vendor = "own"
[[feed]]
name = "trades"
table = "trades"
exchange = "mine"
path = "mine/{{symbol}}-{{date:%Y-%m-%d}}.csv"
columns = ["time", "price", "amount", "side"]
sorted = false
[feed.map]
timestamp = {{ from = "time", {time} }}
"""
pytestmark = pytest.mark.usefixtures("each_parser")
DAY = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
EPOCH_NS = int(DAY.timestamp()) * 10**9
WITHIN_NS = [0, 1, 999, 1000, 1_500, 250_000_000, 250_000_001, 999_999_999, 3_600_000_000_000]
"""Since midnight."""


def wall(ns: int, form: str) -> str:
    at = DAY + dt.timedelta(seconds=ns // 10**9)
    return at.strftime(form.replace("NANO", f"{ns % 10**9:09}"))


def with_z(ns: int) -> str:
    return wall(ns, "%Y-%m-%dT%H:%M:%S.NANOZ")


WRITTEN: dict[str, tuple[str, Callable[[int], str]]] = {
    "an epoch": ('time = "epoch"', lambda ns: str(EPOCH_NS + ns)),
    "an epoch in ns": ('time = "epoch", unit = "ns"', lambda ns: str(EPOCH_NS + ns)),
    "a text": ('time = "%Y-%m-%d %H:%M:%S%.f"', lambda ns: wall(ns, "%Y-%m-%d %H:%M:%S.NANO")),
    "a text without needless zeros": (
        'time = "%Y-%m-%d %H:%M:%S%.f"',
        lambda ns: wall(ns, "%Y-%m-%d %H:%M:%S.NANO").rstrip("0").rstrip("."),
    ),
    "with an offset": ('time = "%Y-%m-%dT%H:%M:%S%.9f%z"', lambda ns: wall(ns, "%Y-%m-%dT%H:%M:%S.NANO+00:00")),
    "with a Z": ('time = "%Y-%m-%dT%H:%M:%S%.fZ"', with_z),
    "without a point": ('time = "%H%M%S%9f"', lambda ns: wall(ns, "%H%M%SNANO")),
    "an epoch or a text": ('time = ["epoch", "%Y-%m-%dT%H:%M:%S%.fZ"]', with_z),
    "a text or an epoch": ('time = ["epoch", "%Y-%m-%dT%H:%M:%S%.fZ"]', lambda ns: str(EPOCH_NS + ns)),
    "since midnight": ('time = "since midnight", unit = "ns"', str),
    "seconds since midnight": ('time = "since midnight"', lambda ns: f"{ns // 10**9}.{ns % 10**9:09}"),
}


def taken(how: str, times: list[list[str]], *, bad: bool) -> Taken:
    files = []
    for number, of_file in enumerate(times):
        lines = ["time,price,amount,side", *(f"{one},1.5,2,buy" for one in of_file), *(["x,1,1,buy"] if bad else [])]
        files.append((f"mine/S{number}-2024-05-01.csv", lines))
    return take_described(TEXT.format(time=how), *files)


def brought_in(
    how: str, times: list[list[str]], *, bad: bool, within_ns: Sequence[int] = WITHIN_NS
) -> list[dict[str, int]]:
    """Bring in files with these times; the warnings of each."""
    found = taken(how, times, bad=bad)
    assert found.is_success, found.said
    kept = [EPOCH_NS // 1000 + ns // 1000 for ns in within_ns] * len(times)
    assert sorted(row["timestamp"] for row in found.rows()) == sorted(kept)
    return [dict(one.warnings or {}) for one in found.outcomes if one is not None]


@pytest.mark.parametrize("bad", [False, True], ids=["sound", "beside a bad row"])
@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.share(2)
def test_they_are_counted_for_each_file(how, files, bad):
    said, write = WRITTEN[how]
    found = brought_in(said, [[write(ns) for ns in WITHIN_NS]] * files, bad=bad)
    beyond = sum(ns % 1000 != 0 for ns in WITHIN_NS)
    assert [one.get("nanoseconds_cut") for one in found] == [beyond] * files


@pytest.mark.parametrize(
    ("how", "times"),
    [
        ('time = ["epoch", "%Y-%m-%dT%H:%M:%S%.fZ"]', ["1714521600123", "1714521600123456", "2024-05-01T00:00:00.5Z"]),
        ('time = ["epoch", "%Y-%m-%dT%H:%M:%S%.fZ"], unit = "us"', ["1714521600123456", "2024-05-01T00:00:00.123456Z"]),
        ('time = "%Y%m%d%H%M%S%.f"', ["20240501123456", "20240501123457.123456"]),
        ('time = "%Y-%m-%d %H:%M:%S%.3f"', ["2024-05-01 00:00:00.123"]),
    ],
)
def test_digits_that_are_none_of_a_second_are_not_counted(how, times):
    found = taken(how, [times], bad=True)
    assert found.silver.height == len(times), found.said
    assert "nanoseconds_cut" not in (found.outcome.warnings or {})


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_an_epoch_of_a_larger_unit_has_none(unit):
    ticks = {"s": 1, "ms": 1000, "us": 10**6}[unit]
    within_ns = [ns // 10**9 * 10**9 for ns in WITHIN_NS]
    times = [[str((EPOCH_NS + ns) * ticks // 10**9) for ns in within_ns]]
    found = brought_in(f'time = "epoch", unit = "{unit}"', times, bad=False, within_ns=within_ns)
    assert "nanoseconds_cut" not in found[0]


@pytest.mark.parametrize("how", WRITTEN)
def test_where_there_are_none_nothing_is_said(how):
    said, write = WRITTEN[how]
    times = [[write(ns // 1000 * 1000) for ns in WITHIN_NS]]
    assert "nanoseconds_cut" not in brought_in(said, times, bad=False)[0]
