"""Which spellings name the same symbol, and which names stand for many."""

from __future__ import annotations

import pytest

from pointline.tables.spelling import EARLIER, EVERY_SYMBOL, GROUPS, holds_many, is_group, symbol_key


@pytest.mark.parametrize("spelled", ["BTC-USD", "btc-usd", "BTC/USD", "BTC:USD", "Btc/usd"])
def test_one_symbol(spelled):
    assert symbol_key(spelled) == "BTC-USD"


@pytest.mark.parametrize("other", ["BTC_USD", "BTCUSD", "BTC-USD ", ""])
def test_another_symbol(other):
    assert symbol_key(other) != "BTC-USD"


@pytest.mark.parametrize(("name", "extra", "expected"), [*((group.lower(), (), True) for group in sorted(GROUPS)),
                                                         ("BTC", (), False), ("ALL", ["all"], True)])  # fmt: skip
def test_groups(name, extra, expected):
    assert is_group(name, extra) is expected


@pytest.mark.parametrize("ticker", [*GROUPS, "MINE"])
def test_described_files_hold_many_only_where_that_is_said(ticker):
    assert not holds_many(ticker, "iqfeed/ticks", ["MINE"])
    assert holds_many(EVERY_SYMBOL, "iqfeed/ticks")
    assert holds_many(EARLIER, "iqfeed/ticks")  # a ledger of before; of a share the rows are looked at
    assert holds_many(ticker, "", ["MINE"])
