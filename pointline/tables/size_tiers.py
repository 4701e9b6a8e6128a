"""Which data files are merged: an old one only with several times as much, so that no row is rewritten often.

A merge makes of each of its data files one that has at least ``ratio`` times its rows. A row is then rewritten at most
as often as ``ratio`` goes into the size of the partition, as a power, however often somebody looks; and what is left
lies in tiers, of which each has fewer than ``ratio`` data files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Protocol, TypeVar


class Piece(Protocol):
    """A data file of a version."""

    @property
    def rows(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...


P = TypeVar("P", bound=Piece)


def runs_to_merge(pieces: Sequence[P], *, ratio: float, full_bytes: int, most: int) -> list[list[P]]:
    """Return the runs of data files worth merging into one each, both in the order in which ``pieces`` are.

    One of at least half of ``full_bytes`` is full and stays as it is, and none is made that is larger. Where more than
    ``most`` others would be left, the smallest of them are merged whatever it costs.
    """
    small = [piece for piece in pieces if piece.size_bytes < full_bytes // 2]
    rising = sorted(small, key=lambda piece: piece.rows)
    worth = _worth_merging(rising, ratio, full_bytes)
    if len(small) - max(0, worth - 1) > most:
        worth = len(small) - most + 1
    chosen = {id(piece) for piece in rising[:worth]}
    runs = list(_runs([piece for piece in small if id(piece) in chosen], full_bytes))
    is_whole = len(runs) == 1
    return [run for run in runs if len(run) > 1 and (is_whole or _is_worth_it(run, ratio, full_bytes))]


def _worth_merging(rising: Sequence[Piece], ratio: float, full_bytes: int) -> int:
    """Return how many of the smallest can be merged so that each comes into something several times as large."""
    rows = accumulate(max(1, piece.rows) for piece in rising)
    sizes = accumulate(piece.size_bytes for piece in rising)
    sums = zip(rising, rows, sizes, strict=True)
    worth = [
        number
        for number, (largest, total, size) in enumerate(sums, 1)
        if total >= ratio * max(1, largest.rows) or size >= full_bytes
    ]
    return worth[-1] if worth else 0


def _is_worth_it(run: Sequence[Piece], ratio: float, full_bytes: int) -> bool:
    """Tell the same of one of several runs: each but the last is full."""
    is_full = sum(piece.size_bytes for piece in run) >= full_bytes // 2
    return is_full or _worth_merging(sorted(run, key=lambda piece: piece.rows), ratio, full_bytes) == len(run)


def _runs(pieces: Sequence[P], full_bytes: int) -> Iterator[list[P]]:
    run: list[P] = []
    size = 0
    for piece in pieces:
        if run and size + piece.size_bytes > full_bytes:
            yield run
            run, size = [], 0
        run.append(piece)
        size += piece.size_bytes
    yield run
