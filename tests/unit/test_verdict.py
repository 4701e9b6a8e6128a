"""``decide``: what becomes of a file that could not be loaded, and which copies are read again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import pytest
from msgspec.structs import replace

from pointline.errors import NoAccess, Stopping, StorageTrouble, Transient, Unfinished
from pointline.io.protocols.file_version import ACCEPTED, LEFT_TO, BronzeFileMetadata, Outcome
from pointline.io.protocols.tables import Part
from pointline.services.files.identity.candidate import Candidate
from pointline.services.files.place.decide import Policy, decide
from pointline.services.ingest.batch import Batch, Entry, Group, Loaded, LoadedPart
from pointline.services.ingest.change import Partition
from pointline.services.ingest.verdict import Leaving, Verdict
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status
from pointline.vendors.claim import Rank
from tests.support.fakes import MemoryManifest

SECOND = 1_000_000
NOW = 1_714_600_000 * SECOND
POLICY = Policy(max_attempts=3, unfinished_us=30 * SECOND)
META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="a",
    file_size_bytes=1,
    last_modified_ts=0,
)
UNFINISHED = Unfinished("a ends early", subject="a")
TROUBLE = StorageTrouble("a cannot be read", subject="a", hint="look at its mode")


class NoFacts:
    """``SilverFacts`` of an empty lake."""

    def path_in_bronze(self, file_id: int) -> str | None:
        return "" if self.is_in_bronze(file_id) else None

    def is_in_bronze(self, file_id: int) -> bool:
        return True

    def has_left_bronze(self, file_id: int) -> bool:
        return False

    def symbol_of(self, file_id: int) -> str:
        return "S"

    def undescribed_table(self, file_id: int) -> str:
        return ""

    def vendor_of(self, file_id: int) -> str:
        return "tardis"

    def content_hash(self, file_id: int) -> str | None:
        return None

    def rows_written(self, file_id: int) -> int:
        return 10

    def spans_of(self, file_id, day):
        return {}


def decided(manifest: MemoryManifest, loaded: Loaded, now_us: int = NOW) -> Verdict:
    batch = Batch(entries=loaded.group.entries, groups=(loaded.group,))
    return decide(
        batch, [loaded], ledger=manifest.entries(), facts=NoFacts(), policy=POLICY, age_us=lambda at: now_us - at
    )


def delayed(error: Transient, *, modified: int, created: int, attempts: int = 1) -> Outcome:
    manifest = MemoryManifest(lambda: created)
    meta = replace(META, last_modified_ts=modified)
    manifest.resolve_file_ids([meta])
    manifest.rows[0]["attempts"] = attempts
    entry = Entry(file_id=1, candidate=Candidate(meta=meta))
    loaded = Loaded(group=Group(table="trades", entries=(entry,)), delays={1: error})
    return decided(manifest, loaded).outcomes[1]


class TestDelayed:
    @pytest.mark.parametrize(
        ("modified", "created", "status"),
        [
            (NOW - 30 * SECOND, NOW, Status.QUARANTINED),
            (NOW - 30 * SECOND + 1, NOW, Status.PENDING),
            (NOW + 3600 * SECOND, NOW - 30 * SECOND, Status.QUARANTINED),  # stamped in the future, seen long ago
            (NOW + 3600 * SECOND, NOW - SECOND, Status.PENDING),
            (NOW - 3600 * SECOND, NOW, Status.QUARANTINED),
        ],
    )
    def test_a_file_that_ends_early_waits_for_the_rest_and_not_for_ever(self, modified, created, status):
        outcome = delayed(UNFINISHED, modified=modified, created=created, attempts=100)
        assert (outcome.status, outcome.error) == (status, "a ends early")

    @pytest.mark.parametrize(("attempts", "status"), [(1, "pending"), (2, "pending"), (3, "failed"), (4, "failed")])
    def test_trouble_is_tried_again_as_often_as_the_settings_say(self, attempts, status):
        outcome = delayed(TROUBLE, modified=0, created=0, attempts=attempts)
        assert (outcome.status, outcome.error) == (status, "a cannot be read; look at its mode")
        assert outcome.warnings is None, "what the ledger knows of it stays"

    @pytest.mark.parametrize(("attempts", "counted"), [(0, 1), (1, 1), (2, 2), (3, 2), (9, 2)])
    def test_what_may_not_be_read_waits_for_a_person_with_a_try_left(self, attempts, counted):
        outcome = delayed(NoAccess("shut"), modified=0, created=0, attempts=attempts)
        assert (outcome.status, outcome.attempts, outcome.error) == (Status.PENDING, counted, "shut")

    @pytest.mark.parametrize(("attempts", "counted"), [(0, 0), (1, 0), (3, 2), (9, 8)])
    def test_a_stop_was_no_try(self, attempts, counted):
        outcome = delayed(Stopping("told to stop"), modified=0, created=0, attempts=attempts)
        assert (outcome.status, outcome.attempts) == (Status.PENDING, counted)

    def test_other_trouble_leaves_the_count_as_it_is(self):
        assert delayed(TROUBLE, modified=0, created=0).attempts is None
        assert delayed(UNFINISHED, modified=NOW, created=NOW).attempts is None


def entry(file_id: int, table: str = "trades", path: str = "", **candidate: object) -> Entry:
    meta = replace(META, data_type=table, bronze_file_path=path or f"p{file_id}")
    return Entry(file_id=file_id, candidate=Candidate(meta=meta, **candidate))  # type: ignore[arg-type]


def success(file_id: int, rows: int = 10, **facts: object) -> Outcome:
    return Outcome(file_id=file_id, status=Status.SUCCESS, rows_read=rows, rows_written=rows, **facts)  # type: ignore[arg-type]


def place(date: str = "2024-05-01") -> Partition:
    return (("exchange", "binance"), ("date", date))


class TestVerdict:
    """What goes to which table, and in which order."""

    def verdict(self, *outcomes: Outcome, tables: dict[int, str], **more) -> Verdict:
        told = {"replaced": (), "overtaken": {}, "reopened": {}, **more}
        entries = {file_id: entry(file_id, table) for file_id, table in tables.items()}
        return Verdict(entries=entries, outcomes={one.file_id: one for one in outcomes}, **told)

    def test_what_loses_rows_to_another_table_is_first(self):
        """A crash in between leaves rows missing until the next start, and never there twice."""
        tables = {1: "quotes", 2: "liquidations", 3: "trades"}
        lost = Leaving(file_id=9, by=1, table="trades", partition=place())
        files = [success(1), success(2), success(3, rows=0)]
        assert self.verdict(*files, tables=tables, replaced=[lost]).tables() == ["trades", "liquidations", "quotes"]
        own = replace(lost, table="quotes")
        assert self.verdict(*files, tables=tables, replaced=[own]).tables() == ["liquidations", "quotes"]
        assert self.verdict(success(3, rows=0), tables=tables).tables() == []

    def test_what_a_commit_tells(self):
        refused = {one: Outcome(file_id=one, status=Status.QUARANTINED) for one in (4, 6)}
        left = success(7, rows=5)
        verdict = self.verdict(
            success(1),
            success(2),
            Outcome.duplicate(3, content_hash="00", of=1),
            *refused.values(),
            success(5),
            tables={1: "trades", 2: "quotes", 3: "trades", 4: "trades", 5: INSTRUMENTS, 6: INSTRUMENTS},
            replaced=[Leaving(file_id=number, by=1, table=table, partition=place()) for number, table in LOST.items()],
            thinned=[left],
            given_up={7: {"2024-05-01": 2, "2024-05-02": 2}, 1: {"2024-05-03": 3}},
            others=[success(12)],
        )
        told = {table: verdict.told_to(table) for table in ("trades", "quotes", INSTRUMENTS)}
        ids = {table: [one.file_id for one in outcomes] for table, outcomes in told.items()}
        assert ids == {"trades": [1, 3, 10], "quotes": [2, 11, 7], INSTRUMENTS: [5, 6, 12]}
        assert told["trades"][2] == Outcome.superseded(10, by=1)
        assert verdict.leaving("trades") == {place(): [10]}
        assert verdict.leaving("quotes") == {place(): [11, 7], place("2024-05-02"): [7]}
        assert verdict.leaving(INSTRUMENTS) == {}
        assert verdict.duplicates() == [(3, 1)]
        recorded = [one.file_id for one in verdict.all_outcomes()]
        assert sorted(recorded) == [1, 2, 3, 4, 5, 6, 7, 10, 11, 12]

    def test_a_part_goes_in_where_one_of_its_files_does(self):
        refused = Outcome(file_id=2, status=Status.QUARANTINED)
        verdict = self.verdict(
            success(1), refused, success(3), tables={1: "trades", 2: "trades"}, given_up={3: {"2024-05-01": 1}}
        )

        def asked(*file_ids: int, date: str = "2024-05-01") -> tuple[bool, set[int]]:
            held = Part(path="x", partition=dict(place(date)), size_bytes=1, rows=1)
            part = LoadedPart(table="trades", part=held, file_ids=frozenset(file_ids))
            return verdict.wants(part), verdict.refused_in(part)

        assert asked(1) == (True, set())
        assert asked(2) == (False, {2})
        assert asked(1, 2) == (True, {2})
        assert asked(3) == (False, {3})
        assert asked(2, 3) == (False, {2, 3})
        assert asked(3, date="2024-05-02") == (True, set())
        assert asked(2, 3, date="2024-05-02") == (True, {2})


LOST = {10: "trades", 11: "quotes"}


class Told(NoFacts):
    """Knows what the ledger says of a file, and that ``gone`` have left their paths."""

    def __init__(self, gone: Collection[int] = ()) -> None:
        self.gone = gone

    def has_left_bronze(self, file_id: int) -> bool:
        return file_id in self.gone

    def outcome_of(self, file_id: int) -> Outcome:
        return success(file_id, days={"1970-01-01": 4, "1970-01-02": 6}, warnings={"known": 1})


class TestDecide:
    """What was loaded against the ledger, as far as files of one path and one feed go."""

    FEED = "binance_trades"

    def decide(
        self, *outcomes: Outcome, entries: Sequence[Entry], known=(), policy: Policy = POLICY, gone=()
    ) -> Verdict:
        """``known`` are metas of the ledger, each with rows from 0 to 9; the entries have the ids after them."""
        manifest = MemoryManifest(lambda: 0)
        for number, meta in enumerate(known, 1):
            manifest._mint(meta)
            manifest.update_statuses([success(number, first_local_us=0, last_local_us=9, content_hash=f"{number:02x}")])
        group = Group(table="trades", entries=tuple(entries))
        loaded = Loaded(group=group, outcomes={one.file_id: one for one in outcomes})
        batch = Batch(entries=tuple(entries), groups=(group,))
        entries_now = manifest.entries()
        facts = Told(gone)
        return decide(batch, [loaded], ledger=entries_now, facts=facts, policy=policy, age_us=lambda at: NOW - at)

    @pytest.mark.parametrize(
        ("outcome", "is_marked"),
        [
            (success(1, warnings={"x": 2}), True),
            (success(1), True),
            (Outcome(file_id=1, status=Status.QUARANTINED, warnings={}), False),
        ],
    )
    @pytest.mark.parametrize("is_accepted", [True, False])
    def test_what_a_person_accepted_says_so(self, outcome, is_marked, is_accepted):
        found = self.decide(outcome, entries=[entry(1, is_accepted=is_accepted)]).outcomes[1]
        marked = {**(outcome.warnings or {}), ACCEPTED: 1}
        assert found == (replace(outcome, warnings=marked) if is_marked and is_accepted else outcome)

    @pytest.mark.parametrize(("overlap", "status"), [("quarantine", Status.QUARANTINED), ("allow", Status.SUCCESS)])
    def test_overlaps_by_the_settings(self, overlap, status):
        later = success(2, first_local_us=5, last_local_us=15)
        policy = replace(POLICY, overlap=overlap)
        found = self.decide(later, entries=[entry(2, has_siblings=True)], known=[META], policy=policy)
        assert found.outcomes[2].status is status

    @pytest.mark.parametrize("prefers", ["old", "new"])
    def test_a_day_goes_to_the_file_that_is_preferred(self, prefers):
        ranks = {"a": 1, "p2": 2} if prefers == "old" else {"a": 2, "p2": 1}
        policy = replace(POLICY, rank_of=lambda path, _feed: Rank(ranks[path], (0, 1 << 62)))
        meta = replace(META, feed=self.FEED, date=dt.date(1970, 1, 1))
        new = entry(2, has_siblings=True)
        new = replace(new, candidate=replace(new.candidate, meta=replace(meta, bronze_file_path="p2")))
        found = self.decide(success(2, first_local_us=5, last_local_us=15), entries=[new], known=[meta], policy=policy)
        assert found.replaced == []
        if prefers == "old":
            assert (found.given_up, found.thinned) == ({2: {"1970-01-01": 1}}, [])
            assert (found.outcomes[2].rows_written, found.outcomes[2].warnings) == (0, {f"{LEFT_TO}1:1970-01-01": 10})
        else:
            assert found.given_up == {1: {"1970-01-01": 2}}
            assert [one.file_id for one in found.thinned] == [1]
            warnings = {"known": 1, f"{LEFT_TO}2:1970-01-01": 4}
            assert (found.outcomes[2].rows_written, found.thinned[0].warnings) == (10, warnings)

    @pytest.mark.parametrize(("path", "meets"), [("a", False), ("elsewhere", True)])
    def test_what_lay_at_its_path_was_found_elsewhere_since(self, path, meets):
        """The two may share rows now, though nobody saw a sibling when the file came."""
        new = entry(2, path="a", replaces=(1,))
        found = self.decide(
            success(2, first_local_us=5, last_local_us=15),
            entries=[new],
            known=[replace(META, bronze_file_path=path)],
        )
        assert (found.outcomes[2].status is Status.QUARANTINED) is meets
        assert [one.file_id for one in found.replaced] == ([] if meets else [1])

    @pytest.mark.parametrize("has_siblings", [True, False])
    def test_a_new_version_without_siblings_is_compared_with_nobody(self, has_siblings):
        """What silver has of the days of others is not looked at for it."""
        found = self.decide(
            success(3, first_local_us=5, last_local_us=15),
            entries=[entry(3, path="a", replaces=(1,), has_siblings=has_siblings)],
            known=[META, replace(META, bronze_file_path="b")],
        )
        assert (found.outcomes[3].status is Status.QUARANTINED) is has_siblings

    def test_one_of_two_that_lay_at_its_path_was_found_elsewhere_since(self):
        found = self.decide(
            success(3, first_local_us=5, last_local_us=15),
            entries=[entry(3, path="a", replaces=(1, 2))],
            known=[META, replace(META, bronze_file_path="elsewhere")],
        )
        assert (found.outcomes[3].status, found.outcomes[3].superseded_by) == (Status.QUARANTINED, 2)

    @pytest.mark.parametrize("gone", [(), (1,)])
    @pytest.mark.parametrize("new", [None, 2, 3])
    def test_what_has_moved_gives_way_to_the_file_that_has_its_bytes_now(self, gone, new):
        """It leaves once: where its old path has a new version, for that one."""
        again = 5 - (new or 3)
        outcomes = {again: success(again, first_local_us=0, last_local_us=9, content_hash="01")}
        entries = {again: entry(again, path="elsewhere")}
        if new:
            outcomes[new] = success(new, first_local_us=50, last_local_us=60, content_hash="03")
            entries[new] = entry(new, path="a", replaces=(1,))
        in_order = [entries[one] for one in sorted(entries)]
        found = self.decide(*outcomes.values(), entries=in_order, known=[META], gone=gone)
        assert [(one.file_id, one.by) for one in found.replaced] == ([(1, new or again)] if gone or new else [])

    @pytest.mark.parametrize("status", [Status.SUCCESS, Status.QUARANTINED, Status.PENDING])
    def test_a_version_that_never_got_in_is_overtaken_once_the_next_is_settled(self, status):
        found = self.decide(Outcome(file_id=2, status=status), entries=[entry(2, replaces=(1,))])
        assert found.overtaken == ({} if status is Status.PENDING else {1: 2})


class TestCopies:
    """A copy waits for its original, and one whose original leaves is read again, but one outcome is enough."""

    def original_and_copies(self) -> MemoryManifest:
        manifest = MemoryManifest(lambda: 0)
        manifest.resolve_file_ids([replace(META, bronze_file_path=path) for path in ("old", "copy", "other copy")])
        manifest.update_statuses(
            [
                Outcome(file_id=1, status=Status.SUCCESS, content_hash="00", rows_read=10, rows_written=10),
                Outcome.duplicate(2, content_hash="00", of=1),
                Outcome.duplicate(3, content_hash="00", of=1),
            ]
        )
        return manifest

    def loaded(self, manifest: MemoryManifest, **replaces: int) -> Loaded:
        metas = {path: replace(META, bronze_file_path=path, file_size_bytes=2) for path in replaces}
        ids = manifest.resolve_file_ids(list(metas.values()))
        entries = tuple(
            Entry(file_id=file_id, candidate=Candidate(meta=metas[path], replaces=(replaces[path],)))
            for file_id, path in zip(ids, metas, strict=True)
        )
        outcomes = {
            one.file_id: Outcome(
                file_id=one.file_id,
                status=Status.SUCCESS,
                content_hash=f"{one.file_id:04x}",
                rows_read=10,
                rows_written=10,
                first_local_us=one.file_id * 10,
                last_local_us=one.file_id * 10 + 5,
            )
            for one in entries
        }
        return Loaded(group=Group(table="trades", entries=entries), outcomes=outcomes)

    def test_the_original_is_replaced(self):
        manifest = self.original_and_copies()
        verdict = decided(manifest, self.loaded(manifest, old=1))
        assert [(one.file_id, one.by) for one in verdict.replaced] == [(1, 4)]
        assert verdict.reopened == {2: "copy", 3: "other copy"}

    def test_one_outcome_for_one_file(self):
        """The original and one of its copies are replaced together: that copy is not put back as well."""
        manifest = self.original_and_copies()
        verdict = decided(manifest, self.loaded(manifest, old=1, copy=2))
        ids = [outcome.file_id for outcome in verdict.all_outcomes()]
        assert sorted(ids) == sorted(set(ids)) == [1, 2, 3, 4, 5]
        assert verdict.overtaken == {2: 5}
        assert verdict.reopened == {3: "other copy"}

    @pytest.mark.parametrize(("status", "is_in"), [(Status.SUCCESS, True), (Status.QUARANTINED, False)])
    def test_a_copy_waits_where_its_original_did_not_get_in(self, status, is_in):
        manifest = MemoryManifest(lambda: 0)
        metas = [replace(META, bronze_file_path=path) for path in ("a", "b")]
        ids = manifest.resolve_file_ids(metas)
        entries = tuple(
            Entry(file_id=file_id, candidate=Candidate(meta=meta)) for file_id, meta in zip(ids, metas, strict=True)
        )
        outcomes = {1: Outcome(file_id=1, status=status), 2: Outcome.duplicate(2, content_hash="00", of=1)}
        found = decided(manifest, Loaded(group=Group(table="trades", entries=entries), outcomes=outcomes)).outcomes[2]
        assert found.status == (Status.DUPLICATE if is_in else Status.PENDING)
        assert is_in or found.error == "waits for file 1, which has the same content"
