"""What holds for every test."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
import structlog

from tests.support.waiting import wait_until

os.environ["DO_NOT_TRACK"] = "1"  # Daft tells its makers of each query otherwise, in threads of its own
LEAK_DEADLINE_SECONDS = 2.0


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test that leaves a thread behind, daemonic or not.

    Threads that a native runtime started and Python merely met (``_DummyThread``) stay for the life of the process.
    """
    before = set(threading.enumerate())

    def leaked() -> list[threading.Thread]:
        return [
            thread
            for thread in threading.enumerate()
            if thread not in before and not isinstance(thread, threading._DummyThread)
        ]

    yield
    if not wait_until(lambda: not leaked(), LEAK_DEADLINE_SECONDS):
        pytest.fail(f"threads left behind: {', '.join(thread.name for thread in leaked())}", pytrace=False)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Commands that run in this process set up logging as a program does; what comes after logs as before."""
    kept = structlog.get_config()
    yield
    structlog.configure(**kept)
