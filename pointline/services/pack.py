"""Small files laid end to end, so that the cost of a parse is paid once for many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl

from pointline.services.batch import Span
from pointline.services.restart import Beginning
from pointline.services.tally import Tally, facts, spans_of
from pointline.tables import fast_path
from pointline.tables.rules import Belonging, any_foreign, doubtful_times, is_visible, without_doubtful
from pointline.tables.schema import Check, EventTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of a pack: its account, its lines and its content hash."""

    tally: Tally
    data: bytes
    content_hash: str


@dataclass(slots=True)
class Pack:
    """Small files with the same header that wait to be typed together."""

    header: tuple[str, ...] = ()
    members: list[Member] = field(default_factory=list)
    size: int = 0

    def add(self, member: Member) -> None:
        """Add a file."""
        self.members.append(member)
        self.size += len(member.data)

    def typed(
        self, table: EventTable, belonging: Belonging, checks: Sequence[Check]
    ) -> tuple[pl.DataFrame, pl.DataFrame] | None:
        """Return the typed rows of all files and their ``file_id, file_seq``, counted in the accounts of the files.

        None where a row of any of them needs a closer look; nothing is counted then.
        """
        rows = [member.data.count(b"\n") for member in self.members]
        frame = fast_path.parse_many(table, self.header, b"".join(member.data for member in self.members), belonging)
        if frame is None or frame.height != sum(rows):
            return None
        starts = [0, *accumulate(rows[:-1])]
        groups = {
            place: frame.slice(starts[place], rows[place])
            for place, member in enumerate(self.members)
            if member.tally.belonging.symbol is None
        }
        if not self._symbols_fit(frame, starts, groups) or _starts_again(frame, starts, rows):
            return None
        doubtful = doubtful_times(table, frame)
        lineage = _lineage([member.tally.entry.file_id for member in self.members], rows)
        per_file = frame.hstack(lineage.select("file_id")).group_by("file_id", maintain_order=True)
        first_symbols = frame["symbol"].gather(starts).to_list()
        for place, counts in enumerate(per_file.agg(facts(checks, doubtful)).iter_rows(named=True)):
            span = Span(first_us=counts["first_us"], last_us=counts["last_us"], rows=counts["rows"])
            spans = spans_of(groups[place]) if place in groups else {first_symbols[place]: span}
            del counts["file_id"]
            self.members[place].tally.add_facts(counts, spans)
        return without_doubtful(frame, doubtful), lineage

    def _symbols_fit(self, frame: pl.DataFrame, starts: list[int], groups: Mapping[int, pl.DataFrame]) -> bool:
        """Tell whether each file has one spelling of its own symbol throughout, or is a group."""
        symbols = frame["symbol"]
        changes = set(symbols.ne_missing(symbols.shift(1)).arg_true()) - set(starts)
        for place, rows in groups.items():
            if any_foreign(rows["symbol"], lambda _symbol: True):
                return False
            changes -= set(range(starts[place], starts[place] + rows.height))
        firsts = zip(self.members, symbols.gather(starts).to_list(), strict=True)
        return not changes and all(
            member.tally.belonging.owns_symbol(symbol) and is_visible(symbol) for member, symbol in firsts
        )


def _starts_again(frame: pl.DataFrame, starts: list[int], counts: list[int]) -> bool:
    """Tell whether any of the files does: only one whose clock goes back can."""
    local = frame["local_timestamp"]
    back = set((local < local.shift(1)).arg_true()) - set(starts)
    for start, count in zip(starts, counts, strict=True) if back else ():
        if not back.isdisjoint(range(start, start + count)):
            beginning = Beginning()
            found = beginning.find(frame.slice(start, count), range(1, count + 1))
            if found is not None or beginning.at_end() is not None:
                return True
    return False


def _lineage(file_ids: Sequence[int], rows: Sequence[int]) -> pl.DataFrame:
    """Return ``file_id, file_seq`` of files laid end to end."""
    files = pl.DataFrame({"file_id": file_ids, "rows": rows}, schema={"file_id": pl.Int64, "rows": pl.Int64})
    seq = pl.int_ranges(1, pl.col("rows") + 1, dtype=pl.Int64).alias("file_seq")
    return files.select(pl.col("file_id").repeat_by("rows"), seq).explode("file_id", "file_seq")
