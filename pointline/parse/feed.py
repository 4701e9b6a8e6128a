"""What the parsers are told of a kind of file: how its cells are typed, and how they become rows of a table.

Two steps. The cells of a line become *source columns*, typed; these become the columns of the table. Where a vendor
writes the table's own columns, as Tardis does, there is no second step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from pointline.parse.json_lines import JsonLines
from pointline.parse.seen import Seen
from pointline.tables.schema import Column, EventTable, Kind

if TYPE_CHECKING:
    from pointline.parse.rules import Belonging


SKIPPED, REPEATED = "skipped_by_clocks", "repeated_by_clocks"
"""The rules of a local time that does not exist, and of one that comes twice."""


class Header(Enum):
    """Whether the first line of a file names the columns."""

    REQUIRED = "required"
    ABSENT = "absent"
    AUTO = "auto"
    """Where its first cell is no number."""


Finer = Callable[[pl.DataFrame], "pl.Expr | None"]
"""Tells of typed cells which are times with digits beyond the microsecond; None where none is."""
CUT: Final = "nanoseconds_cut"
"""How many times of a row had such digits: a column beside those of the table, and what a file's warnings call it."""
RESERVED: Final = frozenset({"row", "untyped", "unmapped", "verdict", "file_id", "file_seq", CUT})
"""What columns are called that parsing adds to those of a file."""
IN_USE: Final = "a column cannot be called {!r}, which is in use while rows are read: name it otherwise"


class Target(Struct, frozen=True, kw_only=True):
    """One column of the table, from source columns. ``value`` gives null where a cell says nothing that fits."""

    name: str
    value: pl.Expr
    sources: tuple[str, ...] = ()
    """A cell in any of them that is not empty, with no value to show for it, breaks its row."""
    rule: str = "unparseable"
    says_nothing: pl.Expr | None = None
    """True for cells that are not empty and stand for nothing all the same."""
    wanted: str = ""
    """What its cells have to be, in words."""
    clocks: Mapping[str, pl.Expr] = field(default_factory=dict)
    """Of a local time: where clocks that are set give it no value, by the rule that its row breaks."""
    zone: str = ""
    """Whose clocks."""
    finer: Finer | None = None
    """Of a time."""
    same_as: str = ""
    """The target before it that has the same value: it is worked out once."""

    @property
    def failed(self) -> pl.Expr:
        """True where a cell says something that is no value; the value itself is in a column of the target's name."""
        given = pl.any_horizontal([pl.col(source).is_not_null() for source in self.sources])
        said = given if self.says_nothing is None else given & ~self.says_nothing.fill_null(value=False)
        return said & self.value.is_null()


class Dialect(Struct, frozen=True, kw_only=True):
    """How lines are cut into cells."""

    separator: str = ","
    is_quoted: bool = True
    """A quote protects separators; else it is a character like others."""
    is_trimmed: bool = False
    """Blanks around a cell are no part of it."""
    trailer: str = ""
    """What a last line that is no row begins with."""
    encoding: str = "utf-8"
    """Of the header alone: rows are UTF-8."""
    header_cut: str = ""
    """Where a name in the header ends, though there is more of it."""
    skip: int = 0
    """Lines before the first one that counts."""
    has_decimal_comma: bool = False
    """Numbers are written as 1234,5."""
    is_decoded: bool = False
    """Lines were made from those of another form; one that gave none stands in their place, behind a mark."""


class Beside(Struct, frozen=True, kw_only=True):
    """The file in which each line of a feed's file goes on."""

    here: str
    there: str
    """What its name has where the name of the feed's file has ``here``."""
    widths: tuple[int, ...]
    """How many cells the lines of the feed's own files may have."""
    widths_there: tuple[int, ...]
    """The same of the other file."""

    def path_of(self, path: str) -> str:
        """Return where it is."""
        folder, slash, name = path.rpartition("/")
        return f"{folder}{slash}{name.replace(self.here, self.there)}"


class Feed(Struct, frozen=True, kw_only=True):
    """One kind of file. Shared by all threads."""

    vendor: str
    name: str
    table: EventTable
    columns: tuple[Column, ...]
    """The source columns that are read."""
    headers: tuple[tuple[str, ...], ...] = ()
    """The exact lists of columns that a file may have. None: found by name in any order, and others are left out."""
    header: Header = Header.REQUIRED
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names of source columns."""
    note: str = ""
    """What people should know of these files."""
    targets: Callable[[Belonging], Sequence[Target]] | None = None
    """None: the source columns are those of the table."""
    dialect: Dialect = Dialect()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rows with other values in these source columns are no rows of the table; they are counted, not kept."""
    leave_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Those other values, where all of them are known: a row with a value in neither list is broken."""
    is_sorted: bool = True
    has_steps: bool = False
    """Its bars follow one another at their interval, and have to where no path names it."""
    is_distinct: bool = False
    seen: Seen | None = None
    """Of a feed whose equal rows are one row: the rows of the blocks before, in a file that is read block by block."""
    """Equal rows are one row."""
    has_receive_clock: bool = True
    names_symbol: bool = True
    """The rows name their symbol; else the path does."""
    member: str = ""
    """A pattern of the name of the one file in an archive that is meant; empty where there is but one."""
    decoder: str = ""
    """What reads its files, which are no text; empty for text and Parquet."""
    is_timed_by_path: bool = False
    """Its rows count from the beginning of the time that their path names: the same bytes are other rows elsewhere."""
    companion: str = ""
    """The file beside it that has its SHA-256, with ``{name}`` or ``{stem}`` of its own name."""
    symbol_column: str = ""
    """Where the path names it for files that do not have this source column."""
    absent: tuple[Column, ...] = ()
    """Source columns that a file of this header does not have: null."""
    beside: Beside | None = None
    by_local_clock: frozenset[str] = frozenset()
    """Source columns of times by a clock on a wall that does not show UTC."""
    json_lines: JsonLines | None = None
    """Makes lines of cells from those of its files."""
    whole: Feed | None = None
    """The same feed, of blocks with whole numbers in all columns that may have another form too: it types them in one
    go, or not at all."""

    @property
    def raw_schema(self) -> dict[str, pl.DataType]:
        """Source column name to the type its cells are parsed as."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def is_plain(self) -> bool:
        """Tell whether every row of a file becomes one row of the table, and nothing is asked of all of them."""
        return not (self.where or self.is_distinct or self.has_steps)

    def column(self, name: str) -> Column:
        """Return the source column of that name. Raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def under(self, header: Sequence[str]) -> Feed:
        """Return the feed of files with this header, which may be one of several."""
        if len(self.headers) < 2:
            return self
        absent = tuple(column for column in self.columns if column.name not in header)
        there = tuple(column for column in self.columns if column.name in header)
        names_symbol = self.names_symbol and (not self.symbol_column or self.symbol_column in header)
        whole = None if self.whole is None else self.whole.under(header)
        where = {name: values for name, values in self.where.items() if name in header}
        there_only = replace(self, columns=there, absent=absent, names_symbol=names_symbol, whole=whole, where=where)
        return there_only if absent else self

    def completed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return typed cells with the source columns that the header lacks, as null."""
        lacking = [pl.lit(None, column.dtype).alias(column.name) for column in self.absent]
        return frame.with_columns(lacking) if lacking else frame

    def with_commas(self, data: bytes) -> bytes | None:
        """Return lines with commas between their cells; None where a comma is in a cell."""
        if self.dialect.separator == ",":
            return data
        return None if b"," in data else data.replace(self.dialect.separator.encode(), b",")

    def unknown_words(self, word: str = "{}") -> dict[str, pl.Expr]:
        """Tell for each column of ``where`` whose values are all known which cells have another one.

        ``word`` is what the column with the cells of a source column is called.
        """
        return {
            name: ~pl.col(word.format(name)).cast(pl.String).fill_null("").is_in([*self.where[name], *values])
            for name, values in self.leave_out.items()
            if name in self.where
        }

    def rows_of(self, frame: pl.DataFrame, left: Counter[str] | None = None) -> pl.DataFrame:
        """Return the typed cells of those lines that are rows of the table, with their place in a column ``row``.

        ``left`` counts the values that others have where ``leave_out`` does not name them.
        """
        if self.is_plain:
            return frame
        rows = frame if "row" in frame.columns else frame.with_row_index("row").cast({"row": pl.Int64})
        for name, values in self.where.items():
            word = pl.col(name).cast(pl.String).fill_null("")
            kept = rows.filter(word.is_in(values))
            if left is not None and name not in self.leave_out and kept.height < rows.height:
                words = rows.filter(~word.is_in(values)).group_by(word.alias("word")).len()
                left.update({f"{name}={found}": count for found, count in words.iter_rows()})
            rows = kept
        if self.is_distinct:
            names = [column.name for column in self.columns]
            rows = rows.unique(names, keep="first", maintain_order=True)
            rows = rows if self.seen is None else self.seen.first_ones(rows, names)
        return rows

    def across_blocks(self) -> Feed:
        """Return the feed for one file that is read block by block: it knows the rows of the blocks before."""
        if not self.is_distinct:
            return self
        seen = Seen()
        return replace(self, seen=seen, whole=None if self.whole is None else replace(self.whole, seen=seen))

    def source_of(self, column: str, belonging: Belonging) -> str:
        """Return the source column that a column of the table comes from first; its own name where it has none."""
        return next((one.sources[0] for one in self.tell(belonging) if one.name == column and one.sources), column)

    def target_of(self, column: str, belonging: Belonging) -> Target | None:
        """Return the column of the table of that name, or the first that comes from a source column of that name."""
        return next((one for one in self.tell(belonging) if column in (one.name, *one.sources)), None)

    def wanted(self, column: str, belonging: Belonging) -> str:
        """Return in words what cells of a source column, or a column of the table, have to be; empty: as its kind."""
        target = self.target_of(column, belonging)
        return "" if target is None else target.wanted

    def tell(self, belonging: Belonging) -> list[Target]:
        """Return the columns of the table; for a plain feed there are none to tell."""
        return [] if self.targets is None else list(self.targets(belonging))

    def mapped(self, frame: pl.DataFrame, belonging: Belonging) -> pl.DataFrame | None:
        """Return typed cells as columns of the table, or None where a cell needs a closer look."""
        if self.targets is None:
            return frame
        targets = self.tell(belonging)
        kept = ["row"] if "row" in frame.columns else []
        own = [one for one in targets if not one.same_as]
        rows = frame.select(*kept, *(one.value.alias(one.name) for one in own), *cut_of(own, frame))
        for place, one in enumerate(targets, start=len(kept)):
            if one.same_as:
                rows.insert_column(place, rows[one.same_as].alias(one.name))
        for one in own:
            # What is null beyond the cells that are empty did not say anything that fits.
            if one.sources and rows[one.name].null_count() > max(frame[source].null_count() for source in one.sources):
                if one.says_nothing is None or frame.select(one.failed.any()).item():
                    return None
            elif len(one.sources) > 1 and frame.select(one.failed.any()).item():
                return None
        return rows


def is_reserved(name: str) -> bool:
    """Tell whether no source column, and none of a table, may be called so."""
    return name in RESERVED or name.endswith((":text", ":value", ":word"))


def cut_of(targets: Sequence[Target], frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the column ``CUT`` of typed cells; nothing where it would be 0 in each row."""
    by_sources = {one.sources: one.finer for one in targets if one.finer is not None}  # two columns may be one time
    found = [finer for one in by_sources.values() if (finer := one(frame)) is not None]
    counted = (one.fill_null(value=False).cast(pl.UInt8) for one in found)
    return [pl.sum_horizontal(counted).alias(CUT)] if found else []


def own_columns(table: EventTable, *, vendor: str = "tardis") -> Feed:
    """Return the feed of files that have a table's own columns."""
    return Feed(vendor=vendor, name=table.name, table=table, columns=table.columns)


WANTED = {
    Kind.TIME: "write integer microseconds since 1970, as this feed has them",
    Kind.NUMBER: "a number such as 1234.5 is wanted",
    Kind.INTEGER: "a whole number such as 1234 is wanted",
    Kind.FLAG: "true or false is wanted",
}
