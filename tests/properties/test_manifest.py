"""The ledger against a dictionary: whatever is done to it in whatever order, both say the same."""

from __future__ import annotations

import datetime as dt
import tempfile
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.protocols.file_version import BronzeFileMetadata, Outcome
from pointline.tables.ingest_manifest import CLOSED, Status, with_hashes

META = BronzeFileMetadata(
    exchange="binance",
    data_type="trades",
    symbol="S",
    date=dt.date(2024, 5, 1),
    bronze_file_path="",
    file_size_bytes=0,
    last_modified_ts=0,
)
FACTS = ("file_id", "bronze_file_path", "file_size_bytes", "modified_us", "content_hash", "status", "attempts", "error")
FACTS += ("rows_read", "created_at_us", "updated_at_us", "superseded_by")
IN_MEMORY = [name for name in FACTS if name not in {"error", "rows_read"}]

versions = st.builds(
    lambda path, size, at: replace(META, bronze_file_path=path, file_size_bytes=size, last_modified_ts=at),
    st.sampled_from(["a", "b/ü", "c"]),
    st.integers(0, 2),
    st.sampled_from([0, 1, 1_714_521_600_000_001]),
)
statuses = st.sampled_from(list(Status))


class Ledger(RuleBasedStateMachine):
    """``rows`` is the model: what the ledger should hold, by id."""

    @initialize()
    def create(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.ticks = count(1)
        self.now = 0
        self.batch = -1
        self.rows: dict[int, dict[str, object]] = {}
        self.manifest = self.open()
        self.manifest.repository.create()

    def open(self) -> DeltaManifest:
        return DeltaManifest(Path(self.folder.name) / "ledger", self.clock)

    def clock(self) -> int:
        self.now = next(self.ticks)
        return self.now

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def find(self, meta: BronzeFileMetadata) -> int | None:
        version = (meta.bronze_file_path, meta.file_size_bytes, meta.last_modified_ts)
        found = [
            file_id
            for file_id, row in self.rows.items()
            if (row["bronze_file_path"], row["file_size_bytes"], row["modified_us"]) == version
            and row["status"] not in CLOSED
        ]
        return max(found, default=None)

    @rule(metas=st.lists(versions, max_size=4))
    def resolve(self, metas: list[BronzeFileMetadata]) -> None:
        ids = self.manifest.resolve_file_ids(metas)
        assert len(ids) == len(metas)
        for file_id, meta in zip(ids, metas, strict=True):
            known = self.find(meta)
            if known is None:
                assert file_id == max(self.rows, default=0) + 1, "a new id is the next one"
                self.rows[file_id] = dict.fromkeys(FACTS) | {
                    "file_id": file_id,
                    "bronze_file_path": meta.bronze_file_path,
                    "file_size_bytes": meta.file_size_bytes,
                    "modified_us": meta.last_modified_ts,
                    "status": "pending",
                    "attempts": 1,
                    "created_at_us": self.now,
                    "updated_at_us": self.now,
                }
            else:
                assert file_id == known

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), numbered=st.sampled_from(["new", "again", "none"]))
    def record(self, data: st.DataObject, numbered: str) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.rows)), min_size=1, max_size=3, unique=True))
        outcomes = [self.draw_outcome(data, file_id) for file_id in ids]
        if numbered == "again" and self.batch >= 0:
            self.manifest.update_statuses(outcomes, batch=self.batch)
            return  # recorded already
        if numbered == "new":
            self.batch += 1
            self.manifest.update_statuses(outcomes, batch=self.batch)
        else:
            self.manifest.update_statuses(outcomes)
        for outcome in outcomes:
            self.follow(outcome)

    def draw_outcome(self, data: st.DataObject, file_id: int) -> Outcome:
        kind = data.draw(st.sampled_from(["read", "reopened", "begun", "superseded"]))
        if kind == "reopened":
            return Outcome.reopened(file_id)
        if kind == "begun":
            return Outcome.begun(file_id, attempts=int(self.rows[file_id]["attempts"]) + 1, warnings={})
        if kind == "superseded":
            return Outcome.superseded(file_id, by=file_id + 1)
        return Outcome(
            file_id=file_id,
            status=data.draw(statuses),
            content_hash=data.draw(st.sampled_from([None, "00aa", "00bb"])),
            rows_read=data.draw(st.sampled_from([0, 7])),
            error=data.draw(st.sampled_from([None, 'it\'s "quoted"\n'])),
        )

    def follow(self, outcome: Outcome) -> None:
        row = self.rows[outcome.file_id]
        if outcome.attempts is not None:
            row["attempts"] = outcome.attempts
        for name in ("content_hash", "rows_read"):
            if getattr(outcome, name) is not None:
                row[name] = getattr(outcome, name)
        row |= {"status": outcome.status.value, "error": outcome.error, "superseded_by": outcome.superseded_by}
        row["updated_at_us"] = self.now

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), meta=versions)
    def move(self, data: st.DataObject, meta: BronzeFileMetadata) -> None:
        file_id = data.draw(st.sampled_from(sorted(self.rows)))
        self.manifest.relocate([(file_id, meta)])
        row = self.rows[file_id]
        row |= {"bronze_file_path": meta.bronze_file_path, "modified_us": meta.last_modified_ts}
        if row["status"] != "success":  # of what is in silver a move tells nothing new
            row["updated_at_us"] = self.now

    @rule(metas=st.lists(versions, max_size=4, unique_by=lambda meta: (meta.bronze_file_path, meta.file_size_bytes)))
    def pending(self, metas: list[BronzeFileMetadata]) -> None:
        def is_open(meta: BronzeFileMetadata) -> bool:
            version = (meta.bronze_file_path, meta.file_size_bytes, meta.last_modified_ts)
            return all(
                row["status"] in {"pending", "superseded", "gone"}
                for row in self.rows.values()
                if (row["bronze_file_path"], row["file_size_bytes"], row["modified_us"]) == version
            )

        assert self.manifest.filter_pending(metas) == [meta for meta in metas if is_open(meta)]

    @rule()
    def restart(self) -> None:
        self.manifest = self.open()

    @invariant()
    def memory_agrees(self) -> None:
        if not hasattr(self, "manifest"):
            return
        assert self.told(with_hashes(self.manifest.entries()), IN_MEMORY) == self.expected(IN_MEMORY)
        assert self.manifest.last_batch() == self.batch

    @rule()
    def disk_agrees(self) -> None:
        assert self.told(self.open().repository.read_all().sort("file_id"), FACTS) == self.expected(FACTS)

    def expected(self, names: object) -> list[dict[str, object]]:
        return [{name: self.rows[file_id][name] for name in names} for file_id in sorted(self.rows)]

    @staticmethod
    def told(frame, names) -> list[dict[str, object]]:
        frame = frame.with_columns(modified_us=frame["last_modified_ts"].to_physical())
        return frame.select(names).to_dicts()


Ledger.TestCase.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLedger = Ledger.TestCase
