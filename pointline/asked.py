"""What is asked of a lake from Python, as people write it, and errors that name what they may have meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

from pointline.config import LakePaths, load_config
from pointline.errors import PointlineError, WrongUse
from pointline.tables.spelling import symbol_key
from pointline.unknown import MOST_LISTED, near_names, no_such

Time = str | dt.date | dt.datetime
Names = str | Collection[str]

MOST_COMPARED = 2_000
"""Comparing a word with more names than this takes a second; of more only those that begin alike are compared."""
FIRST_DAY = dt.datetime(2, 1, 1, tzinfo=dt.UTC)
"""Nothing is of a time before it, and there are days before it to count back to."""
TIME_HINT = "write {name}='2024-05-01' or {name}='2024-05-01T12:00', UTC; a date or a datetime also works"


def lake_paths(lake_root: object) -> LakePaths:
    """Return the paths of a lake that is there. Raises PointlineError for one that is not."""
    given = lake_root if lake_root is None else str(lake_root)
    paths = load_config(given, needs=()).paths  # reading makes no use of settings
    if not paths.silver.is_dir():
        raise PointlineError(
            f"there is no lake at {paths.root}",
            subject=str(paths.root),
            hint="name another: lake_root=..., or the environment variable LAKE_ROOT",
        )
    return paths


def words(given: Names | None) -> list[str] | None:
    """Return the names that are asked for, each once; None: all. Raises PointlineError for what is no name."""
    if given is None or isinstance(given, str):
        return None if given is None else [given]
    asked: object = given  # people give what no type allows
    names: list[object] = list(asked) if isinstance(asked, Iterable) else [asked]
    for name in names:
        if not isinstance(name, str):
            what = f"{name!r} is of the type {type(name).__name__}, and a name is a text"
            raise WrongUse(what, hint="write one name, or a list of them")
    return list(dict.fromkeys(map(str, names)))


def exchange_ids(given: Names | None) -> list[str] | None:
    """Ids stand in lower case in the tables; a symbol's file or an older lake may hold one as it was spelled."""
    names = words(given)
    return None if names is None else list(dict.fromkeys(one for name in names for one in (name.lower(), name)))


def instant(name: str, given: Time | None) -> dt.datetime | None:
    """Return a time with its zone; one without is UTC, and a date is its midnight."""
    if given is None:
        return None
    time: object = given
    if isinstance(given, str):
        try:
            time = dt.datetime.fromisoformat(given.strip())
        except ValueError:
            raise WrongUse(f"{name} is {given!r}, which is no time", hint=TIME_HINT.format(name=name)) from None
    if not isinstance(time, dt.date):
        what = f"{name} is {given!r}, of the type {type(given).__name__}, which is no time"
        raise WrongUse(what, hint=TIME_HINT.format(name=name))
    if not isinstance(time, dt.datetime):
        return dt.datetime(time.year, time.month, time.day, tzinfo=dt.UTC)
    try:
        return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    except OverflowError:
        raise WrongUse(f"{name} is {given!r}, which is no time in UTC", hint=TIME_HINT.format(name=name)) from None


def window(start: Time | None, end: Time | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return both ends. Raises PointlineError where no time lies between two days or in the wrong order."""
    first, last = instant("start", start), instant("end", end)
    last = None if last is None else max(last, FIRST_DAY)
    if first is None or last is None or first < last:
        return first, last
    if last < first:
        raise WrongUse(f"end {last} is before start {first}", hint="swap the two")
    if _is_day(start) and _is_day(end):
        following = first.date() + dt.timedelta(days=1)
        raise WrongUse(
            f"start and end are both {first:%Y-%m-%d}, and end itself is not included: no row lies between them",
            hint=f"for that day write end='{following}'",
        )
    return first, last


def near(word: str, known: Collection[str]) -> list[str]:
    """Return the known names that a word may stand for, the nearest first."""
    key = symbol_key(word)
    same = sorted(name for name in known if symbol_key(name) == key)
    compared = known if len(known) <= MOST_COMPARED else [name for name in known if symbol_key(name)[:2] == key[:2]]
    return list(dict.fromkeys([*same, *near_names(word, sorted(compared)[:MOST_COMPARED])]))


def require(kind: str, given: Sequence[str], known: Collection[str]) -> None:
    """Raise UnknownValue for the first name that is not known."""
    for word in given:
        if word not in known:
            few = known if len(known) <= MOST_LISTED else near(word, known)
            raise no_such(kind, word, few, hint="" if few is known else "`pointline.symbols()` lists all")


def _is_day(given: Time | None) -> bool:
    if isinstance(given, str):
        return len(given.strip()) <= len("2024-05-01")
    return not isinstance(given, dt.datetime)
