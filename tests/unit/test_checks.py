"""A book whose bid is above its ask is crossed, one whose bid equals its ask is locked, and no row is both."""

from __future__ import annotations

import ast
from pathlib import Path

import polars as pl
import pytest

from pointline.settings import CheckSettings, values_of
from pointline.tables.registry import event_tables
from pointline.tables.rule_names import RULES, rule_names

BOOKS = {
    name: checks
    for name, table in event_tables().items()
    if {"crossed_book", "locked_book"} & (checks := {check.name: check for check in table.checks}).keys()
}
ROOT = Path(__file__).parents[2]


def test_every_table_with_a_book_has_both():
    assert BOOKS.keys() >= {"quotes", "book_ticker", "book_snapshot_5", "options_chain"}
    assert all({"crossed_book", "locked_book"} <= checks.keys() for checks in BOOKS.values())


@pytest.mark.parametrize("table", BOOKS)
@pytest.mark.parametrize(
    ("bid", "ask", "found"),
    [
        (1.0, 2.0, set()),
        (2.0, 2.0, {"locked_book"}),
        (2.5, 2.0, {"crossed_book"}),
        (None, 2.0, set()),
        (2.0, None, set()),
    ],
)
def test_crossed_and_locked(table, bid, ask, found):
    names = [column.name for column in event_tables()[table].columns]
    book = {name: value for name, value in (("ask_price", ask), ("bid_price", bid)) if name in names}
    frame = pl.DataFrame(book or {"asks[0].price": ask, "bids[0].price": bid}, schema_overrides={}).cast(pl.Float64)
    checks = {name: BOOKS[table][name].found for name in ("crossed_book", "locked_book")}
    assert {name for name, check in checks.items() if frame.select(check.fill_null(value=False)).item()} == found


def test_every_check_has_a_setting():
    assert {check.name for table in event_tables().values() for check in table.checks} == set(
        values_of(CheckSettings())
    )


def test_every_rule_that_the_code_names_is_in_the_list():
    """Guards ``quarantine --rule``: a rule that is in no list could not be asked for."""
    found = set()
    for path in (ROOT / "pointline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                named = {word.arg: word.value for word in node.keywords}
                is_rule = isinstance(node.func, ast.Name) and node.func.id == "Rule"
                value = named.get("name") if is_rule else named.get("rule")
                if isinstance(value, ast.Constant) and value.value:
                    found.add(value.value)
    assert {"missing", "unknown_value", "window"} <= found
    assert found <= set(rule_names())
    assert all(sentence[0].islower() and not sentence.endswith(".") for sentence in RULES.values())
