"""Names that browsers and file managers give to copies: ``x (1).csv.gz``, ``x - Copy.zip``, ``Copy of x.csv``."""

from __future__ import annotations

import re

MARKED = re.compile(
    r"(?P<stem>.+?)"
    r"(?: ?\(\d{1,3}\)| - (?:Copy|Kopie)(?: ?\(\d{1,3}\))?| (?:copy|Kopie)(?: \d{1,3})?)"
    r"(?P<ending>(?:\.[A-Za-z0-9]{1,8}){1,3})"
)
BEFORE = re.compile(r"(?:Copy(?: \(\d{1,3}\))? of|Kopie von) (?P<name>.+)")
HINTS = ("(", "opy", "opie")
"""One of them is in each such name: nearly all others are past with that."""


def original_of(path: str) -> str | None:
    """Return the path that a copy was made of, by its name; None where it is no such name."""
    folder, slash, name = path.rpartition("/")
    if not any(hint in name for hint in HINTS):
        return None
    if (found := BEFORE.fullmatch(name)) is not None:
        return f"{folder}{slash}{found['name']}"
    if (found := MARKED.fullmatch(name)) is not None:
        return f"{folder}{slash}{found['stem']}{found['ending']}"
    return None
