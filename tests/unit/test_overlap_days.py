"""On which days files hold rows, and which of them overlap there: against plain sets of instants."""

from __future__ import annotations

import datetime as dt
from itertools import combinations, combinations_with_replacement, product

import polars as pl
import pytest
from msgspec.structs import replace

from pointline.services.files.place.overlap import Day, Held, Occupied, by_key, join_spans, on_days, overlap
from pointline.services.ingest.batch import Span
from pointline.tables.ingest_manifest import SCHEMA
from pointline.tables.spelling import EVERY_SYMBOL
from tests.unit.test_overlap import META

DAY_US = 86_400_000_000
BEGIN_US = (META.date - dt.date(1970, 1, 1)).days * DAY_US
TIMES = [BEGIN_US + day * DAY_US + within for day in range(3) for within in (0, DAY_US // 2, DAY_US - 1)]
RANGES = [*combinations_with_replacement(TIMES, 2)]
FEED = "binance_trades"


def date(number: int) -> dt.date:
    return META.date + dt.timedelta(days=number)


def day(number: int, exchange: str = "binance", table: str = "trades") -> Day:
    return exchange, table, str(date(number))


def on_day(first: int, last: int, number: int) -> tuple[int, int] | None:
    """What of a range lies on a day; of an instant, the instants beside it that are in the range too."""
    begin = BEGIN_US + number * DAY_US
    within = max(first, begin), min(last, begin + DAY_US - 1)
    if within[0] == within[1]:
        return max(first, within[0] - 1), min(last, within[0] + 1)
    return within if within[0] < within[1] else None


def ledger(*files: dict[str, object]) -> pl.DataFrame:
    """Files from 1 on; ``claimed`` is the day of the path, ``times`` those of the first and the last row."""
    times = ("last_modified_ts", "first_local_timestamp", "last_local_timestamp")
    facts = []
    for number, file in enumerate(files, 1):
        known = {name: getattr(META, name) for name in ("exchange", "data_type", "symbol")} | file
        first, last = known.pop("times")
        known |= {"file_id": number, "bronze_file_path": f"p{number}", "date": date(known.pop("claimed"))}
        known |= {"first_local_timestamp": first, "last_local_timestamp": last}
        facts.append(dict.fromkeys(SCHEMA) | {"status": "success"} | known)
    frame = pl.DataFrame(facts, schema={**SCHEMA, **dict.fromkeys(times, pl.Int64())}, orient="row")
    words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol", "status")]
    return frame.with_columns(*words, pl.col(times).cast(SCHEMA["last_modified_ts"]))


def occupied(known: pl.DataFrame, *days: Day, spans_of=pytest.fail) -> Occupied:
    return Occupied(known, days, spans_of, ("SPOT",))


@pytest.mark.parametrize("feed", [None, FEED])
def test_the_days_on_which_the_ledger_has_a_file(feed):
    """A file of Tardis is of the day of its path; a described one of all that lie between its first and last row."""
    files = [{"claimed": claimed, "times": times, "feed": feed} for claimed, times in product(range(3), RANGES)]
    known = ledger(*files)
    for count in (1, 2, 3):
        for asked in combinations(range(3), count):
            found = occupied(known, *map(day, asked))
            for number in range(3):
                expected = {}
                for file_id, file in enumerate(files, 1):
                    within = on_day(*file["times"], number)
                    if file["claimed"] == number:
                        expected[file_id] = within or file["times"]
                    elif feed and within:
                        expected[file_id] = within
                held = found.held_on(day(number))
                spans = {file_id: (one.span.first_us, one.span.last_us) for file_id, one in held.items()}
                assert spans == (expected if number in asked else {})
                assert all(one.spans == {"S": one.span} and one.feed == (feed or "") for one in held.values())


@pytest.mark.parametrize(
    "other", [{"exchange": "okx"}, {"data_type": "quotes"}, {"status": "superseded"}, {"times": (None, None)}]
)
def test_what_has_no_rows_there(other):
    file = {"claimed": 0, "times": (TIMES[0], TIMES[1])}
    found = occupied(ledger(file, file | other), day(0), day(0, exchange="kraken"), day(0, table="liquidations"))
    assert [*found.held_on(day(0))] == [1]


def test_who_asks_about_no_day_gets_nothing():
    assert occupied(ledger({"claimed": 0, "times": (TIMES[0], TIMES[1])})).held_on(day(0)) == {}


@pytest.mark.parametrize("is_one_day", [True, False])
def test_the_days_of_a_file_that_comes(is_one_day):
    meta = replace(META, is_one_day=is_one_day)
    assert [*on_days(meta, {})] == [(day(0), {})]
    for of_s, of_t in product(RANGES[::4], RANGES[::3]):
        spans = {key: Span(first_us=first, last_us=last, rows=3) for key, (first, last) in (("S", of_s), ("T", of_t))}
        if is_one_day:
            assert [*on_days(meta, spans)] == [(day(0), spans)]
            continue
        expected = []
        for number in range(3):
            here = {
                key: Span(first_us=within[0], last_us=within[1], rows=3)
                for key, times in (("S", of_s), ("T", of_t))
                if (within := on_day(*times, number)) is not None
            }
            expected += [(day(number), here)] if here else []
        assert [*on_days(meta, spans)] == expected


NUMBERS = [Span(first_us=first, last_us=last, rows=1) for first, last in combinations_with_replacement(range(4), 2)]


@pytest.mark.parametrize("one", NUMBERS, ids=lambda span: f"{span.first_us}-{span.last_us}")
def test_to_share_the_seam_is_no_overlap_but_an_instant_has_no_seam(one):
    for other in NUMBERS:
        mine, theirs = ({*range(span.first_us, span.last_us + 1)} for span in (one, other))
        shared = mine & theirs
        assert overlap(one, other) is (bool(shared) and (len(shared) > 1 or 1 in {len(mine), len(theirs)}))


class TestCollisions:
    """Spans of many symbols are read from silver only of files that may be met."""

    def held(self, file_id: int, first: int, last: int, **facts) -> Held:
        span = Span(first_us=first, last_us=last, rows=1)
        return Held(file_id=file_id, path=f"p{file_id}", span=span, **{"spans": {"S": span}, **facts})

    def met(self, *also: Held, known: pl.DataFrame | None = None, leaving=(), feed: str = "", **more) -> list[int]:
        spans = {"S": Span(first_us=TIMES[3], last_us=TIMES[5], rows=1)}
        there = occupied(ledger() if known is None else known, day(1), **more)
        return [one.other.file_id for one in there.collisions(spans, day(1), also, leaving, feed=feed)]

    @pytest.mark.parametrize(("times", "is_read"), [((3, 4), True), ((5, 5), True), ((3, 3), True)])
    def test_a_file_of_many_symbols(self, times, is_read):
        known = ledger({"claimed": 1, "times": (TIMES[times[0]], TIMES[times[1]]), "symbol": "SPOT"})
        read = []

        def spans_of(file_id: int, asked: Day) -> dict[str, Span]:
            read.append((file_id, asked))
            return {"s": Span(first_us=TIMES[times[0]], last_us=TIMES[times[1]], rows=1)}

        assert self.met(known=known, spans_of=spans_of) == [1]
        assert read == [(1, day(1))]

    @pytest.mark.parametrize(("begins", "is_seam"), [(TIMES[1], True), (TIMES[3], False)])
    def test_a_file_of_many_symbols_that_ends_with_the_first_instant_of_the_day(self, begins, is_seam):
        known = ledger({"claimed": 0, "times": (begins, TIMES[3]), "symbol": EVERY_SYMBOL, "feed": FEED})
        instant = Span(first_us=TIMES[3], last_us=TIMES[3], rows=1)
        found = self.met(known=known, spans_of=lambda _file_id, _day: {"s": instant}, feed=FEED)
        assert found == ([] if is_seam else [1])

    @pytest.mark.parametrize("gap", [-1, 1])
    def test_one_that_is_apart_is_not_read(self, gap):
        times = (TIMES[5] + 1, TIMES[5] + 2) if gap > 0 else (TIMES[3] - 2, TIMES[3] - 1)
        known = ledger({"claimed": 1, "times": times, "symbol": "SPOT", "feed": None})
        assert self.met(known=known) == []

    def test_it_is_read_once(self):
        known = ledger({"claimed": 1, "times": (TIMES[3], TIMES[4]), "symbol": "SPOT"})
        read = []
        there = occupied(known, day(1), spans_of=lambda file_id, asked: read.append(file_id) or {})
        spans = {"S": Span(first_us=TIMES[3], last_us=TIMES[5], rows=1)}
        for _ in range(2):
            assert there.collisions(spans, day(1), (), ()) == []
        assert read == [1]

    def test_of_this_batch_and_what_leaves(self):
        also = self.held(7, TIMES[4], TIMES[5])
        assert self.met(also) == [7]
        assert self.met(also, leaving={7}) == []
        assert self.met(replace(also, spans={"T": also.span})) == []
        assert self.met(self.held(7, TIMES[0], TIMES[1]), also) == [7]

    @pytest.mark.parametrize(
        ("ours", "theirs", "meet"),
        [
            ("", "", True),
            ("", FEED, True),
            (FEED, "other", True),
            ("bars 1m trade", "bars 1h trade", False),
            ("bars 1m trade", "other 1m trade", True),
        ],
    )
    def test_of_another_series(self, ours, theirs, meet):
        """Bars of a minute and bars of an hour lie side by side."""
        assert self.met(self.held(7, TIMES[4], TIMES[5], feed=theirs), feed=ours) == ([7] if meet else [])


def test_spellings_of_a_symbol_are_one():
    spans = {"btc/usdt": Span(first_us=5, last_us=7, rows=2), "BTC-USDT": Span(first_us=1, last_us=6, rows=3)}
    joined = Span(first_us=1, last_us=7, rows=5)
    assert by_key(spans) == {"BTC-USDT": joined}
    assert join_spans(spans.values()) == joined
