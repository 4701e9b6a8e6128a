"""What the comparison with other tools says of the rows that it finds: a wrong word there would be a wrong claim."""

from __future__ import annotations

import polars as pl
import pytest

from tests.bench.peers.accidents import accidents
from tests.bench.peers.behaviour import RIGHT, compare
from tests.bench.peers.tables import markdown

ACCIDENTS = {one.title: one for one in accidents(rows=10)}
AGAIN, REISSUED = ACCIDENTS["the same folder again"], ACCIDENTS["a day is re-issued"]


@pytest.mark.parametrize("title", ACCIDENTS)
def test_every_row_once_is_right(title):
    one = ACCIDENTS[title]
    assert compare(one.wanted.sample(fraction=1, shuffle=True, seed=1), one) == RIGHT


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "no rows"),
        (AGAIN.wanted.head(0), "20 rows missing"),
        (AGAIN.wanted.slice(1), "1 row missing"),
        (pl.concat([AGAIN.wanted, AGAIN.wanted]), "20 rows twice"),
        (pl.concat([AGAIN.wanted.slice(3), AGAIN.wanted.tail(1)]), "3 rows missing, 1 row twice"),
        (AGAIN.wanted.with_columns(pl.lit(None, pl.Float64).alias("price")), "20 rows missing, 20 rows too many"),
    ],
)
def test_what_is_wrong_is_counted(found, said):
    assert compare(found, AGAIN) == said


def test_the_old_rows():
    assert compare(REISSUED.before, REISSUED) == "the old rows stay"
    assert compare(pl.concat([REISSUED.before, REISSUED.wanted]), REISSUED) == "10 rows twice, 10 rows too many"


def test_markdown():
    assert markdown([["a", "b"], ["1|2", "3"]]) == ["| a | b |", "| --- | --- |", "| 1\\|2 | 3 |"]
