"""What lies in bronze and is not read: files that fit no layout, links that are not followed, and what is no file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from pointline.io.bronze.paths.foreign import why_foreign
from pointline.io.bronze.paths.looks_like import copy_of, is_archive, looks_like
from pointline.vendors.feeds import Feeds
from pointline.vendors.paths.nearness import Near, nearest
from pointline.vendors.paths.written_out import MOST_NAMED, first_of

EXAMPLES = 5
TELLING = (0, 4)
"""A name of so many letters and parts, such as a symbol and a date with what is between, tells whose it is."""


class Unrecognised(NamedTuple):
    """``reason`` says what was found, ``looks_like`` what it may be (empty: unknown), ``advice`` what to do.

    ``is_unreadable``: there may be files in it, and nobody can tell which. ``is_told_more``: ``vendors try`` does.
    """

    path: str
    reason: str
    looks_like: str
    advice: str
    is_unreadable: bool = False
    is_told_more: bool = False

    @property
    def next_step(self) -> str:
        """What to do, for who has not typed ``vendors try`` yet."""
        return f"{self.advice}; `pointline vendors try FILE` says more" if self.is_told_more else self.advice

    def as_json(self) -> dict[str, str]:
        """Return it for programs."""
        return {"path": self.path, "reason": self.reason, "looks_like": self.looks_like, "try": self.next_step}


def describe_foreign(path: str, feeds: Feeds | None = None) -> Unrecognised:
    """Say why a file fits no layout and no description, and what it looks like."""
    if feeds is not None:
        known = feeds.why_unread(path)
        if known is not None:
            return Unrecognised(path, "files of this kind are known, and not read as they are", *known)
        if first := feeds.read_with(path):
            return Unrecognised(path, f"it is read with {first}", "the second file of a pair", "nothing to do")
        if (copy := copy_of(path.rpartition("/")[2])) is not None:
            return Unrecognised(path, "its name is that of a copy or a backup of another file", *copy)
        near = nearest([one for vendor in feeds.vendors for one in vendor.descriptions], path)
        own = {vendor.name for vendor in feeds.own}
        if (found := _misplaced(path, near) or _misnamed(path, near, own)) is not None:
            return found
    look = looks_like(path)
    return Unrecognised(path, why_foreign(path), look.what, look.advice, is_told_more=look.is_told_more)


def _misplaced(path: str, near: Sequence[Near]) -> Unrecognised | None:
    """What has the name of a feed, and not its folders."""
    fitting = [one for one in near if one.miss.fits_name and one.folders and one.template.telling >= TELLING]
    most = max(((one.template.telling, one.miss.near) for one in fitting), default=None)
    best = [one for one in fitting if (one.template.telling, one.miss.near) == most]
    if not best:
        return None
    vendors = list(dict.fromkeys(one.description.vendor for one in best))
    best.sort(
        key=lambda one: (vendors.index(one.description.vendor), len(one.description.name))
    )  # the plain ones first
    titles = list(dict.fromkeys(one.description.title or one.description.vendor for one in best))
    names = list(dict.fromkeys(one.description.name for one in best))
    told = [one.folders for one in best if not one.folders.startswith("...")] or [one.folders for one in best]
    folders = " or ".join(list(dict.fromkeys(told))[:MOST_NAMED])
    what = f"{' or '.join(titles[:MOST_NAMED])}: {first_of(names)}"
    if not best[0].template.telling[0]:  # a name of a symbol and a date alone, which files of anybody have
        what = f"perhaps {what}"
        advice = (
            f"if it is, put it below bronze into the folders in which it was published: {folders}; if not, describe "
            "it, beginning with `pointline vendors try --new FILE`"
        )
    elif len(names) == 1:
        advice = f"put it below bronze into the folders in which it was published: {folders}"
    else:
        advice = (
            f"only its folders tell {first_of(names)} apart: keep the path in which it was published, such as {folders}"
        )
    return Unrecognised(path, "the name is known, but not these folders", what, advice)


def _misnamed(path: str, near: Sequence[Near], own: Collection[str]) -> Unrecognised | None:
    """What lies in the folders of a feed, and does not have its name."""
    fitting = [one for one in near if one.miss.fits_folder and one.folders and not one.miss.fits_name]
    best = next((one for one in fitting if not one.folders.startswith("*")), None)  # else folders of anybody
    if best is None:
        return None
    one = best.description
    what = f"{one.title or one.vendor}: a file in the folders of {one.name}"
    advice, is_told_more = "give it the name under which it was published", True
    if is_archive(path) and not any(is_archive(template.text) for template in one.paths):
        advice = f"it is an archive, and files of {one.name} are read unpacked: unpack it here, and remove it"
        is_told_more = False
    elif one.vendor in own:
        advice = f"give it a name of that feed, or describe it by a further [[feed]] of {one.vendor}"
    return Unrecognised(path, best.miss.why, what, advice, is_told_more=is_told_more)


class Seen(NamedTuple):
    """What a walk over all of bronze found beside market data. ``foreign`` are paths of regular files."""

    foreign: list[str]
    left_out: list[Unrecognised]
    feeds: Feeds | None = None

    @property
    def files(self) -> int:
        return len(self.foreign) + len(self.left_out)

    def paths(self) -> list[str]:
        return [*self.foreign, *(one.path for one in self.left_out)]

    def first(self, most: int | None = EXAMPLES) -> list[Unrecognised]:
        """Return the first by path, or all of them."""
        named = {one.path: one for one in self.left_out}
        return [named.get(path) or describe_foreign(path, self.feeds) for path in sorted(self.paths())[:most]]
