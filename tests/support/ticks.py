"""Numbers one after the other, copied together with what holds them: from Python 3.14 on ``itertools`` does not."""

from __future__ import annotations


class Ticks:
    """Counts on from ``first``."""

    def __init__(self, first: int = 0) -> None:
        self._next = first

    def __next__(self) -> int:
        self._next += 1
        return self._next - 1
