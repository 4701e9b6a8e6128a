"""Others that do a part of this job, over the same files: a loop of ``write_delta``, and dlt from files to Delta.

``python -m tests.bench.peers PEER BRONZE OUT``. Neither keeps a ledger of content, sets bad rows aside, or flushes.
dlt comes with the extra: ``pip install -e '.[bench]'``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from tests.bench.bare import convert
from tests.bench.inputs import Input
from tests.bench.process import Cost, module, run
from tests.bench.sums import check_rows

LOOP, DLT = "write_delta loop", "dlt"


def contestants(folder: Path, source: Input) -> dict[str, Callable[[], Cost]]:
    """The peers that are installed, each as a whole process; the rows are counted after each run."""
    names = [LOOP] if absent() else [LOOP, DLT]
    return {name: partial(_contest, name, folder / "peer", source) for name in names}


def absent() -> list[str]:
    """Why a peer is left out."""
    if importlib.util.find_spec("dlt") is None:
        return ["dlt is not installed and left out: pip install -e '.[bench]'"]
    return []


def _contest(name: str, out: Path, source: Input) -> Cost:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    cost = run(module("tests.bench.peers", name, source.folder, out), out.with_suffix(".log"))
    table = next(log.parent for log in sorted(out.rglob("_delta_log")) if log.parent.name == "trades")
    check_rows(pl.scan_delta(str(table)).select(pl.len()).collect().item(), source.sums.rows, name)
    return cost


def append_in_a_loop(bronze: Path, out: Path) -> None:
    for path in sorted(bronze.rglob("*.csv.gz")):
        convert("trades", path).collect().write_delta(out / "trades", mode="append")


def load_with_dlt(bronze: Path, out: Path) -> None:
    """The filesystem source lists the files and remembers them; each becomes an Arrow table, cast as silver has it."""
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


if __name__ == "__main__":
    {LOOP: append_in_a_loop, DLT: load_with_dlt}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
