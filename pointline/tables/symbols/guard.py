"""Which snapshots are held: they lack too much of what was listed, and nothing confirms them.

Judged in order of time, each by what held just before it. A snapshot is released by being accepted, or by the next one
in time if that agrees: if it lacks what this one lacks and has what this one has.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import polars as pl
from msgspec import Struct, field


class Held(Struct, frozen=True, kw_only=True):
    """A snapshot that does not count. ``place`` is its row; it lacks ``missing`` of ``listed`` symbols."""

    place: int
    missing: int
    listed: int


class Judged(Struct, kw_only=True):
    """``counts`` has an entry per snapshot; one that another of its time takes the place of does not count either."""

    counts: list[bool]
    held: list[Held] = field(default_factory=list)


def judge(snapshots: pl.DataFrame, runs: pl.DataFrame, points: pl.DataFrame, states: pl.DataFrame) -> Judged:
    """Judge snapshots: ``group, at, accepted, max_missing_share, states``, by group, time and as they were found.

    ``runs`` are theirs (``scd2.runs_of``). ``points`` hold ``group, key, at, listed``, once for a key and time; they
    have precedence at their time. ``states`` hold ``state_id, key``.
    """
    judged = Judged(counts=[False] * snapshots.height)
    if snapshots.is_empty():
        return judged
    lost = _lost(snapshots, runs, states)
    sizes = snapshots["states"].list.len().to_list()
    ordered = points.select("group", "key", pl.col("at").to_physical(), "listed").sort("at", maintain_order=True)
    by_group = {key[0]: rows for key, rows in ordered.partition_by("group", as_dict=True).items()}
    place = 0
    for group, count in snapshots.group_by("group", maintain_order=True).len().iter_rows():
        _Group(
            first=place,
            at=snapshots["at"].slice(place, count).to_physical().to_list(),
            accepted=snapshots["accepted"].slice(place, count).to_list(),
            states=snapshots["states"].slice(place, count),
            sizes=sizes[place : place + count],
            lost=lost[place : place + count],
            points=by_group.get(group),
            key_of=states,
            shares=snapshots["max_missing_share"].slice(place, count).to_list(),
        ).judge(judged)
        place += count
    return judged


def _lost(snapshots: pl.DataFrame, runs: pl.DataFrame, states: pl.DataFrame) -> list[int]:
    """How many keys each snapshot lacks that the one in front of it has."""
    keyed = runs.join(states.select("state_id", "key"), on="state_id")
    ended = keyed.select("key", (pl.col("last") + 1).alias("place"))
    gone = ended.join(keyed.select("key", pl.col("first").alias("place")), on=["key", "place"], how="anti")
    counted = gone.group_by("place").len().filter(pl.col("place") < snapshots.height)
    found = [0] * snapshots.height
    for place, number in counted.iter_rows():
        found[place] = number
    return found


class _Group(Struct, kw_only=True):
    """The snapshots of one group; places count from its ``first``."""

    first: int
    at: Sequence[int]
    accepted: Sequence[bool]
    states: pl.Series
    sizes: Sequence[int]
    lost: Sequence[int]
    points: pl.DataFrame | None
    key_of: pl.DataFrame
    shares: Sequence[float]
    _keys: dict[int, frozenset[int]] = field(default_factory=dict)
    _point_rows: list[tuple[int, int, bool]] = field(default_factory=list)
    _point_times: list[int] = field(default_factory=list)

    def judge(self, judged: Judged) -> None:
        if self.points is not None:
            self._point_rows = list(self.points.select("at", "key", "listed").iter_rows())
            self._point_times = [at for at, _, _ in self._point_rows]
        base: int | None = None
        for places in self._times():
            for place in reversed(places):  # the one found last has the word, unless it is held
                held = self._held(place, base, places)
                if held is None:
                    judged.counts[self.first + place] = True
                    base = place
                    break
                judged.held.append(held)

    def _times(self) -> Iterator[range]:
        start = 0
        for place in range(1, len(self.at) + 1):
            if place == len(self.at) or self.at[place] != self.at[start]:
                yield range(start, place)
                start = place

    def _held(self, place: int, base: int | None, together: range) -> Held | None:
        if self.accepted[place] or (base is None and not self._point_rows):
            return None
        follows = base is not None and base == place - 1 and len(together) == 1
        if base is not None and follows and not self._points_between(base, place):  # nearly always
            allowed = self.shares[place] * self.sizes[base]
            if self.lost[place] <= allowed:
                return None
        listed, told = self._before(place, base)
        missing = listed - self._keys_of(place) - told
        if len(missing) <= self.shares[place] * len(listed) or self._is_confirmed(place, missing, together.stop):
            return None
        return Held(place=self.first + place, missing=len(missing), listed=len(listed))

    def _points_between(self, base: int, place: int) -> bool:
        """Tell whether any point is neither before the one snapshot nor after the other."""
        found = bisect_left(self._point_times, self.at[base])
        return found < len(self._point_times) and self._point_times[found] <= self.at[place]

    def _before(self, place: int, base: int | None) -> tuple[set[int], set[int]]:
        """Return the keys listed just before a snapshot, and those that a point of its very time tells of."""
        listed = set() if base is None else set(self._keys_of(base))
        told: set[int] = set()
        start = 0 if base is None else bisect_left(self._point_times, self.at[base])
        for at, key, is_listed in self._point_rows[start:]:
            if at > self.at[place]:
                break
            if at == self.at[place]:
                told.add(key)
            elif is_listed:
                listed.add(key)
            else:
                listed.discard(key)
        return listed, told

    def _is_confirmed(self, place: int, missing: set[int], following: int) -> bool:
        """Tell whether the next snapshot in time says the same: of those of one time the one found last."""
        if following >= len(self.at):
            return False
        last = following
        while last + 1 < len(self.at) and self.at[last + 1] == self.at[following]:
            last += 1
        mine, other = self._keys_of(place), self._keys_of(last)
        share = self.shares[place]
        return len(missing & other) <= share * len(missing) and len(mine - other) <= share * len(mine)

    def _keys_of(self, place: int) -> frozenset[int]:
        if place not in self._keys:
            if len(self._keys) > 8:
                self._keys.clear()
            said = pl.DataFrame({"state_id": self.states[place]}, schema={"state_id": pl.Int64})
            self._keys[place] = frozenset(said.join(self.key_of, on="state_id")["key"])
        return self._keys[place]
