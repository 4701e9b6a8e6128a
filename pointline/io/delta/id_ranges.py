"""The data files of a table by the range of their ``file_id``: which can hold a row, and which neighbours to merge.

By what the log says of them; nothing is read for it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby, pairwise

from pointline.io.protocols.tables import Part

FEW_ROWS = 64
"""A data file of so few costs hardly more than one of a single row: its columns have to be described in either."""


def neighbours_to_merge(parts: Sequence[Part], *, full_rows: int, least: int) -> list[list[Part]]:
    """Return the runs of neighbours worth merging, in the order of their rows: their ranges stay apart.

    A part of ``full_rows`` or more is left alone. Nothing is worth it before ``least`` parts stand side by side, and an
    old part is rewritten only when as much has come behind it: what a row costs in its life grows with the logarithm
    of ``full_rows``, not with the age of the table.
    """
    runs = (list(run) for is_small, run in groupby(in_order(parts), lambda part: part.rows < full_rows) if is_small)
    found = [_as_much_again(run) for run in runs if len(run) >= least]
    return [run for run in found if len(run) > 1]


def _as_much_again(run: Sequence[Part]) -> list[Part]:
    """Return the end of a run: a part belongs to it where it has few rows, or no more than all behind it together."""
    taken = 0
    for position in range(len(run) - 1, -1, -1):
        if taken and run[position].rows > max(taken, FEW_ROWS):
            return list(run[position + 1 :])
        taken += run[position].rows
    return list(run)


def in_order(parts: Sequence[Part]) -> list[Part]:
    """Return parts by rising ``file_id``."""
    return sorted(parts, key=lambda part: (part.first_file_id, part.last_file_id))


def spread(parts: Sequence[Part]) -> list[Part]:
    """Return the parts between whose rows others lie: an earlier release joined data files that were far apart."""
    ordered = in_order(parts)
    return [part for part, after in pairwise(ordered) if part.last_file_id >= after.first_file_id]


def holding(parts: Sequence[Part], file_ids: Sequence[int]) -> list[Part]:
    """Return the parts that can hold rows of these files, by their statistics."""
    wanted = sorted(file_ids)

    def may_hold(part: Part) -> bool:
        place = bisect_left(wanted, part.first_file_id)
        return place < len(wanted) and wanted[place] <= part.last_file_id

    return [part for part in parts if may_hold(part)]
