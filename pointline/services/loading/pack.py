"""Small files laid end to end, so that the cost of a parse is paid once for many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.parse import fast_path
from pointline.parse.rules import Belonging, any_foreign, doubtful_times, is_visible, without_doubtful
from pointline.services.ingest.batch import Span
from pointline.services.rows.bronze_rows import BronzeRows
from pointline.services.rows.restart import Beginning, least_rows
from pointline.services.rows.steps import has_bars, series_of, steps_of, varying_of
from pointline.services.rows.tally import Tally, facts, spans_of
from pointline.tables.schema import Check


class Member(Struct, frozen=True, kw_only=True):
    """A file of a pack: its account, its lines and its content hash."""

    tally: Tally
    data: bytes
    content_hash: str


class Pack(Struct):
    """Small files of the same header and time that wait to be typed together."""

    members: list[Member] = field(default_factory=list)
    size: int = 0
    _opened: BronzeRows | None = None

    @property
    def opened(self) -> BronzeRows:
        """What all of them have in common."""
        assert self._opened is not None, "a pack has at least one file"
        return self._opened

    def takes(self, member: Member, opened: BronzeRows, most_bytes: int) -> bool:
        """Tell whether a file can be typed together with those that are in."""
        if not self.members:
            return True
        if opened.header != self.opened.header or self.size + len(member.data) > most_bytes:
            return False
        ours, theirs = self.members[0].tally.belonging, member.tally.belonging
        return ours.period == theirs.period and _without_symbol(ours) == _without_symbol(theirs)

    def add(self, member: Member, opened: BronzeRows) -> None:
        """Add a file."""
        self._opened = opened
        self.members.append(member)
        self.size += len(member.data)

    def typed(self, checks: Sequence[Check]) -> pl.DataFrame | None:
        """Return the typed rows of all files with ``file_id, file_seq``, counted in the accounts of the files.

        None where a row of any of them needs a closer look; nothing is counted then.
        """
        feed = self.opened.feed
        if not feed.is_plain:
            return None
        rows = [member.data.count(b"\n") for member in self.members]
        data = b"".join(member.data for member in self.members)
        symbols = None if feed.names_symbol else self._named_symbols(rows)
        belonging = replace(self.members[0].tally.belonging, symbol=None)
        frame = fast_path.parse_many(feed, self.opened.header, data, belonging, symbols)
        if frame is None or frame.height != sum(rows):
            return None
        starts = [0, *accumulate(rows[:-1])]
        groups = {
            place: frame.slice(starts[place], rows[place])
            for place, member in enumerate(self.members)
            if member.tally.belonging.symbol is None
        }
        changes, back, firsts = _turns(frame, starts)
        in_groups = [range(starts[place], starts[place] + rows[place]) for place in groups]
        if changes.difference(*in_groups) or not self._symbols_fit(firsts, groups):
            return None
        if back and _starts_again(frame, back, starts, rows, least_rows(is_sorted=feed.is_sorted)):
            return None
        lineage = _lineage([member.tally.entry.file_id for member in self.members], rows)
        if has_bars(feed.table):
            varying = ["file_id", *varying_of(frame, series_of(feed.table))]
            if steps_of(frame.hstack(lineage), varying)["short"].sum():
                return None
        doubtful = doubtful_times(feed.table, frame)
        per_file = frame.hstack(lineage.select("file_id")).group_by("file_id", maintain_order=True)
        for place, counts in enumerate(
            per_file.agg(facts(checks, doubtful, many_symbols=bool(groups))).iter_rows(named=True)
        ):
            span = Span(first_us=counts["first_us"], last_us=counts["last_us"], rows=counts["rows"])
            spans = spans_of(groups[place]) if place in groups else {firsts[place]: span}
            del counts["file_id"]
            self.members[place].tally.add_facts(counts, spans)
        return without_doubtful(frame, doubtful).hstack(lineage)

    def _named_symbols(self, rows: Sequence[int]) -> pl.Series:
        """The symbol of each row, where the paths name them."""
        names = [member.tally.belonging.symbol or "" for member in self.members]
        files = pl.DataFrame({"symbol": names, "rows": rows})
        return files.select(pl.col("symbol").repeat_by("rows").explode()).to_series()

    def _symbols_fit(self, firsts: Sequence[str], groups: Mapping[int, pl.DataFrame]) -> bool:
        """Tell whether each file has its own symbol, or is a group; ``firsts`` are those of the first rows."""
        if any(any_foreign(rows["symbol"], lambda _symbol: True) for rows in groups.values()):
            return False
        owned = zip(self.members, firsts, strict=True)
        return all(member.tally.belonging.owns_symbol(symbol) and is_visible(symbol) for member, symbol in owned)


def _without_symbol(belonging: Belonging) -> dict[str, str]:
    return {name: value for name, value in belonging.says.items() if name != "symbol"}


def _turns(frame: pl.DataFrame, starts: list[int]) -> tuple[set[int], set[int], list[str]]:
    """Return the rows in files where the symbol changes, those where the clock goes back, and each first symbol.

    In one query: that costs as much as each of them alone.
    """
    symbol, clock = pl.col("symbol"), pl.col("local_timestamp")
    found = frame.select(
        symbol.ne_missing(symbol.shift(1)).arg_true().implode().alias("changes"),
        (clock < clock.shift(1)).arg_true().implode().alias("back"),
        symbol.gather(starts).implode().alias("firsts"),
    )
    changes, back, firsts = (found[name].to_list()[0] for name in ("changes", "back", "firsts"))
    return set(changes).difference(starts), set(back).difference(starts), firsts


def _starts_again(frame: pl.DataFrame, back: set[int], starts: list[int], counts: list[int], least: int) -> bool:
    """Tell whether any of the files does: only one whose clock goes ``back`` can."""
    for start, count in zip(starts, counts, strict=True):
        if not back.isdisjoint(range(start, start + count)):
            beginning = Beginning(least=least)
            found = beginning.find(frame.slice(start, count), range(1, count + 1))
            if found is not None or beginning.at_end() is not None:
                return True
    return False


def _lineage(file_ids: Sequence[int], rows: Sequence[int]) -> pl.DataFrame:
    """Return ``file_id, file_seq`` of files laid end to end."""
    files = pl.DataFrame({"file_id": file_ids, "rows": rows}, schema={"file_id": pl.Int64, "rows": pl.Int64})
    seq = pl.int_ranges(1, pl.col("rows") + 1, dtype=pl.Int64).alias("file_seq")
    return files.select(pl.col("file_id").repeat_by("rows"), seq).explode("file_id", "file_seq")
