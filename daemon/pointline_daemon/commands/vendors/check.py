"""``pointline vendors check``: all that is wrong with a description, its examples too."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from pointline.config import Config
from pointline.io.content.one_file import read_small
from pointline.io.descriptions import FOLDER, own_problems, with_refused_changes
from pointline.phrases import plural, printable
from pointline.services.telling.examples import check_examples
from pointline.vendors.describe import Vendor, describe
from pointline.vendors.feeds import Feeds
from pointline_daemon.commands.shared.present import print_json, print_lines
from pointline_daemon.commands.shared.settings import settings_with_or_without, warn
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.opening.bronze_access import make_feeds


class Described(Struct, frozen=True, kw_only=True):
    """A description, and the feeds that a lake would have with it."""

    vendor: Vendor
    feeds: Feeds


def check_description(lake_root: Path | None, file: Path, *, as_json: bool) -> int:
    """Print all problems of a description. Exit code 1 with any."""
    config = settings_with_or_without(lake_root)
    found = read_beside(config, file)
    vendor = found.vendor
    examples, problems = 0, list(vendor.problems)
    if not problems:
        examples, problems = check_examples(vendor, found.feeds)
        problems += list(_claimed_twice(vendor, found.feeds))
        problems += [one for one in _beside_others(config, file) if one not in problems]
    if as_json:
        feeds = [one.text.name for one in vendor.descriptions]
        facts = {"ok": not problems, "problems": problems, "feeds": feeds, "examples": examples}
        print_json({"file": str(file), "vendor": vendor.name, **facts})
    elif problems:
        print_lines([printable(problem) for problem in problems])
        print_lines(["", plural(len(problems), "problem")])
    else:
        made = f"{plural(len(vendor.descriptions), 'feed')}, {plural(examples, 'example')}"
        print_lines([f"{file} is valid: vendor {printable(vendor.name)}, {made}"])
        if vendor.descriptions and not examples:
            print_lines(["it has no [[feed.example]]: nothing shows yet that rows come out as you mean them"])
    return EXIT_FINDINGS if problems else EXIT_OK


def read_beside(config: Config, file: Path) -> Described:
    """Read a description as if it lay in the lake, in the place of the one there of the same file or vendor."""
    content = read_small(file)
    place = _place_of(config, file)
    feeds = make_feeds(config, on_problem=lambda said: None if place and place in said else warn(said))
    name = describe(content, file.name, feeds.with_own([]).tables).name
    others = [one for one in feeds.own if Path(one.where).name != file.name and one.name != name]
    made = describe(content, file.name, feeds.with_own(others).tables)
    vendor = with_refused_changes(config.paths.root, made)
    return Described(vendor=vendor, feeds=feeds.with_own([vendor, *others]))


def _place_of(config: Config, file: Path) -> str | None:
    """Return how problems name a description that lies in the lake; None of another one."""
    is_inside = file.absolute().parent.resolve() == config.paths.vendors.resolve()
    return f"{FOLDER}/{file.name}" if is_inside else None


def _beside_others(config: Config, file: Path) -> list[str]:
    """What the lake says of a description that lies in it, beside the others there: names that two have."""
    place = _place_of(config, file)
    return [] if place is None else [one for one in own_problems(config.paths.root) if place in one]


def _claimed_twice(vendor: Vendor, feeds: Feeds) -> list[str]:
    """Paths that another vendor's description writes the same way."""
    theirs = {
        path.text: one.name
        for other in feeds.vendors
        if other.name != vendor.name
        for one in other.descriptions
        for path in one.paths
    }
    return [
        f"{vendor.where}: feed {one.text.name}: {theirs[path.text]} claims {path.text!r} too: change the path"
        for one in vendor.descriptions
        for path in one.paths
        if path.text in theirs
    ]
