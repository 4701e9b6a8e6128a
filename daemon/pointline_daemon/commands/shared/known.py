"""What a value on the command line may name: tables, rules, and the exchanges, symbols and files of a lake.

What does not exist is refused with names that are nearly it; the same lists are what a shell completes.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pointline.config import Config, LakePaths
from pointline.errors import UnknownValue
from pointline.io.ledger.reader import scan_rows
from pointline.phrases import DESCRIBE_AGAIN, UNDESCRIBED
from pointline.tables import dim_symbol, ingest_manifest, quarantine
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, rows_by_day, stands_at
from pointline.tables.symbols import observations as symbol_observations
from pointline.unknown import no_such

LISTS_FILES = "`pointline files --last 0` lists all files"
OF_THE_LAKE = (
    ingest_manifest.NAME,
    quarantine.NAME,
    dim_symbol.NAME,
    symbol_observations.NAME,
    symbol_observations.STATES_NAME,
)
LISTS_SYMBOLS = "`pointline symbols show` lists them"


def event_tables_of(config: Config) -> list[str]:
    """Return the event tables of a lake, those that it describes itself included."""
    from pointline.io.descriptions import lake_tables  # noqa: PLC0415 - loads every table

    return list(lake_tables(config.paths.root))


def file_tables(config: Config) -> list[str]:
    """Return what a file may be of: the event tables, lists of instruments, and what files of the ledger are of."""
    had = _distinct(ledger_rows(config).select(pl.col("data_type").cast(pl.String)))
    return list(dict.fromkeys([*event_tables_of(config), INSTRUMENTS, *had]))


def require_file_table(name: str, config: Config) -> None:
    """Raise UnknownValue where no file is of such a table. The ledger is asked only where no description has it."""
    if name not in {*event_tables_of(config), INSTRUMENTS}:
        require_table(name, file_tables(config))


def require_table(name: str, known: Iterable[str], paths: LakePaths | None = None) -> None:
    """Raise UnknownValue where there is no such table."""
    names = list(known)
    if name not in names:
        hint = ""
        if name in OF_THE_LAKE:
            hint = "the lake keeps that one itself: a table of events is wanted"
        elif paths is not None and (paths.table(name) / "_delta_log").is_dir():
            hint = f"it is in silver, and {UNDESCRIBED}: {DESCRIBE_AGAIN}"
        raise no_such("table", name, names, hint=hint)


def exchanges_in(files: pl.LazyFrame) -> list[str]:
    """Return the exchanges of files or symbols, sorted."""
    return _distinct(files.select(pl.col("exchange").cast(pl.String)))


def symbols_in(files: pl.LazyFrame) -> list[str]:
    """Return the symbols of files, by path and as found in the rows; or those of ``dim_symbol``."""
    named = [files.select(pl.col("symbol").cast(pl.String))]
    if "symbols" in files.collect_schema():
        named.append(files.select(pl.col("symbols").explode().alias("symbol")))
    return _distinct(pl.concat(named))


def known_exchange(files: pl.LazyFrame, name: str | None) -> str | None:
    """Return an exchange as the files have it, which may be in lower case. Raises UnknownValue where none is of it."""
    if name is None:
        return None
    known = exchanges_in(files)
    if (found := next((one for one in (name, name.lower()) if one in known), None)) is None:
        raise no_such("exchange", name, known, hint="" if known else "no file was ingested yet")
    return found


def require_symbol(files: pl.LazyFrame, name: str | None, *, lists: str = LISTS_FILES) -> None:
    """Raise UnknownValue where no file is of that symbol, nor holds rows of it; ``lists`` says what lists them."""
    if name is not None and name not in (known := symbols_in(files)):
        raise no_such("symbol", name, known, hint=lists if known else "no file was ingested yet")


def rules_in(config: Config) -> list[str]:
    """Return the rules that there are, and those of an earlier release that quarantined rows still name."""
    from pointline.tables.rule_names import rule_names  # noqa: PLC0415 - loads every table

    names = rule_names()
    found = scan_rows(config.paths.table(quarantine.NAME), quarantine.SCHEMA).select(pl.col("rule").cast(pl.String))
    return [*names, *(one for one in _distinct(found) if one not in names)]


def require_rule(config: Config, name: str | None, *, also: str = "") -> None:
    """Raise UnknownValue where there is no such rule. ``also``: what else was looked for."""
    if name is not None and name not in (known := rules_in(config)):
        raise no_such("rule", name, known, hint=f"`pointline help tables` lists the rules{also}")


def unknown_file(file_id: object) -> UnknownValue:
    """Return the error for an id that the ledger does not have."""
    return UnknownValue(f"there is no file {file_id} in the ledger", subject=str(file_id), hint=LISTS_FILES)


def newest_files(config: Config, beginning: str, most: int) -> list[tuple[str, str]]:
    """Return ``(id, path)`` of the newest files whose id begins with these digits."""
    file_id = pl.col("file_id").cast(pl.String)
    found = ledger_rows(config).filter(file_id.str.starts_with(beginning)).top_k(most, by="file_id")
    newest = found.sort("file_id", descending=True).select(file_id, "bronze_file_path").collect()
    return list(newest.iter_rows())


def paths_in(config: Config, beginning: str, most: int) -> list[str]:
    """Return the first paths of the ledger, in bronze, that begin so."""
    path = pl.col("bronze_file_path")
    found = ledger_rows(config).filter(path.str.starts_with(beginning)).select(path.unique().sort().head(most))
    return found.collect()["bronze_file_path"].to_list()


def partitions_in(config: Config, table: str | None) -> list[str]:
    """Return the partitions of an event table, or of all of them, as ``exchange/date``."""
    rows = rows_by_day(ledger_rows(config).filter(stands_at(Status.SUCCESS)))
    of_table = rows if table is None else rows.filter(pl.col("data_type") == table)
    names = of_table.select(pl.format("{}/{}", pl.col("exchange").cast(pl.String), pl.col("date").cast(pl.String)))
    return _distinct(names)


def known_symbols(config: Config) -> pl.LazyFrame:
    """Return the rows of ``dim_symbol``."""
    return scan_rows(config.paths.table(dim_symbol.NAME), dim_symbol.SCHEMA)


def ledger_rows(config: Config) -> pl.LazyFrame:
    """Return the rows of the ledger; none where there is no lake."""
    return scan_rows(config.paths.table(ingest_manifest.NAME), ingest_manifest.SCHEMA)


def _distinct(names: pl.LazyFrame) -> list[str]:
    column = names.collect_schema().names()[0]
    return sorted(names.unique().drop_nulls().collect()[column].to_list())
