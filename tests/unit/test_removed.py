"""The record of removed files against a dictionary, whatever is recorded and forgotten when, and wherever it dies.

The log is written by hand, so that years of it take a moment.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from pointline.errors import LakeDamaged
from pointline.io.delta_log import removed
from pointline.io.delta_log.entries import entry_name
from pointline.io.delta_log.removed import forget_removed, record_removed, removed_files

MOST_NAMES = 8


class Log:
    """A log that grows; ``gone`` is what it has removed, by path, and when."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.log = table / "_delta_log"
        self.log.mkdir(parents=True)
        self.version = -1
        self.gone: dict[str, int] = {}
        self._files = 0

    def commit(self, removes: int) -> list[str]:
        self.version += 1
        names = [f"exchange=a/part {self._files + number}.parquet" for number in range(removes)]
        self._files += removes
        lines: list[dict[str, object]] = [{"commitInfo": {}}, {"add": {"path": "other"}}]
        for name in names:
            self.gone[name] = 1_000 + self._files
            path = name.replace(" ", "%20")
            lines.append({"remove": {"path": path, "deletionTimestamp": self.gone[name]}})
        text = "\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
        (self.log / entry_name(self.version)).write_text(text)
        return names

    def checkpoint(self) -> None:
        """As a pass of maintenance does it, without anything in it that was removed."""
        record_removed(self.table, self.version)
        frame = pl.DataFrame(
            {"remove": [None]}, schema={"remove": pl.Struct({"path": pl.String(), "deletionTimestamp": pl.Int64()})}
        )
        for old in self.log.glob("*.checkpoint.parquet"):
            old.unlink()
        frame.write_parquet(self.log / f"{self.version:020}.checkpoint.parquet")
        for entry in self.log.glob("*.json"):
            if int(entry.stem) < self.version:
                entry.unlink()

    def pieces(self) -> list[Path]:
        return sorted(self.log.glob("_removed*.parquet"))

    def spans(self) -> list[int]:
        """The versions that the pieces tell of."""
        told = [(int(name["first"]), int(name["last"])) for name in map(removed.PIECE.fullmatch, self.names())]
        return [version for first, last in told for version in range(first, last + 1)]

    def names(self) -> list[str]:
        return [piece.name for piece in self.pieces()]

    def heights(self) -> list[int]:
        return [pl.read_parquet(piece, glob=False).height for piece in self.pieces()]


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    monkeypatch.setattr(removed, "MOST_NAMES", MOST_NAMES)


@pytest.fixture
def log(tmp_path) -> Log:
    return Log(tmp_path / "table")


class Died(BaseException):
    """The process has ended."""


class Fuse:
    """Ends the process behind a name of the record that comes or goes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self._replace, self._unlink = removed.replace_file, Path.unlink
        monkeypatch.setattr(removed, "replace_file", self.replace)
        monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: self.unlink(path))

    def replace(self, path: Path, content: bytes) -> None:
        self._replace(path, content)
        self._step()

    def unlink(self, path: Path) -> None:
        self._unlink(path, missing_ok=True)
        if path.name.startswith("_removed"):
            self._step()

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died

    def light(self, left: int, act: Callable[[], None]) -> None:
        self.left = left
        with suppress(Died):
            act()
        self.left = 0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.share(2)
def test_it_is_what_the_log_has_removed(log, monkeypatch, seed):
    """Each step may be cut short behind any name that comes or goes, and is done again some day."""
    rng = random.Random(seed)
    fuse = Fuse(monkeypatch)
    there: set[str] = set()
    for _ in range(40):
        there |= set(log.commit(rng.choice([0, 0, 1, 1, 2, 5, 11])))
        if rng.random() < 0.4:
            fuse.light(rng.choice([0, 0, 1, 2, 3]), log.checkpoint)
        if rng.random() < 0.2:
            there = set(rng.sample(sorted(there), k=len(there) // 2))
            fuse.light(rng.choice([0, 1, 2]), partial(forget_removed, log.table, frozenset(there), {}))
        known = removed_files(log.table)
        assert {name: known.get(name) for name in there} == {name: log.gone[name] for name in there}
        assert known.items() <= log.gone.items()
    log.checkpoint()
    forget_removed(log.table, (), {})
    assert log.pieces() == []


def test_a_piece_is_joined_with_one_that_is_no_longer_than_it(log):
    heights = []
    for _ in range(8):
        log.commit(1)
        log.checkpoint()
        heights.append(log.heights())
        assert log.spans() == [*range(log.version + 1)], "each version in one piece"
    assert heights == [[1], [2], [2, 1], [4], [4, 1], [4, 2], [4, 2, 1], [8]]
    log.commit(1)
    log.checkpoint()
    assert log.heights() == [8, 1]
    for _ in range(7):
        log.commit(1)
        log.checkpoint()
    assert log.heights() == [8, 8], "one that is long enough stays as it is"
    log.commit(MOST_NAMES)
    log.checkpoint()
    assert log.heights() == [8, 8, 8]


def test_versions_in_which_nothing_went_write_nothing(log):
    for _ in range(3):
        log.commit(0)
        log.checkpoint()
    assert log.pieces() == []
    log.commit(1)
    log.checkpoint()
    [piece] = log.pieces()
    assert piece.name == f"_removed-{0:020}-{3:020}.parquet"
    before = piece.stat().st_ino
    record_removed(log.table, 2)
    record_removed(log.table, 3)
    assert [one.stat().st_ino for one in log.pieces()] == [before]
    log.commit(1)
    record_removed(log.table, 3)
    assert [one.stat().st_ino for one in log.pieces()] == [before], "what comes meanwhile is for the next time"


def test_what_is_recorded_is_not_recorded_again_while_its_entries_are_there(log):
    for removes in (2, 1):
        log.commit(removes)
        record_removed(log.table, log.version)
    before = log.names()
    assert log.heights() == [2, 1]
    log.commit(0)
    record_removed(log.table, log.version)
    assert log.names() == before


def test_one_without_a_time_has_gone_at_the_beginning_of_time(log):
    """The time is optional in the format."""
    log.commit(0)
    (log.log / entry_name(1)).write_text('{"remove":{"path":"x"}}\n{"remove":{"path":"y","deletionTimestamp":null}}')
    assert removed_files(log.table) == {"x": 0, "y": 0}


@pytest.mark.parametrize("act", ["join", "forget"])
def test_a_piece_that_somebody_removes_meanwhile_is_no_trouble(log, monkeypatch, act):
    log.commit(1)
    log.checkpoint()
    read = removed._read

    def reading(piece):
        found = read(piece)
        piece.path.unlink()
        return found

    monkeypatch.setattr(removed, "_read", reading)
    if act == "join":
        log.commit(1)
        log.checkpoint()
        assert log.heights() == [2]
    else:
        forget_removed(log.table, (), {})
        assert log.pieces() == []


def test_the_moment_at_which_a_time_of_the_future_was_met_is_noted(log):
    log.commit(2)
    log.checkpoint()
    log.commit(5)
    log.checkpoint()
    first, second = sorted(log.gone)[:2]
    inodes = [piece.stat().st_ino for piece in log.pieces()]
    forget_removed(log.table, set(log.gone), {})
    assert [piece.stat().st_ino for piece in log.pieces()] == inodes, "nothing is written where there is no news"
    forget_removed(log.table, set(log.gone), {first: 7})
    assert removed_files(log.table) == log.gone | {first: 7}
    forget_removed(log.table, {second}, {})
    assert second in removed_files(log.table)


def test_the_record_of_an_earlier_release_counts_and_goes_when_nothing_of_it_is_there(log):
    old = log.log / "_removed.parquet"
    pl.DataFrame({"path": ["x", "y"], "removed_ms": [1, 2]}).write_parquet(old)
    log.commit(3)
    log.checkpoint()
    log.commit(4)
    log.checkpoint()
    assert log.heights() == [7, 2], "it stays as it is, what comes later is joined"
    assert removed_files(log.table) == {"x": 1, "y": 2, **log.gone}
    assert old.exists()
    forget_removed(log.table, {"x", *log.gone}, {})
    assert old.exists()
    forget_removed(log.table, set(log.gone), {})
    assert removed_files(log.table) == log.gone
    assert not old.exists()


def test_what_a_foreign_checkpoint_says_of_removed_files_counts(log):
    """Another program's checkpoint names them, and the entries before it may be gone."""
    log.commit(1)
    log.checkpoint()
    log.commit(2)
    rows = {"remove": [{"path": path.replace(" ", "%20"), "deletionTimestamp": at} for path, at in log.gone.items()]}
    rows["remove"].append(None)
    pl.DataFrame(rows).write_parquet(log.log / f"{log.version:020}.checkpoint.parquet")
    (log.log / entry_name(log.version)).unlink()
    assert removed_files(log.table) == log.gone
    record_removed(log.table, log.version)
    recorded = log.names()
    for _ in range(2):
        record_removed(log.table, log.version)
        assert log.names() == recorded, "once"
        log.commit(0)
    log.commit(1)
    record_removed(log.table, log.version)
    assert removed_files(log.table) == log.gone


def test_one_that_cannot_be_read_is_an_error(log):
    """Guards parts that would count as forgotten and go."""
    log.commit(1)
    log.checkpoint()
    log.pieces()[0].write_bytes(b"PAR1 and no more")
    for act in (
        lambda: removed_files(log.table),
        lambda: forget_removed(log.table, (), {}),
    ):
        with pytest.raises(LakeDamaged, match="removed files") as refused:
            act()
        assert "doctor --fix" in refused.value.hint


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["_read", "_removed_after"])
def test_who_reads_while_it_is_written_misses_nothing(log, monkeypatch, name, when):
    """`doctor` and `verify` read beside a daemon that joins pieces, and puts what entries tell into a piece."""
    log.commit(1)
    log.checkpoint()
    log.commit(1)
    real = getattr(removed, name)
    left = [when]

    def reading(*arguments: object) -> object:
        meanwhile = left.pop() if left else ""
        if meanwhile == "before":
            log.checkpoint()
        found = real(*arguments)
        if meanwhile == "after":
            log.checkpoint()
        return found

    monkeypatch.setattr(removed, name, reading)
    assert removed_files(log.table) == log.gone
    assert log.heights() == [2]
