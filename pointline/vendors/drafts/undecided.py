"""What a description leaves open on purpose: a ``?`` where a word belongs, and the columns named in ``decide``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

MARK = "?"
WANTED = {
    "name": "a short name, such as trades",
    "table": "the table that its rows go into; `pointline vendors help` lists them",
    "exchange": "the exchange as Tardis spells it, such as binance-futures",
    "path": "how its paths are written, such as {symbol}/{date:%Y-%m-%d}.csv",
    "header": "required, absent or auto",
    "skip": "how many lines of a file come before its header, or its first row",
    "decimal": "',' where numbers have a decimal comma, else '.'",
    "day_zone": "the zone of times that name none, such as Europe/Zurich or +08:00; UTC where they are of UTC",
    "separator": "the character between cells",
}


def undecided(feed: Mapping[str, object]) -> Iterator[str]:
    """Yield what is still to be decided of a feed as it is written, and what is wanted there."""
    for key, wanted in WANTED.items():
        value = feed.get(key)
        if value == MARK or (isinstance(value, list) and MARK in value):
            yield f"{key} is still to be decided: {wanted}"
    maps = feed.get("map")
    for column, source in maps.items() if isinstance(maps, Mapping) else ():
        if MARK in _texts(source):
            yield f"map.{column} is still to be decided"
    decide = feed.get("decide")
    for column, said in decide.items() if isinstance(decide, Mapping) else ():
        yield f"column {column} is still to be decided ({said}): map it or name it in drop, and take it out of decide"


def _texts(value: object) -> Iterator[object]:
    """Yield a value, or those inside it, such as the meanings of words."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one) if key != "null" else ()
    else:
        yield value
