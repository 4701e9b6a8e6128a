"""How many files may be open at a time: the system allows few by default, and a file of many days writes as many."""

from __future__ import annotations

import resource
from contextlib import suppress

WANTED = (65_536, 10_240)
"""What is asked for; macOS allows no more than the second."""
OTHERS = 128
"""Files that are open beside data files that are written."""
LEAST = 32
MOST = 2048
"""Each takes a third of a megabyte of memory for as long as it is written."""


def raise_limit() -> None:
    """Allow this process as many open files as it may allow itself. Starts other programs with that limit too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in WANTED:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if most <= soft:
            return
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return


def most_written(writers: int) -> int:
    """Return how many data files each of so many writers may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(LEAST, min(MOST, (soft - OTHERS) // max(1, writers)))
