"""Input that is easy to check, and an independent check that a lake holds it exactly once.

The lake is read with Polars' Delta reader and the Delta log alone; nothing of the program takes part.
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from tests.support.oracle import read_rows

HEADERS = {
    "trades": "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
    "quotes": "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
}
NUMBERS = {"trades": ("price", "amount"), "quotes": ("ask_amount", "ask_price", "bid_price", "bid_amount")}
BAD = "not-a-number"

Rows = Sequence[Mapping[str, str]]


# ---- input


def file_name(table: str, symbol: str, *, exchange: str = "binance", day: str = "2024-05-01") -> str:
    return f"{exchange}_{table}_{day}_{symbol}.csv.gz"


def file_content(name: str, rows: int, *, bad: Iterable[int] = (), issue: int = 1) -> bytes:
    """A vendor file of ``rows`` rows, different in each other row and issue; ``bad`` are row numbers."""
    exchange, table, day, rest = name.split("_", 3)
    symbol = rest.removesuffix(".csv.gz")
    midnight = int(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1_000_000
    spoiled = set(bad)
    lines = [HEADERS[table]]
    for number in range(1, rows + 1):
        at = midnight + number * 1_000_000
        price = BAD if number in spoiled else f"{100 * issue + number}.5"
        facts = (
            (f"{issue}-{number}", "buy", price, str(number)) if table == "trades" else (str(number), price, "99", "1")
        )
        lines.append(",".join((exchange, symbol, str(at - 100), str(at), *facts)))
    return gzip.compress("\n".join([*lines, ""]).encode(), mtime=0)


def put_file(bronze: Path, name: str, content: bytes, *, modified_at: float | None = None) -> None:
    """Rename a finished file into bronze, as the vendor's client does."""
    bronze.mkdir(parents=True, exist_ok=True)
    staged = bronze / f"{name}.unconfirmed"
    staged.write_bytes(content)
    if modified_at is not None:
        os.utime(staged, (modified_at, modified_at))
    staged.replace(bronze / name)


def expect(bronze: Path) -> dict[str, Rows]:
    """The rows of every file in bronze as text, by path."""
    return {path.relative_to(bronze).as_posix(): read_rows(path) for path in sorted(bronze.rglob("*.csv.gz"))}


# ---- check


def read_table(lake: Path, name: str) -> pl.DataFrame:
    """All rows of a silver table; without a table there are none."""
    path = lake / "silver" / name
    if not (path / "_delta_log").is_dir() or not DeltaTable.is_deltatable(str(path)):
        return pl.DataFrame(schema={"file_id": pl.Int64, "file_seq": pl.Int64})
    rows = pl.read_delta(str(path))
    return rows.sort("exchange", "symbol", "valid_from") if name == "dim_symbol" else rows  # delta-rs has its own order


def read_manifest(lake: Path) -> pl.DataFrame:
    return read_table(lake, "ingest_manifest").sort("file_id")


def ids_by_version(lake: Path) -> dict[tuple[str, int, str], int]:
    """``file_id`` by path, size and time of every version the ledger knows."""
    return _ids_in(read_manifest(lake))


def _ids_in(rows: pl.DataFrame) -> dict[tuple[str, int, str], int]:
    if "bronze_file_path" not in rows.columns:
        return {}
    facts = rows.select("bronze_file_path", "file_size_bytes", pl.col("last_modified_ts").cast(pl.String), "file_id")
    return {(path, size, at): file_id for path, size, at, file_id in facts.iter_rows()}


def _is_absorbed(manifest: pl.DataFrame) -> pl.Series:
    """Tell which rows were found to be another file that had moved here: that one is this version now."""
    version = pl.concat_str("bronze_file_path", "file_size_bytes", pl.col("last_modified_ts").cast(pl.String))
    by = manifest.select(superseded_by="file_id", by_version=version)
    taken = manifest.join(by, on="superseded_by", how="left", maintain_order="left")
    has_nothing = pl.col("rows_written") + pl.col("rows_quarantined") == 0
    is_absorbed = (
        (pl.col("status") == "superseded") & has_nothing & (pl.col("by_version") == version).fill_null(value=False)
    )
    return taken.select(found=is_absorbed).to_series()


def batch_of(lake: Path, table: str) -> int:
    """The newest batch in a table's log, -1 where there is none."""
    path = lake / "silver" / table
    if not DeltaTable.is_deltatable(str(path)):
        return -1
    found = DeltaTable(path).transaction_version("pointline")
    return -1 if found is None else found


def find_doubled(lake: Path) -> list[tuple[str, int, int]]:
    """``(table, file_id, file_seq)`` of rows that are there more than once: in event tables never, half done or not."""
    found = []
    for table in (*HEADERS, "quarantine"):
        with suppress(FileNotFoundError, pl.exceptions.ComputeError):  # what cannot be read is not there twice
            found += [(table, *key) for key in _keys_doubled(read_table(lake, table))]
    return found


def _keys_doubled(frame: pl.DataFrame) -> list[tuple[int, int]]:
    keys = Counter(frame.select("file_id", "file_seq").iter_rows())
    return [(file_id, seq) for (file_id, seq), count in keys.items() if count > 1]


def find_differences(
    lake: Path,
    expected: Mapping[str, Rows],
    ids_before: Mapping[tuple[str, int, str], int] | None = None,
    *,
    were_put_back: bool = False,
) -> list[str]:
    """Everything in which a settled lake differs from ``expected``: nothing lost, nothing doubled, ids as before.

    ``were_put_back``: files were withdrawn or healed, and replaced before they were read again. Such a superseded file
    counts bad rows that are in quarantine no more.
    """
    manifest = read_manifest(lake)
    silver = {table: read_table(lake, table) for table in HEADERS}
    aside = read_table(lake, "quarantine")
    problems = [
        f"doubled: {table} {file_id}:{seq}"
        for table, frame in {**silver, "quarantine": aside}.items()
        for file_id, seq in _keys_doubled(frame)
    ]
    if manifest["file_id"].is_duplicated().any():
        problems.append("doubled: a file_id stands in the manifest twice")
    own = manifest.filter(~_is_absorbed(manifest))
    ids = _ids_in(own)
    if len(ids) != own.height:
        problems.append("doubled: a file version has two ids")
    for version, file_id in (ids_before or {}).items():
        if ids.get(version) != file_id:
            problems.append(f"id changed: {version} was {file_id}, is {ids.get(version)}")
    alive = manifest.filter(~pl.col("status").is_in(["superseded", "gone"]))
    # What a person took out stays in the ledger under the path it had, whatever came there since.
    alive = alive.filter((pl.col("status") != "withdrawn") | pl.col("bronze_file_path").is_in(list(expected)))
    for path, rows in expected.items():
        versions = alive.filter(pl.col("bronze_file_path") == path).to_dicts()
        if len(versions) != 1:
            states = [(one["file_id"], one["status"]) for one in versions]
            problems.append(f"lost: {path} has {len(versions)} live versions in the manifest: {states}")
            continue
        if versions[0]["status"] == "duplicate":
            problems += _compare_duplicate(path, versions[0], alive, expected)
            if any(_rows_of(frame, versions[0]["file_id"]) for frame in silver.values()):
                problems.append(f"doubled: {path} is a duplicate and has rows")
        else:
            problems += _compare(path, rows, versions[0], silver, aside)
    unknown = set(alive["bronze_file_path"]) - set(expected)
    problems += [f"doubled: {path} is in the manifest and was never given" for path in sorted(unknown)]
    return problems + _compare_ledger(manifest, silver, aside, were_put_back) + _compare_batches(lake)


def assert_exact(
    lake: Path,
    expected: Mapping[str, Rows],
    ids_before: Mapping[tuple[str, int, str], int] | None = None,
    *,
    were_put_back: bool = False,
) -> None:
    """Fail with every difference at once."""
    problems = find_differences(lake, expected, ids_before, were_put_back=were_put_back)
    assert not problems, "\n".join(problems)


def _compare(
    path: str, rows: Rows, version: Mapping[str, object], silver: Mapping[str, pl.DataFrame], aside: pl.DataFrame
) -> list[str]:
    """One file: its rows 1..n, each either in its table with its values or in quarantine with its line."""
    table = str(version["data_type"])
    file_id = version["file_id"]
    good = {seq: row for seq, row in enumerate(rows, 1) if BAD not in row.values()}
    bad = {seq: row for seq, row in enumerate(rows, 1) if seq not in good}
    problems = []
    wanted = "success" if good or not rows else "quarantined"
    if version["status"] != wanted:
        problems.append(f"{path}: status {version['status']} instead of {wanted}: {version['error']}")
    counts = (version["rows_read"], version["rows_written"], version["rows_quarantined"])
    if counts != (len(rows), len(good), len(bad)):
        problems.append(f"{path}: counts {counts} instead of {(len(rows), len(good), len(bad))}")
    found = {row["file_seq"]: row for row in _rows_of(silver[table], file_id)}
    if found.keys() != good.keys():
        missing, extra = sorted(good.keys() - found.keys()), sorted(found.keys() - good.keys())
        problems.append(f"lost: {path} ({file_id}): rows missing {missing[:5]}, too many {extra[:5]}")
    for seq in good.keys() & found.keys():
        if any(float(good[seq][name]) != found[seq][name] for name in NUMBERS[table]):
            problems.append(f"{path} ({file_id}): row {seq} has other values")
            break
    set_aside = {row["file_seq"]: row for row in _rows_of(aside, file_id)}
    if set_aside.keys() != bad.keys():
        problems.append(f"quarantine: {path} ({file_id}) has {sorted(set_aside)} instead of {sorted(bad)}")
    problems += [
        f"quarantine: {path} row {seq} lost its line"
        for seq in bad.keys() & set_aside.keys()
        if bad[seq]["local_timestamp"] not in set_aside[seq]["raw"]
    ]
    return problems


def _compare_duplicate(
    path: str, version: Mapping[str, object], alive: pl.DataFrame, expected: Mapping[str, Rows]
) -> list[str]:
    """A duplicate names a file with the same rows that is in."""
    original = alive.filter(pl.col("file_id") == version["superseded_by"], pl.col("status") == "success")
    same = [other for other in original["bronze_file_path"] if other != path and expected.get(other) == expected[path]]
    return [] if same else [f"lost: {path} counts as a duplicate, but no other file in the lake is the same"]


def _rows_of(frame: pl.DataFrame, file_id: object) -> list[dict[str, object]]:
    return frame.filter(pl.col("file_id") == file_id).to_dicts()


def _compare_ledger(
    manifest: pl.DataFrame,
    silver: Mapping[str, pl.DataFrame],
    aside: pl.DataFrame,
    were_put_back: bool,
) -> list[str]:
    """No row of a file that is not in; as many rows in quarantine as the ledger says, for every version."""
    problems = []
    is_in = set(manifest.filter(pl.col("status") == "success")["file_id"])
    for table, frame in silver.items():
        stray = set(frame["file_id"]) - is_in
        if stray:
            problems.append(f"doubled: {table} has rows of {sorted(stray)}, which are not in")
    set_aside = Counter(aside["file_id"])
    for row in manifest.to_dicts():
        held = set_aside.pop(row["file_id"], 0)
        counted = 0 if row["status"] in {"withdrawn", "gone"} else row["rows_quarantined"] or 0
        if counted != held and not (were_put_back and row["status"] == "superseded" and not held):
            problems.append(f"quarantine: file {row['file_id']} has not the {row['rows_quarantined']} rows it counts")
        if row["rows_read"] is not None and row["rows_read"] != row["rows_written"] + row["rows_quarantined"]:
            problems.append(f"file {row['file_id']}: rows read are not rows written and set aside")
        if row["status"] == "pending":
            problems.append(f"lost: {row['bronze_file_path']} is still pending: {row['error']}")
    problems += [f"quarantine: rows of unknown file {file_id}" for file_id in set_aside]
    return problems


def _compare_batches(lake: Path) -> list[str]:
    """The ledger claims to be complete up to every batch that silver has."""
    ledger = batch_of(lake, "ingest_manifest")
    return [f"{table} is ahead of the manifest" for table in HEADERS if batch_of(lake, table) > ledger]
