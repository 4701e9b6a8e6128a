"""The ledger as a Delta table: ids for versions of files, and what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

import polars as pl

from pointline.io.delta_log.commit_log import FOUND, MOVES
from pointline.io.ledger.manifest_reader import ManifestReader
from pointline.io.ledger.rows import VERSION_KEY, outcome_rows, pending_rows, version_of, versions_of
from pointline.io.protocols.file_version import BronzeFileMetadata, Discovery, Outcome
from pointline.tables.ingest_manifest import (
    CLOSED,
    CONTENT_FACTS,
    SCHEMA,
    Status,
    stands_at,
)


class DeltaManifest(ManifestReader):
    """The ingest manifest: read, and written by one process."""

    def resolve_file_id(self, meta: BronzeFileMetadata) -> int:
        """Return the id of this file version, minting one, ``pending`` and with an attempt noted, where it is new."""
        return self.resolve_file_ids([meta])[0]

    def resolve_file_ids(self, metas: Sequence[BronzeFileMetadata], *, besides: Collection[int] = ()) -> list[int]:
        """Do the same for many, in one commit."""
        with self._writing():
            entries = self.entries()
            versions = versions_of(metas)
            same_path = pl.col("bronze_file_path").is_in(versions["bronze_file_path"].to_list())
            stays = ~pl.col("file_id").is_in(list(besides))
            known = _join_newest(versions, entries.filter(same_path, stays, ~stands_at(*CLOSED)))
            ids: list[int | None] = known["file_id"].to_list()
            newest = entries["file_id"].max()
            next_id = 1 + max(newest if isinstance(newest, int) else 0, self._last_id.read())
            minted: dict[tuple[object, ...], int] = {}
            for position, meta in enumerate(metas):
                if ids[position] is None:
                    ids[position] = minted.setdefault(version_of(meta), next_id + len(minted))
            if minted:
                first = {file_id: metas[position] for position, file_id in reversed(list(enumerate(ids)))}
                rows = pending_rows([(file_id, first[file_id]) for file_id in minted.values()], self._clock())
                told = {FOUND: _runs([(file_id, first[file_id].found_by) for file_id in minted.values()])}
                self.repository.append_pending(rows, told)
                self._held().append(rows)
                self._last_id.note(next_id + len(minted) - 1)
            return [file_id for file_id in ids if file_id is not None]

    def filter_pending(self, candidates: Sequence[BronzeFileMetadata]) -> list[BronzeFileMetadata]:
        """Return the candidates whose version is not in the ledger or still ``pending``: one batch anti-join."""
        if not candidates:
            return []
        versions = versions_of(candidates).with_row_index("position")
        settled = self.entries().lazy().filter(~stands_at(Status.PENDING, *CLOSED)).select(VERSION_KEY)
        open_versions = versions.lazy().join(settled, on=VERSION_KEY, how="anti", nulls_equal=True).collect()
        open_positions = open_versions["position"].sort()
        return [candidates[position] for position in open_positions]

    # ---- outcomes

    def update_status(
        self, file_id: int, status: Status, meta: BronzeFileMetadata, result: Outcome | None = None
    ) -> None:
        """Record what became of one file."""
        del meta  # what was known at discovery never changes
        self.update_statuses([result or Outcome(file_id=file_id, status=status)])

    def update_statuses(self, outcomes: Iterable[Outcome], *, batch: int | None = None) -> None:
        """Record what became of many, in one commit that also says up to which batch the ledger is complete."""
        with self._writing():
            if batch is not None and self.last_batch() >= batch:
                self.forget_entries()  # it is recorded already
                self.repository.flush_newest()
                return
            told = list(outcomes)
            if not told:
                return
            untold = [one.file_id for one in told if one.attempts is None]
            rows = outcome_rows(told, self.attempts_of(untold) if untold else {}, self._clock())
            self.repository.update_rows(rows, fill=CONTENT_FACTS, batch=batch)
            self._held().update(rows, fill=CONTENT_FACTS)

    def adopt(self, rows: pl.DataFrame) -> None:
        """Add whole rows, saved from a damaged ledger, of the ids that this one lacks."""
        with self._writing():
            lost = rows.filter(~pl.col("file_id").is_in(self.entries()["file_id"].to_list()))
            if not lost.is_empty():
                new = lost.unique("file_id", keep="last").sort("file_id").select(list(SCHEMA))
                self.repository.append(new)
                self.forget_entries()

    def restore(self, found: Mapping[int, Discovery], became: Mapping[int, Outcome] | None = None) -> None:
        """Bring back rows that the ledger has lost; ids that it has are left alone.

        ``became``: what became of each of them, in the same commit; without it they are ``pending``.
        """
        with self._writing():
            known = set(self.entries().filter(pl.col("file_id").is_in(list(found)))["file_id"])
            lost = [(file_id, one) for file_id, one in sorted(found.items()) if file_id not in known]
            if lost:
                rows = pending_rows([(file_id, one.meta) for file_id, one in lost], self._clock())
                created = pl.Series("created_at_us", [one.created_at_us for _, one in lost], dtype=pl.Int64)
                rows = rows.with_columns(created, created.alias("updated_at_us"))
                if became is not None:
                    outcomes = [became[file_id] for file_id, _ in lost]
                    later = outcome_rows(outcomes, dict.fromkeys(became, 1), self._clock())
                    rows = (
                        rows.select("file_id", pl.exclude(later.columns)).join(later, on="file_id").select(list(SCHEMA))
                    )
                self.repository.append(rows)
                self.forget_entries()

    def relocate(self, moves: Sequence[tuple[int, BronzeFileMetadata]]) -> None:
        """Note that the files of these versions were moved: same content, other path.

        The one exception to "what was known at discovery never changes": without it no row of the version could be
        traced to its line again. When what is in silver was told of, which others are compared with, stays.
        """
        if not moves:
            return
        with self._writing():
            ids = [file_id for file_id, _ in moves]
            known = self.entries().filter(pl.col("file_id").is_in(ids))
            in_silver = known.filter(stands_at(Status.SUCCESS)).select("file_id", "updated_at_us")
            rows = (
                versions_of([meta for _, meta in moves])
                .select(
                    pl.Series("file_id", ids, dtype=pl.Int64),
                    "bronze_file_path",
                    "last_modified_ts",
                    "changed_ts",
                    "inode",
                )
                .join(in_silver, on="file_id", how="left", maintain_order="left")
                .with_columns(pl.col("updated_at_us").fill_null(self._clock()))
            )
            paths = dict(known.select("file_id", "bronze_file_path").iter_rows())
            told = [[file_id, paths.get(file_id), meta.bronze_file_path] for file_id, meta in moves]
            self.repository.update_rows(rows, metadata={MOVES: told})
            self._held().update(rows)


def _runs(found: Sequence[tuple[int, str | None]]) -> list[list[object]]:
    """Return ``[first id, last id, by]`` of neighbours found by the same; ids rise by one."""
    runs = []
    for by, members in groupby(found, key=lambda one: one[1]):
        ids = [file_id for file_id, _ in members]
        runs.append([ids[0], ids[-1], by])
    return runs


def _join_newest(versions: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    newest = entries.select("file_id", *VERSION_KEY).join(versions, on=list(VERSION_KEY), how="semi", nulls_equal=True)
    newest = newest.group_by(VERSION_KEY).agg(pl.col("file_id").max())
    return versions.join(newest, on=list(VERSION_KEY), how="left", maintain_order="left", nulls_equal=True)
