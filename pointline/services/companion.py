"""What the file beside another one says of its content: a checksum, as ``sha256sum`` writes it."""

from __future__ import annotations

import re

from pointline.errors import Rejected
from pointline.io.protocols import BronzeReader
from pointline.parse.feed import Feed

LINE = re.compile(r"\s*([0-9a-fA-F]{64})\s*(?:\*?(\S.*?))?\s*")
OK, MISMATCH, MISSING = "ok", "mismatch", "missing"


def check_companion(
    feed: Feed, reader: BronzeReader, path: str, content_hash: str, *, accept: str | None
) -> str | None:
    """Return ``ok``, ``missing``, or ``mismatch`` of a file that a person accepted; None where there is none to ask.

    ``accept`` is the command that accepts the file, None where one has. Raises Rejected for a mismatch.
    """
    if not feed.companion:
        return None
    folder, _, name = path.rpartition("/")
    beside = feed.companion.format(name=name, stem=name.partition(".")[0])
    said = reader.beginning(f"{folder}/{beside}" if folder else beside)
    if said is None:
        return MISSING
    wrong = _what_is_wrong(said, name, content_hash)
    if not wrong:
        return OK
    if accept is None:
        return MISMATCH
    raise Rejected(
        f"{path}: {beside} {wrong}",
        subject=path,
        hint=f"download both again; if the vendor's list is wrong, {accept} takes the file as it is",
    )


def _what_is_wrong(said: bytes, name: str, content_hash: str) -> str:
    found = LINE.fullmatch(said.decode("utf-8", "replace"))
    if found is None:
        return "is no checksum as sha256sum writes it"
    stem = name.partition(".")[0]
    if found[2] and found[2].rpartition("/")[2].partition(".")[0] != stem:
        return f"is the checksum of {found[2]}, not of {name}"
    wanted = found[1].lower()
    return "" if wanted == content_hash else f"says SHA-256 {wanted[:12]}..., the file has {content_hash[:12]}..."
