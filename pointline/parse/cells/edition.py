"""Which sources of the compiled parser this release goes with: a compiled file outlives an upgrade of a checkout."""

from __future__ import annotations

EDITION = "9cea988e4de8"
"""The first digits of the SHA-256 of ``c/cells.c``, ``c/column.h`` and ``c/numbers.h``; ``c/edition.h`` has it, too."""


class StaleParser(ImportError):
    """The compiled parser was built from other sources. Its argument is the file."""
