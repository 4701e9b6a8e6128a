"""Waiting for a condition with a deadline, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS, POLL_SELDOM_SECONDS = 0.005, 0.02
SOON_SECONDS = 0.2
"""What has not come after so long is looked for less often: each look takes time from what is waited for."""


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    """Whether ``condition`` came true within ``seconds``; the caller asserts it."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited >= seconds:
            return bool(condition())
        time.sleep(POLL_SECONDS if waited < SOON_SECONDS else POLL_SELDOM_SECONDS)
    return True
