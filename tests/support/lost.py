"""What may be lost in a lake, or put back from a copy of an earlier moment, and how each has to end."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from tests.support import befallen
from tests.support.befallen import BTC, ETH, QUOTES
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import Rows, expect, file_content, file_name, put_file

NEXT_DAY = file_name("trades", "SOLUSDT", day="2024-05-02")
LISTS = [f"tardis/exchange=binance/type=instruments/date=2024-05-0{day}/all.json.gz" for day in (1, 2)]
SYMBOL_TABLES = ("dim_symbol", "symbol_observations", "symbol_states")
INSTRUMENT = {
    "id": "BTCUSDT",
    "exchange": "binance",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "type": "spot",
    "active": True,
    "availableSince": "2019-01-01T00:00:00.000Z",
    "priceIncrement": 0.1,
    "amountIncrement": 0.001,
    "minTradeAmount": 0.001,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """A lake at two moments: a copy that somebody kept, and now."""

    before: Path
    now: Path


def make_moments(folder: Path) -> Moments:
    """Two tables, a list of symbols, bad rows; since the copy a replacement, a file and a day more."""
    now, before = folder / "now", folder / "before"
    bronze = now / "bronze"
    for name, rows, bad in ((BTC, 20, []), (ETH, 30, [3, 7]), (QUOTES, 12, [2])):
        put_file(bronze, name, file_content(name, rows, bad=bad))
    _put_list(bronze / LISTS[0], 0.1)
    assert Daemon(now).once() == 0
    shutil.copytree(now, before)
    put_file(bronze, BTC, file_content(BTC, 25, issue=2, bad=[4]))
    for name, rows in ((file_name("trades", "XRPUSDT"), 8), (NEXT_DAY, 5)):
        put_file(bronze, name, file_content(name, rows, bad=[1]))
    _put_list(bronze / LISTS[1], 0.5)
    assert Daemon(now).once() == 0
    return Moments(before=before, now=now)


def _put_list(path: Path, tick_size: float) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(json.dumps([{**INSTRUMENT, "priceIncrement": tick_size}]).encode(), mtime=0))


Befall = Callable[[Path, Moments], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One thing that was lost or put back."""

    befall: Befall
    keeps_ids: str = "now"
    """The moment whose ids are kept: of files that came since, nothing tells where all of the lake is older."""
    expected: Callable[[Path, Moments], Mapping[str, Rows]] = lambda lake, _: expect(lake / "bronze")
    """Rows of files by path: of those that bronze still has, and those that silver alone has."""
    can_be_read: bool = True
    """By other programs, before it is mended."""
    loses: tuple[str, ...] = ()
    """Files whose rows are nowhere any more, which `repair` lists."""


def _away(*names: str) -> Befall:
    def befall(lake: Path, _moments: Moments) -> None:
        for name in names:
            path = lake / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return befall


def _put_back(*names: str) -> Befall:
    def befall(lake: Path, moments: Moments) -> None:
        for name in names:
            shutil.rmtree(lake / name)
            shutil.copytree(moments.before / name, lake / name)

    return befall


def _simply(befall: Callable[[Path], None]) -> Befall:
    return lambda lake, _moments: befall(lake)


def _both(*all_of: Befall) -> Befall:
    def befall(lake: Path, moments: Moments) -> None:
        for one in all_of:
            one(lake, moments)

    return befall


def _cut_newest_entry(lake: Path, _moments: Moments) -> None:
    newest = max((lake / "silver/ingest_manifest/_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:100])


def _checkpoint_alone(*tables: str, entries: slice = slice(None)) -> Befall:
    """Another program checkpoints these tables, or all; then these entries of their logs are lost."""

    def befall(lake: Path, _moments: Moments) -> None:
        for table in [lake / "silver" / name for name in tables] or sorted((lake / "silver").iterdir()):
            DeltaTable(table).create_checkpoint()
            for entry in sorted((table / "_delta_log").glob("[0-9]*.json"))[entries]:
                entry.unlink()

    return befall


def _wrong(path: str, make: Callable[[Path], object] = Path.mkdir) -> Befall:
    """Put something of another kind in the place of a file or folder, or where one would come."""

    def befall(lake: Path, _moments: Moments) -> None:
        there = lake / path
        shutil.rmtree(there) if there.is_dir() else there.unlink(missing_ok=True)
        make(there)

    return befall


def _hot_copy(lake: Path, moments: Moments) -> None:
    """Put back a copy that was made while a daemon committed: the first half of its tables are older than the rest."""
    tables = sorted(path.name for path in (moments.now / "silver").iterdir())
    for name in tables[: tables.index("quarantine") + 1]:
        _put_back(f"silver/{name}")(lake, moments)


def _all_of_now(_lake: Path, moments: Moments) -> Mapping[str, Rows]:
    """What silver still has counts, whether or not bronze has it."""
    return expect(moments.now / "bronze")


KINDS = {
    "ledger lost": Kind(befall=_away("silver/ingest_manifest")),
    "ledger older": Kind(befall=_put_back("silver/ingest_manifest")),
    "log of the ledger torn": Kind(befall=_cut_newest_entry),
    "log of the ledger altered": Kind(befall=_simply(befallen.tear_ledger)),
    "a checkpoint alone left of all logs": Kind(befall=_checkpoint_alone()),
    "newest entries lost under a checkpoint": Kind(befall=_checkpoint_alone(entries=slice(-1, None))),
    "ledger older, a checkpoint alone left of trades": Kind(
        befall=_both(_put_back("silver/ingest_manifest"), _checkpoint_alone("trades")), keeps_ids="before"
    ),
    "folders in logs": Kind(
        befall=_both(
            _wrong("silver/ingest_manifest/_delta_log/_last_checkpoint"),
            _wrong("silver/trades/_delta_log/00000000000000000003.json"),
            _wrong("silver/quotes/_delta_log/.00000000000000000002.json.tmp"),
            _wrong("silver/quarantine/_delta_log/00000000000000000001.checkpoint.parquet"),
        )
    ),
    "a FIFO in a log": Kind(befall=_wrong("silver/trades/_delta_log/00000000000000000009.json", os.mkfifo)),
    "a folder in the place of the newest entry": Kind(
        befall=_wrong("silver/trades/_delta_log/00000000000000000002.json")
    ),
    "files in the place of folders": Kind(
        befall=_both(
            _wrong("silver/trades/exchange=binance", Path.touch),
            _wrong("silver/quotes", Path.touch),
            _wrong("silver/quarantine/_delta_log", Path.touch),
            _wrong("silver/dim_symbol", Path.touch),
        ),
        can_be_read=False,
    ),
    "table lost": Kind(befall=_away("silver/trades")),
    "table older": Kind(befall=_put_back("silver/trades")),
    "data file lost": Kind(befall=_simply(befallen.lose_data_file)),
    "data file damaged": Kind(befall=_simply(befallen.flip_bits)),
    "partition lost": Kind(befall=_away("silver/trades/exchange=binance/date=2024-05-01")),
    "quarantine lost": Kind(befall=_away("silver/quarantine")),
    "quarantine older": Kind(befall=_put_back("silver/quarantine")),
    "silver older": Kind(befall=_put_back("silver"), keeps_ids="before"),
    "silver lost": Kind(befall=_away("silver"), keeps_ids=""),
    ".pointline lost": Kind(befall=_away(".pointline")),
    ".pointline older": Kind(befall=_put_back(".pointline")),
    "silver and .pointline older": Kind(befall=_put_back("silver", ".pointline"), keeps_ids="before"),
    "a hot copy put back": Kind(befall=_hot_copy),
    "ledger and files of bronze lost": Kind(
        befall=_away("silver/ingest_manifest", f"bronze/{ETH}"), expected=_all_of_now
    ),
    "table and files of bronze lost": Kind(befall=_away("silver/trades", f"bronze/{ETH}"), loses=(ETH,)),
    "symbols lost": Kind(befall=_away(*(f"silver/{name}" for name in SYMBOL_TABLES))),
    "symbol states lost": Kind(befall=_away("silver/symbol_states")),
    "symbols older": Kind(befall=_both(*(_put_back(f"silver/{name}") for name in SYMBOL_TABLES))),
}
