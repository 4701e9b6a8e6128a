"""A lake's own descriptions of vendors while a daemon runs: what has changed is used, what is wrong is refused."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import structlog

from pointline.errors import PointlineError
from pointline.io.descriptions import FOLDER, own_state, own_vendors
from pointline.tables.registry import event_tables
from pointline.tables.schema import EventTable
from pointline.vendors.describe import Vendor
from pointline.vendors.feeds import Feeds
from pointline_daemon import events

STILL_SECONDS = 1.0
RESTART = "restart the daemon: tables are made at a start; until then those of before hold"
REFUSED = (
    "until it is corrected the previous description stays in force; `pointline vendors check FILE` says what is wrong"
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
        problems: list[str] = []
        try:
            found = own_vendors(self._root, event_tables(), problems.append)
        except PointlineError as error:
            self._refuse([str(error)], error.hint)
            return False
        self.refused = {}
        held = {one.where: one for one in self._feeds.own}
        if problems:
            self._refuse(problems, REFUSED)
        own = self._in_force(found, held, {f"{FOLDER}/{name}" for name in seen} - {one.where for one in found})
        if [(one.where, one.content) for one in own] == [(one.where, one.content) for one in held.values()]:
            return False
        is_other = [one.content for one in own] != [one.content for one in held.values()]
        self._feeds.replace_own(own)  # a file that was renamed only, too: it is known by its name from then on
        if not is_other:
            return False
        feeds = sorted(one.name for vendor in own for one in vendor.descriptions)
        log.info(events.VENDORS_CHANGED, folder=FOLDER, feeds=feeds)
        return True

    def _in_force(
        self, found: Sequence[Vendor], held: Mapping[str, Vendor], refused: AbstractSet[str]
    ) -> tuple[Vendor, ...]:
        """Return what holds now: each file as it is, but where it is refused or would change a table as it was."""
        if not refused <= held.keys():  # one of them may be another one that was renamed, and has a slip
            refused = {*refused, *(held.keys() - {one.where for one in found})}
        before = _tables(held.values())
        after = {**_tables(held[one] for one in refused if one in held), **_tables(found)}
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        filled = [one.table for vendor in found for one in vendor.descriptions]  # as a refused file has it, maybe
        changed |= {one.name for one in filled if one.name in before and _made_of(one) != before[one.name]}
        waiting = {one.where for one in found if changed & _tables_used(one)}
        waiting |= {one.where for one in held.values() if changed & _tables_used(one)}
        in_force = [one for one in found if one.where not in waiting]
        in_force += [held[where] for where in {*waiting, *refused} if where in held]
        if changed:
            self._refuse([_of_tables(sorted(changed), found)], RESTART, "a description waits for a restart")
        return tuple(sorted(self._of_one_name_each(in_force, held), key=lambda one: one.where))

    def _of_one_name_each(self, in_force: Sequence[Vendor], held: Mapping[str, Vendor]) -> Iterable[Vendor]:
        """Leave out who takes the name of a vendor whose description is refused; its own older one stays."""
        by_name: dict[str, Vendor] = {}
        names = {one.where: one.name for one in held.values()}
        for one in sorted(in_force, key=lambda one: names.get(one.where) != one.name):  # who had it before comes first
            before = held.get(one.where)
            if (twin := by_name.get(one.name)) is None:
                by_name[one.name] = one
                continue
            self._refuse([f"{twin.where} and {one.where} describe the vendor {one.name!r}"], REFUSED)
            if before is not None:
                by_name.setdefault(before.name, before)
        return by_name.values()

    def _refuse(self, problems: list[str], hint: str, what: str = "a description is refused") -> None:
        log.error(events.VENDORS_REFUSED, problems=problems, hint=hint)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self.refused = self.refused or {"problem": f"{what}: {problems[0]}{more}", "try": hint}


def _of_tables(names: Sequence[str], found: Iterable[Vendor]) -> str:
    files = " and ".join(sorted({one.where for one in found if {*names} & {*one.tables}}))
    tables = f"{'tables' if len(names) > 1 else 'the table'} {', '.join(names)}"
    if files:
        return f"{files} describes {tables}, new or changed, and a daemon that runs does not change its tables"
    return f"{tables} has no description any more, and a daemon that runs does not change its tables"


def _tables_used(vendor: Vendor) -> set[str]:
    """Return the tables that a description makes, and those that its feeds fill."""
    return {*vendor.tables, *(one.table.name for one in vendor.descriptions)}


def _tables(vendors: Iterable[Vendor]) -> dict[str, object]:
    """What makes each table of these vendors what it is."""
    return {table.name: _made_of(table) for vendor in vendors for table in vendor.tables.values()}


def _made_of(table: EventTable) -> object:
    return table.columns, table.series, [check.name for check in table.checks]
