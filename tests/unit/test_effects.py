"""The ingest service over fakes, where the matrix of effects does not reach: instruments, and small decisions."""

from __future__ import annotations

import datetime as dt

import pytest

from pointline.services.symbols.changes import Told
from pointline.vendors.symbols.metadata import read_metadata
from tests.support.memory_lake import MemoryLake
from tests.support.people_contents import DAYS, client, hive, make_content

DAY = DAYS[0]
FOLDER = f"exchange=binance/type=instruments/date={DAY}"
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
SYMBOLS = [f"S{number}USDT" for number in range(10)]


def listing(symbols: list[str], tick: float = 0.5) -> bytes:
    """All symbols of the exchange: one that names no time is a snapshot of its day."""
    rows = [f"binance,{symbol},{symbol[:-4]},USDT,spot,{tick},," for symbol in symbols]
    columns = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"
    return "\n".join([columns, *rows, ""]).encode()


@pytest.fixture
def lake(tmp_path) -> MemoryLake:
    return MemoryLake(tmp_path)


def put(lake: MemoryLake, path: str, data: bytes) -> None:
    file = lake.root / "bronze" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    lake.run()


def statuses(lake: MemoryLake) -> list[str]:
    return [str(row["status"]) for row in lake.manifest.rows]


def told_of(lake: MemoryLake) -> set[int]:
    return set(lake.observations.heads()["file_id"])


class TestInstruments:
    """They go in, and out, by the same steps, with observations in the place of data files."""

    def test_in_and_out_again(self, lake):
        put(lake, f"{FOLDER}/a.csv", listing(SYMBOLS))
        assert (statuses(lake), told_of(lake)) == (["success"], {1})
        assert lake.process.service.withdraw([1]) == [1]
        assert (statuses(lake), told_of(lake)) == (["withdrawn"], set())
        assert lake.process.service.withdraw([1]) == []

    def test_beside_events_in_one_batch(self, lake):
        (lake.root / "bronze" / FOLDER).mkdir(parents=True)
        (lake.root / "bronze" / FOLDER / "a.csv").write_bytes(listing(SYMBOLS))
        put(lake, hive("trades", "BTCUSDT", DAY, 1), make_content("trades", ("BTCUSDT",), DAY, rows=8))
        assert statuses(lake) == ["success", "success"]
        assert lake.tables["trades"].read_all().height == 8
        lake.process.service.withdraw([1, 2])
        assert statuses(lake) == ["withdrawn", "withdrawn"]
        assert (lake.tables["trades"].read_all().height, told_of(lake)) == (0, set())

    def test_a_list_that_is_held_and_then_deleted_is_forgotten(self, lake):
        put(lake, f"{FOLDER}/a.csv", listing(SYMBOLS))
        short = FOLDER.replace(str(DAY), str(DAYS[1]))
        put(lake, f"{short}/b.csv", listing(SYMBOLS[:3]))
        assert statuses(lake) == ["success", "quarantined"]
        assert told_of(lake) == {1, 2}
        (lake.root / "bronze" / short / "b.csv").unlink()
        lake.run()
        assert (statuses(lake), told_of(lake)) == (["success", "gone"], {1})
        put(lake, hive("trades", "BTCUSDT", DAY, 1), make_content("trades", ("BTCUSDT",), DAY, rows=8))
        assert lake.tables["trades"].read_all().height == 8  # under a number that nothing else has

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_what_a_person_says_has_a_batch_of_its_own(self, lake, dry_run):
        put(lake, f"{FOLDER}/a.csv", listing(SYMBOLS))
        said = Told(metadata=read_metadata(listing(SYMBOLS[:1], tick=2.0), effective_at=NOW))
        for _ in range(2):
            plan = lake.process.service.update_symbols(said, dry_run=dry_run)
            assert plan.touched
        numbers = [one.number for one in lake.observations.batches]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == (1 if dry_run else 3)
        put(lake, f"{FOLDER}/b.csv", listing(["NEWUSDT"]))
        assert told_of(lake) >= {1, 2}


class TestSmallDecisions:
    def test_a_path_that_contradicts_itself_is_refused_whatever_the_rows_are(self, lake):
        path = hive("trades", "BTCUSDT", DAY, 1)
        put(
            lake,
            f"{path.rpartition('/')[0]}/{client('trades', 'ETHUSDT', DAY)}",
            make_content("trades", ("BTCUSDT",), DAY),
        )
        assert statuses(lake) == ["quarantined"]
        assert "ETHUSDT" in str(lake.manifest.rows[0]["error"])

    def test_what_a_person_accepted_is_taken(self, lake):
        path = client("trades", "BTCUSDT", DAY)
        put(lake, path, make_content("trades", ("BTCUSDT",), DAY, rows=20))
        put(lake, path, make_content("trades", ("BTCUSDT",), DAY, rows=4, issue=2))
        assert statuses(lake) == ["success", "quarantined"]
        assert lake.command("retry", path, "--accept") == 0
        lake.run()
        assert statuses(lake) == ["superseded", "success"]
        assert lake.tables["trades"].read_all().height == 4
