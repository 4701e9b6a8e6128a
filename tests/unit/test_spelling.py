"""Which spellings name the same symbol, and which names stand for many."""

from __future__ import annotations

import pytest

from pointline.tables.spelling import GROUPS, is_group, symbol_key


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
