"""``open_interest``: contracts that are open, and who holds which side, sampled by the venue."""

from __future__ import annotations

from pointline.tables.checks import equal_rows, negative_amount, time_backwards
from pointline.tables.schema import COMMON, EventTable, number

TABLE = EventTable(
    name="open_interest",
    columns=(
        *COMMON,
        number("open_interest", required=True),
        number("open_interest_value"),
        number("top_account_ratio"),
        number("top_position_ratio"),
        number("account_ratio"),
        number("taker_volume_ratio"),
    ),
    checks=(negative_amount("open_interest"), time_backwards(), equal_rows("timestamp", "open_interest")),
)
"""``open_interest`` is in the base asset or in contracts, its value in the quote asset. Ratios are long to short: of
the accounts and of the positions of top traders, of all accounts, and of the takers' volumes."""
