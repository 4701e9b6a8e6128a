"""NautilusTrader: its loader of Tardis files, and its catalog of Parquet files."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.bench.peers.peer import sources

DECIMALS = 8


def load(bronze: Path, out: Path) -> None:
    from nautilus_trader.adapters.tardis.loaders import TardisCSVDataLoader  # noqa: PLC0415 - an optional extra
    from nautilus_trader.persistence.catalog import ParquetDataCatalog  # noqa: PLC0415 - as above

    (out / "catalog").mkdir(exist_ok=True)
    catalog = ParquetDataCatalog(str(out / "catalog"))
    for path in sources(bronze):
        loader = TardisCSVDataLoader(price_precision=DECIMALS, size_precision=DECIMALS)
        catalog.write_data(loader.load_trades(path))


def read(out: Path) -> pl.DataFrame:
    from nautilus_trader.persistence.catalog import ParquetDataCatalog  # noqa: PLC0415 - as above

    ticks = ParquetDataCatalog(str(out / "catalog")).trade_ticks()
    return pl.DataFrame(
        [(tick.instrument_id.symbol.value, tick.trade_id.value, float(tick.price)) for tick in ticks],
        schema={"symbol": pl.String, "id": pl.String, "price": pl.Float64},
        orient="row",
    )


def count(out: Path) -> int:
    """Count without an object for each trade."""
    found: int = pl.scan_parquet(out / "catalog" / "**/*.parquet").select(pl.len()).collect().item()
    return found
