"""Vendor descriptions as files: those that ship with the package, and a lake's own in ``<LAKE_ROOT>/vendors``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path

from msgspec.structs import replace

from pointline.errors import ConfigurationError
from pointline.io.small_file import read_small_file, why_unreadable
from pointline.io.translate import storage_errors
from pointline.tables.registry import event_tables
from pointline.tables.schema import EventTable
from pointline.vendors.describe import Vendor, describe
from pointline.vendors.feeds import Feeds
from pointline.vendors.own_tables import TABLE_EXISTS

FOLDER = "vendors"
SILVER = "silver"
ENDING = ".toml"
REFERENCE = "LANGUAGE.md"
HINT = (
    "correct them; `pointline vendors check FILE` says when one is valid, `pointline vendors help` what may be written"
)

WAYS_OUT = "take the change back, or leave the table as it was and describe the new one beside it under another name"


@cache
def shipped_vendors() -> tuple[Vendor, ...]:
    """Return the vendors that ship. Raises ConfigurationError where one of them does not make sense."""
    tables = event_tables()
    files = [one for one in resources.files("pointline.vendors").iterdir() if one.name.endswith(ENDING)]
    in_order = sorted(files, key=lambda one: one.name)
    vendors = [describe(one.read_bytes(), one.name, tables, is_sound=True) for one in in_order]
    problems = [problem for vendor in vendors for problem in vendor.problems]
    if problems:
        raise ConfigurationError(problems)
    return tuple(vendors)


def own_vendors(
    root: Path, tables: Mapping[str, EventTable], on_problem: Callable[[str], None] | None = None
) -> tuple[Vendor, ...]:
    """Return what a lake's own descriptions say.

    Raises ConfigurationError with all that is wrong with them; with ``on_problem`` that hears of it, and the files that
    something is wrong with are left out.
    """
    vendors, problems = _read_own(root, tables)
    if problems and on_problem is None:
        raise ConfigurationError(problems, hint=HINT)
    for problem in problems:
        assert on_problem is not None
        on_problem(problem)
    return tuple(vendor for vendor in vendors if not vendor.problems)


def own_problems(root: Path) -> list[str]:
    """Return all that is wrong with a lake's own descriptions."""
    return _read_own(root, event_tables())[1]


def lake_tables(root: Path, on_problem: Callable[[str], None] = lambda _problem: None) -> dict[str, EventTable]:
    """Return the event tables of a lake by name: those that come with the program and those that it describes itself.

    Descriptions that something is wrong with are left out; ``on_problem`` hears of it.
    """
    own = own_vendors(root, event_tables(), on_problem)
    return {**event_tables(), **{name: table for vendor in own for name, table in vendor.tables.items()}}


def periods(root: Path) -> Callable[[str, str], tuple[int, int] | None]:
    """Return what says of a path and its feed of which times its rows are (``Feeds.period``).

    The descriptions of the lake are read when that is asked first.
    """
    feeds = cache(lambda: read_feeds(root, on_problem=lambda _problem: None))
    return lambda path, feed: feeds().period(path, feed)


def _read_own(root: Path, tables: Mapping[str, EventTable]) -> tuple[list[Vendor], list[str]]:
    vendors: list[Vendor] = []
    with storage_errors(FOLDER):
        files = own_files(root)
        made = {file: _described(file, tables).tables for file in files}  # a table may be of a later file
        for file in files:
            others = {name: table for one in files if one != file for name, table in made[one].items()}
            vendor = _described(file, {**tables, **others})
            twins = {name: one.name for one in files if one != file for name in made[one]}
            problems = tuple(_naming_the_other(problem, twins) for problem in vendor.problems)
            vendor = replace(vendor, problems=problems)
            vendors.append(with_refused_changes(root, vendor))
    vendors = [_with_twin(one, vendors) for one in vendors]
    return vendors, [problem for vendor in vendors for problem in vendor.problems]


def _with_twin(vendor: Vendor, vendors: Sequence[Vendor]) -> Vendor:
    """Add to a vendor's problems that another file describes it too."""
    twin = next((one for one in vendors if one.name == vendor.name and one is not vendor), None)
    if twin is None:
        return vendor
    said = f"{vendor.where}: {twin.where} describes the vendor {vendor.name!r} too: put both into one file"
    return replace(vendor, problems=(*vendor.problems, said))


def _naming_the_other(problem: str, twins: Mapping[str, str]) -> str:
    """Name the file that has the other table of one name."""
    of = next((name for name in twins if problem.endswith(f"table {name}: {TABLE_EXISTS}")), None)
    return problem if of is None else f"{problem}, in {FOLDER}/{twins[of]}"


def _described(file: Path, tables: Mapping[str, EventTable]) -> Vendor:
    where = f"{FOLDER}/{file.name}"
    try:
        return describe(read_small_file(file), where, tables)
    except (OSError, ValueError, RecursionError) as error:
        return Vendor(name=where, where=where, problems=(f"{where}: {why_unreadable(error)}",))


def with_refused_changes(root: Path, vendor: Vendor) -> Vendor:
    """Add to a vendor's problems what its tables cannot become because of the rows that a lake has."""
    if vendor.problems or not vendor.tables or not (root / SILVER).is_dir():
        return vendor
    from pointline.io.delta.changed_table import refused_changes  # noqa: PLC0415 - most lakes have no tables of their own

    found = {name: refused_changes(root / SILVER / name, table) for name, table in vendor.tables.items()}
    said = [f"{vendor.where}: table {name}: {'; '.join(what)}: {WAYS_OUT}" for name, what in found.items() if what]
    return replace(vendor, problems=tuple(said))


def own_files(root: Path) -> list[Path]:
    """Return the files of a lake's own descriptions, but hidden ones: editors and Macs make such. Raises OSError."""
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    files = sorted(folder.iterdir())  # not ``glob``, which takes a folder that may not be read for an empty one
    return [one for one in files if one.name.endswith(ENDING) and one.name[0] != "."]


def own_state(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return the version of each file of a lake's own descriptions; empty where they cannot be looked at."""
    found = {}
    with suppress(OSError):
        for file in own_files(root):
            status = file.stat()
            found[file.name] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def language_reference() -> str:
    """Return the documentation of the language that descriptions are written in."""
    return (resources.files("pointline.vendors") / REFERENCE).read_text(encoding="utf-8")


def read_feeds(root: Path, on_problem: Callable[[str], None] | None = None) -> Feeds:
    """Return the feeds of a lake. ``on_problem``: see ``own_vendors``."""
    return Feeds(event_tables(), own_vendors(root, event_tables(), on_problem), shipped_vendors)
