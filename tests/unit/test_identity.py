"""``sort_candidates``: what files in bronze are to the ledger, when people rename, swap, copy and restore them."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.services.files.identity import sorting
from pointline.services.files.identity.candidate import Candidate, Sorted
from pointline.services.files.identity.sorting import sort_candidates
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


class Bronze(MemoryBronze):
    """Notes what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def content_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        self.read.append(path)
        return super().content_hash(path)


class Folder:
    """A bronze folder and its ledger; contents are named by a letter, whose time stamp is its place in the alphabet."""

    def __init__(self) -> None:
        self.bronze = Bronze()
        self.manifest = MemoryManifest()

    def put(self, path: str, content: str, **facts) -> BronzeFileMetadata:
        """Put a file there as ``cp -p`` or ``mv`` does: its time stamp belongs to its content."""
        modified = facts.pop("modified", ord(content[0]))
        meta = replace(META, bronze_file_path=path, last_modified_ts=modified, **facts)
        return self.bronze.drop(meta, content.encode())

    def take(self, path: str, content: str, status: Status = Status.SUCCESS, **facts) -> int:
        """Put a file there and let the ledger have it; ``rows_of`` are the first and the last day of its rows."""
        first, last = facts.pop("rows_of", (None, None))
        meta = self.put(path, content, **facts)
        file_id = self.manifest._mint(meta)
        told = {"content_hash": MemoryBronze.content_hash(self.bronze, path)} if status is not Status.PENDING else {}
        times = {"first_local_us": micros(first), "last_local_us": micros(last)}
        self.manifest.update_statuses([Outcome(file_id=file_id, status=status, **told, **times)])
        return file_id

    def rename(self, *moves: tuple[str, str]) -> None:
        """Rename at one instant: each file goes where it is told, whoever was there."""
        old = {source: (self.bronze.files.pop(source), self.bronze.metas.pop(source)) for source, _ in moves}
        for source, target in moves:
            content, meta = old[source]
            self.bronze.drop(replace(meta, bronze_file_path=target), content)

    def sort(self, *paths: str, groups: tuple[str, ...] = (), regained: tuple[int, ...] = ()) -> Sorted:
        """Ask about the files at these paths, or about all that are there."""
        metas = [self.bronze.metas[path] for path in paths or sorted(self.bronze.files)]
        return sort_candidates(metas, self.manifest.entries(), self.bronze, groups, regained)

    def holder_of(self, path: str, found: Sorted) -> int | None:
        """Return the file of the lake that the file at this path is a copy of."""
        meta, content = self.bronze.metas[path], self.bronze.content_hash(path)
        day = (meta.data_type, meta.feed, meta.exchange, str(meta.date))
        return found.contents.get((content, *day, symbol_key(meta.symbol)))


def micros(day: dt.date | None) -> int | None:
    return (
        None if day is None else int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()) * 1_000_000
    )


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.mark.parametrize(("status", "is_named"), [(Status.QUARANTINED, True), (Status.SUCCESS, False)])
def test_a_name_that_a_refused_file_may_have_left(folder, status, is_named):
    folder.take("a", "X", status)
    folder.rename(("a", "b"))
    assert folder.sort("b").left_behind == (("a",) if is_named else ())


@pytest.mark.parametrize(("alike", "is_named"), [(1, True), (2, True), (3, False)])
def test_of_many_that_are_alike_none_is_looked_for(folder, monkeypatch, alike, is_named):
    monkeypatch.setattr(sorting, "MOST_ALIKE", 2)
    names = [f"old{number}" for number in range(alike)]
    for name in names:
        folder.take(name, "X", Status.FAILED)
    folder.put("b", "X")
    assert sorted(folder.sort("b").left_behind) == (names if is_named else [])
    assert sorted(folder.sort("b", *names).left_behind) == [], "they are asked about themselves"


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

    @pytest.mark.parametrize("content", ["Z", "X"])
    @pytest.mark.parametrize("status", [Status.QUARANTINED, Status.FAILED, Status.PENDING])
    def test_a_refused_version_at_the_new_path_is_settled(self, folder, status, content):
        folder.take("a", "X")
        folder.take("b", content, status, inode=content == "Z")
        folder.rename(("a", "b"))
        found = folder.sort()
        is_known = content == "X" and status is not Status.PENDING
        assert (moved(found), found.settled) == (({}, {}) if is_known else ({1: "b"}, {2: 1}))

    def test_the_version_at_the_new_path_was_refused_for_the_same_content(self, folder):
        """Of an earlier time: it was in the way of the one that comes to lie there now."""
        folder.take("a", "X")
        folder.take("b", "X", Status.QUARANTINED, modified=1)
        folder.rename(("a", "b"))
        found = folder.sort()
        assert (moved(found), found.settled, found.touched) == ({1: "b"}, {2: 1}, [])

    def test_of_two_files_that_are_alike_one_was_moved(self, folder):
        folder.take("a", "X")
        folder.rename(("a", "b"))
        folder.put("c", "X")
        found = folder.sort()
        assert (moved(found), entering(found)) == ({1: "b"}, {"c": ()})
        assert folder.holder_of("c", found) == 1

    def test_two_that_are_alike_may_move_at_once(self, folder):
        for path in "ab":
            folder.take(path, "X")
        folder.rename(("a", "c"), ("b", "d"))
        assert moved(folder.sort()) == {1: "c", 2: "d"}

    def test_of_two_alike_the_one_with_its_bytes_has_moved(self, folder):
        folder.take("a", "X1")
        folder.take("b", "X2")
        folder.rename(("b", "c"))
        del folder.bronze.files["a"]
        assert moved(folder.sort()) == {2: "c"}

    def test_what_looks_like_one_that_has_left_and_is_not(self, folder):
        folder.take("a", "X1")
        del folder.bronze.files["a"]
        folder.put("b", "X2")
        found = folder.sort()
        assert (moved(found), entering(found)) == ({}, {"b": ()})

    @pytest.mark.parametrize(
        ("there", "has_moved"), [(None, True), ("YY", True), ("Y", True), ("X", False), ("unreadable", False)]
    )
    def test_what_is_at_the_old_path_now(self, folder, monkeypatch, there, has_moved):
        """The version itself, touched: then the other is a copy. What cannot be read may be that as well."""
        folder.take("a", "X")
        folder.rename(("a", "b"))
        if there is not None:
            folder.put("a", there[:2] if there != "unreadable" else "X", modified=99)
        if there == "unreadable":
            real = folder.bronze.content_hash
            monkeypatch.setattr(folder.bronze, "content_hash", lambda path: None if path == "a" else real(path))
        found = folder.sort("b")
        assert (moved(found), [*entering(found)]) == (({1: "b"}, []) if has_moved else ({}, ["b"]))

    def test_two_alike_that_move_up(self, folder):
        """``mv b c; mv a b``: the bytes of b are still there, so that is the one that has not moved."""
        folder.take("a", "X", inode=1)
        folder.take("b", "X", inode=2)
        folder.rename(("a", "b"), ("b", "c"))
        found = folder.sort()
        assert moved(found) == {1: "c"}
        assert [(file_id, meta.bronze_file_path) for file_id, meta in found.touched] == [(2, "b")]

    def test_where_nobody_knows_whether_it_is_gone_nothing_has_moved(self, folder, monkeypatch):
        """Its folder cannot be entered, or is not mounted."""
        folder.take("a", "X")
        folder.rename(("a", "b"))
        monkeypatch.setattr(folder.bronze, "is_gone", lambda path: False)
        found = folder.sort()
        assert (moved(found), entering(found), folder.holder_of("b", found)) == ({}, {"b": ()}, 1)

    @pytest.mark.parametrize("facts", [{"data_type": "quotes"}, {"exchange": "okx"}, {"date": dt.date(2024, 5, 2)}])
    def test_under_another_claim_its_rows_go_elsewhere(self, folder, facts):
        folder.take("a", "X")
        del folder.bronze.files["a"]
        folder.put("b", "X", **facts)
        found = folder.sort()
        assert (moved(found), entering(found), folder.holder_of("b", found)) == ({}, {"b": ()}, None)


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
    @pytest.mark.parametrize("facts", [{}, {"changed_us": 1, "inode": 1}])
    def test_unchanged(self, folder, facts):
        folder.take("a", "X", **facts)
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

    @pytest.mark.parametrize(
        ("before", "now"), [({}, {"changed_us": 5, "inode": 5}), ({"changed_us": 5, "inode": 5}, {})]
    )
    def test_what_was_never_noted_says_nothing(self, folder, before, now):
        folder.take("a", "X", **before)
        folder.put("a", "X", **now)
        assert (len(folder.sort().known), folder.bronze.read) == (1, [])

    @pytest.mark.parametrize("before", [Status.SUCCESS, Status.WITHDRAWN])
    @pytest.mark.parametrize("after", [Status.QUARANTINED, Status.FAILED, Status.PENDING, Status.WITHDRAWN])
    @pytest.mark.parametrize("facts", [{}, {"modified": 99}])
    def test_restored_after_a_re_issue_that_has_no_rows(self, folder, before, after, facts):
        """The old content is back: the newer version is history, nothing is read, and `retry` means what is there."""
        folder.take("a", "X", before)
        folder.take("a", "Y", after)
        folder.put("a", "X", **facts)
        found = folder.sort()
        assert (entering(found), found.settled) == ({}, {2: 1})

    def test_restored_where_a_newer_one_has_its_rows(self, folder):
        """It stays out as a person said; the newer one is no history, for it has rows in silver."""
        folder.take("a", "X", Status.WITHDRAWN)
        folder.take("a", "Y")
        folder.put("a", "X")
        found = folder.sort()
        assert (entering(found), found.settled, len(found.known)) == ({}, {}, 1)

    @pytest.mark.parametrize("facts", [{}, {"modified": 99}])
    def test_what_is_regained_is_read_again_as_a_new_version(self, folder, facts):
        folder.take("a", "X")
        folder.put("a", "X", **facts)
        found = folder.sort(regained=(1,))
        assert (entering(found), found.known, found.touched) == ({"a": (1,)}, [], [])
        assert not found.entering[0].is_again

    @pytest.mark.parametrize("status", [Status.QUARANTINED, Status.FAILED])
    @pytest.mark.parametrize("facts", [{"modified": 99}, {"content": "XX"}])
    def test_refused_unread_and_written_anew(self, folder, status, facts):
        folder.take("a", "X", Status.PENDING)
        folder.manifest.update_statuses([Outcome(file_id=1, status=status)])
        folder.put("a", **{"content": "X", **facts})
        found = folder.sort()
        assert (found.again, entering(found)) == ([], {"a": (1,)})

    def test_put_back_and_written_anew(self, folder):
        folder.take("a", "X", Status.QUARANTINED)
        folder.manifest.update_statuses([Outcome.reopened(1)])
        folder.put("a", "Y")
        found = folder.sort()
        assert (found.again, entering(found)) == ([], {"a": (1,)})

    @pytest.mark.parametrize("status", [Status.QUARANTINED, Status.FAILED])
    def test_refused_unread_and_changed_outside(self, folder, status):
        """Its mode was put right, or the lake was copied: it is read again under its id."""
        folder.take("a", "X", Status.PENDING, changed_us=1)
        folder.manifest.update_statuses([Outcome(file_id=1, status=status)])
        meta = folder.put("a", "X", changed_us=2)
        found = folder.sort()
        assert (found.again, entering(found)) == ([(1, meta)], {"a": ()})
        assert found.entering[0].is_again

    def test_the_newest_was_refused_unread(self, folder):
        folder.take("a", "Y")
        folder.take("a", "X", Status.PENDING, changed_us=1)
        folder.manifest.update_statuses([Outcome(file_id=2, status=Status.FAILED)])
        meta = folder.put("a", "X", changed_us=2)
        found = folder.sort()
        assert (found.again, entering(found)) == ([(2, meta)], {"a": (1,)})

    def test_refused_unread_and_still_not_to_be_read(self, folder):
        folder.take("a", "X", Status.PENDING, changed_us=1)
        folder.manifest.update_statuses([Outcome(file_id=1, status=Status.QUARANTINED)])
        folder.put("a", "X", changed_us=2, problem="it is a link")
        found = folder.sort()
        assert (found.again, entering(found)) == ([], {"a": (1,)})

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
        found = folder.sort()
        (one,) = found.entering
        assert (one.is_again, one.replaces, found.again) == (True, (), [])

    def test_new(self, folder):
        meta = folder.put("a", "X")
        assert folder.sort().entering == [Candidate(meta=meta, is_again=False, is_accepted=False, has_siblings=False)]


class TestReading:
    """A file is read to be told apart only where its size leaves a doubt."""

    def test_what_is_known_is_not(self, folder):
        folder.take("a", "X1")
        folder.take("b", "X2")
        del folder.bronze.files["a"]
        assert len(folder.sort("b").known) == 1
        assert folder.bronze.read == []

    @pytest.mark.parametrize("status", [Status.SUCCESS, Status.QUARANTINED, Status.PENDING])
    def test_what_has_another_size_is_not(self, folder, status):
        folder.take("a", "X", status)
        folder.put("a", "XX", modified=99)
        folder.put("b", "YY")
        assert entering(folder.sort()) == {"a": (1,), "b": ()}
        assert folder.bronze.read == []

    def test_what_has_the_size_of_a_version_that_was_never_read_is_not(self, folder):
        folder.take("a", "X", Status.PENDING)
        folder.manifest.update_statuses([Outcome(file_id=1, status=Status.FAILED)])
        folder.put("a", "Y")
        assert entering(folder.sort()) == {"a": (1,)}
        assert folder.bronze.read == []

    def test_what_waits_already_is_not(self, folder):
        folder.take("a", "X", modified=1)
        folder.take("a", "X", Status.PENDING)
        assert folder.sort().entering[0].is_again
        assert folder.bronze.read == []

    def test_a_copy_beside_its_original_is_not(self, folder):
        folder.take("a", "X")
        folder.put("b", "X")
        assert entering(folder.sort("b")) == {"b": ()}
        assert folder.bronze.read == []

    def test_what_lies_at_the_old_path_of_a_file_is_not_where_its_size_tells(self, folder):
        folder.take("a", "X")
        folder.rename(("a", "b"))
        folder.put("a", "YY")
        assert moved(folder.sort("b")) == {1: "b"}
        assert folder.bronze.read == ["b"]

    def test_what_was_touched_is(self, folder):
        folder.take("a", "X")
        folder.put("a", "X", modified=99)
        assert len(folder.sort().touched) == 1
        assert folder.bronze.read == ["a"]

    @pytest.mark.parametrize("status", [Status.SUCCESS, Status.QUARANTINED])
    def test_what_cannot_be_read_is_not(self, folder, status):
        """A link, or a file that nobody may open: it enters, and says there what is wrong with it."""
        folder.take("a", "X", status)
        folder.put("a", "X", modified=99, problem="it is a link")
        folder.take("b", "Y")
        del folder.bronze.files["b"]
        folder.put("c", "Y", problem="it is a link")
        found = folder.sort()
        assert (entering(found), found.again, moved(found)) == ({"a": (1,), "c": ()}, [], {})
        assert folder.bronze.read == []


def test_nothing_is_asked(folder):
    folder.take("a", "X")
    found = sort_candidates([], folder.manifest.entries(), folder.bronze)
    assert (found.entering, found.known, folder.holder_of("a", found)) == ([], [], None)


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

    def test_a_file_of_many_symbols_alone_meets_nobody(self, folder):
        folder.put("a", "X", symbol="SPOT")
        assert not folder.sort("a").entering[0].has_siblings

    @pytest.mark.parametrize(("groups", "meet"), [((), False), (("BASKET",), True)])
    def test_groups_of_the_lake(self, folder, groups, meet):
        folder.take("a", "X", symbol="basket")
        folder.put("b", "Y", symbol="S")
        found = folder.sort("b", groups=groups).entering[0]
        assert (found.has_siblings, found.may_be_refused) == (meet, meet)

    @pytest.mark.parametrize("status", list(Status))
    def test_only_what_is_in_or_on_its_way(self, folder, status):
        folder.take("a", "X", status)
        folder.put("b", "Y")
        meet = status in {Status.SUCCESS, Status.PENDING}
        assert folder.sort("b").entering[0].has_siblings is meet

    def test_a_version_that_is_replaced_is_no_sibling(self, folder):
        folder.take("a", "X")
        folder.put("a", "YY")
        assert not folder.sort("a").entering[0].has_siblings


def day(offset: int) -> dt.date:
    return META.date + dt.timedelta(days=offset)


class TestSeveralDays:
    """The rows of described files may be of several days: a month, or a day by another clock."""

    FEED = "binance_trades"

    @pytest.mark.parametrize(
        ("asks_for_many", "known", "meet"),
        [
            (False, (0, (0, 0)), False),
            (False, (5, (5, 5)), False),
            (False, (-10, (-10, 10)), True),
            (False, (-1, (-1, 0)), True),
            (False, (1, (0, 1)), True),
            (False, (1, (0, 0)), True),
            (False, (9, (None, None)), True),
            (True, (0, (0, 0)), True),
            (True, (5, (5, 5)), True),
            (True, (31, (31, 31)), True),
            (True, (32, (32, 32)), False),
            (True, (-1, (-1, -1)), False),
            (True, (-1, (-1, 0)), True),
        ],
    )
    def test_who_may_share_a_day(self, folder, asks_for_many, known, meet):
        place, rows_of = known
        days = tuple(None if one is None else day(one) for one in rows_of)
        folder.take("a", "X", feed=self.FEED, date=day(place), symbol="T", rows_of=days)
        folder.put("b", "Y", feed=self.FEED, is_one_day=not asks_for_many)
        found = folder.sort("b").entering[0]
        assert (found.has_siblings, found.may_be_refused) == (meet, False)

    @pytest.mark.parametrize(
        ("facts", "status", "meet"),
        [
            ({}, Status.SUCCESS, True),
            ({}, Status.PENDING, True),
            ({}, Status.SUPERSEDED, False),
            ({}, Status.QUARANTINED, False),
            ({"feed": ""}, Status.SUCCESS, False),
            ({"feed": "another"}, Status.SUCCESS, True),
            ({"data_type": "quotes"}, Status.SUCCESS, False),
            ({"exchange": "okx"}, Status.SUCCESS, False),
        ],
    )
    def test_of_one_table_and_exchange(self, folder, facts, status, meet):
        said = {"feed": self.FEED, "date": day(3), "symbol": "T", "rows_of": (day(3), day(3)), **facts}
        folder.take("a", "X", status, **said)
        folder.put("b", "Y", feed=self.FEED, is_one_day=False)
        assert folder.sort("b").entering[0].has_siblings is meet

    @pytest.mark.parametrize(("is_one_day", "meet"), [(True, False), (False, True)])
    def test_in_one_batch(self, folder, is_one_day, meet):
        folder.put("a", "X", feed=self.FEED, date=day(3), symbol="T")
        folder.put("b", "Y", feed=self.FEED, is_one_day=is_one_day)
        assert [one.has_siblings for one in folder.sort("a", "b").entering] == [meet, meet]

    @pytest.mark.parametrize("beside", [{"feed": ""}, {"feed": FEED, "date": day(9)}, {"feed": FEED, "date": day(-9)}])
    def test_whatever_else_is_asked_about(self, folder, beside):
        """The ledger is cut to what may matter for all that come together."""
        folder.take("month", "X", feed=self.FEED, date=day(-20), symbol="T", rows_of=(day(-20), day(10)))
        folder.take("day", "X", feed=self.FEED, date=day(3), symbol="T", rows_of=(day(3), day(3)))
        folder.put("one", "Y", feed=self.FEED)
        folder.put("many", "Z", feed=self.FEED, is_one_day=False, symbol="U")
        folder.put("other", "YY", symbol="V", **beside)
        for asked in ("one", "many"):
            assert folder.sort(asked, "other").entering[0].has_siblings
        del folder.manifest.rows[0]
        assert folder.sort("many", "other").entering[0].has_siblings

    def test_a_month_asked_about_with_an_earlier_file(self, folder):
        folder.take("day", "X", feed=self.FEED, date=day(35), symbol="T", rows_of=(day(35), day(35)))
        folder.put("one", "Y", feed=self.FEED)
        folder.put("many", "Z", feed=self.FEED, date=day(9), is_one_day=False, symbol="U")
        assert folder.sort("many", "one").entering[0].has_siblings

    def test_one_alone_meets_nobody(self, folder):
        folder.put("b", "Y", feed=self.FEED, is_one_day=False)
        assert not folder.sort("b").entering[0].has_siblings

    def test_a_file_of_one_day_of_tardis_meets_nobody(self, folder):
        folder.take("a", "X", feed=self.FEED, date=day(-3), symbol="T", rows_of=(day(-3), day(3)))
        folder.put("b", "Y")
        assert not folder.sort("b").entering[0].has_siblings

    @pytest.mark.parametrize(("feed", "holder"), [(FEED, 1), ("another", None), ("", None)])
    def test_a_copy_is_one_within_a_feed(self, folder, feed, holder):
        """Guards Contents: equal bytes say something else where another description reads them."""
        folder.take("a", "X", feed=self.FEED)
        folder.put("b", "X", feed=feed)
        assert folder.holder_of("b", folder.sort("b")) == holder
