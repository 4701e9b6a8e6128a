"""What symbols were on each day, by going through the days one by one: a model that shares no code with the product.

Days are whole numbers. Everything that was said stands in ``Said``; a state is any word, and no state is None.
A snapshot may name a symbol and say nothing of it: ``UNSAID``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

State = str | None
UNSAID = "?"
Listing = dict[str, dict[str, str]]
"""Exchange to symbol to state."""


@dataclass(frozen=True)
class Said:
    """One file or update. ``order`` says what was found later."""

    order: int
    kind: str  # snapshot, partial, windows
    day: int = 0
    listing: Listing = field(default_factory=dict)
    """Of a snapshot, all that is listed on ``day``."""
    points: dict[tuple[str, str, int], State] = field(default_factory=dict)
    """Of the other kinds: from that day on the symbol of the exchange has this state."""
    accepted: bool = False
    source: str = ""


@dataclass
class Snapshot:
    day: int
    order: int
    symbols: dict[str, str]
    accepted: bool


def versions(said: Sequence[Said], days: int, share: float) -> set[tuple[str, str, str, int, int | None]]:
    """Return ``exchange, symbol, state, first day, end``; the end is None where it never ends."""
    exchanges = {one for it in said for one in it.listing} | {one for it in said for one, _, _ in it.points}
    return {(exchange, *version) for exchange in exchanges for version in _of_exchange(exchange, said, days, share)}


def _of_exchange(exchange: str, said: Sequence[Said], days: int, share: float):
    snapshots = _snapshots(exchange, said)
    now: dict[str, str] = {}
    named: dict[str, str] = {}
    """What the guard goes by: a symbol that is named is there, whatever is said of it."""
    calendar: list[dict[str, str]] = []
    for day in range(days):
        points: dict[str, State] = {}
        for it in sorted(said, key=lambda one: (one.kind == "windows", one.order)):
            points |= {sym: state for (name, sym, at), state in it.points.items() if (name, at) == (exchange, day)}
        for snapshot in reversed([one for one in snapshots if one.day == day]):
            if not _is_held(snapshot, named, points, snapshots, share):
                named, now = dict(snapshot.symbols), _told(snapshot.symbols, now)
                break
        now, named = _without_none(now | points), _without_none(named | points)
        calendar.append(dict(now))
    for symbol in {one for day in calendar for one in day}:
        first = 0
        for state, run in groupby(day.get(symbol) for day in calendar):
            end = first + len(list(run))
            if state is not None:
                yield symbol, state, first, end if end < days else None
            first = end


def _told(symbols: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    return _without_none({one: before.get(one) if state == UNSAID else state for one, state in symbols.items()})


def _without_none(states: dict[str, State]) -> dict[str, str]:
    return {symbol: state for symbol, state in states.items() if state is not None}


def _snapshots(exchange: str, said: Sequence[Said]) -> list[Snapshot]:
    found = []
    lists = [one for one in said if one.kind == "snapshot" and len(one.listing) > 1]
    for it in said:
        if it.kind != "snapshot":
            continue
        names_it = exchange in it.listing
        did_name = any(
            other.source == it.source and other.day < it.day and exchange in other.listing
            and set(other.listing) & set(it.listing)
            for other in lists
        )  # fmt: skip
        if names_it or (it in lists and did_name):
            found.append(Snapshot(it.day, it.order, it.listing.get(exchange, {}), it.accepted))
    return sorted(found, key=lambda one: (one.day, one.order))


def _is_held(
    one: Snapshot, now: dict[str, str], points: dict[str, State], all_: Sequence[Snapshot], share: float
) -> bool:
    missing = set(now) - set(one.symbols) - set(points)
    if one.accepted or len(missing) <= share * len(now):
        return False
    later = [other for other in all_ if other.day > one.day]
    if not later:
        return True
    other = [it for it in later if it.day == later[0].day][-1]
    lacks_them_too = len(missing & set(other.symbols)) <= share * len(missing)
    has_the_rest = len(set(one.symbols) - set(other.symbols)) <= share * len(one.symbols)
    return not (lacks_them_too and has_the_rest)
