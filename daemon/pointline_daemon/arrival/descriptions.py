"""A lake's own descriptions of vendors while a daemon runs: what has changed is used, what is wrong is refused."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from pointline.errors import ConfigurationError, PointlineError
from pointline.io.descriptions import FOLDER, own_state, own_vendors
from pointline.tables.registry import event_tables
from pointline.vendors.describe import Vendor
from pointline.vendors.feeds import Feeds
from pointline_daemon import events

STILL_SECONDS = 1.0
RESTART = "restart the daemon: tables are made at a start; until then the old descriptions stay in force"
REFUSED = (
    "correct it; until then the old descriptions stay in force; `pointline vendors check FILE` says when it is valid"
)

log = structlog.get_logger()


class Descriptions:
    """Looks at the folder ``vendors`` of a lake. For one thread; all threads share ``feeds``."""

    def __init__(self, root: Path, feeds: Feeds) -> None:
        self._root = root
        self._feeds = feeds
        self._taken: dict[str, tuple[int, int, int]] = {}  # what was read at the start may have changed since
        self._seen = self._taken
        self._seen_at = time.monotonic()
        self.refused: dict[str, str] = {}
        """``problem`` and ``try``, of descriptions in the folder that are not those that hold; empty where they are."""

    def take_up_changes(self) -> bool:
        """Read the descriptions again where a file has changed; tell whether others hold now.

        A change is left alone for a moment: an editor may still be writing.
        """
        seen, now = own_state(self._root), time.monotonic()
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        if seen == self._taken or now - self._seen_at < STILL_SECONDS:
            return False
        self._taken = seen
        try:
            own = own_vendors(self._root, event_tables())
        except ConfigurationError as error:
            self._refuse(error.problems, REFUSED)
            return False
        except PointlineError as error:
            self._refuse([str(error)], error.hint)
            return False
        self.refused = {}
        if [one.content for one in own] == [one.content for one in self._feeds.own]:
            return False
        before, after = _tables(self._feeds.own), _tables(own)
        if before != after:
            names = sorted({name for name in {*before, *after} if before.get(name) != after.get(name)})
            files = " and ".join(sorted({one.where for one in own if {*names} & {*one.tables}}))
            tables = f"{'tables' if len(names) > 1 else 'the table'} {', '.join(names)}"
            problem = (
                f"{files} describes {tables}, new or changed, and a daemon that runs does not change its tables"
                if files
                else f"{tables} has no description any more, and a daemon that runs does not change its tables"
            )
            self._refuse([problem], RESTART, "a description waits for a restart")
            return False
        self._feeds.replace_own(own)
        feeds = sorted(one.name for vendor in own for one in vendor.descriptions)
        log.info(events.VENDORS_CHANGED, folder=FOLDER, feeds=feeds)
        return True

    def _refuse(self, problems: list[str], hint: str, what: str = "a description is refused") -> None:
        log.error(events.VENDORS_REFUSED, problems=problems, hint=hint)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self.refused = {"problem": f"{what}: {problems[0]}{more}", "try": hint}


def _tables(vendors: Iterable[Vendor]) -> dict[str, object]:
    """What makes each table of these vendors what it is."""
    return {
        table.name: (table.columns, table.series, [check.name for check in table.checks])
        for vendor in vendors
        for table in vendor.tables.values()
    }
