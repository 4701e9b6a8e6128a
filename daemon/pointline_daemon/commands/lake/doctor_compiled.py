"""Which compiled functions are used, and which are left alone because another release built them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pointline.io.bronze import file_system
from pointline.parse import cells
from pointline.services.telling.findings import Finding

COMPILED = "compiled"


def compiled_facts() -> dict[str, str]:
    """Return which parser is used, and which functions list the folders of bronze."""
    return {"parser": cells.PARSER, "listing": file_system.LISTING}


def compiled_findings() -> Iterator[Finding]:
    """Yield the compiled files that are left alone."""
    for kind, file, instead in (
        ("stale_parser", cells.STALE, "Polars' parser takes its place, with twice the work"),
        ("stale_listing", file_system.STALE, "Python's functions take its place, and a scan takes longer"),
    ):
        if file:
            what = f"compiled from sources of another release, so {instead}"
            hint = f"rm {shlex.quote(file)}, then install pointline again with pip"
            yield Finding(kind=kind, table="", path=file, what=what, hint=hint)


def compiled_lines() -> Iterator[str]:
    """Yield a line for each."""
    yield f"parser     {_words(cells.PARSER, cells.STALE, 'that of Polars')}"
    yield f"listing    {_words(file_system.LISTING, file_system.STALE, 'that of Python')}"


def _words(used: str, stale: str, other: str) -> str:
    if used == COMPILED:
        return COMPILED
    if stale:
        return f"{other}: the compiled one is stale"
    return f"{other}; for the fast one install a C compiler, then pointline again"
