"""Which days are covered and which are gaps: the rules one by one, then all of them against counting day by day."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pointline_daemon.commands.coverage.maps import make_maps, total

from pointline.services.coverage.asked import (
    FEW_AROUND_DAYS,
    FEW_NEEDS_DAYS,
    FEW_NEEDS_ROWS,
    FEW_SHARE,
    PAIR,
    SERIES,
    Selection,
    State,
)
from pointline.services.coverage.cells import cells
from pointline.services.coverage.days import Coverage, survey
from pointline.tables.ingest_manifest import NO_DATE, SCHEMA, Status

MONDAY = dt.date(2024, 4, 1)
ALL = Selection()


def day(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


def file(number: int | None, status: Status = Status.SUCCESS, rows: int = 1000, **facts: object) -> dict[str, object]:
    return {
        "exchange": "binance",
        "data_type": "trades",
        "symbol": "BTCUSDT",
        "date": None if number is None else day(number),
        "status": status.value,
        "rows_written": rows if status is Status.SUCCESS else 0,
        "rows_quarantined": 0,
        **facts,
    }


def ledger(*files: dict[str, object]) -> pl.LazyFrame:
    numbered = [{"file_id": number, **one} for number, one in enumerate(files, 1)]
    return pl.DataFrame(numbered, schema=SCHEMA).lazy()


def look(*files: dict[str, object], wanted: Selection = ALL) -> Coverage:
    return survey(ledger(*files), wanted)


def states(coverage: Coverage) -> list[str]:
    return coverage.days["state"].to_list()


def gaps(coverage: Coverage) -> list[tuple[object, ...]]:
    return coverage.gaps.select("state", "first", "last", "days").rows()


class TestFilesOfSeveralDays:
    """One that is not in claims all the days of its path that nothing else has."""

    def period(self, path: str, _feed: str) -> tuple[int, int] | None:
        """Three days from the one that the path names."""
        begin = int(dt.datetime.combine(day(int(path)), dt.time(), dt.UTC).timestamp()) * 1_000_000
        return begin, begin + 3 * 86_400_000_000

    @pytest.mark.parametrize("status", [Status.PENDING, Status.QUARANTINED, Status.FAILED])
    def test_it_is_a_gap_of_all_of_them(self, status):
        claimed = file(1, status, bronze_file_path="1", feed="a")
        found = survey(ledger(file(0), claimed, file(4)), ALL, self.period)
        assert gaps(found) == [(status.value, day(1), day(3), 3)]
        assert states(found) == ["present", *[status.value] * 3, "present"]

    def test_what_another_file_has_is_no_gap(self):
        claimed = file(1, Status.QUARANTINED, bronze_file_path="1", feed="a")
        found = survey(ledger(file(0), claimed, file(2), file(4)), ALL, self.period)
        assert gaps(found) == [("quarantined", day(1), day(1), 1), ("quarantined", day(3), day(3), 1)]

    def test_one_that_is_in_claims_nothing(self):
        found = survey(ledger(file(0), file(1, bronze_file_path="1", feed="a"), file(3)), ALL, self.period)
        assert gaps(found) == [("missing", day(2), day(2), 1)]


def test_a_symbol_without_any_file_in_the_window_counts():
    others = [file(number, symbol="ETHUSDT") for number in range(6)]
    found = look(file(0), file(5), *others, wanted=Selection(first=day(1), last=day(4)))
    for most in (0, 9):
        whole = total(make_maps(found, most_symbols=most))
        assert (whole.covered, whole.expected, whole.counts[State.MISSING]) == (4, 8, 4)


class TestDays:
    """One state per day: of several files the one that stands worst speaks."""

    @pytest.mark.parametrize("status", [Status.PENDING, Status.QUARANTINED, Status.FAILED])
    def test_trouble_is_a_gap_even_where_rows_of_another_file_are_in(self, status):
        found = look(file(0), file(0, status, error="why"))
        assert states(found) == [status.value]
        assert gaps(found) == [(status.value, day(0), day(0), 1)]
        assert found.gaps.select("files", "rows", "file_id", "error").row(0) == (2, 1000, 2, "why")
        assert total(make_maps(found, most_symbols=1)).covered == 1

    def test_parts_of_a_day_add_up(self):
        found = look(file(0, rows=3, rows_quarantined=1), file(0, rows=4))
        assert found.days.select("state", "files", "rows", "rows_quarantined").row(0) == ("present", 2, 7, 1)

    def test_a_day_without_data_is_no_gap(self):
        found = look(file(0), file(1, rows=0), file(2))
        assert states(found) == ["present", "empty", "present"]
        assert not gaps(found)

    def test_a_day_in_a_file_of_several_symbols_is_there_however_many_rows_it_has_of_each(self):
        found = look(file(0, symbols=["BTC", "ETH"]), file(1, symbols=["BTC"], rows=0))
        assert found.days.select("symbol", "state", "rows").rows() == [
            ("BTC", "present", None),
            ("BTC", "empty", 0),
            ("ETH", "present", None),
        ]

    def test_what_was_superseded_does_not_count(self):
        assert look(file(0, Status.SUPERSEDED), file(3)).days["date"].to_list() == [day(3)]

    def test_only_a_copy_of_another_file_is_as_good_as_nothing(self):
        found = look(file(0), file(1, Status.DUPLICATE), file(2))
        assert gaps(found) == [("missing", day(1), day(1), 1)]
        assert states(look(file(0), file(0, Status.DUPLICATE))) == ["present"]

    def test_files_without_a_date_are_counted(self):
        found = look(file(None, Status.QUARANTINED), file(0))
        assert found.undated == 1
        assert found.days.height == 1

    def test_an_empty_ledger(self):
        found = look()
        assert found.days.is_empty()
        assert found.gaps.is_empty()
        assert cells(found, PAIR).is_empty()


class TestMissing:
    """Days inside a span, as ranges."""

    def test_one_range_per_hole(self):
        found = look(file(0), file(4), file(6))
        assert gaps(found) == [("missing", day(1), day(3), 3), ("missing", day(5), day(5), 1)]

    def test_a_refused_file_widens_no_span(self):
        lied = file(0, Status.QUARANTINED, date=dt.date(9999, 12, 31))
        assert [state for state, *_ in gaps(look(file(0), file(1), lied))] == ["quarantined"]

    def test_one_beside_a_file_that_is_in_does_not_narrow_it(self):
        """What lies between two days that are in is a gap, whatever else came of these."""
        refused = [file(number, Status.QUARANTINED, error="why") for number in (0, 4)]
        assert ("missing", day(1), day(3), 3) in gaps(look(file(0), file(4), *refused))

    def test_a_pending_one_does(self):
        assert ("missing", day(1), day(1), 1) in gaps(look(file(0), file(2, Status.PENDING)))

    def test_dates_far_apart_cost_nothing(self):
        found = look(file(0, date=dt.date(1, 1, 1)), file(0, date=dt.date(9999, 12, 31)))
        assert gaps(found) == [("missing", dt.date(1, 1, 2), dt.date(9999, 12, 30), 3_652_057)]
        assert cells(found, PAIR).height == 62

    def test_only_the_days_asked_for(self):
        files = [file(0), file(9)]
        assert gaps(look(*files, wanted=Selection(first=day(4), last=day(6)))) == [("missing", day(4), day(6), 3)]
        assert gaps(look(*files, wanted=Selection(first=day(9)))) == []
        assert look(*files, wanted=Selection(last=day(3))).spans.row(0)[-2:] == (day(0), day(3))

    def test_each_symbol_has_its_own_span(self):
        found = look(file(0), file(2), file(5, symbol="ETHUSDT"), file(6, symbol="ETHUSDT"))
        assert gaps(found) == [("missing", day(1), day(1), 1)]


class TestWeekends:
    """Days like others, unless an exchange shows over four weeks that it rests."""

    def test_a_missing_saturday_is_a_gap(self):
        assert gaps(look(*(file(number) for number in range(7) if number != 5))) == [("missing", day(5), day(5), 1)]

    def test_an_exchange_that_rests_has_no_gap_then(self):
        found = look(*(file(number) for number in range(33) if number % 7 < 5))
        assert gaps(found) == []
        assert cells(found, PAIR).filter(pl.col("expected") > 0).height == 25

    def test_days_beside_a_weekend_of_rest_are_counted_without_it(self):
        found = look(*(file(number) for number in range(40) if number % 7 < 5 and number not in {11, 14}))
        assert gaps(found) == [("missing", day(11), day(14), 2)]

    def test_a_single_saturday_shows_that_it_trades_then(self):
        found = look(*(file(number) for number in range(33) if number % 7 < 5 or number == 12))
        assert [gap[-1] for gap in gaps(found)] == [1, 1, 1]
        assert [gap[1] for gap in gaps(found)] == [day(5), day(19), day(26)]

    def test_a_file_of_each_weekday_says_nothing_of_weekends(self):
        found = look(*(file(number) for number in (0, 8, 16, 24, 32)))
        assert sum(gap[-1] for gap in gaps(found)) == 28

    def test_what_another_symbol_does_is_known_though_not_asked_for(self):
        both = [file(number) for number in range(33) if number % 7 < 5]
        daily = [file(number, symbol="ETHUSDT") for number in range(33)]
        assert len(gaps(look(*both, *daily, wanted=Selection(symbol="BTCUSDT")))) == 4


class TestFew:
    """Far fewer rows than around."""

    def test_below_a_tenth(self):
        files = [file(number) for number in range(9)]
        assert gaps(look(*files, file(9, rows=99))) == [("few", day(9), day(9), 1)]
        assert gaps(look(*files, file(9, rows=100))) == []

    def test_no_rows_at_all_where_there_are_many(self):
        assert states(look(*(file(number) for number in range(9)), file(9, rows=0)))[-1] == "few"

    def test_too_few_days_to_judge(self):
        assert gaps(look(*(file(number) for number in range(6)), file(6, rows=0))) == []

    def test_too_few_rows_to_judge(self):
        assert gaps(look(*(file(number, rows=99) for number in range(20)), file(20, rows=0))) == []

    def test_a_market_that_grew_is_judged_by_its_time(self):
        found = look(*(file(number, rows=200 if number < 100 else 200_000) for number in range(200)))
        assert gaps(found) == []

    def test_days_asked_for_are_judged_by_those_around(self):
        files = [*(file(number) for number in range(9)), file(9, rows=1)]
        assert gaps(look(*files, wanted=Selection(first=day(9)))) == [("few", day(9), day(9), 1)]


class TestSelection:
    """Exact names."""

    def test_each(self):
        files = [file(0), file(0, symbol="ETHUSDT"), file(0, data_type="quotes"), file(0, exchange="deribit")]
        for wanted, height in (
            (Selection(exchange="deribit"), 1),
            (Selection(table="trades"), 3),
            (Selection(symbol="BTCUSDT", exchange="binance"), 2),
            (Selection(symbol="BTC"), 0),
        ):
            assert look(*files, wanted=wanted).days.height == height


SYMBOLS = ("A", "B")
NUMBERS = st.integers(0, 40)
FILES = st.lists(
    st.builds(
        lambda number, status, rows, symbol: file(number, status, rows, symbol=symbol),
        NUMBERS,
        st.sampled_from(list(Status)),
        st.sampled_from([0, 1, 50, 1000, 1100, 5000]),
        st.sampled_from(SYMBOLS),
    ),
    max_size=90,
)
WORST = (Status.DUPLICATE, Status.SUCCESS, Status.PENDING, Status.QUARANTINED, Status.FAILED)


def count_by_hand(files: list[dict[str, object]]) -> dict[tuple[str, dt.date], str]:
    """State per symbol and day, day by day; days out of every span are left out."""
    known: dict[tuple[str, dt.date], str] = {}
    files = [one for one in files if one["status"] not in {"superseded", "withdrawn", "gone"}]
    rests = rest_days(files)
    for symbol in SYMBOLS:
        by_day: dict[dt.date, list[dict[str, object]]] = {}
        for one in files:
            if one["symbol"] == symbol:
                by_day.setdefault(one["date"], []).append(one)
        dates = sorted(by_day)
        worst = {date: max(WORST.index(Status(one["status"])) for one in by_day[date]) for date in dates}
        landed = {date for date in dates if any(one["status"] == "success" for one in by_day[date])}
        rows = {date: sum(one["rows_written"] for one in by_day[date]) for date in dates}
        for position, date in enumerate(dates):
            around = dates[max(0, position - FEW_AROUND_DAYS) : position + FEW_AROUND_DAYS + 1]
            counts = [rows[other] for other in around if other in landed]
            usual = statistics.median(counts) if len(counts) >= FEW_NEEDS_DAYS else 0
            state = "missing" if worst[date] == 0 else WORST[worst[date]].value
            if worst[date] == 1:
                few = usual >= FEW_NEEDS_ROWS and rows[date] < FEW_SHARE * usual
                state = "few" if few else "present" if rows[date] else "empty"
            known[symbol, date] = state
        widening = [date for date in dates if date in landed or worst[date] in {1, 2, 4}]
        for number in range(41):
            inside = bool(widening) and widening[0] <= day(number) <= widening[-1]
            if inside and day(number).isoweekday() not in rests:
                known.setdefault((symbol, day(number)), "missing")
    return known


def rest_days(files: list[dict[str, object]]) -> set[int]:
    dates = {one["date"] for one in files if one["status"] != "superseded"}
    weekdays = {date.isoweekday() for date in dates}
    workdays = {date for date in dates if date.isoweekday() <= 5}
    if len(workdays) < 20 or not {1, 2, 3, 4, 5} <= weekdays or (max(dates) - min(dates)).days < 28:
        return set()
    return {6, 7} - weekdays


class TestAgainstCounting:
    """The frames say what a person with a calendar would."""

    @pytest.mark.examples(30)
    @settings(max_examples=150, deadline=None)
    @given(FILES)
    def test_gaps_and_cells(self, files):
        found = look(*files)
        by_hand = count_by_hand(files)
        wrong = {place: state for place, state in by_hand.items() if state not in {"present", "empty"}}
        listed = Counter()
        for symbol, state, first, last, days in found.gaps.select("symbol", "state", "first", "last", "days").rows():
            listed[symbol, state] += days
            assert all(
                wrong.get((symbol, first + dt.timedelta(days=number)), state) == state
                for number in range((last - first).days + 1)
            )
        assert listed == Counter((symbol, state) for (symbol, _), state in wrong.items())
        for by in (PAIR, SERIES):
            drawn = cells(found, by)
            for state in State:
                expected = Counter(date for (_, date), one in by_hand.items() if one == state)
                per_day = drawn.group_by("date").agg(pl.col(state.value).sum()).rows()
                months = {date for date, _ in per_day}
                assert {date: number for date, number in per_day if number} == {
                    date: number for date, number in expected.items() if date in months
                }
            assert drawn.filter(pl.col("expected") != pl.sum_horizontal(list(State))).is_empty()
            landed = {(one["symbol"], one["date"]) for one in files if one["status"] == "success"}
            per_day = Counter(date for _, date in landed)
            assert {
                date: number for date, number in drawn.group_by("date").agg(pl.col("covered").sum()).rows() if number
            } == {date: number for date, number in per_day.items() if date in months}
            assert drawn.filter(pl.col("expected") < pl.col("covered")).is_empty()
        for most_symbols in (0, len(by_hand) + 1):  # months without a file are not drawn, and count
            whole = total(make_maps(found, most_symbols=most_symbols))
            assert whole.counts == {state.value: 0 for state in State} | Counter(by_hand.values())
            assert whole.expected == len(by_hand)


@pytest.mark.parametrize("status", Status)
def test_a_file_that_is_not_in_and_whose_path_names_no_day_is_of_no_day(status):
    found = look(file(3), file(0, status, date=NO_DATE))
    assert found.undated == (status in {Status.PENDING, Status.QUARANTINED, Status.FAILED})
    assert found.days["date"].to_list() == [day(3)]
    assert (found.spans["first"].item(), found.spans["last"].item()) == (day(3), day(3))
