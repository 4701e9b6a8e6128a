"""How ``pointline service`` knows a unit that it wrote itself from one that a person changed.

Every unit that is written carries the SHA-256 of its other lines. While that is right, nobody changed the file, and a
newer one may take its place.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path

WORDS = "Written by `pointline service install`. SHA-256 of the other lines: "
STAMP = re.compile(rf"^(?:# |<!-- ){re.escape(WORDS)}([0-9a-f]{{64}})(?: -->)?\n", re.MULTILINE)


def stamped(text: str) -> str:
    """Return the unit with its stamp: the last line for systemd, a comment before the content for launchd."""
    digest = _digest(text)
    start, opening, body = text.partition("<plist")
    if opening:
        return f"{start}<!-- {WORDS}{digest} -->\n{opening}{body}"
    return f"{text}# {WORDS}{digest}\n"


def is_as_written(text: str) -> bool:
    """Whether the file is as ``service install``, of this release or another, wrote it."""
    stamps = STAMP.findall(text)
    return len(stamps) == 1 and _digest(STAMP.sub("", text)) == stamps[0]


def difference(old: str, new: str, path: Path) -> list[str]:
    """Return the lines of a unified diff; the stamps are left out."""
    before, after = (STAMP.sub("", text).splitlines() for text in (old, new))
    return list(difflib.unified_diff(before, after, f"{path} (now)", f"{path} (new)", lineterm="", n=1))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
