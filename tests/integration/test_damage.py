"""One bit is flipped on the disk, anywhere: the audit finds it and names the file."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from pathlib import Path

import pytest

from daemon.commands.verify import verify_lake
from daemon.lake import open_lake
from pointline.config import load_config
from pointline.io.health import PartFiles
from tests.support.process import pointline
from tests.support.small_lake import add_symbols, at
from tests.support.sound_lake import live_parts

FLIPS = 40
OLDER = Path(__file__).parents[1] / "fixtures/lake-829b7c8.tar.xz"
SMALL = ("ingest_manifest", "quarantine", "dim_symbol")


@pytest.fixture(scope="module")
def sound(sound_lake, tmp_path_factory) -> Path:
    """A lake whose tables all hold rows; of the trades one data file is compacted."""
    lake = tmp_path_factory.mktemp("damage") / "lake"
    shutil.copytree(sound_lake, lake)
    add_symbols(lake, [("binance", "BTCUSDT", at("2024-01-01"), 0.1)])
    compacted = pointline(lake, "maintain", "--compact", "--table", "trades")
    assert compacted.returncode == 0, compacted.stderr
    return lake


@pytest.fixture
def found(capsys):
    def found(lake: Path, *, data: bool) -> list[tuple[str, str]]:
        verify_lake(lake, data=data, deep=False, as_json=True)
        answer = json.loads(capsys.readouterr().out)
        assert answer["ok"] == (not answer["findings"])
        assert all(one["try"] for one in answer["findings"])
        return [(one["kind"], one["path"]) for one in answer["findings"]]

    return found


def places(size: int, seed: str) -> list[int]:
    """Bits all over a file: its first and last bytes, its footer, and wherever chance leads."""
    chance = random.Random(seed)
    ends = [0, 3, 4, size - 1, size - 4, size - 5, size - 8, size - 9]
    footer = [chance.randrange(max(0, size - 400), size) for _ in range(FLIPS // 4)]
    rest = [chance.randrange(size) for _ in range(FLIPS)]
    return [8 * byte + chance.randrange(8) for byte in (*ends, *footer, *rest)]


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def files_of(lake: Path, table: str) -> PartFiles:
    paths = load_config(lake, environ={}).paths
    return PartFiles(paths.silver, paths.state)


@pytest.mark.parametrize("table", ["trades", "quotes", *SMALL])
def test_every_flipped_bit_of_a_data_file_is_found(sound, table):
    files = files_of(sound, table)
    lake = open_lake(load_config(sound, environ={}))
    repository = {
        one.path.name: one for one in (lake.manifest.repository, lake.quarantine, *lake.batch_tables.values())
    }
    [part, *_] = sorted(repository[table].live_parts(), key=lambda one: one.path)
    path = sound / "silver" / table / part.path
    assert files.has_checksum(part)
    assert files.content_fault_of(table, part) is None
    for bit in places(part.size_bytes, table):
        flip(path, bit)
        kind, what = files.content_fault_of(table, part)
        flip(path, bit)
        assert kind == "part_damaged"
        assert "checksum" in what
    assert files.content_fault_of(table, part) is None


@pytest.mark.parametrize("table", ["trades", "quarantine", "ingest_manifest"])
def test_every_flipped_bit_of_a_log_entry_is_found(sound, table):
    files = files_of(sound, table)
    entries = sorted((sound / "silver" / table / "_delta_log").glob("*.json"))
    assert list(files.log_faults(table)) == []
    for entry in entries:
        for bit in places(entry.stat().st_size, entry.name):
            flip(entry, bit)
            faults = list(files.log_faults(table))
            flip(entry, bit)
            assert [name for name, _ in faults] == [entry.name], (entry.name, bit)
    assert list(files.log_faults(table)) == []


@pytest.mark.parametrize("table", ["trades", *SMALL])
def test_the_audit_names_the_file(sound, found, tmp_path, table):
    """Small tables are always read; of the others, `verify` says what it has not read."""
    lake = Path(shutil.copytree(sound, tmp_path / "lake"))
    path = live_parts(lake, table)[0]
    name = path.relative_to(lake).as_posix()
    for bit in (8 * 9 + 1, 8 * (path.stat().st_size - 30)):  # in the header of the first page, and in the footer
        flip(path, bit)
        assert name in {path for _, path in found(lake, data=True)}
        if table in SMALL:
            assert {("part_damaged", name), ("part_unreadable", name)} & set(found(lake, data=False))
        flip(path, bit)
    assert found(lake, data=True) == []


def test_the_audit_names_the_entry(sound, found, tmp_path):
    lake = Path(shutil.copytree(sound, tmp_path / "lake"))
    for table in ("trades", "ingest_manifest"):
        entry = min((lake / "silver" / table / "_delta_log").glob("*1.json"))
        flip(entry, 8 * 40)
        assert ("commit_altered", entry.relative_to(lake).as_posix()) in found(lake, data=False)
        flip(entry, 8 * 40)


def test_it_says_what_it_has_not_read(sound, capsys):
    assert verify_lake(sound, deep=False, as_json=False) == 0
    assert "`pointline verify --data` reads them" in capsys.readouterr().out
    assert verify_lake(sound, data=True, deep=False, as_json=False) == 0
    assert "not read" not in capsys.readouterr().out


def test_data_is_read_without_bronze(sound, found, tmp_path):
    lake = Path(shutil.copytree(sound, tmp_path / "lake"))
    shutil.rmtree(lake / "bronze")
    assert found(lake, data=True) == []


def test_a_lake_without_checksums_opens_and_the_audit_says_so(tmp_path, capsys):
    with tarfile.open(OLDER) as archive:
        archive.extractall(tmp_path, filter="data")
    [lake] = [path.parent for path in tmp_path.rglob("silver")]
    verify_lake(lake, data=True, deep=False, as_json=False)
    said = capsys.readouterr().out
    assert "carry no checksum" in said
    assert "damaged" not in said
    assert "altered" not in said
