"""The rules of ``dim_symbol`` by example; ``tests/properties`` has the same against a model."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pointline.errors import Rejected
from pointline.tables import dim_symbol
from pointline.tables.registry import event_tables
from pointline.tables.symbols.checks import CHECKS, violations
from pointline.tables.symbols.diff import diff
from pointline.tables.symbols.observations import Kind, observe
from pointline.tables.symbols.updates import REQUIRED, UPDATE_SCHEMA, typed_updates
from tests.support.told import origin, versions_of


def day(number: int) -> dt.datetime:
    return dt.datetime(2024, 5, number, tzinfo=dt.UTC)


def update(symbol: str, number: int, tick_size: float | None, *, listed: bool = True, **attributes) -> pl.DataFrame:
    row = {"exchange": "binance", "symbol": symbol, "tick_size": tick_size, "valid_from": day(number), "listed": listed}
    return pl.DataFrame([row | attributes], schema=UPDATE_SCHEMA)


def delisting(symbol: str, number: int) -> pl.DataFrame:
    return update(symbol, number, None, listed=False)


def table_of(*batches: pl.DataFrame) -> pl.DataFrame:
    """Each batch is a file of windows, found after the one before."""
    return versions_of(
        observe(typed_updates(batch), Kind.WINDOWS, None, origin(number)) for number, batch in enumerate(batches, 1)
    )


def windows(table: pl.DataFrame) -> list[tuple[float | None, int, int | None]]:
    """Tick size, first day and day of the end of each version."""
    assert violations(table) == []
    ordered = table.sort("exchange", "symbol", "valid_from")
    return ordered.select("tick_size", pl.col("valid_from").dt.day(), pl.col("valid_until").dt.day()).rows()


LISTED = update("A", 1, 0.1)
CHANGED = update("A", 10, 0.2)


class TestUpsert:
    """One symbol, told about in turn."""

    def test_a_change_closes_the_version_before(self):
        assert windows(table_of(LISTED, CHANGED)) == [(0.1, 1, 10), (0.2, 10, None)]

    def test_what_held_already_makes_no_version(self):
        assert windows(table_of(LISTED, update("A", 5, 0.1))) == [(0.1, 1, None)]

    def test_what_confirms_is_evidence_all_the_same(self):
        confirmed = table_of(LISTED, update("A", 5, 0.1), update("A", 3, 0.2))
        assert windows(confirmed) == [(0.1, 1, 3), (0.2, 3, 5), (0.1, 5, None)]

    def test_null_is_a_value(self):
        assert windows(table_of(LISTED, update("A", 5, None))) == [(0.1, 1, 5), (None, 5, None)]

    def test_a_late_update_holds_until_the_next_version(self):
        assert windows(table_of(LISTED, CHANGED, update("A", 5, 0.3))) == [(0.1, 1, 5), (0.3, 5, 10), (0.2, 10, None)]

    def test_a_late_update_equal_to_the_next_version_moves_its_beginning(self):
        assert windows(table_of(LISTED, CHANGED, update("A", 5, 0.2))) == [(0.1, 1, 5), (0.2, 5, None)]

    def test_an_update_before_the_first_version(self):
        assert windows(table_of(CHANGED, update("A", 3, 0.3))) == [(0.3, 3, 10), (0.2, 10, None)]

    def test_an_update_for_the_same_time_corrects(self):
        assert windows(table_of(LISTED, CHANGED, update("A", 10, 0.3))) == [(0.1, 1, 10), (0.3, 10, None)]

    def test_a_correction_back_to_what_held_before_takes_the_version_away(self):
        assert windows(table_of(LISTED, CHANGED, update("A", 10, 0.1))) == [(0.1, 1, None)]

    def test_a_batch_is_laid_over_in_one_go(self):
        batch = pl.concat([update("A", 5, 0.2), update("A", 7, 0.4)])
        expected = [(0.1, 1, 5), (0.2, 5, 7), (0.4, 7, 10), (0.2, 10, None)]
        assert windows(table_of(LISTED, CHANGED, batch)) == expected

    def test_every_attribute_counts(self):
        for name, kind in dim_symbol.ATTRIBUTES.items():
            value = "x" if kind == pl.String() else 7.0 if kind == pl.Float64() else day(30)
            assert table_of(LISTED, update("A", 5, 0.1).with_columns(pl.lit(value, kind).alias(name))).height == 2, name

    def test_symbols_and_exchanges_are_apart(self):
        other = update("A", 5, 0.2).with_columns(exchange=pl.lit("okx"))
        assert windows(table_of(LISTED, other, update("B", 6, 0.3))) == [(0.1, 1, None), (0.3, 6, None), (0.2, 5, None)]


class TestDelisting:
    def test_ends_the_version(self):
        assert windows(table_of(LISTED, delisting("A", 5))) == [(0.1, 1, 5)]

    def test_listed_again_is_a_new_version_with_a_gap_before(self):
        assert windows(table_of(LISTED, delisting("A", 5), update("A", 8, 0.1))) == [(0.1, 1, 5), (0.1, 8, None)]

    def test_is_a_recorded_change_that_a_late_update_respects(self):
        assert windows(table_of(LISTED, delisting("A", 5), update("A", 3, 0.2))) == [(0.1, 1, 3), (0.2, 3, 5)]

    def test_late_lasts_until_the_next_version(self):
        assert windows(table_of(LISTED, CHANGED, delisting("A", 5))) == [(0.1, 1, 5), (0.2, 10, None)]

    def test_of_what_was_never_listed_is_nothing(self):
        assert table_of(delisting("A", 5)).height == 0

    def test_at_the_beginning_takes_the_version_away(self):
        assert windows(table_of(LISTED, CHANGED, delisting("A", 10))) == [(0.1, 1, 10)]

    def test_gives_way_to_a_listing_at_the_same_time(self):
        batch = pl.concat([update("A", 5, 0.2), delisting("A", 5)])
        assert windows(table_of(LISTED, batch)) == [(0.1, 1, 5), (0.2, 5, None)]


class TestTable:
    def test_it_is_no_event_table(self):
        assert dim_symbol.NAME not in event_tables()

    def test_an_empty_one_is_sound(self):
        assert violations(dim_symbol.empty()) == []
        assert dim_symbol.empty().schema == dim_symbol.SCHEMA

    def test_ids_are_the_same_everywhere_and_for_ever(self):
        """These two numbers are in people's lakes."""
        assert table_of(LISTED, CHANGED)["symbol_id"].to_list() == [8169974440588886312, 8169981763968311592]

    def test_ids_before_1970_and_of_other_scripts(self):
        old = update("币安", 1, 0.1).with_columns(valid_from=pl.lit(dt.datetime(1950, 1, 1, tzinfo=dt.UTC)))
        assert violations(table_of(old)) == []

    def test_exchange_and_symbol_do_not_run_together(self):
        keys = pl.DataFrame({"exchange": ["ab", "a"], "symbol": ["c", "bc"], "valid_from": [day(1)] * 2})
        assert dim_symbol.symbol_ids(keys).n_unique() == 2


class TestUpdates:
    """What comes in from outside."""

    @pytest.mark.parametrize(
        ("updates", "told"),
        [
            (LISTED.drop("tick_size", "symbol"), "without the columns symbol, tick_size"),
            (LISTED.with_columns(symbol=pl.lit("")), "without exchange, symbol"),
            (LISTED.with_columns(exchange=pl.lit(None, pl.String())), "without exchange, symbol"),
            (LISTED.with_columns(valid_from=pl.lit(None, pl.Datetime("us", "UTC"))), "valid_from"),
            (LISTED.with_columns(tick_size=pl.lit(float("nan"))), "not finite"),
            (LISTED.with_columns(strike_price=pl.lit(float("-inf"))), "not finite"),
            (LISTED.with_columns(lot_size=pl.lit("many")), "another type"),
            (pl.concat([LISTED, update("A", 1, 0.7)]), "contradict"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, updates, told):
        with pytest.raises(Rejected, match=told) as refused:
            table_of(updates)
        assert refused.value.hint
        assert "\n" not in str(refused.value)

    def test_the_same_twice_counts_once(self):
        assert windows(table_of(pl.concat([LISTED, LISTED]))) == [(0.1, 1, None)]

    def test_columns_in_any_order_optional_ones_left_out_others_ignored(self):
        few = LISTED.select(*reversed([*dim_symbol.KEY, *REQUIRED, "valid_from"]), note=pl.lit("?"))
        assert table_of(few).equals(table_of(LISTED))

    @pytest.mark.parametrize("kind", [pl.Date(), pl.Datetime("ms"), pl.Datetime("ns", "UTC")])
    def test_times_of_any_type(self, kind):
        assert table_of(LISTED.with_columns(pl.col("valid_from").cast(kind))).equals(table_of(LISTED))

    def test_times_of_another_zone(self):
        tokyo = LISTED.with_columns(pl.col("valid_from").dt.convert_time_zone("Asia/Tokyo"))
        assert table_of(tokyo).equals(table_of(LISTED))


def broken_tables() -> dict[str, pl.DataFrame]:
    sound = table_of(LISTED, CHANGED, update("B", 1, 0.1))
    first = pl.col("symbol_id") == sound["symbol_id"][0]

    def where_first(name: str, value: object) -> pl.DataFrame:
        return sound.with_columns(pl.when(first).then(pl.lit(value, sound.schema[name])).otherwise(name).alias(name))

    return {
        "key_present": where_first("symbol", ""),
        "valid_from_present": where_first("valid_from", None),
        "window_not_empty": where_first("valid_until", day(1)),
        "current_holds": where_first("is_current", value=True),
        "one_current": where_first("is_current", value=True),
        "no_overlap": where_first("valid_until", day(11)),
        "versions_differ": where_first("tick_size", 0.2),
        "numbers_finite": where_first("lot_size", float("inf")),
        "symbol_id_derived": where_first("symbol_id", 7),
        "symbol_id_unique": sound.with_columns(symbol_id=pl.lit(7, pl.Int64())),
    }


class TestChecks:
    """Each check finds what it is there for, and says where."""

    @pytest.mark.parametrize("check", CHECKS)
    def test_finds_what_is_broken(self, check):
        found = {violation.check: violation for violation in violations(broken_tables()[check])}
        assert check in found
        assert found[check].rows >= 1
        assert "binance" in found[check].example

    def test_in_any_order_of_the_rows(self):
        for check, table in broken_tables().items():
            assert check in {violation.check for violation in violations(table.reverse())}

    def test_another_schema(self):
        (violation,) = violations(dim_symbol.empty().with_columns(pl.col("tick_size").cast(pl.Int64())))
        assert (violation.check, violation.example) == ("schema", "tick_size")


class TestDiff:
    def diff(self, before: list[pl.DataFrame], *then: pl.DataFrame) -> pl.DataFrame:
        return diff(dim_symbol.changes_between(table_of(*before), table_of(*before, *then)))

    def test_says_which_versions_change_and_how(self):
        before = [LISTED, CHANGED, update("B", 1, 0.1), update("C", 1, 0.1)]
        batch = pl.concat([update("A", 5, 0.3), update("B", 4, None), update("C", 1, 0.5), update("D", 2, 0.1)])
        found = self.diff(before, batch)
        assert found.select("change", "symbol", pl.col("valid_from").dt.day(), "what").rows() == [
            ("moved", "A", 1, ""),
            ("added", "A", 5, "tick_size 0.1 → 0.3"),
            ("closed", "B", 1, ""),
            ("added", "B", 4, "tick_size 0.1 → none"),
            ("corrected", "C", 1, "tick_size 0.1 → 0.5"),
            ("added", "D", 2, ""),
        ]

    def test_a_version_that_another_takes_the_place_of(self):
        found = self.diff([LISTED, CHANGED], update("A", 5, 0.2))
        assert found.select("change", pl.col("valid_from").dt.day()).rows() == [
            ("moved", 1), ("added", 5), ("removed", 10),
        ]  # fmt: skip

    def test_nothing_where_nothing_changes(self):
        assert self.diff([LISTED], LISTED).height == 0
