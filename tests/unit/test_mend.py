"""``fault_of``: which newest commit may be moved out of a log, and which never."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from pointline.errors import StorageTrouble
from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.io.delta_log import mend
from pointline.io.delta_log.mend import STAGED, fault_of, mend_table, newest_entry
from pointline.io.delta_log.upkeep import TableUpkeep
from pointline.io.protocols.tables import Part

BATCH = 5


@pytest.fixture
def table(tmp_path) -> DeltaTableRepository:
    table = DeltaTableRepository(tmp_path / "t", {"file_id": pl.Int64()})
    table.create()
    return table


def commit(table: DeltaTableRepository, batch: int | None = BATCH) -> tuple[Part, Path]:
    (part,) = table.write_parts(pl.DataFrame({"file_id": list(range(100))}))
    table.commit_parts(add=[part], remove=(), batch=batch)
    entry = newest_entry(table.path / "_delta_log")
    assert entry is not None
    return part, entry


def test_a_whole_commit_has_no_fault(table):
    _, entry = commit(table)
    assert fault_of(table.path, entry, -1) is None


@pytest.mark.parametrize("befall", ["missing", "cut short", "damaged"])
@pytest.mark.parametrize(
    ("recorded", "is_touched"), [(-1, True), (BATCH - 1, True), (BATCH, False), (BATCH + 1, False)]
)
def test_a_recorded_batch_is_never_set_aside(table, befall, recorded, is_touched):
    """What the ledger says is in was flushed: to take the commit back would be success without rows."""
    part, entry = commit(table)
    _harm(table.path / part.path, befall)
    fault = fault_of(table.path, entry, recorded)
    assert (fault is not None) is is_touched
    assert fault is None or befall in fault


def test_a_commit_without_a_number_is_judged_by_its_parts(table):
    part, entry = commit(table, batch=None)
    _harm(table.path / part.path, "missing")
    assert fault_of(table.path, entry, BATCH) is not None


@pytest.mark.parametrize("keep", [0, 1, 50, -1])
def test_a_torn_entry_of_a_batch_that_is_not_recorded_is_a_fault(table, keep):
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(content[:keep])
    assert fault_of(table.path, entry, -1) == ("empty" if keep == 0 else "torn")


@pytest.mark.parametrize(("recorded", "fault"), [(BATCH - 1, "torn"), (BATCH, None), (BATCH + 1, None)])
def test_a_torn_entry_of_a_batch_that_is_recorded_is_none(table, recorded, fault):
    """It was whole when that was recorded: something else befell it."""
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(content[:-1])
    assert fault_of(table.path, entry, recorded) == fault


def test_nothing_is_moved_away_through_a_link(table, tmp_path):
    _, entry = commit(table)
    entry.unlink()
    entry.write_bytes(b"")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "aside").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageTrouble, match="symbolic link"):
        mend_table(table.path, tmp_path / "aside")
    assert entry.exists()


@pytest.mark.parametrize("lines", [1, 2])
def test_an_entry_cut_between_two_lines(table, lines):
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(b"\n".join(content.split(b"\n")[:lines]))
    assert fault_of(table.path, entry, -1) == "cut short"


def test_an_altered_entry_is_set_aside_where_that_loses_nothing(table):
    _, entry = commit(table)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(content.replace(b"Append", b"Appent"))
    assert fault_of(table.path, entry, BATCH - 1) == "altered"
    assert fault_of(table.path, entry, BATCH) is None


def _harm(part: Path, how: str) -> None:
    content = part.read_bytes()
    part.unlink()
    if how == "cut short":
        part.write_bytes(content[:-1])
    elif how == "damaged":
        part.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])


class TestWhatIsDone:
    """``mend_table`` moves away what cannot be read, and nothing else."""

    @pytest.fixture
    def log(self, table) -> Path:
        return table.path / "_delta_log"

    @pytest.fixture
    def mended(self, table, tmp_path):
        def mended(recorded: int = -1) -> list[tuple[str, str]]:
            before = {path.name: path.read_bytes() for path in (table.path / "_delta_log").iterdir()}
            done = mend_table(table.path, tmp_path / "state" / "aside", recorded_batch=recorded)
            for one in done:
                assert one.table == "t"
                assert one.kept_at.read_bytes() == before[one.file]
                assert one.kept_at.parent == tmp_path / "state" / "aside"
                assert one.kept_at.name.endswith(one.file)
                assert not (table.path / "_delta_log" / one.file).exists()
            gone = {one.file for one in done}
            for name in before.keys() - gone:
                assert (table.path / "_delta_log" / name).exists() or STAGED.fullmatch(name), name
            return [(one.file, one.reason) for one in done]

        (tmp_path / "state").mkdir()
        return mended

    @pytest.fixture
    def checkpoint(self, table) -> Path:
        commit(table)
        TableUpkeep(repository=table).checkpoint()
        [checkpoint] = (table.path / "_delta_log").glob("*.checkpoint.parquet")
        return checkpoint

    def test_a_sound_table_is_left_alone(self, mended, checkpoint):
        assert mended() == []

    def test_a_torn_checkpoint_goes_with_its_pointer(self, mended, checkpoint, table):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
        assert mended() == [(checkpoint.name, "unreadable"), ("_last_checkpoint", "points to nothing")]
        assert DeltaTableRepository(table.path, table.schema).read_all().height == 100

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b"{}", b'{"version":99}'], ids=["empty", "torn", "list", "none", "no such"]
    )
    def test_a_pointer_to_nothing_goes_alone(self, mended, checkpoint, log, content):
        (log / "_last_checkpoint").write_bytes(content)
        assert mended() == [("_last_checkpoint", "points to nothing")]

    def test_pieces_of_the_ledgers_memory_are_not_read(self, mended, checkpoint, log):
        """They may be as much as the ledger, and are read when it has to be made again."""
        (log / f"_told-{0:020}-{1:020}.parquet").write_bytes(b"no parquet")
        assert mended() == []

    def test_another_parquet_file_of_the_log_is_read(self, mended, checkpoint, log):
        (log / "_removed.parquet").write_bytes(b"no parquet")
        assert mended() == [("_removed.parquet", "unreadable"), ("_last_checkpoint", "points to nothing")]

    @pytest.mark.parametrize("torn", [1, 2, 3, 4])
    def test_so_many_entries_as_a_power_cut_can_tear(self, mended, table, log, torn):
        for batch in range(4):
            commit(table, BATCH + batch)
        names = sorted(path.name for path in log.glob("*.json"))[-torn:]
        for name in names:
            content = (log / name).read_bytes()
            (log / name).unlink()
            (log / name).write_bytes(content[:60])
        assert mended() == [(name, "torn") for name in reversed(names)][:3]

    @pytest.mark.parametrize(
        "name", [".00000000000000000002.json.tmp", "00000000000000000002.json#1", "_last_checkpoint#3"]
    )
    def test_what_has_no_name_in_the_log_yet_is_removed(self, mended, log, name):
        (log / name).write_bytes(b"{")
        assert mended() == []
        assert not (log / name).exists()

    def test_a_log_behind_a_link_is_left_alone(self, table, log, tmp_path):
        _, entry = commit(table)
        entry.write_bytes(b"")
        log.rename(tmp_path / "elsewhere")
        log.symlink_to(tmp_path / "elsewhere")
        assert mend_table(table.path, tmp_path / "aside") == []
        assert (tmp_path / "elsewhere" / entry.name).exists()

    def test_a_table_that_is_not_there(self, tmp_path):
        assert mend_table(tmp_path / "nothing", tmp_path / "aside") == []


@pytest.mark.parametrize("left_out", ["commitInfo", "add", "remove", "txn"])
def test_an_entry_that_lacks_an_action(table, left_out):
    """By what it says of itself, whatever the line that it lost was."""
    old, _ = commit(table)
    (new,) = table.write_parts(pl.DataFrame({"file_id": [1]}))
    table.commit_parts(add=[new], remove=[old], batch=BATCH + 1)
    entry = newest_entry(table.path / "_delta_log")
    lines = [line for line in entry.read_bytes().split(b"\n") if not line.startswith(b'{"%s"' % left_out.encode())]
    assert fault_of(table.path, entry, -1) is None
    entry.unlink()
    entry.write_bytes(b"\n".join(lines))
    assert fault_of(table.path, entry, -1) == "cut short"


@pytest.mark.parametrize("left_out", ["commitInfo", "protocol", "metaData"])
def test_a_first_entry_that_lacks_an_action(table, left_out):
    entry = newest_entry(table.path / "_delta_log")
    assert fault_of(table.path, entry, -1) is None
    lines = [line for line in entry.read_bytes().split(b"\n") if not line.startswith(b'{"%s"' % left_out.encode())]
    entry.unlink()
    entry.write_bytes(b"\n".join(lines))
    assert fault_of(table.path, entry, -1) == "cut short"


@pytest.mark.parametrize("number", ["added", "removed"])
def test_what_another_writer_says_of_its_commit_counts_too(table, number):
    """delta-rs tells in its metrics how many files a merge added and removed."""
    entry = table.path / "_delta_log" / f"{1:020}.json"
    for told, fault in ((0, None), (1, "cut short")):
        info = {"commitInfo": {"operation": "MERGE", "operationMetrics": {f"num_target_files_{number}": told}}}
        entry.write_text(json.dumps(info))
        assert fault_of(table.path, entry, -1) == fault


def test_what_is_set_aside_is_on_disk_there_before_it_is_gone_here(table, tmp_path, monkeypatch):
    """Both folders are flushed, first the one that it goes to."""
    _, entry = commit(table)
    entry.unlink()
    entry.write_bytes(b"")
    flushed = []
    monkeypatch.setattr(mend, "flush_folder", flushed.append)
    mend_table(table.path, tmp_path / "aside")
    assert flushed == [tmp_path / "aside", table.path / "_delta_log"]
    (table.path / "_delta_log" / "_last_checkpoint#1").write_bytes(b"")
    mend_table(table.path, tmp_path / "aside")
    assert flushed[2:] == [table.path / "_delta_log"], "what was staged is gone before anything else"


def test_an_altered_entry_without_a_number_is_left_and_named_by_the_audit(table):
    """Of what it did the ledger knows nothing: nobody would do it again."""
    _, entry = commit(table, batch=None)
    content = entry.read_bytes()
    entry.unlink()
    entry.write_bytes(content.replace(b"Append", b"Appent"))
    assert fault_of(table.path, entry, -1) is None


class TestACopyWhoseLogIsNewer:
    """``cp -a`` copies files one after the other: some of what the log names came after they were copied."""

    @pytest.fixture
    def parts(self, table) -> list[Part]:
        """One for each version; the third took the first out, and the fourth the third: as ids and outcomes do."""
        parts = []
        for number in range(1, 6):
            (part,) = table.write_parts(pl.DataFrame({"file_id": [number]}))
            table.commit_parts(
                add=[part], remove=[parts[{3: 0, 4: 2}[number]]] if number in {3, 4} else (), batch=number
            )
            parts.append(part)
        return parts

    def mended(self, table, tmp_path, *, recorded: int = -1, is_made_up_for: bool = True) -> list[str]:
        done = mend_table(table.path, tmp_path / "kept", recorded_batch=recorded, is_made_up_for=is_made_up_for)
        assert all(one.kept_at.is_file() for one in done)
        return [str(int(one.file[:20])) for one in done]

    def lose(self, table, parts: list[Part], *numbers: int) -> None:
        for number in numbers:
            (table.path / parts[number - 1].path).unlink()

    def ids(self, table) -> list[int]:
        return DeltaTableRepository(table.path, table.schema).read_all()["file_id"].sort().to_list()

    def test_a_whole_one_is_left_alone(self, table, parts, tmp_path):
        assert self.mended(table, tmp_path) == []
        self.lose(table, parts, 1, 3)  # no version of now needs them
        assert self.mended(table, tmp_path) == []
        assert self.ids(table) == [2, 4, 5]

    @pytest.mark.parametrize(
        ("lost", "left"),
        [((5,), [2, 4]), ((4, 5), [2, 3]), ((3, 4, 5), [1, 2]), ((2, 3, 4, 5), [1]), ((4,), [2, 3])],
    )
    def test_it_becomes_the_newest_version_that_is_all_there(self, table, parts, tmp_path, lost, left):
        self.lose(table, parts, *lost)
        assert self.mended(table, tmp_path) == [f"{number}" for number in range(5, min(lost) - 1, -1)]
        assert self.ids(table) == left
        assert self.mended(table, tmp_path) == []

    def test_down_to_a_checkpoint_and_no_further(self, table, tmp_path):
        commit(table, batch=1)
        TableUpkeep(repository=table).checkpoint()
        later, _ = commit(table, batch=2)
        (table.path / later.path).unlink()
        assert self.mended(table, tmp_path) == ["2"]
        assert len(self.ids(table)) == 100
        table.let_go()  # what is mended is opened after it
        [part] = table.live_parts()
        (table.path / part.path).unlink()
        assert self.mended(table, tmp_path) == []

    @pytest.mark.parametrize(("recorded", "undone"), [(2, ["5", "4"]), (3, ["5", "4"]), (4, ["5"]), (5, [])])
    def test_what_is_recorded_stays(self, table, parts, tmp_path, recorded, undone):
        """Its rows were there once: they are read again from bronze."""
        self.lose(table, parts, 4, 5)
        assert self.mended(table, tmp_path, recorded=recorded) == undone

    def test_only_where_others_tell_what_an_older_one_lacks(self, table, parts, tmp_path):
        self.lose(table, parts, 3, 4, 5)
        assert self.mended(table, tmp_path, is_made_up_for=False) == ["5"]

    def test_what_may_not_be_looked_at_may_well_be_there(self, table, parts, tmp_path, monkeypatch):
        is_file, hidden = Path.is_file, table.path / parts[4].path

        def looked(path: Path) -> bool:
            if path == hidden and sys._getframe(1).f_code.co_name == "_is_gone":
                raise PermissionError(13, "Permission denied")
            return is_file(path)

        monkeypatch.setattr(Path, "is_file", looked)
        assert self.mended(table, tmp_path) == []

    def test_cut_short_and_done_again(self, table, parts, tmp_path, monkeypatch):
        self.lose(table, parts, 3, 4, 5)
        rename, left = Path.rename, [2]

        def dying(path: Path, target: Path) -> Path:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", dying)
        with pytest.raises(KeyboardInterrupt):
            self.mended(table, tmp_path)
        monkeypatch.setattr(Path, "rename", rename)
        assert self.mended(table, tmp_path) == ["3"]
        assert self.ids(table) == [1, 2]

    def test_nothing_is_done_where_no_version_since_the_checkpoint_is_whole(self, table, tmp_path):
        first, _ = commit(table, batch=1)
        TableUpkeep(repository=table).checkpoint()
        (later,) = table.write_parts(pl.DataFrame({"file_id": [2]}))
        table.commit_parts(add=[later], remove=[first], batch=2)
        for part in (first, later):
            (table.path / part.path).unlink()
        assert self.mended(table, tmp_path) == []
