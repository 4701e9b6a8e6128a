"""Snapshots: what is missing is delisted, what returns is listed again, and a partial answer does no harm."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pointline.errors import Rejected, SuspectSnapshot
from pointline.tables import dim_symbol
from pointline.tables.dim_symbol_checks import violations
from pointline.tables.dim_symbol_snapshot import snapshot


def day(number: int) -> dt.datetime:
    return dt.datetime(2024, 5, number, tzinfo=dt.UTC)


def listing(*symbols: str, exchange: str = "binance", tick_size: float = 0.1, **attributes) -> pl.DataFrame:
    rows = [{"exchange": exchange, "symbol": symbol, "tick_size": tick_size} | attributes for symbol in symbols]
    schema = {name: kind for name, kind in dim_symbol.UPDATE_SCHEMA.items() if name not in {"valid_from", "listed"}}
    return pl.DataFrame(rows, schema=schema)


def current(table: pl.DataFrame) -> list[str]:
    assert violations(table) == []
    return sorted(table.filter("is_current").select(pl.format("{} {}", *dim_symbol.KEY)).to_series())


TEN = [f"S{number}" for number in range(10)]
LISTED = snapshot(dim_symbol.empty(), listing(*TEN), day(1))


class TestSnapshot:
    def test_what_is_missing_is_delisted_at_that_time(self):
        after = snapshot(LISTED, listing(*TEN[1:]), day(5))
        assert after.filter(symbol="S0").select("valid_until", "is_current").rows() == [(day(5), False)]
        assert len(current(after)) == 9

    def test_what_returns_is_a_new_version(self):
        after = snapshot(snapshot(LISTED, listing(*TEN[1:]), day(5)), listing(*TEN), day(8))
        windows = after.filter(symbol="S0").sort("valid_from").select("valid_from", "valid_until").rows()
        assert windows == [(day(1), day(5)), (day(8), None)]

    def test_what_changed_is_a_new_version(self):
        after = snapshot(LISTED, pl.concat([listing(*TEN[1:]), listing("S0", tick_size=0.2)]), day(5))
        assert after.filter(symbol="S0").sort("valid_from")["tick_size"].to_list() == [0.1, 0.2]
        assert after.height == 11

    def test_the_same_again_changes_nothing(self):
        assert snapshot(LISTED, listing(*TEN), day(1)) is LISTED
        assert snapshot(LISTED, listing(*TEN), day(7)) is LISTED

    def test_what_it_says_is_not_listed_counts_as_missing(self):
        told = listing(*TEN).with_columns(listed=pl.col("symbol") != "S0")
        assert "binance S0" not in current(snapshot(LISTED, told, day(5)))

    def test_another_exchange_stays(self):
        both = snapshot(LISTED, listing("X", exchange="okx"), day(2))
        assert len(current(both)) == 11
        assert "okx X" in current(snapshot(both, listing(*TEN), day(3)))

    def test_unless_it_is_named(self):
        both = snapshot(LISTED, listing("X", exchange="okx"), day(2))
        with pytest.raises(SuspectSnapshot, match="1 of 1 of okx"):
            snapshot(both, listing(*TEN), day(3), exchanges=["okx"])
        assert "okx X" not in current(snapshot(both, listing(*TEN), day(3), exchanges=["okx"], insist=True))

    def test_only_what_was_listed_then_is_delisted_by_an_older_one(self):
        after = snapshot(snapshot(LISTED, listing(*TEN, "NEW"), day(8)), listing(*TEN), day(5))
        assert "binance NEW" in current(after)

    def test_old_column_names(self):
        old = listing(*TEN[1:]).rename({"exchange": "venue", "tick_size": "pip_size", "quote_asset": "quoteCurrency"})
        assert snapshot(LISTED, old, day(5)).equals(snapshot(LISTED, listing(*TEN[1:]), day(5)))

    def test_a_valid_from_of_its_own_does_not_count(self):
        told = listing(*TEN).with_columns(valid_from=pl.lit(day(20)))
        assert snapshot(dim_symbol.empty(), told, day(1)).equals(LISTED)

    def test_a_time_without_a_zone_is_refused(self):
        with pytest.raises(Rejected, match="zone"):
            snapshot(LISTED, listing(*TEN), dt.datetime(2024, 5, 5))  # noqa: DTZ001


class TestPartial:
    """A partial or an error answer that was saved must not delist the world."""

    def test_is_refused_with_numbers_and_a_way_out(self):
        with pytest.raises(SuspectSnapshot, match="lacks 3 of 10 of binance: more than 25%") as refused:
            snapshot(LISTED, listing(*TEN[3:]), day(5))
        assert "insist" in refused.value.hint

    def test_up_to_the_limit_it_is_taken(self):
        assert len(current(snapshot(LISTED, listing(*TEN[3:]), day(5), max_missing_share=0.3))) == 7

    def test_insisted_on_it_is_taken(self):
        assert len(current(snapshot(LISTED, listing(*TEN[3:]), day(5), insist=True))) == 7

    def test_each_exchange_counts_for_itself(self):
        many = snapshot(LISTED, listing(*(f"X{number}" for number in range(1000)), exchange="okx"), day(2))
        whole = listing(*(f"X{number}" for number in range(1000)), exchange="okx")
        with pytest.raises(SuspectSnapshot, match="9 of 10 of binance"):
            snapshot(many, pl.concat([whole, listing("S0")]), day(5))

    def test_what_was_delisted_before_does_not_count(self):
        few = snapshot(LISTED, listing(*TEN[:2]), day(5), insist=True)
        assert snapshot(few, listing(*TEN[:2]), day(6)) is few

    def test_all_said_to_be_not_listed(self):
        with pytest.raises(SuspectSnapshot):
            snapshot(LISTED, listing(*TEN).with_columns(listed=pl.lit(value=False)), day(5))

    @pytest.mark.parametrize("insist", [False, True])
    def test_nothing_at_all(self, insist):
        with pytest.raises(SuspectSnapshot, match="no symbol"):
            snapshot(LISTED, listing(), day(5), insist=insist)

    def test_nothing_at_all_of_a_named_exchange(self):
        with pytest.raises(SuspectSnapshot, match="10 of 10"):
            snapshot(LISTED, listing(), day(5), exchanges=["binance"])
        assert current(snapshot(LISTED, listing(), day(5), exchanges=["binance"], insist=True)) == []

    def test_the_message_stays_short(self):
        table = dim_symbol.empty()
        for number in range(8):
            table = snapshot(table, listing(*TEN, exchange=f"venue{number}"), day(1))
        told = pl.concat([listing("S0", exchange=f"venue{number}") for number in range(8)])
        with pytest.raises(SuspectSnapshot, match="and of 5 more exchanges"):
            snapshot(table, told, day(2))
