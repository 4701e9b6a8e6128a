"""Which data files of a table whose rows stand by ``file_id`` are worth merging: a plan, nothing is read for it.

An old data file is written again only when as much has come beside it: what a row costs in its life grows with the
logarithm of the rows that come after it, not with the age of the table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from pointline.io.protocols import Part


def runs_to_merge(parts: Sequence[Part], *, size: Callable[[Part], int], full: int, least: int) -> list[list[Part]]:
    """Return the runs of neighbours worth merging, in the order of their rows.

    A part of ``full`` or more is left alone; ``size`` may be rows or bytes. Nothing is worth it before ``least`` parts
    stand side by side.
    """
    found = [_as_much_again(run, size) for run in _side_by_side(parts, size, full) if len(run) >= least]
    return [run for run in found if len(run) > 1]


def _side_by_side(parts: Sequence[Part], size: Callable[[Part], int], full: int) -> Iterator[list[Part]]:
    run: list[Part] = []
    for part in in_order(parts):
        if size(part) < full:
            run.append(part)
        else:
            yield run
            run = []
    yield run


def _as_much_again(run: Sequence[Part], size: Callable[[Part], int]) -> list[Part]:
    """Return the end of a run: a part belongs to it where it is no larger than all behind it together."""
    taken = 0
    for position in range(len(run) - 1, -1, -1):
        if taken and size(run[position]) > taken:
            return list(run[position + 1 :])
        taken += size(run[position])
    return list(run)


def in_order(parts: Sequence[Part]) -> list[Part]:
    """Return parts by rising ``file_id``."""
    return sorted(parts, key=lambda part: (part.first_file_id, part.last_file_id))


def spread(parts: Sequence[Part]) -> list[Part]:
    """Return the parts between whose rows those of others lie: an earlier release merged parts that were far apart."""
    ordered = in_order(parts)
    return [part for part, after in pairwise(ordered) if part.last_file_id >= after.first_file_id]


def holding(parts: Sequence[Part], file_ids: Sequence[int]) -> list[Part]:
    """Return the parts that can hold rows of these files, by their statistics."""
    wanted = sorted(file_ids)

    def may_hold(part: Part) -> bool:
        place = bisect_left(wanted, part.first_file_id)
        return place < len(wanted) and wanted[place] <= part.last_file_id

    return [part for part in parts if may_hold(part)]
