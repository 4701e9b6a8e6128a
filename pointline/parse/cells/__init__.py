"""Plain CSV to typed columns: by a parser that knows the kinds of cells there are, or by that of Polars."""

from __future__ import annotations

__all__ = ["PARSER", "typed"]

try:
    from pointline.parse.cells.compiled import typed

    PARSER = "compiled"
except ImportError:  # there was no compiler when this was installed
    from pointline.parse.cells.by_polars import typed

    PARSER = "polars"
