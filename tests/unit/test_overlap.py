"""``Judge``: no row of a day is counted twice, what gives way to what, and who is refused hears of the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Set as AbstractSet

import polars as pl
import pytest
from msgspec.structs import replace

from pointline.io.protocols.file_version import OTHER_IS_GONE, BronzeFileMetadata, Outcome
from pointline.services.files.identity.candidate import Candidate
from pointline.services.files.place.case import Case, Replacements
from pointline.services.files.place.overlap import Day, Occupied, day_of
from pointline.services.files.place.replacement import Judge
from pointline.services.ingest.batch import Entry, Span
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import SCHEMA, Status
from pointline.vendors.claim import Rank

META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="p",
    file_size_bytes=1,
    last_modified_ts=0,
)


def entry(file_id: int, *, siblings: bool = True, replaces: tuple[int, ...] = (), **facts) -> Entry:
    meta = replace(META, bronze_file_path=f"p{file_id}", **facts)
    return Entry(file_id=file_id, candidate=Candidate(meta=meta, replaces=replaces, has_siblings=siblings))


def outcome(
    file_id: int, first: int | None, last: int | None, status: Status = Status.SUCCESS, rows: int = 10
) -> Outcome:
    rows = 0 if first is None else rows
    times = {"first_local_us": first, "last_local_us": last}
    return Outcome(
        file_id=file_id, status=status, content_hash=f"{file_id:02x}", rows_read=rows, rows_written=rows, **times
    )


def ledger(*rows: tuple[int, int | None, int | None, str]) -> pl.DataFrame:
    """Files that the ledger knows: ``(file_id, first, last, status)``."""
    times = ("last_modified_ts", "first_local_timestamp", "last_local_timestamp")
    facts = [
        dict.fromkeys(SCHEMA)
        | {name: getattr(META, name) for name in ("exchange", "data_type", "symbol", "date")}
        | {"file_id": file_id, "bronze_file_path": f"p{file_id}", "status": status}
        | {"first_local_timestamp": first, "last_local_timestamp": last}
        for file_id, first, last, status in rows
    ]
    frame = pl.DataFrame(facts, schema={**SCHEMA, **dict.fromkeys(times, pl.Int64())}, orient="row")
    words = [pl.col(name).cast(pl.Categorical) for name in ("exchange", "data_type", "symbol", "status")]
    return frame.with_columns(*words, pl.col(times).cast(SCHEMA["last_modified_ts"]))


class Facts:
    """``SilverFacts``: every file is in bronze, and has ``rows`` in silver, but those that are named."""

    def __init__(self, **known) -> None:
        self.gone: AbstractSet[int] = known.get("gone", frozenset())
        self.vendor: str = known.get("vendor", "tardis")
        self.rows: dict[int, int] = known.get("rows", {})
        self.contents: dict[int, str] = known.get("contents", {})
        self.spans: dict[int, dict[str, Span]] = known.get("silver", {})
        self.symbol: str = known.get("symbol", "S")

    def path_in_bronze(self, file_id: int) -> str | None:
        return "" if self.is_in_bronze(file_id) else None

    def is_in_bronze(self, file_id: int) -> bool:
        return file_id not in self.gone

    def has_left_bronze(self, file_id: int) -> bool:
        return file_id in self.gone

    def symbol_of(self, file_id: int) -> str:
        return self.symbol

    def undescribed_table(self, file_id: int) -> str:
        return ""

    def vendor_of(self, file_id: int) -> str:
        return self.vendor

    def content_hash(self, file_id: int) -> str:
        return self.contents.get(file_id, f"{file_id:02x}")

    def rows_written(self, file_id: int) -> int:
        return self.rows.get(file_id, 10)

    def spans_of(self, file_id: int, day: Day) -> dict[str, Span]:
        return self.spans[file_id]


def judged(*files: tuple[Entry, Outcome], known: pl.DataFrame | None = None, **more) -> Replacements:
    entries = {one.file_id: one for one, _ in files}
    facts = Facts(**more)
    days = {day_of(one.meta) for one in entries.values()}
    case = Case(
        entries=entries,
        outcomes={one.file_id: one for _, one in files},
        old={one.file_id: one.candidate.replaces for one in entries.values() if one.candidate.replaces},
        in_silver=more.get("in_silver", ()),
        spans=more.get("spans", {}),
        occupied=Occupied(ledger() if known is None else known, days, facts.spans_of, ()),
        facts=facts,
        groups=("SPOT",),
        allows_overlap=more.get("allows_overlap", False),
        min_share=0.5,
        rank_of=more.get("rank_of", lambda _path, _feed: None),
    )
    return Judge(case).decide()


def ranked(places: dict[str, int]):
    """Files by path, the lower place goes first; all of them are of all time."""
    return lambda path, _feed: Rank(places[path], (0, 1 << 62)) if path in places else None


def refused(*files: tuple[Entry, Outcome], known: pl.DataFrame | None = None, **more) -> dict[int, Outcome]:
    return judged(*files, known=known, **more).refused


RANGES = [
    pytest.param((1, 9), True, id="within"),
    pytest.param((10, 15), False, id="the seam after"),
    pytest.param((-5, 0), False, id="the seam before"),
    pytest.param((9, 15), True, id="more than the seam"),
    pytest.param((5, 5), True, id="an instant within"),
    pytest.param((10, 10), True, id="the last instant alone"),
    pytest.param((11, 11), False, id="an instant after"),
    pytest.param((0, 99), True, id="around"),
    pytest.param((11, 15), False, id="after"),
    pytest.param((-9, -1), False, id="before"),
]


@pytest.mark.parametrize(("times", "meets"), RANGES)
@pytest.mark.parametrize("is_in", [True, False])
def test_two_ranges(times, meets, is_in):
    """Guards overlap, with the other file in the lake already and with both in one batch."""
    second = (entry(2), outcome(2, *times))
    if is_in:
        found = refused(second, known=ledger((1, 0, 10, "success")))
    else:
        found = refused((entry(1), outcome(1, 0, 10)), second)
    assert set(found) == ({2} if meets else set())
    if meets:
        assert (found[2].status, found[2].content_hash, found[2].rows_written) == (Status.QUARANTINED, "02", 0)
        assert "file 1 (p1)" in str(found[2].error)


def test_the_lower_id_goes_first_whatever_the_order():
    files = [(entry(number), outcome(number, 0, 10)) for number in (3, 1, 2)]
    assert set(refused(*files)) == {2, 3}


def test_a_refused_file_is_in_nobodys_way():
    files = [(entry(1), outcome(1, 0, 10)), (entry(2), outcome(2, 5, 20)), (entry(3), outcome(3, 15, 20))]
    assert set(refused(*files)) == {2}


@pytest.mark.parametrize("other", [{"symbol": "T"}, {"exchange": "kraken"}, {"date": dt.date(2024, 5, 2)}])
def test_other_days_do_not_matter(other):
    assert refused((entry(1), outcome(1, 0, 10)), (entry(2, **other), outcome(2, 0, 10))) == {}


@pytest.mark.parametrize("status", ["superseded", "quarantined", "failed", "duplicate", "pending"])
def test_what_is_not_in_does_not_matter(status):
    assert refused((entry(2), outcome(2, 0, 10)), known=ledger((1, 0, 10, status))) == {}


def test_a_version_that_leaves_in_this_batch_does_not_matter():
    """Guards leaving_out: a new issue does not overlap the one it replaces, nor does another part of the day."""
    known = ledger((1, 0, 10, "success"))
    files = [(entry(2, replaces=(1,)), outcome(2, 0, 4)), (entry(3), outcome(3, 5, 10))]
    assert refused(*files, known=known) == {}


@pytest.mark.parametrize("status", [Status.PENDING, Status.QUARANTINED])
def test_a_version_that_stays_does(status):
    """The new issue does not get in, so the old rows stay."""
    known = ledger((1, 0, 10, "success"))
    files = [(entry(2, replaces=(1,)), outcome(2, None, None, status)), (entry(3), outcome(3, 5, 10))]
    assert set(refused(*files, known=known)) == {3}


def test_no_rows_beside_rows_say_nothing():
    known = ledger((1, None, None, "success"), (4, 0, 10, "success"))
    found = refused((entry(2), outcome(2, None, None)), known=known)
    assert (found[2].status, found[2].superseded_by) == (Status.QUARANTINED, 4)
    assert "`pointline withdraw 4`" in str(found[2].error)
    assert refused((entry(2), outcome(2, None, None)), known=ledger((1, None, None, "success"))) == {}


def test_without_siblings_nobody_looks():
    assert refused((entry(2, siblings=False), outcome(2, 0, 10)), known=ledger((1, 0, 10, "success"))) == {}


class TestGone:
    """The file in the lake is not in bronze any more: a re-issue at another path takes its place."""

    KNOWN = ((1, 0, 10, "success"),)

    def test_it_gives_way(self):
        found = judged((entry(2), outcome(2, 3, 12)), known=ledger(*self.KNOWN), gone={1})
        assert (found.refused, found.replaced) == ({}, {1: 2})

    def test_but_not_for_another_part_of_the_day(self):
        found = judged((entry(2), outcome(2, 11, 12)), known=ledger(*self.KNOWN), gone={1})
        assert (found.refused, found.replaced) == ({}, {})

    def test_nor_where_another_one_stays(self):
        known = ledger(*self.KNOWN, (3, 11, 20, "success"))
        found = judged((entry(2), outcome(2, 0, 20)), known=known, gone={1})
        assert found.refused[2].superseded_by == 3
        assert found.replaced == {}

    @pytest.mark.parametrize(("rows", "said"), [(4, "4 rows"), (1, "1 row")])
    def test_nor_for_too_few_rows(self, rows, said):
        found = judged((entry(2), outcome(2, 0, 10, rows=rows)), known=ledger(*self.KNOWN), gone={1})
        assert found.replaced == {}
        assert f"it has {said} and would replace 10 rows of file 1" in str(found.refused[2].error)
        assert "`pointline retry 2 --accept`" in str(found.refused[2].error)

    def test_only_one_of_a_batch_takes_its_place(self):
        files = [(entry(2), outcome(2, 0, 10)), (entry(3), outcome(3, 0, 10))]
        found = judged(*files, known=ledger(*self.KNOWN), gone={1})
        assert (set(found.refused), found.replaced) == ({3}, {1: 2})


SPANS = {2: {"S": Span(first_us=0, last_us=10, rows=5), "T": Span(first_us=20, last_us=30, rows=5)}}


class TestGroups:
    """Files of many symbols are compared symbol by symbol."""

    @pytest.mark.parametrize(("times", "meets"), [((0, 10), True), ((20, 30), False), ((9, 21), True)])
    @pytest.mark.parametrize("is_in", [True, False])
    def test_a_group_comes_second(self, times, meets, is_in):
        group = (entry(2, symbol="SPOT"), outcome(2, 0, 30))
        if is_in:
            found = refused(group, known=ledger((1, *times, "success")), spans=SPANS)
        else:
            found = refused((entry(1), outcome(1, *times)), group, spans=SPANS)
        assert set(found) == ({2} if meets else set())

    @pytest.mark.parametrize(("symbol", "times", "meets"), [("s", (0, 10), True), ("S", (20, 30), False)])
    def test_a_member_comes_second(self, symbol, times, meets):
        known = ledger((1, 0, 30, "success")).with_columns(symbol=pl.lit("SPOT").cast(pl.Categorical))
        member = (entry(2, symbol=symbol), outcome(2, *times))
        assert set(refused(member, known=known, silver={1: SPANS[2]})) == ({2} if meets else set())

    def test_a_member_takes_no_place_of_a_group(self):
        """The group is gone from bronze, but its other symbols have nobody else: only withdrawing it helps."""
        known = ledger((1, 0, 30, "success")).with_columns(symbol=pl.lit("SPOT").cast(pl.Categorical))
        found = refused((entry(2), outcome(2, 0, 10)), known=known, silver={1: SPANS[2]}, gone={1})
        assert "`pointline withdraw 1`" in str(found[2].error)
        assert "delete" not in str(found[2].error)

    @pytest.mark.parametrize("symbol", ["S", "T"])
    def test_an_instant_of_one_symbol_at_the_seam_of_the_files(self, symbol):
        """Guards that files which share one instant are compared by symbol: of one it may be all that there is."""
        spans = {2: {"S": Span(first_us=10, last_us=10, rows=5), "T": Span(first_us=0, last_us=9, rows=5)}}
        known = ledger((1, 10, 20, "success")).with_columns(symbol=pl.lit(symbol).cast(pl.Categorical))
        found = refused((entry(2, symbol="SPOT"), outcome(2, 0, 10)), known=known, spans=spans)
        assert set(found) == ({2} if symbol == "S" else set())

    def test_a_group_takes_the_place_of_a_member(self):
        group = (entry(2, symbol="SPOT"), outcome(2, 0, 30))
        found = judged(group, known=ledger((1, 0, 10, "success")), spans=SPANS, gone={1})
        assert (found.refused, found.replaced) == ({}, {1: 2})


class TestTooFew:
    """A new version of a path that has far fewer rows is held."""

    KNOWN = ((1, 0, 10, "success"),)

    @pytest.mark.parametrize(("rows", "held"), [(4, True), (5, False), (0, True)])
    @pytest.mark.parametrize("accepted", [True, False])
    def test_share(self, rows, held, accepted):
        one = replace(entry(2).candidate, replaces=(1,), is_accepted=accepted)
        file = (Entry(file_id=2, candidate=one), outcome(2, 0 if rows else None, 10 if rows else None, rows=rows))
        found = judged(file, known=ledger(*self.KNOWN))
        assert set(found.refused) == ({2} if held and not accepted else set())
        assert found.replaced == ({} if held and not accepted else {1: 2})

    @pytest.mark.parametrize(
        ("original", "symbol", "before", "held"),
        [
            pytest.param("of its symbol", "S", 20, 0, id="of its symbol"),
            pytest.param("of its symbol", "S", 21, 10, id="of its symbol, too few"),
            pytest.param("of many in the lake", "S", 10, 0, id="of many in the lake"),
            pytest.param("of many in the lake", "S", 11, 5, id="of many in the lake, too few"),
            pytest.param("of many in the lake", "SPOT", 20, 0, id="of many in the lake, a group"),
            pytest.param("of many in the batch", "S", 10, 0, id="of many in the batch"),
            pytest.param("of many in the batch", "S", 11, 5, id="of many in the batch, too few"),
            pytest.param("of many in the batch", "SPOT", 21, 10, id="of many in the batch, a group, too few"),
        ],
    )
    def test_a_copy_has_the_rows_of_its_original_that_it_claims(self, original, symbol, before, held):
        copy = (entry(4, symbol=symbol, replaces=(1,)), Outcome.duplicate(4, content_hash="07", of=7))
        files = [copy]
        if original == "of many in the batch":
            files.append((entry(7, symbol="SPOT", siblings=False), outcome(7, 0, 30)))
        told = {"symbol": "S" if original == "of its symbol" else "SPOT", "silver": {7: SPANS[2]}, "in_silver": {7}}
        found = judged(*files, known=ledger(*self.KNOWN), rows={1: before}, spans={7: SPANS[2]}, **told)
        assert found.replaced == ({} if held else {1: 4})
        if held:
            said = f"it has {held} rows (it is a copy of file 7) and would replace {before} rows of file 1"
            assert said in str(found.refused[4].error)

    def test_a_version_without_siblings_is_held_too(self):
        few = (entry(2, siblings=False, replaces=(1,)), outcome(2, 0, 10, rows=1))
        assert set(refused(few, known=ledger(*self.KNOWN))) == {2}

    def test_a_held_version_leaves_its_predecessor_in_the_way(self):
        """Guards the repetition in Judge.decide."""
        files = [(entry(2, replaces=(1,)), outcome(2, 0, 10, rows=1)), (entry(3), outcome(3, 0, 10))]
        found = judged(*files, known=ledger(*self.KNOWN))
        assert {file_id: one.superseded_by for file_id, one in found.refused.items()} == {2: 1, 3: 1}
        assert found.replaced == {}

    @pytest.mark.parametrize(
        ("of_path", "moved", "held"),
        [
            pytest.param(12, (6,), "", id="enough for the path"),
            pytest.param(12, (6, 12, 8), "", id="copies of one content"),
            pytest.param(13, (6,), "13 rows of file 1,", id="too few for the path"),
            pytest.param(0, (13,), "13 rows of file 10,", id="too few are left of what moved"),
            pytest.param(10, (6, 13), "13 rows of file 11,", id="too few for the largest that moved"),
        ],
    )
    def test_what_moved_here_is_counted_where_it_goes(self, of_path, moved, held):
        """Guards that rows which only move do not count as lost beside those of the path that they come to."""
        rows = dict(enumerate(moved, 10)) | {1: of_path}
        contents = dict.fromkeys(range(10, 10 + len(moved)), "05")
        file = (entry(5, replaces=tuple(rows)), outcome(5, 0, 10, rows=6))
        found = judged(file, known=ledger(*self.KNOWN), rows=rows, contents=contents)
        assert ([str(one.error) for one in found.refused.values()] != []) == bool(held)
        assert all(held in str(one.error) for one in found.refused.values())


class TestCopies:
    """A duplicate of what leaves, or does not get in, takes no place yet: its path keeps its old rows."""

    KNOWN = ((1, 0, 10, "success"), (2, 11, 20, "success"))

    @pytest.mark.parametrize(
        "files",
        [
            pytest.param([(entry(3, replaces=(1,)), outcome(3, 11, 20))], id="that leaves"),
            pytest.param(
                [(entry(1), outcome(1, None, None, Status.QUARANTINED)), (entry(3), outcome(3, 11, 20))],
                id="that is out",
            ),
        ],
    )
    def test_a_path_keeps_its_rows_until_the_copy_is_settled(self, files):
        copy = (entry(4, replaces=(2,)), Outcome.duplicate(4, content_hash="01", of=1))
        found = judged(*files, copy, known=ledger(*self.KNOWN), in_silver={1})
        assert (found.waiting, {one: why.superseded_by for one, why in found.refused.items()}) == ({4}, {3: 2})
        assert found.replaced == {}

    @pytest.mark.parametrize("is_in", [True, False])
    def test_the_original_is_of_this_batch(self, is_in):
        known = ledger((2, 11, 20, "success"), *([] if is_in else [(5, 0, 10, "success")]))
        copy = (entry(4, replaces=(2,)), Outcome.duplicate(4, content_hash="01", of=1))
        found = judged((entry(1), outcome(1, 0, 10)), copy, known=known)
        assert (found.waiting, set(found.refused)) == ((set(), set()) if is_in else ({4}, {1}))
        assert found.replaced == ({2: 4} if is_in else {})

    def test_a_settled_copy_takes_its_place(self):
        copy = (entry(4, replaces=(2,)), Outcome.duplicate(4, content_hash="01", of=1))
        found = judged(copy, (entry(3), outcome(3, 11, 20)), known=ledger(*self.KNOWN), in_silver={1})
        assert (found.waiting, found.refused, found.replaced) == (set(), {}, {2: 4})


def test_where_overlaps_are_allowed_nobody_is_in_the_way():
    known = ledger((1, 0, 10, "success"))
    found = judged((entry(2), outcome(2, 5, 20)), (entry(3), outcome(3, 6, 20)), known=known, allows_overlap=True)
    assert (found.refused, found.replaced) == ({}, {})


class TestWaysOut:
    """What is said of an overlap works: nobody is told to move a file onto one that is read in another way."""

    def said(self, *, feed: str = "", known_feed: str | None = None, is_in: bool = True, rows: int = 10, **more) -> str:
        second = (entry(2, feed=feed), outcome(2, 0, 10, rows=rows))
        if is_in:
            known = ledger((1, 0, 10, "success")).with_columns(feed=pl.lit(known_feed, pl.Categorical))
            return str(refused(second, known=known, **more)[2].error)
        first = (entry(1, feed=known_feed or ""), outcome(1, 0, 10))
        return str(refused(first, second, **more)[2].error)

    @pytest.mark.parametrize("is_in", [True, False])
    @pytest.mark.parametrize(("feed", "other", "is_kind"), [("", None, True), ("f", "f", True), ("f", "g", False)])
    def test_move_it_onto_the_other(self, is_in, feed, other, is_kind):
        said = self.said(feed=feed, known_feed=other, is_in=is_in)
        assert ("move this file onto it" in said) is is_kind
        assert "delete p1; " in said
        assert "`pointline withdraw 1`" in said
        assert "S on 1970-01-01 from 00:00:00.000000 to 00:00:00.000010 UTC" in said

    def test_of_another_vendor(self):
        assert "move this file onto it" not in self.said(vendor="binance")

    @pytest.mark.parametrize("is_in", [True, False])
    @pytest.mark.parametrize(("rows", "is_alike"), [(10, True), (9, False)])
    def test_it_may_be_the_same_packed_otherwise(self, is_in, rows, is_alike):
        assert ("packed in another way" in self.said(is_in=is_in, rows=rows)) is is_alike


class TestPreference:
    """Where a feed prefers one of two files for a day, the other one leaves it that day, whatever came first."""

    DATE = str(META.date)
    LATER = dt.date(2024, 5, 2)

    def decided(self, *files: tuple[int, str], known=(), feed: str | None = "f", ranks=None) -> Replacements:
        """Files with id and feed; ``known`` are of the ledger. ``ranks`` by path: the lower goes first."""
        ranks = {"p1": 1, "p2": 2, "p3": 3} if ranks is None else ranks
        there = ledger(*((file_id, 0, 10, "success") for file_id in known))
        there = there.with_columns(feed=pl.lit(feed, pl.Categorical))
        come = [(entry(file_id, feed=of), outcome(file_id, 5, 15)) for file_id, of in files]
        return judged(*come, known=there, rank_of=ranked(ranks))

    @pytest.mark.parametrize(
        ("ranks", "given_up", "is_refused"),
        [
            ({"p1": 1, "p2": 2}, {2: {DATE: 1}}, False),
            ({"p1": 2, "p2": 1}, {1: {DATE: 2}}, False),
            ({"p1": 1, "p2": 1}, {}, True),
            ({"p1": 1}, {}, True),
            ({"p2": 1}, {}, True),
        ],
    )
    @pytest.mark.parametrize("is_in", [True, False])
    def test_one_of_two(self, ranks, given_up, is_refused, is_in):
        files = [(2, "f")] if is_in else [(1, "f"), (2, "f")]
        found = self.decided(*files, known=(1,) if is_in else (), ranks=ranks)
        assert (found.given_up, set(found.refused), found.replaced) == (given_up, {2} if is_refused else set(), {})

    @pytest.mark.parametrize(("ours", "theirs"), [("f", "g"), ("f", None), ("", "f")])
    def test_between_feeds_nothing_is_preferred(self, ours, theirs):
        found = self.decided((2, ours), known=(1,), feed=theirs)
        assert (found.given_up, set(found.refused)) == ({}, {2})

    def test_of_three_the_first_has_the_day(self):
        found = self.decided((1, "f"), (2, "f"), (3, "f"), ranks={"p1": 3, "p2": 2, "p3": 1})
        assert found.refused == {}
        assert found.given_up == {1: {self.DATE: 2}, 2: {self.DATE: 3}}

    def test_what_gave_up_a_day_is_in_nobodys_way_there(self):
        """Guards ``leaving``: the third overlaps the second alone, and that one has left the day to the first."""
        times = {1: (0, 10), 2: (5, 20), 3: (15, 30)}
        files = [(entry(number, feed="f"), outcome(number, *times[number])) for number in times]
        found = judged(*files, rank_of=ranked({"p1": 1, "p2": 2}))
        assert (found.refused, found.given_up) == ({}, {2: {self.DATE: 1}})

    def test_what_a_refused_file_was_given_is_taken_back(self):
        """The second is preferred to the first, and refused for the third: so the first keeps its day."""
        known = ledger((1, 0, 10, "success"), (3, 12, 30, "success")).with_columns(feed=pl.lit("f", pl.Categorical))
        second = (entry(2, feed="f"), outcome(2, 5, 20))
        found = judged(second, known=known, rank_of=ranked({"p1": 2, "p2": 1}))
        assert (set(found.refused), found.given_up) == ({2}, {})

    def test_what_a_refused_file_gave_up_it_has_not_given_up(self):
        """A month leaves its first day to a file of that day, and another file is in the way of the second."""
        day_us = 86_400_000_000
        begin = (META.date - dt.date(1970, 1, 1)).days * day_us
        month = (entry(3, feed="f", is_one_day=False), outcome(3, begin, begin + 2 * day_us - 1))
        first = (entry(1, feed="f"), outcome(1, begin, begin + 9))
        second = (entry(2, feed="f", date=self.LATER), outcome(2, begin + day_us, begin + day_us + 9))
        found = judged(first, second, month, rank_of=ranked({"p1": 1, "p3": 2}))
        assert (set(found.refused), found.given_up) == ({3}, {})

    def test_a_month_beside_its_days(self):
        """It leaves a day to the file of that day, and keeps the others."""
        day_us = 86_400_000_000
        begin = (META.date - dt.date(1970, 1, 1)).days * day_us
        month = (entry(2, feed="f", is_one_day=False), outcome(2, begin, begin + 3 * day_us - 1))
        daily = (entry(1, feed="f", date=self.LATER), outcome(1, begin + day_us, begin + 2 * day_us - 1))
        ranks = {"p1": 1, "p2": 2}
        found = judged(daily, month, rank_of=ranked(ranks))
        assert (found.refused, found.given_up) == ({}, {2: {str(self.LATER): 1}})
        again = (entry(3, feed="f", date=self.LATER), outcome(3, begin + day_us, begin + 2 * day_us - 1))
        found = judged(daily, month, again, rank_of=ranked(ranks))
        assert (set(found.refused), found.refused[3].superseded_by) == ({3}, 1)
        other = (entry(3, feed="f"), outcome(3, begin, begin + 5))
        found = judged(daily, month, other, rank_of=ranked(ranks))
        assert (set(found.refused), found.refused[3].superseded_by) == ({3}, 2)


def test_a_refused_file_says_whether_the_other_one_is_there():
    """Guards OTHER_IS_GONE, by which it is read again when that file comes back."""
    known = ledger((1, 0, 30, "success")).with_columns(symbol=pl.lit("SPOT").cast(pl.Categorical))
    for gone, warnings in (({1}, {OTHER_IS_GONE: 1}), (frozenset(), {})):
        found = refused((entry(2), outcome(2, 0, 10)), known=known, silver={1: SPANS[2]}, gone=gone)
        assert found[2].warnings == warnings
    files = [(entry(1), outcome(1, 0, 10)), (entry(2), outcome(2, 0, 10))]
    assert refused(*files, gone={1})[2].warnings == {}


def test_lists_of_instruments_have_a_guard_of_their_own():
    few = (entry(2, replaces=(1,), data_type=INSTRUMENTS), outcome(2, 0, 10, rows=1))
    assert refused(few, known=ledger((1, 0, 10, "success"))) == {}
