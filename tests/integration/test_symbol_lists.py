"""Eleven versions of a list over ten years, as files dropped into bronze: whatever people do, the same table."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.integration.test_symbol_files import drop
from tests.support import symbol_lists
from tests.support.lake_check import read_table
from tests.support.process import pointline
from tests.support.symbol_lists import ABSENT, REAL, ListFile, by_the_model, without_a_tenth

KINDS = ["made", pytest.param("real", marks=pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT))]
VICTIM = 6


@pytest.fixture(params=KINDS)
def lists(request) -> list[ListFile]:
    return getattr(symbol_lists, request.param)()


def path_of(one: ListFile, *, source: str = "lean") -> str:
    return f"lean/exchange={source}/type=instruments/date={one.day}/{one.name}"


def run(lake: Path) -> pl.DataFrame:
    """Every run is a process of its own."""
    done = pointline(lake, "run", "--once")
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: something is held
    return read_table(lake, "dim_symbol")


def ingested(lake: Path, *rounds: list[ListFile]) -> pl.DataFrame:
    found = pl.DataFrame()
    for batch in rounds:
        for one in batch:
            drop(lake, path_of(one), one.content)
        found = run(lake)
    return found


def moved(lake: Path, old: str, new: str) -> pl.DataFrame:
    target = lake / "bronze" / new
    target.parent.mkdir(parents=True, exist_ok=True)
    (lake / "bronze" / old).rename(target)
    return run(lake)


def require_model(table: pl.DataFrame, files: list[ListFile]) -> None:
    """Of the real ones a unit test has a model."""
    if files[0].listing is None:
        return
    found = {
        (exchange, symbol, f"{tick:g}", since.date(), until and until.date())
        for exchange, symbol, tick, since, until in table.select(
            "exchange", "symbol", "tick_size", "valid_from", "valid_until"
        ).iter_rows()
    }
    assert found == by_the_model(files)


@pytest.mark.share(2)
def test_whatever_the_order(tmp_path, lists):
    whole = ingested(tmp_path / "at_once", lists)
    require_model(whole, lists)
    assert ingested(tmp_path / "back", *([one] for one in reversed(lists))).equals(whole)
    mixed = random.Random(7).sample(lists, len(lists))
    assert ingested(tmp_path / "mixed", mixed[:4], mixed[4:5], mixed[5:]).equals(whole)
    assert pointline(tmp_path / "mixed", "verify").returncode == 0


@pytest.mark.soak
def test_what_people_do_with_one_of_them(tmp_path, lists):
    victim, others = lists[VICTIM], [one for number, one in enumerate(lists) if number != VICTIM]
    path, file = path_of(victim), tmp_path / "bronze" / path_of(victim)
    whole = ingested(tmp_path, lists)
    without = ingested(tmp_path / "without", others)
    require_model(without, others)
    assert not without.equals(whole)

    # All of them a second time, and one under a second name as well; then the first name goes.
    assert ingested(tmp_path, lists).equals(whole)
    second = path.replace("symbol-", "again-")
    drop(tmp_path, second, victim.content)
    assert run(tmp_path).equals(whole)
    file.unlink()
    assert run(tmp_path).equals(whole)

    # Moved: to its old name, to another day and back, to the folder of an exchange and back.
    assert moved(tmp_path, second, path).equals(whole)
    later = replace(victim, day=victim.day + timedelta(days=1))
    late = moved(tmp_path, path, path_of(later))
    assert not late.equals(whole)
    require_model(late, [*others, later])
    assert moved(tmp_path, path_of(later), path).equals(whole)
    foreign = path_of(victim, source="nowhere")
    assert moved(tmp_path, path, foreign)["exchange"].is_in(whole["exchange"].implode()).all()
    assert moved(tmp_path, foreign, path).equals(whole)

    # Corrected, and as it was.
    less = without_a_tenth(victim)
    corrected = ingested(tmp_path, [less])
    assert not corrected.equals(whole)
    require_model(corrected, [*others, less])
    assert ingested(tmp_path, [victim]).equals(whole)

    # Withdrawn: what a person took out stays out, gone and dropped again too, until a person names it.
    assert pointline(tmp_path, "withdraw", path).returncode == 0
    assert run(tmp_path).equals(without)
    file.unlink()
    assert run(tmp_path).equals(without)
    assert ingested(tmp_path, [victim]).equals(without)
    assert pointline(tmp_path, "retry", path).returncode == 0
    assert run(tmp_path).equals(whole)

    # Withdrawn, and dropped again with another content, which is corrected in turn.
    assert pointline(tmp_path, "withdraw", path).returncode == 0
    assert ingested(tmp_path, [less]).equals(corrected)
    assert ingested(tmp_path, [victim]).equals(whole)
    assert pointline(tmp_path, "verify").returncode == 0
