"""One bit is flipped on the disk, anywhere: the audit finds it and names the file."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pointline_daemon.commands.lake.verify import verify_lake
from pointline_daemon.opening.lake import open_lake

from pointline.config import load_config
from pointline.errors import LakeDamaged, StorageTrouble
from pointline.io.delta_log.mend import mend_table
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.health import PartFiles
from tests.support.maintained import TO_ONE, compact_partition
from tests.support.process import pointline
from tests.support.small_lake import add_symbols, at
from tests.support.sound_lake import live_parts

FLIPS = 40
PARTITION = {"exchange": "binance", "date": "2024-05-01"}
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
        one.path.name: one
        for one in (lake.manifest.repository, lake.quarantine, lake.symbols, *lake.batch_tables.values())
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


@pytest.mark.parametrize("table", ["trades", "ingest_manifest"])
def test_every_flipped_bit_of_a_checkpoint_is_found(own_lake, table):
    lake = open_lake(load_config(own_lake, environ={}))
    repository = lake.manifest.repository if table == "ingest_manifest" else lake.events[table]
    repository.write_full(repository.read_all())
    TableUpkeep(repository=repository).checkpoint()
    files = files_of(own_lake, table)
    [checkpoint] = (own_lake / "silver" / table / "_delta_log").glob("*.checkpoint.parquet")
    assert list(files.log_faults(table)) == []
    for bit in places(checkpoint.stat().st_size, table):
        flip(checkpoint, bit)
        faults = list(files.log_faults(table))
        flip(checkpoint, bit)
        assert [name for name, _ in faults] == [checkpoint.name]
    (checkpoint.parent / "_last_checkpoint").write_bytes(b"{")
    assert [name for name, _ in files.log_faults(table)] == ["_last_checkpoint"]


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


def test_damage_is_not_written_on_as_if_it_were_data(own_lake):
    """A compaction of a damaged file would give the damage a good checksum."""
    path = live_parts(own_lake, "trades")[0]
    column = pq.read_metadata(path).row_group(0).column(4)
    flip(path, 8 * (column.data_page_offset + column.total_compressed_size - 3))
    table = open_lake(load_config(own_lake, environ={})).events["trades"]
    version = table.version()
    with pytest.raises(StorageTrouble, match="CRC") as refused:
        compact_partition(table, PARTITION, TO_ONE, target_bytes=1 << 20)
    assert "verify --data" in refused.value.hint
    assert table.version() == version


def test_a_damaged_ledger_is_not_believed(own_lake):
    path = live_parts(own_lake, "ingest_manifest")[0]
    size = path.stat().st_size
    for bit in (8 * (size // 3), 8 * (size // 2) + 5):
        flip(path, bit)
        with pytest.raises(LakeDamaged, match=path.name) as refused:
            open_lake(load_config(own_lake, environ={})).manifest.entries()
        assert refused.value.hint
        flip(path, bit)
    assert open_lake(load_config(own_lake, environ={})).manifest.entries().height == 7


class TestMending:
    """What a start sets aside comes again. What would not is left, and named."""

    def newest(self, lake: Path, table: str) -> Path:
        return max((lake / "silver" / table / "_delta_log").glob("*.json"))

    @pytest.mark.parametrize("table", ["trades", "ingest_manifest"])
    @pytest.mark.parametrize("where", ["entry", "part"])
    def test_an_unrecorded_batch_is_set_aside(self, own_lake, tmp_path, table, where):
        entry = self.newest(own_lake, table)
        path = entry
        if where == "part":
            added = next(line for line in map(json.loads, entry.read_text().splitlines()) if "add" in line)
            path = own_lake / "silver" / table / added["add"]["path"]
        flip(path, 8 * 30)  # in an entry: another digit of its time
        [aside] = mend_table(own_lake / "silver" / table, tmp_path / "aside", recorded_batch=-1)
        assert aside.file == entry.name
        assert ("altered" if where == "entry" else "damaged") in aside.reason
        assert not entry.exists()

    @pytest.mark.parametrize("bit", [8 * 30, 8 * 60, 8])
    def test_a_recorded_batch_is_left_and_named(self, own_lake, tmp_path, examined, bit):
        """Whether or not it can still be taken apart."""
        entry = self.newest(own_lake, "trades")
        flip(entry, bit)
        recorded = open_lake(load_config(own_lake, environ={})).manifest.last_batch()
        assert mend_table(own_lake / "silver/trades", tmp_path / "aside", recorded_batch=recorded) == []
        [found] = [one for one in examined(own_lake)["findings"] if one["path"].endswith(entry.name)]
        assert "altered" in found["what"]
        assert "--fix" not in found["try"]

    @pytest.mark.parametrize("is_vacuumed", [False, True])
    def test_a_compaction_is_undone_only_while_it_can_be(self, own_lake, tmp_path, is_vacuumed):
        table = open_lake(load_config(own_lake, environ={})).events["trades"]
        rows = table.read_all().height
        assert compact_partition(table, PARTITION, TO_ONE, target_bytes=1 << 20)
        [path] = live_parts(own_lake, "trades")
        flip(path, 8 * 60)
        if is_vacuumed:
            TableUpkeep(repository=table).vacuum(0.0, dry_run=False)
        mended = mend_table(table.path, tmp_path / "aside", recorded_batch=99)
        assert len(mended) == (not is_vacuumed)
        if not is_vacuumed:
            assert open_lake(load_config(own_lake, environ={})).events["trades"].read_all().height == rows


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


def test_a_data_file_of_the_ledger_that_is_gone_is_said_with_what_mends_it(own_lake):
    """Every command that meets it; it was `No such file or directory`, and `doctor`, which found nothing."""
    TableUpkeep(repository=open_lake(load_config(own_lake, environ={})).manifest.repository).checkpoint()
    live_parts(own_lake, "ingest_manifest")[0].unlink()
    for command in (["run", "--once"], ["status"], ["files"]):
        refused = pointline(own_lake, *command)
        assert refused.returncode == 1
        assert "which the log of" in refused.stderr, command
        assert "`pointline repair`" in refused.stderr, command
    mended = pointline(own_lake, "repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert pointline(own_lake, "verify", "--deep").returncode == 0
