"""Each write of a batch as the last one of the process, or as one that fails once: DESIGN §4, over fakes.

What ``tests/properties/test_exactly_once`` meets by chance is gone through here: a few scripts, every effect.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointline.io.protocols.file_version import Outcome
from pointline.tables.ingest_manifest import Status
from tests.support.memory_lake import CRASH, TROUBLE, MemoryLake
from tests.support.people_contents import DAYS, client, digest, hive, make_content
from tests.support.people_judge import describe_picture, judge_picture
from tests.support.ticks import Ticks

DAY = DAYS[0]
SYMBOL = "BTCUSDT"
A, B, C = (hive("trades", SYMBOL, DAY, part) for part in (1, 2, 3))
Q = hive("quotes", SYMBOL, DAY, 1)
OTHER = client("trades", "ETHUSDT", DAY)
MOST_EFFECTS = 30


class Hand:
    """A person with a shell."""

    def __init__(self, lake: MemoryLake) -> None:
        self.lake = lake
        self.ticks = Ticks(1_714_700_000)

    def put(self, path: str, data: bytes) -> None:
        self.lake.deeds.contents[digest(data)] = data
        file = self.lake.root / "bronze" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def copy(self, source: str, target: str) -> None:
        self.put(target, (self.lake.root / "bronze" / source).read_bytes())

    def move(self, source: str, target: str) -> None:
        bronze = self.lake.root / "bronze"
        (bronze / target).parent.mkdir(parents=True, exist_ok=True)
        (bronze / source).rename(bronze / target)

    def remove(self, path: str) -> None:
        (self.lake.root / "bronze" / path).unlink()


def content(
    hours: tuple[float, float] = (1.0, 2.0), *, issue: int = 1, table: str = "trades", bad: bool = False
) -> bytes:
    return make_content(
        table, (SYMBOL,), DAY, first=hours[0], last=hours[1], rows=8, issue=issue, stray="ETHUSDT" if bad else ""
    )


def first(hand: Hand) -> None:
    hand.put(A, content(bad=True))
    hand.put(Q, content(table="quotes"))
    hand.lake.run()
    hand.copy(A, B)
    hand.put(C, content((1.5, 3.0)))
    hand.lake.run()  # B is a copy, C is in the way of A


def replaced(hand: Hand) -> None:
    """The original of a copy is replaced; the copy's own rows have to come, where nothing is in their way."""
    hand.put(A, content((4.0, 5.0), issue=2, bad=True))
    hand.put(Q, content(table="quotes", issue=2, bad=True))


def removed(hand: Hand) -> None:
    """What C was refused for is gone; A goes on as the copy B."""
    hand.remove(A)
    hand.put(OTHER, make_content("trades", ("ETHUSDT",), DAY, rows=5, stray=SYMBOL))


def moved(hand: Hand) -> None:
    hand.remove(B)
    hand.move(A, B)
    hand.put(A, content((4.0, 5.0), issue=3))


def changed_claim(hand: Hand) -> None:
    """A file of trades was one of quotes in truth: its rows leave one table and come into the other."""
    hand.move(Q, hive("liquidations", SYMBOL, DAY, 1))
    hand.put(Q, content(table="quotes", issue=4, bad=True))


SCRIPTS = (replaced, removed, moved, changed_claim)


@contextmanager
def lake_after(script: Callable[[Hand], None]) -> Iterator[MemoryLake]:
    folder = Path(tempfile.mkdtemp())
    try:
        lake = MemoryLake(folder)
        hand = Hand(lake)
        first(hand)
        assert judge_picture(lake.picture()) == []
        script(hand)
        yield lake
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("make", [CRASH, TROUBLE], ids=["the process ends", "trouble"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("is_again", [False, True], ids=["new", "begun before"])
@pytest.mark.share(8)
def test_each_effect(script, when, make, is_again):
    with lake_after(script) as lake:
        if is_again:
            _begin_and_die(lake)
        restore, of_the_dead = lake.snapshot(), spare_of(lake)
        for number in range(1, MOST_EFFECTS):
            restore()
            lake.fuse.set(number, when, make)
            lake.run()
            was_reached = lake.fuse.left <= 0
            lake.fuse.set(0, "", CRASH)
            lake.run(fused=False)
            picture = lake.picture()
            problems = judge_picture(picture)
            assert problems == [], f"{when} effect {number}:\n{describe_picture(picture)}"
            if make is TROUBLE:
                assert spare_of(lake) == of_the_dead, "nobody else removes what was written in vain"
            if not was_reached:
                return
    raise AssertionError("the script has no end")


def spare_of(lake: MemoryLake) -> dict[str, set[str]]:
    return {name: table.spare() for name, table in lake.tables.items()}


def _begin_and_die(lake: MemoryLake) -> None:
    """The ids are there, and quarantine has rows of what is not in."""
    service = lake.process.service
    known = lake.manifest.entries()
    survey = lake.source.survey()
    service.absence.compare(survey, known)
    metas = [meta for path in survey["path"].sort() if (meta := lake.source.look(path)) is not None]
    batch, _ = service.begin(metas)
    loaded = [lake.process.loader.load(group) for group in batch.groups]
    lake.fuse.set(2, "before", CRASH)
    with pytest.raises(CRASH):  # type: ignore[arg-type]
        service.commit(batch, loaded)
    lake.die()


class TestClaims:
    """Equal contents on their way at the same time, in one process."""

    def hand(self, folder: Path) -> Hand:
        return Hand(MemoryLake(folder))

    def check(self, hand: Hand, **statuses: str) -> None:
        picture = hand.lake.picture()
        assert judge_picture(picture) == [], describe_picture(picture)
        found = {row["bronze_file_path"]: row["status"] for row in hand.lake.manifest.rows}
        assert {name: found[path] for name, path in {"a": A, "b": B, "c": C}.items() if name in statuses} == statuses

    def test_what_was_refused_frees_its_content(self, tmp_path):
        """Guards the release of claims: the second of two equal files does not wait for one that never gets in."""
        hand = self.hand(tmp_path)
        hand.put(A, content())
        hand.lake.run()
        hand.put(B, content((1.5, 3.0)))
        hand.lake.run()  # it is in the way of A
        hand.move(B, C)
        hand.lake.command("withdraw", A)
        hand.lake.run()
        self.check(hand, a="withdrawn", c="success")

    @pytest.mark.parametrize("policy", ["quarantine", "allow"])
    def test_what_is_in_is_remembered_for_batches_under_way(self, tmp_path, policy):
        """Guards ``retire``: a file that was compared with the ledger before the commit is read after it."""
        hand = Hand(MemoryLake(tmp_path, overlap=policy))
        hand.put(A, content())
        hand.put(B, content())
        lake = hand.lake
        service, loader = lake.process.service, lake.process.loader
        batches = []
        for path in (A, B):
            meta = lake.source.look(path)
            assert meta is not None
            batches.append(service.begin([meta])[0])
        for batch in batches:
            service.commit(batch, [loader.load(group) for group in batch.groups])
        self.check(hand, a="success", b="duplicate")

    def test_what_is_replaced_frees_its_content(self, tmp_path):
        hand = self.hand(tmp_path)
        hand.put(A, content())
        hand.lake.run()
        hand.put(A, content(issue=2))
        hand.lake.run()
        hand.put(A, content((4.0, 5.0), issue=3))
        hand.lake.run()
        hand.put(B, content())
        hand.lake.run()
        self.check(hand, a="success", b="success")

    def test_what_was_withdrawn_frees_its_content(self, tmp_path):
        hand = self.hand(tmp_path)
        hand.put(A, content())
        hand.lake.run()
        hand.lake.command("withdraw", A)
        hand.remove(A)
        hand.put(B, content())
        hand.lake.run()
        (row,) = [row for row in hand.lake.manifest.rows if row["bronze_file_path"] == B]
        assert row["status"] in ("success", "withdrawn")


class TestTogether:
    """What two files of one batch, or two batches under way, may do to each other. Each was met by chance first."""

    @pytest.fixture
    def hand(self, tmp_path) -> Hand:
        return Hand(MemoryLake(tmp_path))

    def settled(self, hand: Hand) -> dict[object, object]:
        picture = hand.lake.picture()
        assert judge_picture(picture) == [], describe_picture(picture)
        return {row["bronze_file_path"]: row["status"] for row in hand.lake.manifest.rows}

    def test_a_refused_file_leaves_no_rows_in_the_part_that_it_shares(self, hand):
        """Guards ``_parts_for``: a re-issue with too few rows, beside a new file of the same table and day."""
        hand.put(A, content())
        hand.lake.run()
        hand.put(A, make_content("trades", (SYMBOL,), DAY, rows=2, issue=2))
        hand.put(OTHER, make_content("trades", ("ETHUSDT",), DAY))
        hand.lake.run()
        assert self.settled(hand) == {A: "quarantined", OTHER: "success"}

    def test_what_lay_at_the_path_moves_while_its_successor_is_under_way(self, hand):
        """Guards ``_with_siblings_found``: the two have the same times, and each was alone when it was begun."""
        hand.put(A, content())
        hand.lake.run()
        hand.move(A, B)
        hand.put(A, content((1.5, 2.5), issue=2))
        hand.lake.run(batch_files=1)
        assert self.settled(hand) == {A: "quarantined", B: "success"}

    def test_a_copy_under_a_name_that_would_be_refused_comes_in_another_batch(self, hand):
        """Guards ``_in_silver_since``: it is a copy, however the batches fall."""
        hand.put(A, content())
        hand.copy(A, client("trades", f"{SYMBOL} (1)", DAY, "zz"))
        hand.lake.run(batch_files=1)
        assert sorted(map(str, self.settled(hand).values())) == ["duplicate", "success"]

    def test_a_ring_through_a_group_does_not_count_what_leaves_anyway(self, hand):
        """Guards ``_old_of``: a content that moved here is counted for the guard only where nobody else replaces it."""
        group = client("trades", "SPOT", DAY)
        both = ("BTCUSDT", "ETHUSDT")
        hand.put(group, make_content("trades", both, DAY, first=2.5, last=4.0, issue=1))
        hand.put(A, content((1.0, 2.0)))
        hand.lake.run()
        hand.move(group, A)
        hand.put(group, make_content("trades", both, DAY, first=5.0, last=6.0, issue=3))
        hand.lake.run()
        assert self.settled(hand)[group] == "success"

    def test_a_file_gets_in_where_the_one_in_its_way_has_left_bronze(self, hand):
        """Guards ``_without_old_news``: that it is gone is news once."""
        hand.put(A, content())
        hand.lake.run()
        hand.put(C, content((1.5, 3.0)))
        hand.lake.run()
        assert self.settled(hand) == {A: "success", C: "quarantined"}
        hand.remove(A)
        hand.lake.run()
        assert self.settled(hand) == {A: "superseded", C: "success"}

    def test_a_file_that_was_never_read_is_read_under_its_id_when_its_mode_has_changed(self, hand):
        """Guards ``relocate`` in ``begin``: the ledger knows it by its ctime from then on."""
        hand.put(A, content())
        lake = hand.lake
        meta = lake.source.look(A)
        assert meta is not None
        lake.process.service.begin([meta])
        lake.manifest.update_statuses([Outcome(file_id=1, status=Status.FAILED, error="it may not be read")])
        lake.die()
        file = lake.root / "bronze" / A
        file.chmod(0o600)
        file.chmod(0o644)
        lake.run()
        assert self.settled(hand) == {A: "success"}
        [row] = lake.manifest.rows
        assert (row["file_id"], row["changed_ts"]) == (1, file.stat().st_ctime_ns // 1000)

    @pytest.mark.parametrize("path", [B, client("trades", f"{SYMBOL} (1)", DAY, "zz")])
    def test_a_copy_whose_original_has_left_is_where_the_content_is_now(self, hand, path):
        """Guards ``_follow_moves``: under the name of another symbol it is a file of its own, and not this one."""
        hand.put(A, content())
        hand.lake.run()
        hand.copy(A, path)
        meta = hand.lake.source.look(path)
        assert meta is not None
        service, loader = hand.lake.process.service, hand.lake.process.loader
        batch, _ = service.begin([meta])
        loaded = [loader.load(group) for group in batch.groups]
        hand.remove(A)
        service.commit(batch, loaded)
        first, second = hand.lake.manifest.rows
        is_same = path == B
        assert first["bronze_file_path"] == (B if is_same else A)
        assert (first["status"], second["status"]) == ("success", "superseded" if is_same else "duplicate")
