"""What an event table is: the columns that rows come in with, the silver columns they become, and their checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache, cached_property

import polars as pl
from msgspec import Struct, field

UTC_TIME = pl.Datetime("us", "UTC")

PARTITION_COLUMNS = ("exchange", "date")
LINEAGE = {"date": pl.Date(), "file_id": pl.Int64(), "file_seq": pl.Int64()}
"""Columns every event table ends with. ``file_seq`` is the 1-based data row number in the source file."""


def no_rows(schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return a frame with these columns and no row."""
    return _no_rows(tuple(schema.items()))


@cache
def _no_rows(columns: tuple[tuple[str, pl.DataType], ...]) -> pl.DataFrame:
    """Polars makes it column by column, and every look at a table that nothing came into asks for one."""
    return pl.DataFrame(schema=dict(columns))


class Kind(Enum):
    """How the text of a raw column is typed."""

    TEXT = "text"
    NUMBER = "number"
    SECONDS = "seconds"
    """A number that is a time: one that a spreadsheet has rounded is none."""
    INTEGER = "integer"
    """A whole number of 64 bits."""
    TIME = "time"
    """Integer microseconds since the epoch, UTC."""
    FLAG = "flag"
    """``true`` or ``false``."""
    CHOICE = "choice"
    """One of a closed set of words."""


ROUNDED = "|".join(
    rf"^-?\d+(?:\.\d{{{decimals}}}){'{1}' if decimals else '?'}[eE]\+?0*(?:[{decimals + 1}-9]|[1-9]\d+)$"
    for decimals in range(6)
)
"""A number as a spreadsheet shows it, with five decimals at most and an exponent that is greater: the rest is lost."""


def unheld_words(words: Iterable[str]) -> list[str]:
    """Return the words that no cell can hold."""
    return [word for word in words if not word or any(sign in word for sign in ',\r\n"')]


class Column(Struct, frozen=True, kw_only=True):
    """One column. A row with an empty cell in a ``required`` one is quarantined."""

    name: str
    kind: Kind
    required: bool = False
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a word that no cell can hold: the parser compares it with what stands between two separators."""
        if odd := unheld_words(self.choices):
            raise ValueError(f"{self.name}: {odd[0]!r} is not a word that a cell can hold")

    @property
    def dtype(self) -> pl.DataType:
        """Type the CSV parser produces; times are still integers."""
        match self.kind:
            case Kind.TEXT:
                return pl.String()
            case Kind.NUMBER | Kind.SECONDS:
                return pl.Float64()
            case Kind.TIME | Kind.INTEGER:
                return pl.Int64()
            case Kind.FLAG:
                return pl.Boolean()
            case Kind.CHOICE:
                return pl.Enum(list(self.choices))

    @property
    def silver(self) -> pl.Expr:
        """The column as silver keeps it."""
        match self.kind:
            case Kind.TIME:
                return pl.col(self.name).cast(UTC_TIME)
            case Kind.CHOICE:
                return pl.col(self.name).cast(pl.String)
            case _:
                return pl.col(self.name)


class Check(Struct, frozen=True, kw_only=True):
    """An oddity that real markets produce: counted by default, quarantined when a setting says so.

    ``found`` is a boolean expression over the typed raw columns of one file in file order; null counts as not found.
    With ``looks_back`` it compares a row with the one before it, which has to be of the same symbol.
    """

    name: str
    column: str
    found: pl.Expr
    looks_back: bool = False

    def found_among(self, *, many_symbols: bool) -> pl.Expr:
        """Return ``found`` of rows that may be of many symbols. Of one alone it need not be compared."""
        if not (self.looks_back and many_symbols):
            return self.found
        return self.found & (pl.col("symbol") == pl.col("symbol").shift(1))


def _columns_as_they_are(columns: tuple[Column, ...]) -> list[pl.Expr]:
    return [column.silver for column in columns]


class EventTable(Struct, frozen=True, kw_only=True, dict=True):
    """An append-only table with one row per event, partitioned by ``exchange, date``.

    ``columns`` are those that rows come in with, whatever vendor they are of. ``to_silver`` turns them into the silver
    columns (without lineage); the default keeps names and order.
    """

    name: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()
    to_silver: Callable[[tuple[Column, ...]], list[pl.Expr]] = field(default=_columns_as_they_are)
    series: tuple[str, ...] = ()
    """Columns that are the same for all rows of a file and, beside the symbol, tell one series from another."""

    @cached_property
    def raw_schema(self) -> dict[str, pl.DataType]:
        """Raw column name to parser type, in vendor order."""
        return {column.name: column.dtype for column in self.columns}

    @cached_property
    def silver_schema(self) -> dict[str, pl.DataType]:
        """Silver column name to type, lineage and partition columns included."""
        empty = pl.LazyFrame(schema=self.raw_schema).select(self.to_silver(self.columns))
        return {**empty.collect_schema(), **LINEAGE}

    def column(self, name: str) -> Column:
        """Return the raw column of that name. Raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def text(name: str, *, required: bool = False) -> Column:
    """Free text, such as a symbol or an id."""
    return Column(name=name, kind=Kind.TEXT, required=required)


def number(name: str, *, required: bool = False) -> Column:
    """A finite decimal number."""
    return Column(name=name, kind=Kind.NUMBER, required=required)


def integer(name: str, *, required: bool = False) -> Column:
    """A whole number of 64 bits."""
    return Column(name=name, kind=Kind.INTEGER, required=required)


def time(name: str, *, required: bool = False) -> Column:
    """A point in time, integer microseconds since the epoch, UTC."""
    return Column(name=name, kind=Kind.TIME, required=required)


def flag(name: str, *, required: bool = False) -> Column:
    """``true`` or ``false``."""
    return Column(name=name, kind=Kind.FLAG, required=required)


def choice(name: str, *choices: str, required: bool = False) -> Column:
    """One of ``choices``, spelt exactly."""
    return Column(name=name, kind=Kind.CHOICE, required=required, choices=choices)


COMMON = (
    text("exchange", required=True),
    text("symbol", required=True),
    time("timestamp", required=True),
    time("local_timestamp", required=True),
)
"""The four columns that every event table begins with."""
