"""What the file beside another one says of its content: a checksum, as ``sha256sum`` or ``md5sum`` writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import polars as pl

from pointline.errors import NotDescribed, WrongChecksum
from pointline.io.protocols.bronze import BronzeReader
from pointline.io.protocols.file_version import ACCEPTED
from pointline.parse.feed import Feed
from pointline.tables.ingest_manifest import Checksum, Status, stands_at, warns_of

LINE = re.compile(r"\s*([0-9a-fA-F]{64}|[0-9a-fA-F]{32})(?![0-9a-fA-F])\s*(?:\*?(\S.*?))?\s*")
MD5_DIGITS = 32
DISPUTED: Final = "the checksum that came after it is not that of its content; its rows are in the lake"
"""Said of such a file."""


def check_companion(
    feed: Feed, reader: BronzeReader, path: str, content_hash: str, *, accept: str | None
) -> str | None:
    """Return ``ok``, ``missing``, or ``mismatch`` of a file that a person accepted; None where there is none to ask.

    ``accept`` is the command that accepts the file, None where one has. Raises WrongChecksum.
    """
    if not feed.companion:
        return None
    beside = _beside(feed, path)
    said = reader.beginning(beside)
    if said is None:
        return Checksum.MISSING
    wrong = _what_is_wrong(said, path, content_hash, reader)
    if not wrong:
        return Checksum.OK
    if accept is None:
        return Checksum.MISMATCH
    raise WrongChecksum(
        f"{path}: {beside.rpartition('/')[2]} {wrong}",
        subject=path,
        hint=f"download both again; if the vendor's list is wrong, {accept} takes the file as it is",
        content_hash=content_hash,
    )


def late_checksums(
    in_doubt: pl.DataFrame, reader: BronzeReader, feed_of: Callable[[str, str, str], Feed]
) -> Iterator[tuple[int, str, str, str]]:
    """Yield ``file_id, path, state, what is wrong`` of files by what the checksums beside them say now.

    ``in_doubt`` are rows of the ledger. Files that never had a checksum, or whose description is gone, are left out; so
    are files in silver of which the ledger says the same already.
    """
    for row in in_doubt.iter_rows(named=True):
        path = row["bronze_file_path"]
        try:
            feed = feed_of(row["data_type"], row["feed"], row["vendor"])
        except NotDescribed:
            continue
        if not feed.companion:
            continue
        beside, wrong = _beside(feed, path), ""
        said = reader.beginning(beside)
        if said is not None:
            wrong = _what_is_wrong(said, path, row["content_hash"], reader)
            state = Checksum.MISMATCH if wrong else Checksum.OK
        elif row["checksum"] == Checksum.MISMATCH and reader.is_gone(beside) and not reader.is_gone(path):
            state = Checksum.MISSING  # a person has removed what was wrong
        else:
            continue
        if row["status"] != Status.SUCCESS or row["checksum"] != state:
            yield row["file_id"], path, state, wrong


def disputed() -> pl.Expr:
    """Tell of rows of the ledger whether a checksum came that is not that of the content, and nobody accepted it."""
    differs = (pl.col("checksum") == Checksum.MISMATCH).fill_null(value=False)
    return stands_at(Status.SUCCESS) & differs & ~warns_of(ACCEPTED)


def is_disputed(row: Mapping[str, Any]) -> bool:
    """Tell it of one row."""
    accepted = ACCEPTED in json.loads(row["warnings"] or "{}")
    return row["status"] == Status.SUCCESS and row["checksum"] == Checksum.MISMATCH and not accepted


def settle_dispute(file_id: int) -> str:
    """Say what to do about such a file."""
    return (
        f"download both again; until then `pointline withdraw {file_id}` takes its rows out, and then "
        f"`pointline retry {file_id} --accept` takes the file as it is, where the checksum is wrong"
    )


def _beside(feed: Feed, path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{feed.companion.format(name=name, stem=name.partition('.')[0])}"


def _what_is_wrong(said: bytes, path: str, content_hash: str, reader: BronzeReader) -> str:
    """``content_hash`` is the SHA-256; for an MD5 the file is read once more."""
    found = LINE.fullmatch(said.decode("utf-8", "replace"))
    if found is None:
        return "is no checksum as sha256sum or md5sum writes it"
    name = path.rpartition("/")[2]
    stem = name.partition(".")[0]
    if found[2] and found[2].rpartition("/")[2].partition(".")[0] != stem:
        return f"is the checksum of {found[2]}, not of {name}"
    wanted = found[1].lower()
    kind, has = "SHA-256", content_hash
    if len(wanted) == MD5_DIGITS:
        kind, has = "MD5", reader.content_hash(path, "md5") or ""
    return "" if wanted == has else f"says {kind} {wanted[:12]}..., the file has {has[:12]}..."
