"""Quarantined rows counted by file and rule, each with an example."""

from __future__ import annotations

import polars as pl
from msgspec import Struct

BY_RULE = ("file_id", "rule", "column")


class RuleBroken(Struct, frozen=True, kw_only=True):
    """Rows of one file that broke one rule; ``file_seq`` and ``raw`` are those of the first of them."""

    file_id: int
    rule: str
    column: str
    rows: int
    file_seq: int
    raw: str

    @property
    def what(self) -> str:
        """``unparseable (price)``."""
        return f"{self.rule} ({self.column})" if self.column else self.rule


def by_rule(rows: pl.LazyFrame) -> list[RuleBroken]:
    """Count rows of the quarantine by file, rule and column; of each file the rule broken most often first."""
    first = pl.col("raw", "file_seq").sort_by("file_seq").first()
    counts = rows.group_by(BY_RULE).agg(pl.len().alias("rows"), first)
    ordered = counts.sort("file_id", "rows", "rule", "column", descending=[False, True, False, False])
    return [RuleBroken(**row) for row in ordered.collect().iter_rows(named=True)]
