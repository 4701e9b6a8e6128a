"""When a file that could not be loaded is tried again. Computed from the ledger alone, so it survives a restart."""

from __future__ import annotations

import random

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
JITTER = 0.25


def next_try_us(path: str, attempts: int, last_try_us: int) -> int:
    """Return the time of the next try, microseconds since the epoch: doubling waits, spread by a quarter.

    The spread depends on path and attempt alone, so every reader of the ledger computes the same moment.
    """
    wait = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** max(0, attempts - 1))
    spread = 1 + JITTER * random.Random(f"{path}:{attempts}").uniform(-1, 1)  # noqa: S311 - no secret
    return last_try_us + int(wait * spread * 1_000_000)
