"""Work ahead: steps that follow each other, side by side, each on a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def ahead(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """Yield the same items; while one is looked at, the next is in the making on a thread of its own.

    What ``items`` raises is raised where the item would have come. On leaving, the item in the making is waited for.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        yield _made(items, thread)


def _made(items: Iterator[Item], thread: ThreadPoolExecutor) -> Iterator[Item]:
    def make() -> tuple[Item] | None:
        for item in items:
            return (item,)
        return None

    following = thread.submit(make)
    while (made := following.result()) is not None:
        following = thread.submit(make)
        yield made[0]
