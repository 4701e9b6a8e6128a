"""What is said in several places, said once. Knows the error tree alone, so that every layer may say it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pointline.errors import PointlineError

LEAVE_ONE_OUT: Final = "leave one of them out"
"""What to do about options that exclude each other."""
CHECK_PATH: Final = "check the path"
AGAIN: Final = "copy or download the file again"
NOT_BESIDE: Final = "which is not beside it"
WAIT_OR_AGAIN: Final = f"wait if the download is still running; else {AGAIN}"
"""What to do about a file that ends early, while the rest of it may still come."""


CR_ENDS: Final = "its lines end with CR alone, as on old Macs"
CR_HINT: Final = "write it again with line feeds (`tr '\\r' '\\n'`); unpack it first if it is packed"
BLANK_START: Final = "its first line is blank, and others follow"
BLANK_HINT: Final = "delete what is blank before the first line; is it a whole file, as it was published?"
UNDESCRIBED: Final = "no description of this lake has that table any more"
"""Said of a table whose rows are there, and whose description was removed or is refused."""
DESCRIBE_AGAIN: Final = (
    "put its description back into the folder `vendors` of the lake, and restart the daemon if one runs"
)


def plural(number: int, noun: str, nouns: str = "") -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def no_lake(root: Path) -> PointlineError:
    """Return the error for a folder that holds no lake."""
    hint = f"`pointline run --lake-root {root}` makes one; `pointline demo` makes one with data to try"
    return PointlineError(f"there is no lake at {root}", subject=str(root), hint=hint)


def and_more(number: int) -> str:
    """Return the line after a list that was cut, ``number`` being what it lacks."""
    return f"... and {number:,} more; --json shows all"


WOULD_DO = "nothing was changed: the same command without --dry-run does this"
"""The line after what a dry run showed."""


def count(number: int | None) -> str:
    """``1234567`` as ``1,234,567``."""
    return f"{number or 0:,}"


def printable(text: str) -> str:
    """Return the text without what could end a line or steer a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
