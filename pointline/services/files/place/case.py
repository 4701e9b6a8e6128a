"""What a batch is judged by, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import polars as pl
from msgspec import Struct, field

from pointline.io.protocols.file_version import Outcome
from pointline.services.audit.silver.row_counts import ROWS_ON
from pointline.services.files.place.days_left import Absent
from pointline.services.files.place.overlap import Day, Occupied
from pointline.services.files.place.preference import PeriodOf, RankOf
from pointline.services.files.silver_facts import SilverFacts
from pointline.services.ingest.batch import Entry, Span

RowsOn = Callable[[int, Day], pl.DataFrame]
"""``symbol`` (a key) and ``time`` (microseconds since the epoch, UTC) of the rows of a file on a day."""


class Case(Struct, frozen=True, kw_only=True):
    """The files of a batch that were read and can be kept, and what the lake has beside them.

    ``old`` are, for each of them, the files in silver whose place it takes in any case; ``spans`` by file and symbol.
    """

    entries: Mapping[int, Entry]
    outcomes: Mapping[int, Outcome]
    old: Mapping[int, tuple[int, ...]]
    in_silver: Collection[int]
    """Originals of duplicates, as far as their rows were in silver before."""
    spans: Mapping[int, Mapping[str, Span]]
    occupied: Occupied
    facts: SilverFacts
    groups: Collection[str]
    allows_overlap: bool
    min_share: float
    rank_of: RankOf = lambda _path, _feed: None
    """The place of a file in the order in which its feed prefers them; None where it has none."""
    period_of: PeriodOf = lambda _path, _feed: None
    rows_on: RowsOn = lambda _file_id, _day: pl.DataFrame(schema=ROWS_ON)
    left_to: Callable[[Collection[int], Day], Sequence[Absent]] = lambda _file_ids, _day: ()
    """The files that left a day to one of these."""


class Replacements(Struct, kw_only=True):
    """One pass over a batch: what gives way to what, and who is refused."""

    replaced: dict[int, int] = field(default_factory=dict)
    """Files whose rows leave silver, and the file that takes their place."""
    refused: dict[int, Outcome] = field(default_factory=dict)
    given_up: dict[int, dict[str, int]] = field(default_factory=dict)
    """Days of files that another one is preferred for, and that one: by file and date."""
    waiting: set[int] = field(default_factory=set)
    """Files that take no place until they are read again: copies whose original is not in, or leaves with this batch,
    and files that have a day after all of which they were to leave the rows."""
