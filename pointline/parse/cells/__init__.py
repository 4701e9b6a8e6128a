"""Plain CSV to typed columns: by a parser that knows the kinds of cells there are, or by that of Polars."""

from __future__ import annotations

from pointline.parse.cells.edition import StaleParser

__all__ = ["PARSER", "STALE", "typed"]

STALE = ""
"""The file of a compiled parser that is left alone, because it was built from other sources."""
try:
    from pointline.parse.cells.compiled import typed

    PARSER = "compiled"
except ImportError as error:  # there was no compiler when this was installed
    from pointline.parse.cells.by_polars import typed

    PARSER = "polars"
    STALE = str(error) if isinstance(error, StaleParser) else ""
