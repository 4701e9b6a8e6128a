"""Files of the demonstration that tell what its symbols are, as Tardis' instruments API answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from pointline.tables.dim_symbol import INSTRUMENTS

PERPETUALS: tuple[dict[str, Any], ...] = (
    {"exchange": "binance-futures", "id": "BTCUSDT", "priceIncrement": 0.1, "amountIncrement": 0.001},
    {"exchange": "binance-futures", "id": "ETHUSDT", "priceIncrement": 0.01, "amountIncrement": 0.001},
    {"exchange": "binance-futures", "id": "SOLUSDT", "priceIncrement": 0.001, "amountIncrement": 1.0},
    {"exchange": "deribit", "id": "BTC-PERPETUAL", "priceIncrement": 0.1, "amountIncrement": 10.0},
)
CHANGES = {"BTC-PERPETUAL": [{"until": "2024-05-02T00:00:00.000Z", "priceIncrement": 0.05}]}
"""The demonstration has days before and after: a row shows what held at its own time."""


class InstrumentsFile(Struct, frozen=True, kw_only=True):
    """What one exchange says of its symbols."""

    exchange: str
    table: str = INSTRUMENTS

    @property
    def path(self) -> str:
        return f"exchange={self.exchange}/type={self.table}/date=2024-05-01/instruments.json"

    def write(self, bronze: Path) -> None:
        """Write under another name, then the right one."""
        target = bronze / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{target.name}.part")
        staged.write_text(json.dumps([_instrument(one) for one in PERPETUALS if one["exchange"] == self.exchange]))
        staged.replace(target)


def instruments_files(run: int) -> Iterator[InstrumentsFile]:
    """Yield the files of the first run: they hold for all later days too."""
    if run == 0:
        yield from (InstrumentsFile(exchange=name) for name in sorted({one["exchange"] for one in PERPETUALS}))


def _instrument(perpetual: dict[str, Any]) -> dict[str, Any]:
    name = perpetual["id"]
    quote = "USDT" if name.endswith("USDT") else "USD"
    known = {
        "type": "perpetual",
        "active": True,
        "baseCurrency": name.removesuffix("USDT").removesuffix("-PERPETUAL"),
        "quoteCurrency": quote,
        "availableSince": "2020-01-01T00:00:00.000Z",
        "contractMultiplier": 1.0,
        "minTradeAmount": perpetual["amountIncrement"],
    }
    changes = {"changes": CHANGES[name]} if name in CHANGES else {}
    return {**perpetual, **known, **changes}
