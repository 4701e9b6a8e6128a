"""What bronze has and lacks now, and what follows: refused files that are closed, others that are read again.

A path is refused where another file is in its way, or where the one beside it lacks. Each of these may come or go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

import polars as pl

from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import OTHER_IS_GONE, Outcome
from pointline.io.protocols.ledger import IngestionManifestRepository
from pointline.parse.feed import Feed
from pointline.services.files.awaited import BesideOf, paths_needing_another, told_by_the_other
from pointline.services.files.companion import late_checksums
from pointline.services.files.identity.ledger_row import REFUSED, ledger_rows, path_in_bronze
from pointline.services.files.place.preference import RankOf
from pointline.services.files.regained import regained
from pointline.services.ingest.batch import BatchNumbers
from pointline.services.ingest.departure import (
    Departures,
    absent_files,
    closed_by_absence,
    freed_by_absence,
    freed_by_departure,
    refused_because_of,
    whose_absence_counts,
)
from pointline.services.symbols.changes import Symbols
from pointline.tables.ingest_manifest import Status, stands_at, warns_of


class Absence:
    """Looked at by the threads that watch and list bronze. Changes of the ledger are made under ``lock``."""

    def __init__(
        self,
        manifest: IngestionManifestRepository,
        reader: BronzeReader,
        symbols: Symbols,
        numbers: BatchNumbers,
        lock: threading.RLock,
        *,
        rank_of: RankOf,
    ) -> None:
        self._manifest = manifest
        self._reader = reader
        self._symbols = symbols
        self._numbers = numbers
        self._lock = lock
        self._rank_of = rank_of
        self.regained: AbstractSet[int] = set()
        """Files that have to be read again for days that they had left to others, as the last scan found them."""

    def note_gone(self, paths: Sequence[str]) -> Departures:
        """Nothing is at these paths any more: close what never got in, and put back what was in their way."""
        with self._lock:
            entries = self._manifest.entries().filter(pl.col("bronze_file_path").is_in(list(paths)))
            gone = [path for path in entries["bronze_file_path"].unique() if self._reader.is_gone(path)]
            entries = entries.filter(pl.col("bronze_file_path").is_in(gone))
            closed = self._close(closed_by_absence(entries))
            brought = entries.filter(stands_at(Status.SUCCESS))["file_id"]
            of_copies = entries.filter(stands_at(Status.DUPLICATE))["superseded_by"]
            in_the_way = refused_because_of(self._manifest.entries(), {*brought, *of_copies})
            others = self._manifest.entries().filter(pl.col("file_id").is_in(list(in_the_way)))["superseded_by"]
            freed = self.reopen_for(self._nowhere(set(others)))
            return Departures(gone=closed, freed=freed)

    def asked_of_bronze(self, known: pl.DataFrame, beside_of: BesideOf) -> list[str]:
        """Return the paths of which ``compare`` and ``compare_beside`` have to know whether they are in bronze."""
        paths = [whose_absence_counts(known), self._manifest.with_days_left()]
        asked = pl.concat([rows["bronze_file_path"] for rows in paths]).to_list()
        return [*asked, *paths_needing_another(known, beside_of)]

    def compare(self, survey: pl.DataFrame, known: pl.DataFrame) -> Departures:
        """Close refused files that are not in bronze, and put back those that nothing stands in the way of now.

        ``known`` is the ledger as it was before bronze was listed; ``survey`` lists bronze, the paths of
        ``asked_of_bronze`` at least. An empty bronze is more likely not mounted: nothing is to be compared with it.
        """
        with self._lock:
            now = self._manifest.entries()
            absent = absent_files(known, survey)
            still_open = set(now.filter(stands_at(*REFUSED))["file_id"])
            gone = {one: path for one, path in closed_by_absence(absent).items() if one in still_open}
            freed = self._without_old_news(freed_by_absence(now, self._really_gone(absent))) | freed_by_departure(now)
            again = regained(self._manifest.with_days_left(), now, survey["path"], self._rank_of)
            self.regained = again.keys()
            return Departures(gone=self._close(gone), freed=self._reopen(freed, leaving_out=gone), regained=again)

    def check_late_checksums(self, feed_of: Callable[[str, str, str], Feed]) -> tuple[dict[str, str], dict[int, str]]:
        """Compare files with checksums that came after them; return what is wrong, by path, and files to read again.

        These were refused for a checksum that has come right, or is not there any more. Of files that are in, the rows
        stay: whether they may be used is for a person to say, who can withdraw the file.
        """
        with self._lock:
            in_doubt = self._manifest.checksums_in_doubt()
            refused = set(in_doubt.filter(stands_at(Status.QUARANTINED))["file_id"])
            found = list(late_checksums(in_doubt, self._reader, feed_of))
            right = {one: path for one, path, _, wrong in found if one in refused and not wrong}
            told = [(one, path, state, wrong) for one, path, state, wrong in found if one not in refused]
            errors = dict(in_doubt.select("file_id", "error").iter_rows())
            self._record([Outcome.checked(one, state, error=errors[one]) for one, _, state, _ in told])
            return {path: wrong for _, path, _, wrong in told if wrong}, self._reopen(right)

    def compare_beside(self, beside_of: BesideOf) -> Departures:
        """Read files again that need the one beside them, where that one has come or has changed; after ``compare``."""
        with self._lock:
            found = told_by_the_other(self._manifest.entries(), self._manifest.rows_of, self._reader, beside_of)
            self.regained |= found.in_silver.keys()
            return Departures(freed=self._reopen(found.refused), regained=found.in_silver)

    def _really_gone(self, absent: pl.DataFrame) -> pl.DataFrame:
        """Leave out what is there, not listed, as by a setting, or as a copy: it is in the way as before."""
        in_silver = set(absent.filter(stands_at(Status.SUCCESS))["file_id"])
        there = in_silver - self._nowhere(in_silver)
        return absent.filter(~pl.col("file_id").is_in(there))

    def _nowhere(self, file_ids: AbstractSet[int]) -> set[int]:
        """Return those of these files whose content is not in bronze any more."""
        if not file_ids:
            return set()
        entries = self._manifest.entries()
        rows = ledger_rows(entries.filter(pl.col("file_id").is_in(list(file_ids))))
        copies = entries.filter(stands_at(Status.DUPLICATE), pl.col("superseded_by").is_in(list(file_ids)))
        return {row.file_id for row in rows if path_in_bronze(row, copies, self._reader) is None}

    def _without_old_news(self, freed: Mapping[int, str]) -> dict[int, str]:
        if not freed:
            return {}
        told = self._manifest.rows_of(list(freed)).filter(warns_of(OTHER_IS_GONE))
        return {file_id: path for file_id, path in freed.items() if file_id not in set(told["file_id"])}

    def _close(self, gone: Mapping[int, str]) -> Mapping[int, str]:
        outcomes = [Outcome.left(file_id, Status.GONE) for file_id in gone]
        freed = self._symbols.forget(self._numbers.next, list(gone), outcomes) if gone else None
        if freed is None:
            self._record(outcomes)
        else:
            self._manifest.update_statuses([*outcomes, *freed], batch=self._numbers.next)
            self._numbers.next += 1
        return gone

    def _reopen(self, refused: Mapping[int, str], *, leaving_out: Collection[int] = ()) -> dict[int, str]:
        freed = {file_id: path for file_id, path in refused.items() if file_id not in leaving_out}
        self._record([Outcome.reopened(file_id) for file_id in freed])
        return freed

    def reopen_for(self, file_ids: Collection[int]) -> dict[int, str]:
        """Put back the files that were refused because of these."""
        return self._reopen(refused_because_of(self._manifest.entries(), file_ids))

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._manifest.update_statuses(outcomes)
