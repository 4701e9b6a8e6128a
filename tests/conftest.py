"""What holds for every test."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from unittest.mock import patch

import pytest
import structlog
from hypothesis import settings

from pointline.parse import cells
from tests.support.parsers import PARSERS
from tests.support.waiting import wait_until

os.environ["DO_NOT_TRACK"] = "1"  # Daft tells its makers of each query otherwise, in threads of its own
LEAK_DEADLINE_SECONDS = 2.0


@pytest.hookimpl(tryfirst=True)  # before it is asked which marks are wanted
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Leave cases and examples to the soak."""
    _leave_cases(items)
    wanted = config.option.markexpr or ""
    _leave_examples(items, is_soak="soak" in wanted and "not soak" not in wanted)


def _leave_examples(items: Sequence[pytest.Item], *, is_soak: bool) -> None:
    """Draw ``N`` examples for a test marked ``examples(N)``; in the soak it is run as well, with all that it sets."""
    for item in items:
        mark = item.get_closest_marker("examples")
        if mark is None:
            continue
        if is_soak:
            item.add_marker("soak")
            continue
        assert isinstance(item, pytest.Function)
        test = getattr(item.obj, "__func__", item.obj)
        every = test._hypothesis_internal_use_settings  # there is no public way to draw fewer for one run
        test._hypothesis_internal_use_settings = settings(every, max_examples=min(every.max_examples, *mark.args))


def _leave_cases(items: Sequence[pytest.Item]) -> None:
    """Leave one in ``N`` of the cases of a test marked ``share(N)`` to each run of the suite, the rest to the soak.

    Taken along the diagonal: where axes have at least N values each, every value of every axis stays.
    """
    shared = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("share"):
            shared[item.parent, item.originalname].append(item)
    for cases in shared.values():
        axes = {tuple(one.callspec.indices[name] for one in cases) for name in cases[0].callspec.indices}
        for one, places in zip(cases, zip(*axes, strict=True), strict=True):
            mark = one.get_closest_marker("share")
            assert mark is not None
            if sum(places) % mark.args[0]:
                one.add_marker("soak")


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


@pytest.fixture(params=PARSERS)
def each_parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """All parsers of cells have to agree."""
    with patch.object(cells, "typed", PARSERS[request.param]):
        yield
