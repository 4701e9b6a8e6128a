"""dlt: the filesystem source lists the files and remembers them; each becomes an Arrow table, cast as silver has it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from tests.bench.bare import convert


def load(bronze: Path, out: Path) -> None:
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DLT_DATA_DIR": str(out / "dlt"),
        "DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
    import dlt  # noqa: PLC0415 - an optional extra
    from dlt.sources.filesystem import filesystem  # noqa: PLC0415 - as above

    @dlt.transformer
    def rows(items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            yield convert("trades", Path(item["file_url"].removeprefix("file://"))).collect().to_arrow()

    files = filesystem(bucket_url=str(bronze), file_glob="**/*.csv.gz", incremental=dlt.sources.incremental("file_url"))
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(out / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=str(out)),
        dataset_name="lake",
    )
    pipeline.run(
        files | rows,
        table_name="trades",
        write_disposition="append",
        table_format="delta",
        loader_file_format="parquet",
    )


def read(out: Path) -> pl.DataFrame:
    table = next(log.parent for log in sorted(out.rglob("_delta_log")) if log.parent.name == "trades")
    return pl.read_delta(str(table), columns=["symbol", "id", "price"])
