"""What stands of what files said of symbols: late, corrected, withdrawn, moved, gone, held and released."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from tests.integration.test_symbol_files import as_csv, drop, exchange_info, folder, statuses
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline

BTC = {
    "id": "BTCUSDT", "exchange": "binance", "baseCurrency": "BTC", "quoteCurrency": "USDT", "type": "spot",
    "active": True, "availableSince": "2019-01-01T00:00:00.000Z", "priceIncrement": 0.1, "amountIncrement": 0.001,
    "minTradeAmount": 0.001,
}  # fmt: skip
NAMES = [f"S{number}USDT" for number in range(8)]


def ran(lake: Path, *arguments: str, code: int = 0) -> str:
    done = pointline(lake, *(arguments or ("run", "--once")))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def day(number: int) -> str:
    return f"2024-05-{number:02}"


def info(lake: Path, number: int, *symbols: str, exchange: str = "binance") -> str:
    path = f"{folder(day(number), exchange)}/info-{number}.json"
    return drop(lake, path, exchange_info(day(number), *symbols))


def a_list(lake: Path, number: int, **exchanges: list[str]) -> str:
    """A list of several exchanges, none of which is the folder's."""
    rows = [f"{exchange},{symbol},,,spot,0.1,1," for exchange, symbols in exchanges.items() for symbol in symbols]
    head = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"
    path = f"{folder(day(number), 'everything')}/list-{number}.csv"
    return drop(lake, path, "\n".join([head, *rows, ""]).encode())


def listed(lake: Path, number: int, exchange: str = "binance") -> list[str]:
    at = pl.lit(f"{day(number)}T12:00:00Z").str.to_datetime(time_unit="us", time_zone="UTC")
    held = (pl.col("valid_from") <= at) & (pl.col("valid_until").is_null() | (at < pl.col("valid_until")))
    return sorted(read_table(lake, "dim_symbol").filter(held, exchange=exchange)["symbol"])


def file_of(lake: Path, path: str) -> dict[str, object]:
    return read_manifest(lake).filter(bronze_file_path=path).sort("file_id").row(-1, named=True)


class TestStands:
    """What a file said counts while the file is in the lake."""

    def test_a_late_list_fills_its_place_and_nothing_after(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        info(tmp_path, 5, *NAMES)
        ran(tmp_path)
        info(tmp_path, 3, *NAMES[1:])
        ran(tmp_path)
        assert [len(listed(tmp_path, number)) for number in (1, 2, 3, 4, 5, 6)] == [8, 8, 7, 7, 8, 8]
        ran(tmp_path, "verify")

    def test_a_correction_in_its_place(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        path = info(tmp_path, 3, *NAMES[1:])
        ran(tmp_path)
        drop(tmp_path, path, exchange_info(day(3), *NAMES))
        ran(tmp_path)
        assert listed(tmp_path, 4) == NAMES
        assert read_table(tmp_path, "dim_symbol").height == 8

    def test_withdrawn_and_taken_in_again(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        path = info(tmp_path, 3, *NAMES[1:])
        ran(tmp_path)
        before = read_table(tmp_path, "dim_symbol")
        ran(tmp_path, "withdraw", path)
        assert statuses(tmp_path)[path] == "withdrawn"
        assert listed(tmp_path, 4) == NAMES
        ran(tmp_path, "verify")
        ran(tmp_path, "retry", path)
        ran(tmp_path)
        assert read_table(tmp_path, "dim_symbol").equals(before)

    def test_moved_to_another_exchange(self, tmp_path):
        path = f"{folder(day(1))}/a.csv.gz"
        drop(tmp_path, path, as_csv(NAMES))
        ran(tmp_path)
        target = tmp_path / "bronze" / folder(day(1), "okx") / "a.csv.gz"
        target.parent.mkdir(parents=True)
        (tmp_path / "bronze" / path).rename(target)
        ran(tmp_path)
        assert (listed(tmp_path, 1), listed(tmp_path, 1, "okx")) == ([], NAMES)
        assert statuses(tmp_path)[path] == "superseded"
        ran(tmp_path, "verify")

    def test_gone_after_it_was_held(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        partial = info(tmp_path, 2, *NAMES[:2])
        ran(tmp_path, code=1)
        (tmp_path / "bronze" / partial).unlink()
        ran(tmp_path)
        assert statuses(tmp_path)[partial] == "gone"
        info(tmp_path, 3, *NAMES[:2])  # what would have confirmed it
        ran(tmp_path, code=1)
        assert listed(tmp_path, 9) == NAMES

    def test_updates_are_evidence_too(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        ran(tmp_path)
        one = tmp_path / "one.csv"
        one.write_text("symbol,base,quote,type,tickSize,stepSize,contractMultiplier\nNEW,,,spot,0.1,1,\n")
        ran(tmp_path, "symbols", "update", str(one), "--exchange", "binance", "--effective-at", day(2))
        info(tmp_path, 3, *NAMES, "OTHER")
        ran(tmp_path)
        assert [len(listed(tmp_path, number)) for number in (1, 2, 3)] == [8, 9, 9]
        assert "NEW" not in listed(tmp_path, 3)
        ran(tmp_path, "verify")


class TestHeld:
    """An exchange that shrinks too much is held, and only that one."""

    def test_a_later_list_that_agrees_releases_it(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        first = info(tmp_path, 2, *NAMES[:2])
        ran(tmp_path, code=1)
        assert statuses(tmp_path)[first] == "quarantined"
        second = info(tmp_path, 4, *NAMES[:2])
        ran(tmp_path)
        assert {statuses(tmp_path)[first], statuses(tmp_path)[second]} == {"success"}
        assert file_of(tmp_path, first)["rows_written"] == 2
        assert listed(tmp_path, 2) == NAMES[:2]
        ran(tmp_path, "verify")

    def test_a_later_list_that_does_not_agree_leaves_it_held(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        first = info(tmp_path, 2, *NAMES[:2])
        info(tmp_path, 4, *NAMES)
        ran(tmp_path, code=1)
        assert statuses(tmp_path)[first] == "quarantined"
        assert listed(tmp_path, 2) == NAMES

    def test_the_command_that_is_printed_takes_it(self, tmp_path):
        info(tmp_path, 1, *NAMES)
        first = info(tmp_path, 2, *NAMES[:2])
        ran(tmp_path, code=1)
        command = str(file_of(tmp_path, first)["error"]).split("`")[1].split()
        assert command[0] == "pointline"
        ran(tmp_path, *command[1:])
        ran(tmp_path)
        assert statuses(tmp_path)[first] == "success"
        assert listed(tmp_path, 9) == NAMES[:2]

    def test_late_evidence_holds_what_was_in(self, tmp_path):
        second = info(tmp_path, 2, *NAMES[:2])
        ran(tmp_path)
        info(tmp_path, 1, *NAMES)
        ran(tmp_path, code=1)
        assert statuses(tmp_path)[second] == "quarantined"
        assert listed(tmp_path, 9) == NAMES
        ran(tmp_path, "verify")

    def test_the_other_exchanges_of_a_list_go_in(self, tmp_path):
        a_list(tmp_path, 1, binance=NAMES, okx=NAMES)
        path = a_list(tmp_path, 2, binance=NAMES[:2], okx=NAMES[1:])
        ran(tmp_path)
        row = file_of(tmp_path, path)
        assert row["status"] == "success"
        assert json.loads(str(row["warnings"])) == {"held:binance": 6}
        assert "lacks 6 of the 8 symbols of binance" in str(row["error"])
        assert (listed(tmp_path, 2), listed(tmp_path, 2, "okx")) == (NAMES, NAMES[1:])
        told = json.loads(pointline(tmp_path, "explain", path, "--json").stdout)[0]["versions"][0]
        assert "What it says of binance is held: it lacks 6 symbols of those listed before" in json.dumps(told)
        assert "retry 2 --accept" in told["next"]
        ran(tmp_path, *str(row["error"]).split("`")[1].split()[1:])
        ran(tmp_path)
        assert listed(tmp_path, 2) == NAMES[:2]
        assert file_of(tmp_path, path)["error"] is None

    def test_an_exchange_that_is_named_no_longer(self, tmp_path):
        a_list(tmp_path, 1, binance=NAMES, okx=NAMES, bybit=NAMES)
        path = a_list(tmp_path, 2, binance=NAMES, bybit=NAMES)
        ran(tmp_path)
        assert "names okx no longer, of which 8 symbols are listed" in str(file_of(tmp_path, path)["error"])
        assert listed(tmp_path, 2, "okx") == NAMES
        a_list(tmp_path, 3, binance=NAMES, bybit=NAMES)
        ran(tmp_path)
        assert file_of(tmp_path, path)["error"] is None
        assert (listed(tmp_path, 1, "okx"), listed(tmp_path, 2, "okx")) == (NAMES, [])
        ran(tmp_path, "verify")
