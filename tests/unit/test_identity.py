"""``sort_candidates``: what files in bronze are to the ledger, when people rename, swap, copy and restore them."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from pointline.io.protocols import BronzeFileMetadata, Outcome
from pointline.services.files.identity import Sorted, sort_candidates
from pointline.tables.ingest_manifest import Status
from pointline.tables.spelling import symbol_key
from tests.support.fakes import MemoryBronze, MemoryManifest

META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="",
    file_size_bytes=0,
    last_modified_ts=0,
)


class Folder:
    """A bronze folder and its ledger; contents are named by a letter, whose time stamp is its place in the alphabet."""

    def __init__(self) -> None:
        self.bronze = MemoryBronze()
        self.manifest = MemoryManifest()

    def put(self, path: str, content: str, **facts) -> BronzeFileMetadata:
        """Put a file there as ``cp -p`` or ``mv`` does: its time stamp belongs to its content."""
        modified = facts.pop("modified", ord(content[0]))
        meta = replace(META, bronze_file_path=path, last_modified_ts=modified, **facts)
        return self.bronze.drop(meta, content.encode())

    def take(self, path: str, content: str, status: Status = Status.SUCCESS, **facts) -> int:
        """Put a file there and let the ledger have it."""
        meta = self.put(path, content, **facts)
        (file_id,) = self.manifest.resolve_file_ids([meta])
        told = {"content_hash": self.bronze.content_hash(path)} if status is not Status.PENDING else {}
        self.manifest.update_statuses([Outcome(file_id=file_id, status=status, **told)])
        return file_id

    def rename(self, *moves: tuple[str, str]) -> None:
        """Rename at one instant: each file goes where it is told, whoever was there."""
        old = {source: (self.bronze.files.pop(source), self.bronze.metas.pop(source)) for source, _ in moves}
        for source, target in moves:
            content, meta = old[source]
            self.bronze.drop(replace(meta, bronze_file_path=target), content)

    def sort(self, *paths: str) -> Sorted:
        """Ask about the files at these paths, or about all."""
        metas = [self.bronze.metas[path] for path in paths or sorted(self.bronze.metas)]
        return sort_candidates(metas, self.manifest.entries(), self.bronze)

    def holder_of(self, path: str, found: Sorted) -> int | None:
        """Return the file of the lake that the file at this path is a copy of."""
        meta, content = self.bronze.metas[path], self.bronze.content_hash(path)
        day = (meta.data_type, meta.feed, meta.exchange, str(meta.date))
        return found.contents.get((content, *day, symbol_key(meta.symbol)))


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.mark.parametrize(("status", "is_named"), [(Status.QUARANTINED, True), (Status.SUCCESS, False)])
def test_a_name_that_a_refused_file_may_have_left(folder, status, is_named):
    folder.take("a", "X", status)
    folder.rename(("a", "b"))
    assert folder.sort("b").left_behind == (("a",) if is_named else ())


def moved(found: Sorted) -> dict[int, str]:
    return {move.file_id: move.meta.bronze_file_path for move in found.moved}


def entering(found: Sorted) -> dict[str, tuple[int, ...]]:
    return {one.meta.bronze_file_path: one.replaces for one in found.entering}


class TestRenames:
    def test_one(self, folder):
        folder.take("a", "X")
        folder.rename(("a", "b"))
        found = folder.sort()
        assert (moved(found), entering(found)) == ({1: "b"}, {})

    def test_the_old_name_is_used_again_at_once(self, folder):
        """``mv a b`` and a new ``a`` in one batch: nothing is replaced, and nothing of it is lost."""
        folder.take("a", "X")
        folder.rename(("a", "b"))
        folder.put("a", "Y")
        found = folder.sort()
        assert (moved(found), entering(found)) == ({1: "b"}, {"a": ()})

    @pytest.mark.parametrize("names", ["ab", "abc", "abcde"])
    def test_a_ring(self, folder, names):
        for name in names:
            folder.take(name, name.upper())
        after = names[1:] + names[0]
        folder.rename(*zip(names, after, strict=True))
        found = folder.sort()
        assert moved(found) == dict(enumerate(after, 1))
        assert entering(found) == {}

    def test_half_of_a_swap_is_seen_first(self, folder):
        folder.take("a", "X")
        folder.take("b", "Y")
        folder.rename(("a", "b"), ("b", "a"))
        found = folder.sort("a")
        # The rows of what was at ``a`` must not stay there unseen, and they must not leave: ``b`` has them.
        assert moved(found) == {}
        assert entering(found) == {"a": (1,)}

    def test_over_another_file(self, folder):
        """``mv a b`` where ``b`` is in the lake: the rows of ``b`` have to leave, which takes a commit."""
        folder.take("a", "X")
        folder.take("b", "Y")
        folder.rename(("a", "b"))
        found = folder.sort()
        assert (moved(found), entering(found)) == ({}, {"b": (2,)})
        assert folder.holder_of("b", found) == 1

    def test_with_another_claim(self, folder):
        folder.take("a", "X", symbol="T")
        folder.rename(("a", "b"))
        folder.bronze.metas["b"] = replace(folder.bronze.metas["b"], symbol="S")
        found = folder.sort()
        assert (moved(found), entering(found)) == ({}, {"b": ()})
        assert folder.holder_of("b", found) is None, "its rows have to be read: another symbol is claimed"

    def test_of_a_withdrawn_file(self, folder):
        folder.take("a", "X", Status.WITHDRAWN)
        folder.rename(("a", "b"))
        assert moved(folder.sort()) == {1: "b"}

    def test_a_refused_version_at_the_new_path_is_settled(self, folder):
        folder.take("a", "X")
        folder.take("b", "Z", Status.QUARANTINED)
        folder.rename(("a", "b"))
        found = folder.sort()
        assert (moved(found), found.settled) == ({1: "b"}, {2: 1})


class TestCopies:
    def test_the_original_is_there(self, folder):
        folder.take("a", "X")
        folder.put("b", "X")
        found = folder.sort("b")
        assert (moved(found), entering(found)) == ({}, {"b": ()})
        assert folder.holder_of("b", found) == 1

    def test_under_the_name_of_another_symbol(self, folder):
        folder.take("a", "X")
        folder.put("b", "X", symbol="T (1)")
        assert folder.holder_of("b", folder.sort("b")) == 1

    def test_files_of_one_size_are_not_looked_at_again(self, folder, monkeypatch):
        """Small files of a day often have one size: a look at each known one for each new one ends no day."""
        for number in range(50):
            folder.take(f"old{number}", f"o{number:02}", symbol=f"T{number}")
            folder.put(f"new{number}", f"n{number:02}", symbol=f"S{number}")
        looked: list[str] = []
        look = folder.bronze.look
        monkeypatch.setattr(folder.bronze, "look", lambda path: looked.append(path) or look(path))
        new = [f"new{number}" for number in range(50)]
        found = folder.sort(*new)
        assert (len(found.entering), [folder.holder_of(path, found) for path in new], looked) == (50, [None] * 50, [])

    def test_of_a_file_that_is_replaced_in_this_batch(self, folder):
        folder.take("a", "X")
        folder.put("b", "X")
        folder.put("a", "Y")
        found = folder.sort()
        assert moved(found) == {1: "b"}
        assert entering(found) == {"a": ()}


class TestVersions:
    def test_unchanged(self, folder):
        folder.take("a", "X")
        assert [meta.bronze_file_path for meta in folder.sort().known] == ["a"]

    @pytest.mark.parametrize("facts", [{"changed_us": 9}, {"inode": 9}, {"modified": 9}])
    def test_touched(self, folder, facts):
        folder.take("a", "X", changed_us=1, inode=1)
        folder.put("a", "X", **{"changed_us": 1, "inode": 1, **facts})
        found = folder.sort()
        assert ([(file_id, meta.bronze_file_path) for file_id, meta in found.touched], entering(found)) == (
            [(1, "a")],
            {},
        )

    @pytest.mark.parametrize("facts", [{"changed_us": 9}, {"inode": 9}])
    def test_rewritten_with_its_time_put_back(self, folder, facts):
        folder.take("a", "X", changed_us=1, inode=1)
        folder.put("a", "Y", modified=ord("X"), **{"changed_us": 1, "inode": 1, **facts})
        assert entering(folder.sort()) == {"a": (1,)}

    def test_what_was_never_noted_says_nothing(self, folder):
        folder.take("a", "X")
        folder.put("a", "X", changed_us=5, inode=5)
        assert len(folder.sort().known) == 1

    @pytest.mark.parametrize("before", [Status.SUCCESS, Status.WITHDRAWN])
    @pytest.mark.parametrize("after", [Status.QUARANTINED, Status.FAILED, Status.PENDING, Status.WITHDRAWN])
    def test_restored_after_a_re_issue_that_has_no_rows(self, folder, before, after):
        """The old content is back: the newer version is history, nothing is read, and `retry` means what is there."""
        folder.take("a", "X", before)
        folder.take("a", "Y", after)
        folder.put("a", "X", modified=99)
        found = folder.sort()
        assert (entering(found), found.settled) == ({}, {2: 1})

    @pytest.mark.parametrize("status", [Status.QUARANTINED, Status.FAILED])
    def test_refused_unread_and_changed_outside(self, folder, status):
        """Its mode was put right, or the lake was copied: it is read again under its id."""
        folder.take("a", "X", Status.PENDING, changed_us=1)
        folder.manifest.update_statuses([Outcome(file_id=1, status=status)])
        meta = folder.put("a", "X", changed_us=2)
        found = folder.sort()
        assert (found.again, entering(found)) == ([(1, meta)], {"a": ()})
        assert found.entering[0].is_again

    @pytest.mark.parametrize("facts", [{"changed_us": 2}, {"modified": 99}])
    def test_put_back_and_changed_outside(self, folder, facts):
        """Read before, put back by a person, and touched or copied meanwhile: nothing must take it for settled."""
        folder.take("a", "X", Status.QUARANTINED, changed_us=1)
        folder.manifest.update_statuses([Outcome.reopened(1)])
        meta = folder.put("a", "X", **{"changed_us": 1, **facts})
        found = folder.sort()
        assert (found.again, entering(found), found.touched) == ([(1, meta)], {"a": ()}, [])

    @pytest.mark.parametrize("status", [Status.SUPERSEDED, Status.GONE])
    def test_history_may_come_back(self, folder, status):
        folder.take("a", "X", status)
        assert entering(folder.sort()) == {"a": ()}

    def test_pending(self, folder):
        folder.take("a", "X", Status.PENDING)
        (one,) = folder.sort().entering
        assert (one.is_again, one.replaces) == (True, ())


class TestSiblings:
    """Who may share rows with whom is known before anything is read."""

    @pytest.mark.parametrize(
        ("one", "other", "meet"),
        [
            ("S", "S", True),
            ("S", "s", True),
            ("A/B", "a-b", True),
            ("S", "T", False),
            ("S", "SPOT", True),
            ("perpetuals", "S", True),
            ("SPOT", "FUTURES", True),
        ],
    )
    @pytest.mark.parametrize("is_in", [True, False])
    def test_symbols(self, folder, one, other, meet, is_in):
        put = folder.take if is_in else folder.put
        put("a", "X", symbol=one)
        folder.put("b", "Y", symbol=other)
        assert folder.sort("b", *([] if is_in else ["a"])).entering[0].has_siblings is meet

    @pytest.mark.parametrize("facts", [{"data_type": "quotes"}, {"exchange": "kraken"}, {"date": dt.date(2024, 5, 2)}])
    def test_other_days(self, folder, facts):
        folder.take("a", "X")
        folder.put("b", "Y", **facts)
        assert not folder.sort("b").entering[0].has_siblings
