"""What lies in bronze and is not read: files that fit no layout, links that are not followed, and what is no file."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pointline.io.foreign import why_foreign
from pointline.io.looks_like import looks_like
from pointline.vendors.feeds import Feeds

EXAMPLES = 5
KNOWN = "files of this kind are known, and not read"


class Unrecognised(NamedTuple):
    """``reason`` says what was found, ``looks_like`` what it may be (empty: unknown), ``advice`` what to do.

    ``is_unreadable``: there may be files in it, and nobody can tell which.
    """

    path: str
    reason: str
    looks_like: str
    advice: str
    is_unreadable: bool = False

    def as_json(self) -> dict[str, str]:
        """Return it for programs."""
        return {"path": self.path, "reason": self.reason, "looks_like": self.looks_like, "try": self.advice}


def describe_foreign(path: str, feeds: Feeds | None = None) -> Unrecognised:
    """Say why a file fits no layout, and what it is by the descriptions, or else looks like."""
    known = None if feeds is None else feeds.why_unread(path)
    if known is not None:
        return Unrecognised(path, KNOWN, *known)
    look = looks_like(path)
    return Unrecognised(path, why_foreign(path), look.what, look.advice)


class Seen(NamedTuple):
    """What a walk over all of bronze found beside market data. ``foreign`` are paths of regular files."""

    foreign: list[str]
    left_out: list[Unrecognised]
    describe: Callable[[str], Unrecognised] = describe_foreign

    @property
    def files(self) -> int:
        return len(self.foreign) + len(self.left_out)

    def paths(self) -> list[str]:
        return [*self.foreign, *(one.path for one in self.left_out)]

    def first(self, most: int | None = EXAMPLES) -> list[Unrecognised]:
        """Return the first by path, or all of them."""
        named = {one.path: one for one in self.left_out}
        return [named.get(path) or self.describe(path) for path in sorted(self.paths())[:most]]
