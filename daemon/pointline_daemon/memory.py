"""What becomes of memory that was freed: the next block of rows takes it over.

Allocators give large pieces back to the system at once and ask for them anew, page by page, a moment later. A daemon
that types one block after another of the same size pays for that with every block: half of its time in the system.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT_BYTES = 32 << 20
"""Pieces up to this size, such as a block of text and what it is put together of, stay with the process."""
ARENAS = 2
"""By default threads take from arenas of their own, and a block is made by one thread and freed by another: two workers
kept 190 MB more, measured, for nothing."""
POLARS_ALLOCATOR = "_RJEM_MALLOC_CONF"
KEPT_FOR = "dirty_decay_ms:2000"
ALLOCATIONS_PER_COLLECTION = 50_000


def keep_freed_memory() -> None:
    """Tell the allocators of Python and of Polars. To be called before Polars is imported: it reads this once."""
    os.environ.setdefault(POLARS_ALLOCATOR, KEPT_FOR)
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:  # the C library of Linux has it, others do not
        tune(M_MMAP_THRESHOLD, KEPT_BYTES)
        tune(M_TRIM_THRESHOLD, KEPT_BYTES)
        tune(M_ARENA_MAX, ARENAS)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for circles of garbage seldom, for as long as little is made but what a scan keeps.

    Python's own threshold means thousands of looks in a scan of a million files, and each of them finds nothing. For
    good it would be wrong: what a refused file has left behind is such a circle, with its blocks of text in it.
    """
    before = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS_PER_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
