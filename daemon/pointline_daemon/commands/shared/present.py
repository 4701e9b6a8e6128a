"""What the commands have in common when they speak: tables for a terminal, plain lines for a pipe, JSON for programs.

File names and vendor data are shown, so nothing of them may steer a terminal: text goes through ``printable``.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TextIO
from unicodedata import combining, east_asian_width

from msgspec import Struct

from pointline.config import lake_named
from pointline.errors import ConfigurationError, NoAccess, PointlineError
from pointline.phrases import printable
from pointline_daemon.exit_codes import exit_code_of
from pointline_daemon.opening.owner import command_for_stranger

if TYPE_CHECKING:
    from rich.console import Console

ELLIPSIS = "..."
MOST_SHOWN = 2**32 - 1
"""Rows of a list: more than these Polars does not count."""
STEPS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


class Column(Struct, frozen=True, kw_only=True):
    """One column of a table. ``style`` is for terminals; a ``fold`` column takes what width is left."""

    title: str
    align: Literal["left", "right"] = "left"
    style: str = ""
    fold: bool = False


def is_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def make_console(stream: TextIO | None = None) -> Console:
    """Return a console that respects NO_COLOR and leaves the text as it is."""
    from rich.console import Console  # noqa: PLC0415 - half of what a command on a pipe costs

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def print_json(value: object) -> None:
    """Print one JSON document; times as ISO 8601 in UTC."""
    print(json.dumps(value, default=_plain, ensure_ascii=True))
    sys.stdout.flush()


def print_lines(lines: Sequence[str]) -> None:
    """Print plain text, whatever the encoding of standard output can hold."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        print(line.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()  # here, so that a reader that left (`| head`) is noticed while it can be handled


def print_labelled(label: str, sentence: str) -> None:
    """One line on a pipe; on a terminal as many as it takes, under each other."""
    text = printable(sentence)
    if not is_terminal():
        print_lines([f"{label}{text}"])
        return
    indent = " " * len(label)
    print_lines(textwrap.wrap(text, max(40, terminal_width()), initial_indent=label, subsequent_indent=indent))


def print_problem(what: str, hint: str, *, subject: str = "", as_json: bool = False) -> None:
    """Say what is wrong and what to try: two lines on standard error, or JSON on standard output."""
    print_problems([what], hint, subject=subject, as_json=as_json)


def print_problems(what: Sequence[str], hint: str, *, subject: str = "", as_json: bool = False) -> None:
    """Say the same of several problems that have one way out."""
    if as_json:
        print_json({"error": "; ".join(what), "subject": subject, "try": hint})
        return
    lines = [f"error: {printable(one)}" for one in what] + [f"try:   {printable(hint)}"] * bool(hint)
    print("\n".join(lines), file=sys.stderr)


def print_error(error: PointlineError, *, as_json: bool = False) -> int:
    """Say what an error says, and return the exit code that goes with it.

    Who has no access to a lake of somebody else is told what its owner has to type.
    """
    what = error.problems if isinstance(error, ConfigurationError) else [str(error)]
    root = lake_named(sys.argv[1:])
    hint = command_for_stranger(root) if isinstance(error, NoAccess) and root is not None else None
    print_problems(what, hint or error.hint, subject=error.subject, as_json=as_json)
    return exit_code_of(error)


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, styles: Sequence[str] = ()) -> None:
    """Print a table; ``styles`` colours whole rows. A cell may hold several lines on a terminal."""
    if not is_terminal():
        print_lines(aligned(columns, rows))
        return
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(
            column.title,
            justify=column.align,
            style=column.style,
            overflow="fold",
            no_wrap=not column.fold,
        )
    for position, row in enumerate(rows):
        table.add_row(*(Text(cell) for cell in row), style=styles[position] if styles else None)
    make_console().print(table)


def shorten_path(path: str, width: int) -> str:
    """Fit a path into a width: its end says most, so leading folders go first, then the middle of the name."""
    if len(path) <= width:
        return path
    parts = path.split("/")
    for first in range(1, len(parts)):
        tail = "/".join((ELLIPSIS, *parts[first:]))
        if len(tail) <= width:
            return tail
    name = parts[-1]
    if len(name) <= width:
        return name
    head = max(1, (width - len(ELLIPSIS)) // 2)
    return name[:head] + ELLIPSIS + name[len(name) - max(1, width - len(ELLIPSIS) - head) :]


def cut_line(text: str) -> str:
    """Keep one line one line on a terminal; a pipe gets all of it."""
    if not is_terminal():
        return text
    width = terminal_width()
    return text if len(text) <= width else text[: width - len(ELLIPSIS)] + ELLIPSIS


def terminal_width() -> int:
    """How many characters a line holds."""
    return shutil.get_terminal_size((80, 24)).columns


def bytes_text(size: float) -> str:
    """``123456789`` as ``117.7 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def duration(seconds: float) -> str:
    """``3725`` as ``1 h 2 min``: two units at most."""
    whole = max(0, int(seconds))
    for size, unit, smaller, smaller_unit in STEPS:
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{whole} s"


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line per row, each column as wide as its widest cell; first the titles, where there are any."""
    titles = [column.title for column in columns]
    table = [*([titles] if any(titles) else []), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max((width_of(row[position]) for row in table), default=0) for position in range(len(columns))]
    lines = []
    for row in table:
        cells = []
        for column, cell, width in zip(columns, row, widths, strict=True):
            blank = " " * (width - width_of(cell))
            cells.append(blank + cell if column.align == "right" else cell + blank)
        lines.append("  ".join(cells).rstrip())
    return lines


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 1 + (east_asian_width(one) in "WF") for one in text)


def _one_line(cell: str) -> str:
    return cell.replace("\n", "  ")


def time_text(moment: dt.datetime) -> str:
    """Return a moment as ``2024-05-01T00:00:00Z``."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _plain(value: object) -> str:
    return time_text(value) if isinstance(value, dt.datetime) else str(value)
