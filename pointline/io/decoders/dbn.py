"""Databento's own encoding, read with the vendor's own decoder as the raw CSV that it writes of it.

The vendor's decoder passes over what it does not know and says nothing of a file that ends early. So that every record
becomes a row, each has to be of the one kind and length that the schema of the file has.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from itertools import chain
from types import ModuleType
from typing import Any, NamedTuple

from pointline.errors import Rejected
from pointline.io.content.byte_source import cut
from pointline.io.content.containers import shown_bytes
from pointline.io.decoders.decoder import BLOCK_BYTES, Records, whole_records

PACKAGE = "databento-dbn"
MODULE = "databento_dbn"
OLDEST = (0, 35)
"""The first that reads version 3 of the encoding."""
MAGIC = b"DBN"
START_BYTES = 8
"""Magic, version, and how long the metadata are."""
MOST_METADATA_BYTES = 512 << 20
"""Those of a day of all options of a large exchange, with each symbol twice, are some hundred MB."""
LONG_METADATA_BYTES = 1 << 16
"""Longer ones name symbols for certain; to look at them all takes memory."""
PIECE_BYTES = 256 << 10
"""Records decoded in one call, which keeps all other threads waiting: some milliseconds."""
SENT_BYTES = 8
"""What a record is longer by where it has the time at which the vendor sent it."""
LONGEST_SAID = 200
"""Of what the vendor's decoder says of a file."""
AS_PUBLISHED = "is it a file of Databento, as it was downloaded?"


class Kind(NamedTuple):
    """The records of a schema."""

    rtype: int
    size: int


KINDS = {
    "trades": Kind(0, 48),
    "mbp-1": Kind(1, 80),
    "tbbo": Kind(1, 80),
    "mbp-10": Kind(10, 368),
    "ohlcv-1s": Kind(32, 56),
    "ohlcv-1m": Kind(33, 56),
    "ohlcv-1h": Kind(34, 56),
    "ohlcv-1d": Kind(35, 56),
    "mbo": Kind(160, 56),
    "bbo-1s": Kind(195, 80),
    "bbo-1m": Kind(196, 80),
}
"""The same in all versions of the encoding."""


def decode_dbn(chunks: Iterator[bytes], path: str) -> Records:
    """Return the records of a file of one schema; ``chunks`` are decompressed."""
    start, rest = _beginning(chunks, b"", START_BYTES, path)
    if not start.startswith(MAGIC):
        raise Rejected(
            f"{path} is no DBN: it begins with {shown_bytes(start)}", subject=path, hint="download the file again"
        )
    vendor = _vendor(path)
    size = int.from_bytes(start[4:8], "little")
    if size > MOST_METADATA_BYTES:
        raise Rejected(f"{path}: its metadata are said to be {size} bytes", subject=path, hint=AS_PUBLISHED)
    start, rest = _beginning(chunks, start + rest, START_BYTES + size, path)
    with _decoding(vendor, path):
        said = vendor.Metadata.decode(start)
    schema = _schema(said, size, path)
    text = io.BytesIO()
    with _decoding(vendor, path):
        written = vendor.Transcoder(
            text, vendor.Encoding.CSV, vendor.Compression.NONE, pretty_px=False, pretty_ts=False, map_symbols=True
        )
        written.write(start)
    names = tuple(_taken(text).decode().rstrip("\n").split(","))
    kind = KINDS[schema]._replace(size=KINDS[schema].size + SENT_BYTES * bool(said.ts_out))
    records = _checked(chain((rest,), chunks), kind, schema, path)
    return Records(
        names=names,
        blocks=_blocks(records, vendor, written, text, path),
        says={"dataset": str(said.dataset).lower().replace(".", "-"), "schema": schema},
    )


def _schema(said: Any, size: int, path: str) -> str:  # noqa: ANN401 - the vendor's
    """Return the schema. Raises Rejected where records of a file cannot be rows of one table."""
    if said.schema is None:
        raise Rejected(
            f"{path} holds records of several schemas, as a live session records them",
            subject=path,
            hint="write a CSV of each: databento.DBNStore.from_file(FILE).to_csv(NAME, schema='trades'), NAME as the "
            "vendor gives it",
        )
    schema = str(said.schema)
    if schema not in KINDS:
        raise Rejected(
            f"{path} holds records of the schema {schema}, which no table holds",
            subject=path,
            hint=f"{', '.join(KINDS)} are read",
        )
    if size <= LONG_METADATA_BYTES and not said.mappings:
        raise Rejected(
            f"{path} names no symbols: its metadata map no instrument_id to one",
            subject=path,
            hint="write it as CSV with the symbology.json of its download: store = databento.DBNStore.from_file(FILE), "
            "store.insert_symbology_json(open('symbology.json').read()), store.to_csv(NAME)",
        )
    return schema


def _checked(chunks: Iterable[bytes], kind: Kind, schema: str, path: str) -> Iterator[bytes]:
    """Yield pieces of whole records. Raises Rejected at one of another kind, Unfinished where the last is cut."""
    most = max(PIECE_BYTES // kind.size, 1) * kind.size
    for data, before in whole_records(chunks, kind.size, path, "record"):
        for start in range(0, len(data), most):
            piece = data[start : start + most]
            _check_kind(piece, kind, schema, path, before + start // kind.size)
            yield piece


def _check_kind(records: bytes, kind: Kind, schema: str, path: str, before: int) -> None:
    lengths, rtypes = records[0 :: kind.size], records[1 :: kind.size]
    length = kind.size // 4
    if lengths.count(length) == len(lengths) == rtypes.count(kind.rtype):
        return
    place = next(n for n, pair in enumerate(zip(lengths, rtypes, strict=True)) if pair != (length, kind.rtype))
    raise Rejected(
        f"{path}: its record {before + place + 1} is of type {rtypes[place]} and has {4 * lengths[place]} bytes; "
        f"records of {schema} are of type {kind.rtype} and have {kind.size}",
        subject=path,
        hint=AS_PUBLISHED,
    )


def _blocks(
    records: Iterator[bytes],
    vendor: ModuleType,
    written: Any,  # noqa: ANN401 - the vendor's
    text: io.BytesIO,
    path: str,
) -> Iterator[bytes]:
    for piece in records:
        with _decoding(vendor, path):
            written.write(piece)
        if text.tell() >= BLOCK_BYTES:
            yield _taken(text)
    if text.tell():
        yield _taken(text)


def _taken(text: io.BytesIO) -> bytes:
    lines = text.getvalue()
    text.seek(0)
    text.truncate()
    return lines


def _beginning(chunks: Iterator[bytes], begun: bytes, size: int, path: str) -> tuple[bytes, bytes]:
    """Return so many bytes, ``begun`` being the first of them, and what came after them in the same chunk."""
    parts, length = [begun], len(begun)
    while length < size:
        chunk = next(chunks, None)
        if chunk is None:
            raise cut(path, f"DBN ends in its metadata, after {length} of {size} bytes")
        parts.append(chunk)
        length += len(chunk)
    data = b"".join(parts)
    return data[:size], data[size:]


def _vendor(path: str) -> ModuleType:
    """Return the vendor's decoder. Raises Rejected where it is not installed; it may be by the next time."""
    importlib.invalidate_caches()
    try:
        version = metadata.version(PACKAGE)
        if tuple(map(int, version.split(".")[:2])) < OLDEST:
            raise _without_decoder(path, f"is too old: {version}")
        return importlib.import_module(MODULE)
    except ImportError as error:
        raise _without_decoder(path, f"is not installed ({error})") from error


def _without_decoder(path: str, why: str) -> Rejected:
    install = f"`{sys.executable} -m pip install --upgrade {PACKAGE}`, then `pointline retry --rule {PACKAGE}`"
    return Rejected(
        f"{path} is DBN, which only the vendor's own decoder reads, and that {why}", subject=path, hint=install
    )


@contextmanager
def _decoding(vendor: ModuleType, path: str) -> Iterator[None]:
    try:
        yield
    except vendor.DBNError as error:
        why = "".join(char for char in str(error) if char.isprintable())[:LONGEST_SAID]
        is_newer = "newer version" in why
        newest = f"`{sys.executable} -m pip install --upgrade {PACKAGE}`, restart the daemon, `pointline retry {path}`"
        hint = newest if is_newer else AS_PUBLISHED
        raise Rejected(f"{path} does not decode: {why}", subject=path, hint=hint) from error
