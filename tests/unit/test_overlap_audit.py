"""``audit_overlap``: rows that may be in silver twice are found symbol by symbol, whatever the files are called."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from itertools import combinations

import polars as pl
import pytest

from pointline.services.audit.ledger import file_times
from pointline.services.audit.ledger.file_times import FileTimes
from pointline.services.audit.overlap_audit import audit_overlap
from pointline.services.audit.silver.row_counts import SPANS
from pointline.services.files.place.overlap import overlap
from pointline.services.ingest.batch import Span
from pointline.tables.ingest_manifest import SCHEMA
from pointline.tables.spelling import EVERY_SYMBOL

DAY = {"exchange": "binance", "data_type": "trades", "date": dt.date(2024, 5, 1), "status": "success"}
TIMES = ("first_local_timestamp", "last_local_timestamp")
Spans = dict[str, tuple[int, int]]


def ledger(files: dict[int, tuple[str, Spans]], *, lists: bool = True) -> pl.DataFrame:
    """Files by id: the symbol that the name says, and the times of each symbol of the rows."""
    facts = [
        dict.fromkeys(SCHEMA)
        | DAY
        | {"file_id": file_id, "bronze_file_path": f"p{file_id}", "symbol": name, "symbols": sorted(spans)}
        | {TIMES[0]: min(one[0] for one in spans.values()), TIMES[1]: max(one[1] for one in spans.values())}
        | ({} if lists else {"symbols": None})
        for file_id, (name, spans) in files.items()
    ]
    frame = pl.DataFrame(facts, schema={**SCHEMA, **dict.fromkeys(TIMES, pl.Int64())}, orient="row")
    return frame.with_columns(pl.col("symbol").cast(pl.Categorical), pl.col(TIMES).cast(SCHEMA[TIMES[0]]))


def audited(files: dict[int, tuple[str, Spans]], *, lists: bool = True) -> tuple[list[str], list[int]]:
    """What is found, as ``file symbol other``; and the files whose rows were read for it."""
    looked: list[int] = []

    def read_spans(day, file_ids):
        assert day == ("binance", "trades", "2024-05-01")
        looked.extend(file_ids)
        rows = [(one, symbol, *span, 1) for one in file_ids for symbol, span in files[one][1].items()]
        return pl.DataFrame(rows, schema=SPANS, orient="row")

    rows = ledger(files, lists=lists)
    found = list(audit_overlap(rows, (), read_spans))
    assert {(one.kind, one.table) for one in found} <= {("rows_overlap", "trades")}
    read = sorted(looked)
    assert by_days(rows, read_spans) == {(one.file_id, one.what) for one in found}
    texts = []
    for one in found:
        words = one.what.replace(":", "").split()
        texts.append(f"{one.file_id} {words[3]} {words[8]}")
    return sorted(texts), read


def by_days(rows: pl.DataFrame, read_spans: Callable[..., pl.DataFrame]) -> set[tuple[int | None, str]]:
    """What is found where the ledger comes row by row, and days one by one."""
    times = FileTimes(())
    for row in rows.iter_slices(1):
        times.add(row)
    return {
        (one.file_id, one.what) for some in times.some_days(without=()) for one in audit_overlap(some, (), read_spans)
    }


BOTH = ("SPOT", {"S": (0, 10), "T": (20, 30)})
PLAYS = [
    pytest.param({1: ("S", {"S": (0, 10)}), 2: ("s", {"s": (5, 20)})}, ["2 s 1"], [], id="two of a symbol"),
    pytest.param({1: ("S", {"S": (0, 10)}), 2: ("S", {"S": (10, 20)})}, [], [], id="a seam"),
    pytest.param({1: ("S", {"S": (0, 10)}), 2: ("S", {"S": (10, 10)})}, ["2 S 1"], [], id="an instant at the seam"),
    pytest.param(
        {1: ("S", {"S": (0, 99)}), 2: ("S", {"S": (1, 2)}), 3: ("S", {"S": (50, 60)})},
        ["2 S 1", "3 S 1"],
        [],
        id="the one that reaches so far is named",
    ),
    pytest.param({1: BOTH, 2: ("S", {"S": (5, 15)})}, ["2 S 1"], [1], id="a member in a group"),
    pytest.param({1: BOTH, 2: ("S", {"S": (12, 18)})}, [], [1], id="a member beside the rows of its symbol"),
    pytest.param({1: BOTH, 2: ("S", {"S": (40, 50)})}, [], [], id="a member after a group"),
    pytest.param({1: BOTH, 2: ("U", {"U": (5, 15)})}, [], [], id="no member"),
    pytest.param({1: BOTH, 2: ("FUTURES", {"T": (15, 25)})}, ["1 T 2"], [1, 2], id="two groups"),
    pytest.param(
        {1: ("SPOT", {"S": (0, 9), "T": (10, 10)}), 2: ("T", {"T": (10, 20)})}, ["2 T 1"], [1], id="an instant of one"
    ),
    pytest.param({1: BOTH}, [], [], id="a group alone"),
]


@pytest.mark.parametrize(("files", "found", "looked"), PLAYS)
def test_overlap(files, found, looked):
    """Guards that rows are read where names and lists leave a doubt, and only there."""
    assert audited(files) == (found, looked)


@pytest.mark.parametrize(("files", "found", "looked"), PLAYS)
def test_a_group_whose_symbols_were_not_noted(files, found, looked):
    assert audited(files, lists=False)[0] == found


def test_days_one_by_one_find_what_all_of_them_do(monkeypatch):
    """A file of two days is compared on each of them, with the files of that day only."""
    monkeypatch.setattr(file_times, "FILES_AT_ONCE", 1)
    day_us = 86_400_000_000
    start = int(dt.datetime(2024, 5, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
    days = [dt.date(2024, 5, 1), dt.date(2024, 5, 2), dt.date(2024, 5, 3)]
    times = {1: (0, 0, 50), 2: (1, 10, 90), 3: (1, 20, 30), 4: (2, 40, 60), 5: (2, 70, 80)}
    facts = [
        dict.fromkeys(SCHEMA)
        | DAY
        | {"file_id": file_id, "symbol": "S", "date": days[day], "bronze_file_path": ""}
        | {TIMES[0]: start + day * day_us + first, TIMES[1]: start + day * day_us + last}
        for file_id, (day, first, last) in times.items()
    ]
    both = [{"date": days[1], "rows": 1}, {"date": days[2], "rows": 1}]
    reaching = {"file_id": 6, "days": both, TIMES[0]: start + day_us + 95, TIMES[1]: start + 2 * day_us + 45}
    frame = pl.DataFrame(
        [*facts, facts[1] | reaching], schema={**SCHEMA, **dict.fromkeys(TIMES, pl.Int64())}, orient="row"
    ).with_columns(pl.col(TIMES).cast(SCHEMA[TIMES[0]]))

    def read_spans(day, file_ids):
        raise AssertionError

    found = {(one.file_id, one.what) for one in audit_overlap(frame, (), read_spans)}
    assert {file_id for file_id, _ in found} == {3, 4}
    assert by_days(frame, read_spans) == found


DAY_US = 86_400_000_000
BEGIN_US = (dt.date(2024, 5, 1) - dt.date(1970, 1, 1)).days * DAY_US


def plain(files: list[dict[str, object]]) -> set[int]:
    """Whose times overlap those of a file that begins before, by looking at each two of each day."""
    found = set()
    for day in range(3):
        there = []
        for file in files:
            days = file["on"] if file["feed"] else [file["on"][0]]
            if day in days:
                first, last = file["times"]
                if file["feed"]:
                    begin = BEGIN_US + day * DAY_US
                    whole = first, last
                    first, last = max(first, begin), min(last, begin + DAY_US - 1)
                    if first == last:  # with the instants beside it that are in the file too: it may be a seam
                        first, last = max(first - 1, whole[0]), min(last + 1, whole[1])
                there.append((first, last, file["file_id"], (file["series"], file["symbol"].upper())))
        for one, other in combinations(sorted(there), 2):
            spans = [Span(first_us=first, last_us=last, rows=1) for first, last, *_ in (one, other)]
            if one[3] == other[3] and overlap(*spans):
                found.add(other[2])
    return found


@pytest.mark.parametrize("seed", range(80))
def test_against_a_look_at_each_two(monkeypatch, seed):
    rng = random.Random(seed)
    monkeypatch.setattr(file_times, "FILES_AT_ONCE", rng.choice([1, 2, 50]))
    files = []
    for file_id in range(1, rng.randrange(2, 8)):
        feed, series = rng.choice([(None, ""), (None, ""), ("f", ""), ("g 1m trade", "1m trade"), ("f 1h", "1h")])
        on = sorted(rng.sample(range(3), rng.choice([1, 1, 2, 3]))) if feed else [rng.randrange(2)]
        edges = [0, 1, 2, DAY_US // 2, DAY_US - 2, DAY_US - 1]
        first, last = (BEGIN_US + day * DAY_US + rng.choice(edges) for day in (on[0], on[-1]))
        times = (min(first, last), max(first, last))
        files.append({"file_id": file_id, "on": on, "times": times, "feed": feed, "series": series})
        files[-1]["symbol"] = rng.choice(["S", "s", "S", "T"])
    facts = []
    for file in files:
        dates = [dt.date(2024, 5, 1 + day) for day in file["on"]]
        row = dict.fromkeys(SCHEMA) | DAY | {"bronze_file_path": "", "date": dates[0]}
        row |= {name: file[name] for name in ("file_id", "feed", "symbol")}
        row |= dict(zip(TIMES, file["times"], strict=True))
        several = len(dates) > 1 or (file["feed"] and rng.random() < 0.5)
        row |= {"days": [{"date": date, "rows": 1} for date in dates]} if several else {}
        facts.append(row)
    schema = {**SCHEMA, **dict.fromkeys(TIMES, pl.Int64())}
    frame = pl.DataFrame(facts, schema=schema, orient="row").with_columns(pl.col(TIMES).cast(SCHEMA[TIMES[0]]))

    def read_spans(day, file_ids):
        begin = (dt.date.fromisoformat(day[2]) - dt.date(1970, 1, 1)).days * DAY_US
        there = [file for file in files if file["file_id"] in file_ids]
        spans = [(max(one["times"][0], begin), min(one["times"][1], begin + DAY_US - 1)) for one in there]
        asked = [(one["file_id"], one["symbol"], *span) for one, span in zip(there, spans, strict=True)]
        return pl.DataFrame(asked, {"file_id": int, "symbol": str, "first": int, "last": int}, orient="row")

    found = {(one.file_id, one.what) for one in audit_overlap(frame, (), read_spans)}
    assert {file_id for file_id, _ in found} == plain(files)
    assert by_days(frame, read_spans) == found


@pytest.mark.parametrize("reaches_back", [True, False])
def test_the_seam_of_two_days_in_a_file_of_many_symbols(reaches_back):
    """Of the group there is one instant on the day of the other file, and it may be all that it has of the symbol."""
    seam = BEGIN_US + DAY_US
    group = {"S": (seam - 5 if reaches_back else seam, seam)}
    files = ledger({1: (EVERY_SYMBOL, group), 2: ("S", {"S": (seam, seam + 9)})}).with_columns(
        feed=pl.lit("f"), date=pl.Series([dt.date(2024, 5, 1), dt.date(2024, 5, 2)])
    )
    days = [{"date": dt.date(2024, 5, day), "rows": 1} for day in (1, 2)]
    files = files.with_columns(days=pl.Series([days, None], dtype=SCHEMA["days"]))

    def read_spans(day, file_ids):
        return pl.DataFrame([(one, "S", seam, seam, 1) for one in file_ids], schema=SPANS, orient="row")

    assert bool([*audit_overlap(files, ("SPOT",), read_spans)]) is not reaches_back


@pytest.mark.parametrize(("at_once", "portions"), [(1, [[1], [2], [3]]), (2, [[1, 2], [3]]), (9, [[1, 2, 3]])])
def test_days_come_some_at_a_time(monkeypatch, at_once, portions):
    monkeypatch.setattr(file_times, "FILES_AT_ONCE", at_once)
    times = FileTimes(())
    for day, count in ((3, 4), (1, 1), (2, 1)):
        frame = ledger({number: ("S", {"S": (0, 1)}) for number in range(count)})
        times.add(frame.with_columns(date=pl.lit(dt.date(2024, 5, day))))
    found = [sorted({date.day for date in some["date"]}) for some in times.some_days(without=())]
    assert found == portions
    assert list(times.some_days(without=())) == [], "what is known is forgotten"


def test_of_no_files_there_is_no_day():
    assert list(FileTimes(()).some_days(without=())) == []


def test_a_group_alone_whose_symbols_were_not_noted_is_not_read():
    assert audited({1: BOTH}, lists=False) == ([], [])
    assert audited({1: BOTH, 2: ("U", {"U": (50, 60)})}, lists=False) == ([], [1])
