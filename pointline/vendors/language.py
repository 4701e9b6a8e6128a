"""The language of vendor descriptions, as it is written: one TOML file, checked by its shape.

``describe`` turns it into feeds and finds out whether it makes sense.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

JSON = "json"
NO_TEXT = ("bi5", "dbn")
"""The decoders of files that are no text."""


class Mapping(Struct, forbid_unknown_fields=True, frozen=True, rename={"from_": "from"}):
    """How one column of the table comes about: from source columns, or from the path."""

    from_: str | list[str] = field(default_factory=list)
    value: str = ""
    """The same for all rows; ``{name}`` is a field of the path. With ``from``, of a text: what a row has whose cell is
    empty, or whose file has no such column."""
    words: dict[str, str | bool] = field(default_factory=dict)
    """What each word of the source, or the ``value``, means; any other word breaks its row, or its path."""
    time: str | list[str] = ""
    """``epoch`` (the number of digits tells the unit), ``seconds`` (with decimals), ``since midnight``, ``since start``
    (of the time that the path names, such as its hour), or formats of ``strptime``, in a list with ``epoch`` among them
    where a file may have either. What has no date is of the day that the path names, by the clock on the wall."""
    unit: Literal["auto", "s", "ms", "us", "ns"] = "auto"
    zone: str = ""
    ambiguous: Literal["refuse", "earlier", "later"] = "refuse"
    """Which of the two is meant where clocks show a local time twice."""
    divide: float = 1.0
    """Whole numbers of a small unit are divided by this; a cell with a decimal point is in another unit."""
    decimals: bool = False
    """Numbers with a decimal point are divided too."""
    when_integer: bool = False
    """Only whole numbers are divided; what has a decimal point is the number itself."""
    sign: dict[Literal["plus", "minus"], str] = field(default_factory=dict)
    """Of a word that a number says by its sign; zero says none."""
    absolute: bool = False
    """A number without its sign."""
    null: list[str] = field(default_factory=list)
    """Cells that say nothing, besides empty ones."""
    levels: str = ""


class ExampleText(Struct, forbid_unknown_fields=True, frozen=True):
    """A file of a few lines, and the rows that it has to give. ``pointline vendors check`` reads it."""

    path: str
    lines: list[str]
    rows: list[dict[str, Any]]
    """Only the columns that are given are compared; an empty text stands for nothing."""
    beside: list[str] = field(default_factory=list)
    """The lines of the file beside it."""


class FeedText(Struct, forbid_unknown_fields=True, frozen=True):
    """One feed as it is written."""

    name: str
    path: str | list[str] = field(default_factory=list)
    not_in: list[str] = field(default_factory=list)
    """Words that no folder of these files has in its name: another vendor publishes under folders that end alike."""
    table: str = ""
    exchange: str = ""
    like: str = ""
    """The feed before it that says what is left out here."""
    header: Literal["required", "absent", "auto"] = "required"
    columns: list[str | list[str]] = field(default_factory=list)
    decoder: Literal["", "json", "bi5", "dbn"] = ""
    """``json``: each line is one object, and ``columns`` are its fields: ``data.s`` is ``s`` of the object ``data``.
    ``bi5``, ``dbn``: what reads files that are no text; ``columns`` are those that it names."""
    lists: dict[str, str] = field(default_factory=dict)
    """Fields of such an object that are lists. Each entry is a row, with the list's word in its column ``list``."""
    entry: list[str] = field(default_factory=list)
    """The columns of an entry."""
    beside: dict[str, str] = field(default_factory=dict)
    """Each line goes on in the same line of another file, in whose name one text stands for another."""
    beside_columns: list[str | list[str]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    """Source columns that are left out on purpose."""
    map: dict[str, str | Mapping] = field(default_factory=dict)
    separator: str = ","
    quote: bool = True
    trim: bool = False
    skip: int = 0
    """Lines at the beginning of a file that say nothing of its rows, such as a title."""
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    header_cut: str = ""
    """Names in the header end here."""
    trailer: str = ""
    """How a last line that is no row begins. With ``{rows}`` in it a file has to have one that counts its rows right;
    ``{named}`` stands for what is in the file's name too, such as its date, ``*`` for anything."""
    where: dict[str, list[str]] = field(default_factory=dict)
    leave_out: dict[str, list[str]] = field(default_factory=dict)
    """The other values of columns of ``where``, where all are known: any more breaks its row."""
    sorted: bool = True
    steps: bool = False
    """Where the path names no interval, the bars of a file have to follow one another at the usual one."""
    distinct: bool = False
    group: bool = False
    """A file holds many symbols."""
    day_zone: str = "UTC"
    day_slack: str = ""
    prefer: list[str] = field(default_factory=list)
    companion: str = ""
    member: str = ""
    symbols: dict[str, str] = field(default_factory=dict)
    """How a symbol of the path is spelled in the lake, where that is another way."""
    symbol_drops: list[str] = field(default_factory=list)
    """What is taken out of a symbol of the path, one after the other, to spell it as the lake does."""
    verified: bool = True
    """Read from real files; else built from documents alone."""
    note: str = ""
    example: list[ExampleText] = field(default_factory=list)
    decide: dict[str, str] = field(default_factory=dict)
    """Source columns of which nobody has said yet what they become; a feed with any of them is refused."""


class ColumnText(Struct, forbid_unknown_fields=True, frozen=True):
    """One column of a user's own table."""

    name: str
    kind: Literal["text", "number", "integer", "time", "flag", "choice"]
    required: bool = False
    choices: list[str] = field(default_factory=list)


class TableText(Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the user's own; ``exchange, symbol, timestamp, local_timestamp`` come first in every one."""

    name: str
    columns: list[ColumnText]
    checks: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)


class VendorText(Struct, forbid_unknown_fields=True, frozen=True):
    """A description as it is written."""

    vendor: str
    title: str = ""
    url: str = ""
    feed: list[FeedText] = field(default_factory=list)
    table: list[TableText] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


class Unread(Struct, forbid_unknown_fields=True, frozen=True):
    """Files that are known and not read, and what to do with them."""

    path: str | list[str]
    what: str
    advice: str
