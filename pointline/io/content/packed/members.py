"""The members of an archive: which of them are data, and what is said when they are not exactly one."""

from __future__ import annotations

import re

from pointline.errors import Rejected
from pointline.io.content.containers import CONVERT

JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\._[^/]*\Z|\.DS_Store\Z|Thumbs\.db\Z|desktop\.ini\Z)|/\Z", re.IGNORECASE)
"""What macOS and Windows add to archives, and directories."""
OUTSIDE = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|\Z)|^[/\\]|^[A-Za-z]:[/\\]")
OFFICE = re.compile(r"\[Content_Types\]\.xml\Z|_rels/\.rels\Z|(?:docProps|xl)/.*\.(?:xml|rels|bin)\Z", re.DOTALL)
UNPACK_ALL = "unpack it, put its files in its place under the names that such files have, and remove it"
SHOWN_MEMBERS, SHOWN_CHARACTERS = 3, 40
MOST_MEMBERS = 100_000
"""What is remembered of each has to fit into memory."""


class Naming:
    """What the name of the member has to be that is read, and what it says: what the named groups of a pattern find.

    A pattern that fits the empty name fits all names, and only listens. ``symbol__2`` is another group for ``symbol``.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self.wanted = None if self._pattern.search("") else self._pattern
        self.says: dict[str, str] = {}

    def hear(self, name: str) -> None:
        """Take what the name of the member says that is read."""
        found = self._pattern.search(name)
        self.says = (
            {} if found is None else {key.partition("__")[0]: said for key, said in found.groupdict().items() if said}
        )


ANY_NAME = ""


class Members:
    """The members of one archive in the order in which they are met; exactly one of them has to be data."""

    def __init__(self, path: str, kind: str, naming: Naming) -> None:
        self._path = path
        self._kind = kind
        self._naming = naming
        self._wanted = naming.wanted
        self._count = self._data_count = 0
        self._first: list[str] = []
        self._first_data: list[str] = []

    def meet(self, name: str) -> bool:
        """Tell whether this member is the one that is read. Raises Rejected for a name that is refused."""
        self._count += 1
        if self._count > MOST_MEMBERS:
            raise self.refused(f"has more than {MOST_MEMBERS} members", UNPACK_ALL)
        if OUTSIDE.search(name):
            raise self.refused(
                f"has a member whose name leads out of the archive: {shown(name)}",
                "nothing was unpacked; look at where the file is from",
            )
        if OFFICE.match(name) and self._kind == "zip":
            raise Rejected(
                f"{self._path} is an Excel workbook, not a CSV file: it holds {shown(name)}",
                subject=self._path,
                hint=CONVERT,
            )
        if len(self._first) < SHOWN_MEMBERS:
            self._first.append(name)
        if JUNK.search(name) or (self._wanted is not None and not self._wanted.search(name)):
            return False
        self._data_count += 1
        if len(self._first_data) < SHOWN_MEMBERS:
            self._first_data.append(name)
        if self._data_count == 1:
            self._naming.hear(name)
        return self._data_count == 1

    def check_one(self) -> None:
        """Raise Rejected where not exactly one of them was data."""
        which = "" if self._wanted is None else f" with a name like {shown(self._wanted.pattern)}"
        if not self._data_count:
            some = _listed(self._first, self._count) if self._count else "no members at all"
            raise self.refused(f"holds no data file{which}: {some}", "download the file again")
        if self._data_count > 1:
            raise self.refused(
                f"holds {self._data_count} data files{which}, and one is expected: "
                + _listed(self._first_data, self._data_count),
                UNPACK_ALL,
            )

    def refused(self, what: str, hint: str) -> Rejected:
        """The archive cannot be read as what it is."""
        return Rejected(f"{self._path} is a {self._kind} archive that {what}", subject=self._path, hint=hint)


def shown(name: str) -> str:
    """Return a member's name in quotes, long ones shortened, escaped where it cannot be printed."""
    text = (
        name if len(name) <= SHOWN_CHARACTERS else f"{name[: SHOWN_CHARACTERS // 2]}…{name[-SHOWN_CHARACTERS // 2 :]}"
    )
    return repr(text)


def _listed(names: list[str], count: int) -> str:
    return ", ".join(shown(name) for name in names) + (", …" if count > len(names) else "")
