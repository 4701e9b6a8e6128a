"""Small files laid end to end, so that the cost of a parse is paid once for many of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.parse import fast_path
from pointline.parse.feed import CUT
from pointline.parse.rules import Belonging, any_foreign, doubtful_times, is_visible, without_doubtful
from pointline.services.ingest.batch import Span
from pointline.services.rows.bronze_rows import BronzeRows
from pointline.services.rows.end_to_end import EndToEnd, neighbours
from pointline.services.rows.restart import Beginning, least_rows
from pointline.services.rows.steps import has_bars, has_odd_file
from pointline.services.rows.tally import Tally, facts, spans_of
from pointline.tables.schema import Check

PACK_BYTES = 4 << 20
"""Text of small files typed in one parse."""
KEPT_FOR_PACK = 8 << 20
"""A file that decodes to more is streamed on its own."""


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
        laid = EndToEnd([member.data.count(b"\n") for member in self.members])
        data = b"".join(member.data for member in self.members)
        belongings = [member.tally.belonging for member in self.members]
        symbols = None if feed.names_symbol else laid.each_of([one.symbol or "" for one in belongings])
        common = replace(belongings[0], symbol=None)
        frame = fast_path.parse_many(feed, self.opened.header, data, common, symbols)
        if frame is None or frame.height != laid.height:
            return None
        cut = frame.drop_in_place(CUT) if CUT in frame.columns else None
        groups = {place: laid.of(frame, place) for place, one in enumerate(belongings) if one.symbol is None}
        firsts = [frame["symbol"][start] for start in laid.starts]
        symbol, symbol_before = neighbours(frame["symbol"])
        changes = laid.inside(symbol != symbol_before)
        in_groups = [range(laid.starts[place], laid.starts[place] + laid.rows[place]) for place in groups]
        if changes.difference(*in_groups) or not self._symbols_fit(firsts, groups):
            return None
        time, time_before = neighbours(frame["local_timestamp"])
        back = laid.inside(time < time_before)
        if back and _starts_again(frame, back, laid, least_rows(is_sorted=feed.is_sorted)):
            return None
        lineage = pl.DataFrame(
            [
                laid.each_of([member.tally.entry.file_id for member in self.members]).alias("file_id"),
                laid.numbers().alias("file_seq"),
            ]
        )
        if has_bars(feed.table) and has_odd_file(frame.hstack(lineage), feed.table, laid, has_groups=bool(groups)):
            return None
        doubtful = doubtful_times(feed.table, frame)
        if groups or doubtful or _any_found(frame, checks, laid):
            known = facts(checks, doubtful, many_symbols=bool(groups))
            per_file = frame.hstack([lineage["file_id"]]).group_by("file_id", maintain_order=True).agg(known)
            counted = per_file.drop("file_id").iter_rows(named=True)
        else:
            counted = _plain_facts(frame["local_timestamp"], laid)
        for place, counts in enumerate(counted):
            span = Span(first_us=counts["first_us"], last_us=counts["last_us"], rows=counts["rows"])
            spans = spans_of(groups[place]) if place in groups else {firsts[place]: span}
            self.members[place].tally.add_facts(counts, spans)
            if cut is not None and (times := int(cut.slice(laid.starts[place], laid.rows[place]).sum())):
                self.members[place].tally.warn({CUT: times})
        return without_doubtful(frame, doubtful).hstack(lineage)

    def _symbols_fit(self, firsts: Sequence[str], groups: Mapping[int, pl.DataFrame]) -> bool:
        """Tell whether each file has its own symbol, or is a group; ``firsts`` are those of the first rows."""
        if any(any_foreign(rows["symbol"], lambda _symbol: True) for rows in groups.values()):
            return False
        owned = zip(self.members, firsts, strict=True)
        return all(member.tally.belonging.owns_symbol(symbol) and is_visible(symbol) for member, symbol in owned)


def _without_symbol(belonging: Belonging) -> dict[str, str]:
    return {name: value for name, value in belonging.says.items() if name != "symbol"}


def _starts_again(frame: pl.DataFrame, back: set[int], laid: EndToEnd, least: int) -> bool:
    """Tell whether any of the files does: only one whose clock goes ``back`` can."""
    for place, (start, count) in enumerate(zip(laid.starts, laid.rows, strict=True)):
        if not back.isdisjoint(range(start, start + count)):
            beginning = Beginning(least=least)
            found = beginning.find(laid.of(frame, place), range(1, count + 1))
            if found is not None or beginning.at_end() is not None:
                return True
    return False


def _any_found(frame: pl.DataFrame, checks: Sequence[Check], laid: EndToEnd) -> bool:
    """Tell whether any row of a file of one symbol is odd. Between two files a row has none before it."""
    places = [one.found.arg_true().implode().alias(one.name) for one in checks if one.looks_back]
    odd = [one.found.any().alias(one.name) for one in checks if not one.looks_back]
    if not places and not odd:
        return False
    found = frame.select(*places, *odd)
    starts = set(laid.starts)
    return any(not starts.issuperset(value) if isinstance(value, list) else bool(value) for value in found.row(0))


def _plain_facts(times: pl.Series, laid: EndToEnd) -> Iterator[dict[str, Any]]:
    """Yield the ``facts`` of files in which nothing is odd."""
    for start, count in zip(laid.starts, laid.rows, strict=True):
        own = times.slice(start, count)
        yield {"rows": count, "first_us": own.min(), "last_us": own.max()}


def first_blocks(blocks: Iterator[bytes], limit: int) -> tuple[list[bytes], bytes | None]:
    """Return the blocks up to ``limit`` bytes, and the block that was too much, or None where there is no more."""
    kept: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        if size > limit:
            return kept, block
        kept.append(block)
    return kept, None
