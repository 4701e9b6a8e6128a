"""What people, broken downloads and attackers put into bronze, and what has to become of each of it.

Every case has a symbol of its own, so that no two of them meet. ``CASES`` is the table; the rest makes its rows.
"""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import lzma
import os
import random
import re
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

EXCHANGE = "binance"
DAY = "2024-05-01"
DAY_US = 1_714_521_600_000_000
FULL_DAY_US = 86_400_000_000
COLUMNS = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
HEADER = ",".join(COLUMNS).encode()
NUMBERS = ("price", "amount")
TIMES = ("timestamp", "local_timestamp")

FORGED = '{"ts":"2024-05-01T00:00:00Z","level":"info","event":"forged.by_file"}'
FORGED_NAME = FORGED.replace("/", "-")
SECRET = "KEPT-OUTSIDE-OF-BRONZE"
IGNORED = "ignored"
ANY = None

Rows = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One hostile thing. ``place`` puts it into bronze and returns the path the ledger knows it by.

    ``status`` is what the ledger has to say, or ``ignored`` where it may not know the path at all. ``a|b`` leaves the
    choice, because the design does; ``kept`` and ``set_aside`` then hold for ``success`` alone. ``None`` is not looked
    at. ``reason`` is a regular expression for the error.
    """

    name: str
    place: Callable[[Path, str], str]
    status: str
    kept: int | None = 0
    set_aside: int | None = 0
    rules: frozenset[str] | None = frozenset()
    reason: str = ""

    @property
    def symbol(self) -> str:
        return self.name.upper()


def expected_of(case: Case) -> str:
    """One phrase for the table of outcomes."""
    if case.status == IGNORED:
        return IGNORED
    kept, aside = ("*" if number is None else str(number) for number in (case.kept, case.set_aside))
    return f"{case.status} {kept}+{aside}"


# ---- files


def client_name(symbol: str, *, exchange: str = EXCHANGE, table: str = "trades", day: str = DAY) -> str:
    return f"{exchange}_{table}_{day}_{symbol}"


def hive_path(*, exchange: str = EXCHANGE, table: str = "trades", day: str = DAY, symbol: str) -> str:
    return f"tardis/exchange={exchange}/type={table}/date={day}/symbol={symbol}/data.csv.gz"


def drop(bronze: Path, path: str | bytes, data: bytes) -> str:
    full = bronze / os.fsdecode(path)
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_bytes(data)
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def trade(symbol: str, number: int, exchange: str = EXCHANGE) -> dict[str, str]:
    local_us = DAY_US + number * 1_000_000
    values = (exchange, symbol, str(local_us - 2_000), str(local_us), f"id{number}", "buy", f"64000.{number}", "0.01")
    return dict(zip(COLUMNS, values, strict=True))


def trades(symbol: str, *changes: Rows, exchange: str = EXCHANGE) -> bytes:
    """A file of trades, one row for each of ``changes`` (three as they should be by default)."""
    rows = [trade(symbol, number, exchange) | change for number, change in enumerate(changes or ({}, {}, {}), 1)]
    return b"".join(line + b"\n" for line in (HEADER, *(as_line(row.values()) for row in rows)))


def as_line(cells: Iterable[str]) -> bytes:
    cells = list(cells)
    if not re.search(r'[",\r\n]', "".join(cells)):
        return ",".join(cells).encode()
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode()


def lines_of(symbol: str) -> list[bytes]:
    """Header and three good rows, without line ends."""
    return trades(symbol).splitlines()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=1, mtime=0)


def zstandard(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def bomb(start: bytes, block: bytes, times: int) -> bytes:
    """One gzip member that grows to ``times`` blocks; the same compressed block over and over again."""
    stream = zlib.compressobj(9, wbits=31)
    head = stream.compress(start) + stream.flush(zlib.Z_FULL_FLUSH)
    middle = zlib.compressobj(9, wbits=-15)
    body = middle.compress(block) + middle.flush(zlib.Z_FULL_FLUSH)
    crc, size = zlib.crc32(start), len(start) + len(block) * times
    for _ in range(times):
        crc = zlib.crc32(block, crc)
    return head + body * times + b"\x03\x00" + struct.pack("<II", crc, size & 0xFFFFFFFF)


def one_row(symbol: str) -> bytes:
    return b"binance,%b,1714521601000000,1714521601000000,,buy,1,1\n" % symbol.encode()


def repeated(line: bytes, size: int) -> bytes:
    return line * (size // len(line))


# ---- kinds of cases


def content(
    name: str,
    make: Callable[[str], bytes],
    status: str,
    *,
    pack: Callable[[bytes], bytes] = zipped,
    ending: str = ".csv.gz",
    modified: dt.datetime | None = None,
    **expected,
) -> Case:
    """A file with a good name."""

    def place(bronze: Path, symbol: str) -> str:
        path = drop(bronze, client_name(symbol) + ending, pack(make(symbol)))
        if modified is not None:
            os.utime(bronze / path, (modified.timestamp(), modified.timestamp()))
        return path

    return Case(name=name, place=place, status=status, **_with_rules(expected))


def cell(name: str, column: str, value: str, *rules: str) -> Case:
    """Three rows of which the middle one has this cell. Without rules it is kept."""
    aside = 1 if rules else 0
    return content(
        name,
        lambda symbol: trades(symbol, {}, {column: value}, {}),
        "success",
        kept=3 - aside,
        set_aside=aside,
        rules=frozenset(rules) if aside else frozenset(),
        reason=rf"1 of 3 rows quarantined: 1 x ({'|'.join(rules)}) \({column}\)" if aside else "",
    )


def whole_column(name: str, rule: str, change: Callable[[int], Rows], reason: str = "") -> Case:
    """A file in which every row is wrong in the same way."""
    return content(
        name,
        lambda symbol: trades(symbol, *(change(number) for number in (1, 2, 3))),
        "quarantined",
        set_aside=3,
        rules=frozenset({rule}),
        reason=reason or f"3 of 3 rows quarantined: 3 x {rule}",
    )


def in_unit(name: str, rule: str, factor: float) -> Case:
    """Both times of all rows in another unit than microseconds."""
    return whole_column(
        name, rule, lambda number: {key: str(int((DAY_US + number * 1_000_000) * factor)) for key in TIMES}
    )


def named(name: str, path: str | bytes, status: str = "success", *, kept: int = 3, **expected) -> Case:
    """Three good trades, of the symbol that the path says, under this path. ``{}`` in it stands for a symbol."""

    def place(bronze: Path, symbol: str) -> str:
        if isinstance(path, bytes):
            return drop(bronze, path.replace(b"{}", symbol.encode()), zipped(trades(symbol)))
        spelled = path.replace("{}", symbol)
        said = re.search(r"_trades_[-0-9]+_(.*)\.csv\.gz$", spelled, re.DOTALL)
        return drop(bronze, spelled, zipped(trades(said[1] if said else symbol)))

    return Case(name=name, place=place, status=status, kept=kept if "success" in status else 0, **_with_rules(expected))


def exchange_named(name: str, exchange: str, *, url: bool = False, status: str = "success|quarantined") -> Case:
    """A file whose path and rows agree on an exchange that no venue has: taken whole, or refused for its name.

    A name that Delta has to encode, or that no folder can have, is refused: readers and the next commit trip over it.
    """

    def place(bronze: Path, symbol: str) -> str:
        path = hive_path(exchange=exchange, symbol=symbol)
        if url:
            path = f"{exchange}/trades/2024/05/01/{symbol}.csv.gz"
        return drop(bronze, path, zipped(trades(symbol, exchange=exchange)))

    return Case(name=name, place=place, status=status, kept=3 if "success" in status else 0, reason="exchange")


def parquet(name: str, make: Callable[[str], pa.Table | bytes], status: str, **expected) -> Case:
    """A Parquet file with a good name."""

    def as_bytes(symbol: str) -> bytes:
        made = make(symbol)
        return made if isinstance(made, bytes) else parquet_bytes(made)

    return content(name, as_bytes, status, pack=bytes, ending=".parquet", **expected)


def _with_rules(expected: dict[str, object]) -> dict[str, object]:
    rules = expected.get("rules", frozenset())
    return expected | {"rules": frozenset({rules}) if isinstance(rules, str) else rules}


# ---- Parquet


def parquet_bytes(table: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def arrow_trades(symbol: str, rows: int = 3, **columns: object) -> pa.Table:
    """Trades as Arrow: times as integers, numbers as floats, and the given columns instead or in addition."""
    made = [trade(symbol, number) for number in range(1, rows + 1)]
    arrays: dict[str, object] = {name: pa.array([row[name] for row in made]) for name in COLUMNS}
    arrays |= {name: pa.array([int(row[name]) for row in made]) for name in TIMES}
    arrays |= {name: pa.array([float(row[name]) for row in made]) for name in NUMBERS}
    return pa.table(arrays | columns)


def arrow_times(symbol: str, unit: str, zone: str | None) -> pa.Table:
    scale = {"ns": 1_000, "us": 1, "ms": 0.001}[unit]
    instants = [int((DAY_US + number * 1_000_000) * scale) for number in (1, 2, 3)]
    times = pa.array(instants, pa.timestamp(unit, zone))
    return arrow_trades(symbol, timestamp=times, local_timestamp=times)


def doubled_parquet(symbol: str) -> pa.Table:
    table = arrow_trades(symbol)
    return table.append_column("price", table["price"])


def parquet_with_wild_text(symbol: str) -> pa.Table:
    return arrow_trades(symbol, id=pa.array(['a,"b', f"line\n{FORGED}", "\r\x1b[2J"]))


def parquet_with_bytes_for_text(symbol: str) -> pa.Table:
    offsets = pa.array([0, 2, 4, 6], pa.int32()).buffers()[1]
    broken = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"ok\xff\xfeok"))
    return arrow_trades(symbol, id=broken)


def parquet_bomb(symbol: str) -> bytes:
    """Fifty thousand rows of one long id: kilobytes on disk, a gigabyte as text."""
    rows = 50_000
    common = arrow_trades(symbol, rows=1)
    columns = {name: pa.array(common[name].to_pylist() * rows) for name in COLUMNS}
    columns["id"] = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 20_000]))
    return parquet_bytes(pa.table(columns), compression="zstd", store_schema=False)


def parquet_with_broken_page(symbol: str) -> bytes:
    """The footer is whole, the data are not."""
    data = bytearray(parquet_bytes(arrow_trades(symbol), compression="gzip", use_dictionary=False))
    footer = struct.unpack("<I", data[-8:-4])[0]
    for position in range(4, len(data) - footer - 8):
        data[position] ^= 0x5A
    return bytes(data)


# ---- special files


def special(name: str, make: Callable[[Path, str], object], status: str = IGNORED, **expected) -> Case:
    """Something at a good name that is not simply a file. ``make`` gets the path."""

    def place(bronze: Path, symbol: str) -> str:
        path = bronze / f"{client_name(symbol)}.csv.gz"
        make(path, symbol)
        return path.name

    return Case(name=name, place=place, status=status, **_with_rules(expected))


def outside(bronze: Path) -> Path:
    """A folder beside the lake with files that nobody may read through bronze."""
    folder = bronze.parent.parent / "outside"
    folder.mkdir(exist_ok=True)
    return folder


def link_out(path: Path, symbol: str) -> None:
    target = outside(path.parent) / f"{client_name(symbol)}.csv.gz"
    target.write_bytes(zipped(trades(symbol, {"id": SECRET})))
    path.symlink_to(target)


def link_folder_out(path: Path, symbol: str) -> None:
    folder = outside(path.parent) / "folder"
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_bytes(zipped(trades(symbol, {"id": SECRET})))
    (path.parent / f"linked-{symbol}").symlink_to(folder)


def link_up_and_out(path: Path, symbol: str) -> None:
    link_out(path.with_name("unused"), symbol)
    path.with_name("unused").unlink()
    path.symlink_to(f"../../outside/{client_name(symbol)}.csv.gz")


def link_ring(path: Path, symbol: str) -> None:
    other = path.with_name(f"{client_name(symbol)}-2.csv.gz")
    path.symlink_to(other.name)
    other.symlink_to(path.name)


def link_inside(path: Path, symbol: str) -> None:
    notes = path.with_name(f"notes-{symbol}.txt")
    notes.write_bytes(zipped(trades(symbol)))
    path.symlink_to(notes.name)


def folder_in_a_ring(path: Path, symbol: str) -> None:
    folder = path.parent / f"ring-{symbol}"
    folder.mkdir()
    (folder / "round").symlink_to(path.parent)


def folder_like_a_file(path: Path, symbol: str) -> None:
    path.mkdir()
    (path / "notes.csv.gz").write_bytes(zipped(trades(symbol)))


def bind_socket(path: Path, _symbol: str) -> None:
    """A socket's path may hold a hundred characters only, so it is bound from inside its folder."""
    home = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(home)
        os.close(home)


def unreadable(path: Path, symbol: str) -> None:
    staged = path.with_name(f".{path.name}")
    staged.write_bytes(zipped(trades(symbol)))
    staged.chmod(0)
    staged.rename(path)


def unreadable_folder(path: Path, symbol: str) -> None:
    folder = path.parent / f"closed-{symbol}"
    folder.mkdir()
    (folder / path.name).write_bytes(zipped(trades(symbol)))
    folder.chmod(0)


def bottomless_folder(path: Path, symbol: str) -> None:
    """A file deeper down than a path may be long."""
    above = os.open(path.parent, os.O_RDONLY)
    for level in range(25):
        name = f"{level:03}{symbol}".ljust(200, "d")
        os.mkdir(name, dir_fd=above)
        below = os.open(name, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    file = os.open(path.name, os.O_WRONLY | os.O_CREAT, dir_fd=above)
    os.write(file, zipped(trades(symbol)))
    os.close(file)
    os.close(above)


def sparse_file(path: Path, _symbol: str) -> None:
    """What a download manager leaves that reserves the space before it loads."""
    with path.open("wb") as file:
        file.truncate(1 << 30)


def hard_linked(name: str) -> Case:
    """The same file under two names: one goes in, the other one is its duplicate."""

    def place(bronze: Path, symbol: str) -> str:
        first = drop(bronze, f"{client_name(symbol)}.csv.gz", zipped(trades(symbol)))
        (bronze / "again").mkdir()
        os.link(bronze / first, bronze / "again" / first)
        return first

    return Case(name=name, place=place, status="success|duplicate", kept=3)


# ---- contents


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def noise_after_rows(symbol: str) -> bytes:
    return trades(symbol) + NOISE


NOISE = re.sub(rb'["\r\n]', b".", noise(20_000, 7)) + b"\n" + re.sub(rb'["\r]', b".", noise(20_000, 8)) + b"end\n"


def gzip_with_a_lying_header(symbol: str) -> bytes:
    """A name to write to and a comment that would like to be a log line."""
    plain = zipped(trades(symbol))
    name = b"../../../tmp/owned\n" + FORGED.encode() + b"\0"
    return plain[:3] + bytes([0x08 | 0x10]) + plain[4:10] + name + name + plain[10:]


def zip_archive(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../owned.csv", data)
    return buffer.getvalue()


def mangled(data: bytes) -> bytes:
    """A gzip that decodes well at first."""
    return data[: len(data) // 2] + noise(64, 3) + data[len(data) // 2 + 64 :]


def wide(symbol: str, columns: int) -> bytes:
    header, *rows = lines_of(symbol)
    names = b",".join(b"x%d" % number for number in range(columns))
    return b"\n".join([header + b"," + names, *(row + b"," * columns for row in rows), b""])


def with_extra_columns(symbol: str, *names: bytes, bad_row: bool = True) -> bytes:
    """Columns the vendor may add, with names of which a careless program thinks they are its own."""
    change = {"price": "bad"} if bad_row else {}
    header, *rows = trades(symbol, {}, change, {}).splitlines()
    return b"\n".join([b",".join((header, *names)), *(row + b",7" * len(names) for row in rows), b""])


def replaced(symbol: str, old: bytes, new: bytes) -> bytes:
    return trades(symbol).replace(old, new)


def joined(symbol: str, *ends: bytes) -> bytes:
    return b"".join(line + end for line, end in zip(lines_of(symbol), ends, strict=True))


def with_line(symbol: str, line: bytes) -> bytes:
    """Three good rows and this line before the last of them."""
    *before, last = lines_of(symbol)
    return b"\n".join([*before, line, last, b""])


def header_is(symbol: str, header: bytes) -> bytes:
    return b"\n".join([header, *lines_of(symbol)[1:], b""])


def reordered(symbol: str) -> bytes:
    return b"\n".join(b",".join(reversed(line.split(b","))) for line in lines_of(symbol)) + b"\n"


def encoded(encoding: str) -> Callable[[str], bytes]:
    return lambda symbol: trades(symbol).decode().encode(encoding)


LONG = "x" * 1_000_000
FUTURE = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
PAST = dt.datetime(1931, 1, 1, tzinfo=dt.UTC)
REFUSED = "quarantined"
TAKEN = "success"
NO_HEADER = "header"

COMPRESSED = [
    content(
        "gzip-bomb-of-zeros",
        lambda _: bomb(b"", bytes(1 << 20), 300),
        REFUSED,
        pack=bytes,
        reason="expands more than 200 times|NUL bytes at offset 0",
    ),
    content(
        "gzip-bomb-of-newlines",
        lambda _: bomb(b"", b"\n" * (1 << 20), 200),
        REFUSED,
        pack=bytes,
        reason="expands more than 200 times|header",
    ),
    content(
        "gzip-bomb-of-rows",
        lambda s: bomb(HEADER + b"\n", repeated(one_row(s), 1 << 20), 200),
        REFUSED,
        pack=bytes,
        reason="expands more than 200 times",
    ),
    content(
        "gzip-bomb-of-many-members",
        lambda s: zipped(HEADER + b"\n") + gzip.compress(repeated(one_row(s), 1 << 20)) * 200,
        REFUSED,
        pack=bytes,
        reason="expands more than 200 times",
    ),
    content(
        "zstd-bomb-of-rows",
        lambda s: HEADER + b"\n" + repeated(one_row(s), 100 << 20),
        REFUSED,
        pack=zstandard,
        ending=".csv.zst",
        reason="expands more than 200 times",
    ),
    content("header-and-8-mb-of-blank-lines", lambda _: bomb(HEADER + b"\n", b"\n" * (1 << 20), 8), TAKEN, pack=bytes),
    content(
        "many-bad-rows",
        lambda _: HEADER + b"\n" + b"x\n" * 200_000,
        REFUSED,
        set_aside=200_000,
        rules="ragged",
        reason="200,000 of 200,000 rows quarantined: 200,000 x ragged",
    ),
    content("gzip-of-a-gzip", trades, REFUSED, pack=lambda data: zipped(zipped(data)), reason="gzip inside"),
    content("csv-named-gz", trades, TAKEN, pack=bytes, kept=3),
    content("gzip-named-csv", trades, TAKEN, ending=".csv", kept=3),
    content("zstd-named-gz", trades, TAKEN, pack=zstandard, kept=3),
    content("gzip-named-zst", trades, TAKEN, ending=".csv.zst", kept=3),
    content("ending-in-capitals", trades, TAKEN, ending=".CSV.GZ", kept=3),
    content("zip-named-gz", trades, REFUSED, pack=zip_archive, reason="is a zip archive"),
    content("bzip2-named-gz", trades, TAKEN, pack=bz2.compress, kept=3),
    content("xz-named-gz", trades, TAKEN, pack=lzma.compress, kept=3),
    content("gzip-cut-short", trades, REFUSED, pack=lambda data: zipped(data)[:-20], reason="gzip"),
    content(
        "gzip-without-its-trailer", trades, REFUSED, pack=lambda data: zipped(data)[:-8], reason="gzip ends before"
    ),
    content(
        "gzip-with-a-wrong-checksum",
        trades,
        REFUSED,
        pack=lambda data: zipped(data)[:-8] + b"\1\2\3\4" + zipped(data)[-4:],
        reason="gzip does not decode",
    ),
    content("gzip-magic-alone", lambda _: b"\x1f\x8b", REFUSED, pack=bytes, reason="gzip"),
    content(
        "gzip-mangled-in-the-middle",
        lambda symbol: trades(symbol, *({"id": noise(8, seed).hex()} for seed in range(2_000))),
        REFUSED,
        pack=lambda data: mangled(zipped(data)),
        reason="gzip does not decode",
    ),
    content(
        "gzip-cut-short-dated-2100",
        trades,
        REFUSED,
        pack=lambda data: zipped(data)[:-20],
        modified=FUTURE,
        reason="gzip",
    ),
    content("good-but-dated-2100", trades, TAKEN, modified=FUTURE, kept=3),
    content("good-but-dated-1931", trades, TAKEN, modified=PAST, kept=3),
    content("junk-after-the-gzip", trades, REFUSED, pack=lambda data: zipped(data) + b"junk", reason="bytes follow"),
    content(
        "gzip-of-four-members",
        trades,
        TAKEN,
        pack=lambda data: b"".join(map(zipped, data.splitlines(keepends=True))),
        kept=3,
    ),
    content("gzip-of-50000-empty-members", lambda _: zipped(b"") * 50_000, TAKEN, pack=bytes),
    content("gzip-with-a-lying-header", gzip_with_a_lying_header, TAKEN, pack=bytes, kept=3),
    content("zstd-cut-short", trades, REFUSED, pack=lambda d: zstandard(d)[:-9], ending=".csv.zst", reason="zstd"),
    content("zstd-then-junk", trades, REFUSED, pack=lambda d: zstandard(d) + b"junk", ending=".csv.zst", reason="zstd"),
    content("empty-gzip", lambda _: b"", TAKEN),
    content("empty-zstd", lambda _: b"", TAKEN, pack=zstandard, ending=".csv.zst"),
    content("zero-bytes", lambda _: b"", REFUSED, pack=bytes, reason="is empty"),
    content("all-nul", lambda _: bytes(4096), REFUSED, pack=bytes, ending=".csv", reason="4096 NUL bytes at offset 0"),
    content("all-noise", lambda _: noise(100_000, 1), REFUSED, reason="header|line of more"),
    content("noise-uncompressed", lambda _: noise(100_000, 2), REFUSED, pack=bytes, reason=NO_HEADER),
    special("one-gigabyte-of-nothing", sparse_file, REFUSED, reason="NUL bytes at offset 0"),
]

TEXT = [
    content("byte-order-mark", lambda symbol: b"\xef\xbb\xbf" + trades(symbol), TAKEN, kept=3),
    content("crlf", lambda symbol: joined(symbol, *[b"\r\n"] * 4), TAKEN, kept=3),
    content("no-last-newline", lambda symbol: trades(symbol).rstrip(b"\n"), TAKEN, kept=3),
    content("crlf-no-last-newline", lambda symbol: joined(symbol, *[b"\r\n"] * 3, b""), TAKEN, kept=3),
    content("mixed-line-ends", lambda symbol: joined(symbol, b"\n", b"\r\n", b"\n", b"\r\n"), TAKEN, kept=3),
    content("blank-lines-at-the-end", lambda symbol: trades(symbol) + b"\n\r\n\n", TAKEN, kept=3),
    content(
        "blank-line-in-the-middle", lambda symbol: with_line(symbol, b""), TAKEN, kept=3, set_aside=1, rules="ragged"
    ),
    content("lone-carriage-returns", lambda symbol: joined(symbol, *[b"\r"] * 4), REFUSED, reason="old Macs"),
    content(
        "carriage-return-in-a-cell",
        lambda symbol: replaced(symbol, b"id2", b"i\rd"),
        TAKEN,
        kept=ANY,
        set_aside=ANY,
        rules=ANY,
    ),
    content("utf-16-with-mark", encoded("utf-16"), REFUSED, reason="UTF-16"),
    content("utf-16-big-endian", lambda s: b"\xfe\xff" + encoded("utf-16-be")(s), REFUSED, reason="UTF-16"),
    content("utf-16-without-mark", encoded("utf-16-le"), REFUSED, reason="UTF-16"),
    content("utf-16-big-endian-without-mark", encoded("utf-16-be"), REFUSED, reason="UTF-16|header"),
    content("utf-32", encoded("utf-32"), REFUSED, reason="UTF-|header"),
    content("ebcdic", encoded("cp500"), REFUSED, reason=NO_HEADER),
    content(
        "byte-order-mark-inside",
        lambda symbol: replaced(symbol, b"\nbinance", b"\n\xef\xbb\xbfbinance"),
        REFUSED,
        set_aside=3,
        rules="invisible_character",
        reason=r"3 x invisible_character \(exchange\), such as '\\ufeffbinance'",
    ),
    content(
        "latin-1", lambda s: replaced(s, b"id2", b"caf\xe9"), TAKEN, kept=2, set_aside=1, rules="not_utf8", reason="1 x"
    ),
    content(
        "nul-in-a-cell",
        lambda s: replaced(s, b"id2", b"i\0d"),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="nul_byte",
        reason="1 x",
    ),
    content(
        "noise-after-good-rows",
        noise_after_rows,
        REFUSED,
        reason=r"\d+ of \d+ rows cannot be kept: \d+ x",
    ),
    content("vertical-tabs", lambda s: replaced(s, b"id2", "a\vb\fc\x1cd\x85e\u2028f".encode()), TAKEN, kept=3),
    cell("emoji-in-a-cell", "id", "\N{PILE OF POO}" * 50),
    cell("ansi-in-a-cell", "id", "\x1b[2J\x1b[1;31mowned\x1b]0;title\a"),
    cell("json-in-a-cell", "id", FORGED),
    cell("formula-in-a-cell", "id", "=cmd|'/C calc'!A0"),
    cell("sql-in-a-cell", "id", "'; DROP TABLE trades; --"),
    cell("path-in-a-cell", "symbol", "../../../../etc/passwd", "other_symbol"),
    cell("template-in-a-cell", "id", "${jndi:ldap://x/a} {0.__class__} %(x)s %n"),
    cell("log-line-in-a-cell", "id", f"a\n{FORGED}\nb"),
    content(
        "log-line-in-a-bad-row",
        lambda symbol: trades(symbol, {}, {"id": f"a\n{FORGED}\nb", "side": f"\n{FORGED}"}, {}),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="unknown_value",
        reason="1 of 3 rows",
    ),
    content(
        "quote-that-never-closes",
        lambda s: replaced(s, b"id2", b'"id2'),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="ragged",
        reason="1 x ragged",
    ),
    content(
        "quote-at-the-end",
        lambda symbol: trades(symbol).rstrip(b"\n") + b'"',
        TAKEN,
        kept=2,
        set_aside=1,
        rules=ANY,
        reason="1 of 3 rows",
    ),
    content("quotes-round-everything", lambda s: re.sub(rb"[^,\n]+", rb'"\g<0>"', trades(s)), TAKEN, kept=3),
    cell("cell-of-1-mb", "id", LONG),
    content(
        "line-of-2-mb",
        lambda symbol: trades(symbol, {}, {"id": LONG * 2}, {}),
        REFUSED,
        reason="line of more than 1048576",
    ),
    content(
        "line-of-5-mb",
        lambda symbol: trades(symbol, {}, {"id": LONG * 5}, {}),
        REFUSED,
        reason="line of more than 1048576",
    ),
    content(
        "line-of-20-mb",
        lambda symbol: trades(symbol, {}, {"id": LONG * 20}, {}),
        REFUSED,
        pack=bytes,
        ending=".csv",
        reason="line of more than 1048576",
    ),
    content(
        "last-line-of-3-mb",
        lambda symbol: trades(symbol, {"id": LONG * 3}).rstrip(b"\n"),
        REFUSED,
        reason="line of more",
    ),
    content("header-of-3-mb", lambda symbol: wide(symbol, 400_000), REFUSED, reason="line of more than 1048576"),
    content(
        "row-of-100000-cells",
        lambda symbol: with_line(symbol, b"," * 100_000),
        TAKEN,
        kept=3,
        set_aside=1,
        rules="ragged",
        reason="1 of 4 rows",
    ),
    content("header-of-20000-columns", lambda symbol: wide(symbol, 20_000), "success|quarantined", kept=3),
]

HEADERS = [
    content("header-only", lambda _: HEADER + b"\n", TAKEN),
    content("header-only-no-newline", lambda _: HEADER, TAKEN),
    content("newlines-only", lambda _: b"\n\n\n", "success|quarantined"),
    content("newlines-only-5-mb", lambda _: b"\n" * 5_000_000, "success|quarantined"),
    content("blank-line-first", lambda symbol: b"\n" + trades(symbol), "success|quarantined", kept=3),
    content("no-header", lambda symbol: trades(symbol).partition(b"\n")[2], REFUSED, reason=NO_HEADER),
    content(
        "header-of-another-type",
        lambda s: header_is(s, b"exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"),
        REFUSED,
        reason="the header lacks id, side, price, amount",
    ),
    content("column-missing", lambda s: header_is(s, HEADER.replace(b",amount", b"")), REFUSED, reason="lacks amount"),
    content("column-doubled", lambda s: header_is(s, HEADER + b",price"), REFUSED, reason="price twice"),
    content(
        "column-doubled-for-another",
        lambda s: header_is(s, HEADER.replace(b"amount", b"price")),
        REFUSED,
        reason="price",
    ),
    content("header-reordered", reordered, TAKEN, kept=3),
    content("header-in-capitals", lambda s: header_is(s, HEADER.upper()), REFUSED, reason="in another case"),
    content("column-in-another-case", lambda s: with_extra_columns(s, b"Price", bad_row=False), TAKEN, kept=3),
    content(
        "extra-columns",
        lambda s: with_extra_columns(s, b"fee", b"venue"),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="unparseable",
        reason=r"\(price\)",
    ),
    *(
        content(
            f"extra-column-named-{name.replace(':', '-')}",
            lambda s, name=name: with_extra_columns(s, name.encode()),
            TAKEN,
            kept=2,
            set_aside=1,
            rules="unparseable",
            reason=r"1 x unparseable \(price\)",
        )
        for name in (
            "row",
            "line",
            "file_id",
            "file_seq",
            "date",
            "price:text",
            "verdict",
            "field_0",
            "column_1",
            "raw",
        )
    ),
    content(
        "header-with-a-comma-too-many", lambda s: header_is(s, HEADER + b","), REFUSED, set_aside=3, rules="ragged"
    ),
    content(
        "rows-with-a-comma-too-many",
        lambda s: header_is(s, HEADER).replace(b"0.01\n", b"0.01,\n"),
        REFUSED,
        set_aside=3,
        rules="ragged",
        reason="3 x ragged",
    ),
    content("all-with-a-comma-too-many", lambda s: trades(s).replace(b"\n", b",\n"), TAKEN, kept=3),
    content(
        "spaces-in-the-header", lambda s: header_is(s, HEADER.replace(b",", b", ")), REFUSED, reason="blanks around"
    ),
    content("semicolons", lambda s: trades(s).replace(b",", b";"), REFUSED, reason="separated by ';'"),
    content("tabs", lambda s: trades(s).replace(b",", b"\t"), REFUSED, reason="separated by TAB"),
    content(
        "header-again-in-the-middle",
        lambda s: with_line(s, HEADER),
        TAKEN,
        kept=3,
        set_aside=1,
        rules="unparseable",
        reason="1 of 4 rows",
    ),
    content("comment-before-the-header", lambda s: b"# made by hand\n" + trades(s), REFUSED, reason=NO_HEADER),
    content(
        "comment-in-the-middle",
        lambda s: with_line(s, b"# gap here"),
        TAKEN,
        kept=3,
        set_aside=1,
        rules="ragged",
        reason="1 x",
    ),
    content(
        "log-line-in-the-header",
        lambda s: header_is(s, b'"exchange\n' + FORGED.encode() + b'",' + HEADER),
        REFUSED,
        reason=NO_HEADER,
    ),
    content(
        "ansi-in-a-doubled-column",
        lambda s: header_is(s, b"\x1b[2J\r,\x1b[2J\r," + HEADER),
        REFUSED,
        reason="header names",
    ),
    content(
        "doubled-column-of-400-kb",
        lambda s: header_is(s, HEADER + (b"," + b"x" * 400_000) * 2),
        REFUSED,
        reason="header names",
    ),
    content(
        "ten-thousand-doubled-columns",
        lambda s: header_is(s, HEADER + b"".join(b",a%d,a%d" % (number, number) for number in range(10_000))),
        REFUSED,
        reason="twice",
    ),
    content("json-lines", lambda _: FORGED.encode() * 3, REFUSED, reason="JSON inside"),
    content("web-page", lambda _: b"<!DOCTYPE html>\n<h1>404</h1>\n", REFUSED, pack=bytes, reason="is a web page"),
    content("git-lfs-pointer", lambda _: b"version https://git-lfs.github.com/spec/v1\n", REFUSED, reason="Git LFS"),
]

CELLS = [
    cell("price-empty", "price", "", "missing"),
    cell("price-a-space", "price", " ", "missing", "unparseable"),
    *(
        cell(f"price-{name}", "price", value, "non_finite", "unparseable")
        for name, value in {
            "nan": "nan",
            "nan-in-capitals": "NaN",
            "nan-with-a-sign": "-nan",
            "inf": "inf",
            "minus-inf": "-inf",
            "infinity": "Infinity",
            "1e400": "1e400",
            "minus-1e400": "-1e400",
            "400-digits": "9" * 400,
        }.items()
    ),
    *(
        cell(f"price-{name}", "price", value, "unparseable")
        for name, value in {
            "hexadecimal": "0x10",
            "with-underscore": "1_000",
            "thousands-quoted": "64,000.5",
            "decimal-comma-quoted": "64000,5",
            "spaces-inside": "64 000.5",
            "narrow-spaces-inside": "64\u202f000.5",
            "apostrophes": "64'000.5",
            "arabic-digits": "\u0661\u0662\u0663",
            "wide-digits": "\uff11\uff12\uff13",
            "unicode-minus": "\u22125",
            "dollar": "$5",
            "percent": "5%",
            "null": "null",
            "python-none": "None",
            "not-available": "#N/A",
            "true": "true",
            "two-points": "1.2.3",
            "bare-exponent": "1e",
            "bare-sign": "-",
            "two-signs": "--1",
            "fraction": "1/2",
            "float-suffix": "1.5f",
            "newline-before": "\n64000.5",
        }.items()
    ),
    cell("price-1e-400", "price", "1e-400"),
    cell("price-scientific", "price", "6.40005E+4"),
    cell("price-minus-zero", "price", "-0"),
    cell("price-negative", "price", "-37.63"),
    cell("price-of-300-decimals", "price", "64000." + "1" * 300),
    cell("price-with-leading-spaces", "price", "   64000.5"),
    cell("price-with-leading-zeros", "price", "00064000.5"),
    content(
        "price-with-a-tab-beside-a-bad-row",
        lambda s: trades(s, {"price": "\t64000.5"}, {"price": "bad"}, {}),
        TAKEN,
        kept=1,
        set_aside=2,
        rules="unparseable",
        reason="2 of 3 rows",
    ),
    cell("price-with-a-tab", "price", "\t64000.5", "unparseable"),
    content(
        "decimal-comma-unquoted",
        lambda s: replaced(s, b"64000.2", b"64000,2"),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="ragged",
        reason="1 x ragged",
    ),
    content(
        "row-too-short",
        lambda s: with_line(s, b"binance,X,1,1"),
        TAKEN,
        kept=3,
        set_aside=1,
        rules="ragged",
        reason="1 x",
    ),
    content(
        "row-without-its-last-cell",
        lambda s: replaced(s, b"64000.2,0.01", b"64000.2"),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="ragged",
        reason="1 x ragged",
    ),
    content(
        "row-cut-off-at-the-end",
        lambda s: trades(s)[:-12],
        TAKEN,
        kept=2,
        set_aside=1,
        rules="ragged",
        reason="1 x ragged",
    ),
    content(
        "every-row-wrong-in-its-own-way",
        lambda s: trades(s, {"price": "x"}, {"side": "BUY"}, {"symbol": ""}, {"exchange": "okex"}, {"amount": "inf"}),
        REFUSED,
        set_aside=5,
        rules=ANY,
        reason="5 of 5 rows quarantined",
    ),
    cell("side-in-capitals", "side", "BUY", "unknown_value"),
    cell("side-empty", "side", "", "missing"),
    cell("side-of-1-mb", "side", LONG, "unknown_value"),
    cell("symbol-empty", "symbol", "", "missing"),
    cell("exchange-empty", "exchange", "", "missing"),
    cell("exchange-with-a-space", "exchange", "binance ", "invisible_character"),
    cell("exchange-in-capitals", "exchange", "BINANCE"),
    cell("symbol-with-a-tab", "symbol", "\tSYMBOL-WITH-A-TAB", "invisible_character"),
    cell("symbol-in-lower-case", "symbol", "symbol-in-lower-case"),
    cell("symbol-with-slashes", "symbol", "SYMBOL/WITH:SLASHES"),
    cell("one-row-of-another-symbol", "symbol", "ETHUSDT", "other_symbol"),
    content(
        "rows-of-another-symbol",
        lambda _: trades("XRP"),
        REFUSED,
        set_aside=3,
        rules="other_symbol",
        reason="3 of 3 rows are of XRP, the name says",
    ),
    content(
        "appended-twice", lambda s: trades(s) + trades(s).partition(b"\n")[2], REFUSED, reason="again from its beg"
    ),
    content("zeros-after-the-gzip", trades, TAKEN, pack=lambda data: zipped(data) + bytes(5000), kept=3),
    content("nul-block-inside", lambda s: replaced(s, b"id2", bytes(99)), REFUSED, reason="is damaged: 99 NUL bytes"),
    cell("exchange-of-lookalikes", "exchange", "b\u0456nance", "other_exchange"),
    cell("one-row-of-another-exchange", "exchange", "okex", "other_exchange"),
    content(
        "rows-of-another-exchange",
        lambda symbol: trades(symbol, exchange="okex"),
        REFUSED,
        set_aside=3,
        rules="other_exchange",
        reason="3 of 3 rows are of okex, the name says binance",
    ),
    cell("time-empty", "timestamp", "", "missing"),
    cell("time-zero", "timestamp", "0", "implausible_time"),
    cell("time-negative", "timestamp", "-1714521601000000", "implausible_time"),
    cell("time-largest", "timestamp", str(2**63 - 1), "implausible_time"),
    cell("time-smallest", "timestamp", str(-(2**63)), "implausible_time"),
    cell("time-beyond-largest", "timestamp", str(2**63), "unparseable"),
    cell("time-of-20-digits", "timestamp", "17145216010000000000", "unparseable"),
    cell("time-of-400-digits", "timestamp", "1" * 400, "unparseable"),
    cell("time-as-text", "timestamp", "2024-05-01T00:00:01Z", "unparseable"),
    cell("time-as-float", "timestamp", "1714521601000000.0", "unparseable"),
    cell("time-scientific", "timestamp", "1.714521601e15", "unparseable"),
    cell("time-in-nanoseconds", "timestamp", f"{DAY_US}000", "time_in_nanoseconds"),
    cell("time-in-milliseconds", "timestamp", str(DAY_US // 1_000), "time_in_milliseconds"),
    cell("time-in-seconds", "timestamp", str(DAY_US // 1_000_000), "time_in_seconds"),
    cell("arrival-in-nanoseconds", "local_timestamp", f"{DAY_US}000", "time_in_nanoseconds"),
    in_unit("all-times-in-nanoseconds", "time_in_nanoseconds", 1_000),
    in_unit("all-times-in-milliseconds", "time_in_milliseconds", 1e-3),
    in_unit("all-times-in-seconds", "time_in_seconds", 1e-6),
    cell("arrival-on-the-day-before", "local_timestamp", str(DAY_US - 1), "outside_day"),
    cell("arrival-on-the-day-after", "local_timestamp", str(DAY_US + FULL_DAY_US), "outside_day"),
    cell("arrival-at-midnight", "local_timestamp", str(DAY_US)),
    cell("arrival-in-the-last-microsecond", "local_timestamp", str(DAY_US + FULL_DAY_US - 1)),
    cell("event-on-the-day-before", "timestamp", str(DAY_US - 5_000_000)),
    whole_column(
        "rows-of-another-day",
        "outside_day",
        lambda number: {name: str(DAY_US + FULL_DAY_US + number * 1_000_000) for name in TIMES},
        reason=r"3 of 3 rows are of 2024-05-02, the name says 2024-05-01 \(outside_day\)",
    ),
    cell("arrival-empty", "local_timestamp", "", "missing"),
]

UNSEEN: dict[str, object] = {
    "status": REFUSED,
    "set_aside": 3,
    "rules": "invisible_character",
    "reason": r"3 x invisible_character \(symbol\)",
}
NAMES = [
    named("symbol-dots", client_name("..") + ".csv.gz"),
    named("symbol-percent", client_name("%2F..%2F..%2Fetc%00") + ".csv.gz"),
    named("symbol-backslashes", client_name("..\\..\\{}") + ".csv.gz"),
    named("symbol-with-a-log-line", client_name(f"{{}}\n{FORGED_NAME}".replace("{}", "A", 1)) + ".csv.gz", **UNSEEN),
    named("symbol-with-a-carriage-return", client_name("{}\r\x1b[2K") + ".csv.gz", **UNSEEN),
    named("symbol-with-ansi", client_name("{}\x1b[2J\x1b]0;owned\a") + ".csv.gz", **UNSEEN),
    named("symbol-right-to-left", client_name("{}\u202egz.vsc") + ".csv.gz", **UNSEEN),
    named("symbol-emoji", client_name("{}\N{PILE OF POO}\u200d\ufeff") + ".csv.gz", **UNSEEN),
    named("symbol-with-spaces", client_name(" {} ") + ".csv.gz", **UNSEEN),
    named("symbol-for-a-shell", client_name("{};$(touch owned)`touch owned`") + ".csv.gz"),
    named("symbol-for-a-database", client_name("{}' OR 1=1; --") + ".csv.gz"),
    named("symbol-of-wildcards", client_name("{}*[a-z]?**") + ".csv.gz"),
    named("symbol-decomposed", client_name("{}e\u0301") + ".csv.gz"),
    named("name-of-250-characters", client_name("{}").ljust(226 + 2, "L") + ".csv.gz"),
    named("name-of-255-bytes", client_name("").ljust(255 - 7, "L") + ".csv.gz"),
    named("folders-200-deep", "/".join(["d"] * 200) + "/" + client_name("{}") + ".csv.gz"),
    named("folder-with-a-log-line", f"x\n{FORGED_NAME}\n/" + client_name("{}") + ".csv.gz"),
    named("name-not-utf-8", client_name("{}").encode() + b"\xff\xfe.csv.gz", REFUSED, reason="not valid UTF-8"),
    named(
        "folder-not-utf-8", b"\xe9t\xe9/" + client_name("{}").encode() + b".csv.gz", REFUSED, reason="not valid UTF-8"
    ),
    named("name-not-utf-8-foreign", b"notes-{}-\xff.csv.gz", IGNORED),
    named(
        "name-with-a-surrogate", client_name("{}").encode() + b"\xed\xa0\x80.csv.gz", REFUSED, reason="not valid UTF-8"
    ),
    named("name-written-as-if-escaped", client_name("{}\\xff") + ".csv.gz", "success|quarantined"),
    named("day-29-february-2023", client_name("{}", day="2023-02-29") + ".csv.gz", REFUSED, reason="does not exist"),
    named("day-all-zero", client_name("{}", day="0000-00-00") + ".csv.gz", REFUSED, reason="does not exist"),
    named("day-in-month-13", client_name("{}", day="2024-13-01") + ".csv.gz", REFUSED, reason="does not exist"),
    named("day-in-words", hive_path(symbol="{}", day="today"), REFUSED, reason="'today' does not exist"),
    named("day-with-a-way-out", hive_path(symbol="{}", day="..%2F..%2Fowned"), REFUSED, reason="does not exist"),
    named("day-with-a-log-line", hive_path(symbol="{}", day=f"1\n{FORGED_NAME}"), REFUSED, reason="does not exist"),
    named(
        "day-far-ahead",
        client_name("{}", day="9999-12-31") + ".csv.gz",
        REFUSED,
        set_aside=3,
        rules="outside_day",
        reason="outside_day",
    ),
    named(
        "day-long-ago",
        client_name("{}", day="0001-01-01") + ".csv.gz",
        REFUSED,
        set_aside=3,
        rules="outside_day",
        reason="outside_day",
    ),
    named("table-unknown", client_name("{}", table="candles") + ".csv.gz", REFUSED, reason="no table for data type"),
    named("table-in-capitals", client_name("{}", table="Trades") + ".csv.gz", REFUSED, reason="no table for data type"),
    named(
        "table-the-ledger", hive_path(symbol="{}", table="ingest_manifest"), REFUSED, reason="no table for data type"
    ),
    named("table-the-quarantine", hive_path(symbol="{}", table="quarantine"), REFUSED, reason="no table for data type"),
    named("table-the-folder-above", hive_path(symbol="{}", table=".."), REFUSED, reason="no table for data type"),
    named("table-with-a-log-line", hive_path(symbol="{}", table=f"x\n{FORGED_NAME}"), REFUSED, reason="no table for"),
    named("table-of-200-characters", hive_path(symbol="{}", table="t" * 200), REFUSED, reason="no table for data type"),
    named("exchange-in-the-path-empty", "tardis/exchange=/type=trades/date=2024-05-01/symbol={}/x.csv.gz", IGNORED),
    named("unfinished-download", client_name("{}") + ".csv.gz.unconfirmed", IGNORED),
    named("hidden-file", "." + client_name("{}") + ".csv.gz", IGNORED),
    named("hidden-folder", "..{}/" + client_name("{}") + ".csv.gz", IGNORED),
    named("no-such-ending", client_name("{}") + ".csv.gz.exe", IGNORED),
    named("ending-alone", "csv.gz", IGNORED),
    named("ending-and-a-newline", client_name("{}") + ".csv.gz\n", IGNORED),
    exchange_named("exchange-two-dots", ".."),
    exchange_named("exchange-one-dot", "."),
    exchange_named("exchange-with-a-way-out", "..%2F..%2F..%2Fowned", status=REFUSED),
    exchange_named("exchange-with-a-percent-code", "bin%20ance", status=REFUSED),
    exchange_named("exchange-with-spaces-inside", "bin ance", status=REFUSED),
    exchange_named("exchange-with-an-equals-sign", "bin=ance", status=REFUSED),
    exchange_named("exchange-with-a-colon", "bin:ance"),
    exchange_named("exchange-with-a-backslash", "bin\\ance", status=REFUSED),
    exchange_named("exchange-with-a-question-mark", "bin?ance#x", status=REFUSED),
    exchange_named("exchange-with-wildcards", "bin*[a-z]", status=REFUSED),
    exchange_named("exchange-with-quotes", "bin'\"ance", status=REFUSED),
    exchange_named("exchange-with-a-log-line", f"bin\n{FORGED_NAME}\nance", status=REFUSED),
    exchange_named("exchange-with-ansi", "bin\x1b[2Jance", status=REFUSED),
    exchange_named("exchange-emoji", "\N{PILE OF POO}\u202e", status=REFUSED),
    exchange_named("exchange-decomposed", "ae\u0301", status=REFUSED),
    exchange_named("exchange-null-of-hive", "__HIVE_DEFAULT_PARTITION__"),
    exchange_named("exchange-in-all-capitals", "BINANCE"),
    exchange_named("exchange-of-246-characters", "e" * 246),
    exchange_named("exchange-of-250-characters", "e" * 250, url=True, status=REFUSED),
    exchange_named("exchange-of-60-emoji", "\N{PILE OF POO}" * 60, status=REFUSED),
    exchange_named("exchange-log-of-delta", "_delta_log", url=True),
]

SPECIAL = [
    special("link-out-of-bronze", link_out),
    special("link-up-and-out-of-bronze", link_up_and_out),
    special("link-to-a-folder-out-of-bronze", link_folder_out),
    special("link-to-the-environment", lambda path, _: path.symlink_to("/proc/self/environ")),
    special("link-to-a-device", lambda path, _: path.symlink_to("/dev/zero")),
    special("link-to-standard-input", lambda path, _: path.symlink_to("/dev/stdin")),
    special("link-to-itself", lambda path, _: path.symlink_to(path.name)),
    special("links-in-a-ring", link_ring),
    special("link-to-nothing", lambda path, _: path.symlink_to("gone")),
    special("link-to-bronze-itself", lambda path, _: path.symlink_to(".")),
    special("link-to-the-ledger", lambda path, _: path.symlink_to("../silver/ingest_manifest/_delta_log")),
    special("link-inside-bronze", link_inside, TAKEN, kept=3),
    special("folder-in-a-ring", folder_in_a_ring),
    hard_linked("hard-link"),
    special("fifo", lambda path, _: os.mkfifo(path)),
    special("socket", bind_socket),
    special("folder-named-like-a-file", folder_like_a_file),
    special("file-nobody-may-read", unreadable, "pending", reason="Permission denied"),
    special("folder-nobody-may-read", unreadable_folder),
    special("folders-without-an-end", bottomless_folder),
]

PARQUET = [
    parquet("parquet-good", arrow_trades, TAKEN, kept=3),
    parquet("parquet-of-no-rows", lambda s: arrow_trades(s).slice(0, 0), TAKEN),
    parquet("parquet-of-no-columns", lambda _: pa.table({}), "success|quarantined"),
    parquet(
        "parquet-missing-a-column", lambda s: arrow_trades(s).drop_columns(["price"]), REFUSED, reason="lacks price"
    ),
    parquet("parquet-of-other-columns", lambda _: pa.table({"a": [1]}), REFUSED, reason="header|Parquet"),
    parquet("parquet-with-a-doubled-column", doubled_parquet, REFUSED, reason="twice|Parquet"),
    parquet("parquet-cut-short", lambda s: parquet_bytes(arrow_trades(s))[:-40], REFUSED, reason="Parquet"),
    parquet("parquet-with-a-broken-page", parquet_with_broken_page, REFUSED, reason="Parquet|corrupt"),
    parquet("parquet-magic-alone", lambda _: b"PAR1PAR1", REFUSED, reason="Parquet"),
    parquet("parquet-lying-about-its-footer", lambda _: b"PAR1" + b"\xff\xff\xff\x7fPAR1", REFUSED, reason="Parquet"),
    parquet("parquet-of-noise", lambda _: b"PAR1" + noise(5_000, 4) + b"PAR1", REFUSED, reason="Parquet"),
    parquet("csv-named-parquet", trades, REFUSED, reason="Parquet"),
    parquet("parquet-empty", lambda _: b"", REFUSED, reason="Parquet|empty"),
    content(
        "parquet-named-gz",
        lambda s: parquet_bytes(arrow_trades(s)),
        REFUSED,
        pack=bytes,
        reason="is Parquet, not a CSV",
    ),
    *(
        parquet(f"parquet-times-in-{unit}", lambda s, unit=unit: arrow_times(s, unit, "UTC"), TAKEN, kept=3)
        for unit in ("ns", "us", "ms")
    ),
    parquet("parquet-times-without-a-zone", lambda s: arrow_times(s, "us", None), TAKEN, kept=3),
    parquet("parquet-times-of-another-zone", lambda s: arrow_times(s, "us", "Asia/Tokyo"), TAKEN, kept=3),
    parquet(
        "parquet-times-far-off",
        lambda s: arrow_trades(s, timestamp=pa.array([2**62, -(2**62), 0], pa.timestamp("ms", "UTC"))),
        REFUSED,
        kept=ANY,
        set_aside=ANY,
        rules=ANY,
    ),
    parquet(
        "parquet-times-as-dates",
        lambda s: arrow_trades(s, timestamp=pa.array([dt.date(2024, 5, 1)] * 3)),
        REFUSED,
        kept=ANY,
        set_aside=ANY,
        rules=ANY,
    ),
    parquet(
        "parquet-with-nan",
        lambda s: arrow_trades(s, price=pa.array([1.0, float("nan"), 2.0])),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="non_finite",
        reason="1 of 3 rows",
    ),
    parquet(
        "parquet-with-nulls",
        lambda s: arrow_trades(s, price=pa.array([1.0, None, 2.0]), id=pa.nulls(3, pa.string())),
        TAKEN,
        kept=2,
        set_aside=1,
        rules="missing",
        reason="1 of 3 rows",
    ),
    parquet("parquet-of-nested-prices", lambda s: arrow_trades(s, price=pa.array([[1.0]] * 3)), REFUSED, reason="."),
    parquet("parquet-of-structs", lambda s: arrow_trades(s, price=pa.array([{"a": 1}] * 3)), REFUSED, reason="."),
    parquet(
        "parquet-with-a-nested-extra", lambda s: arrow_trades(s, x=pa.array([[1]] * 3)), "success|quarantined", kept=3
    ),
    parquet("parquet-of-bytes", lambda s: arrow_trades(s, x=pa.array([b"\xff\0"] * 3)), "success|quarantined", kept=3),
    parquet(
        "parquet-of-broken-text", parquet_with_bytes_for_text, "success|quarantined", kept=ANY, set_aside=ANY, rules=ANY
    ),
    parquet("parquet-with-wild-text", parquet_with_wild_text, TAKEN, kept=3),
    parquet(
        "parquet-of-decimals",
        lambda s: arrow_trades(s, price=pa.array([Decimal("1.50")] * 3)),
        "success|quarantined",
        kept=3,
    ),
    parquet(
        "parquet-of-wide-decimals",
        lambda s: arrow_trades(s, x=pa.array([Decimal(10) ** 60] * 3, pa.decimal256(70, 2))),
        "success|quarantined",
        kept=3,
    ),
    parquet(
        "parquet-of-other-types",
        lambda s: arrow_trades(
            s,
            a=pa.array([True] * 3),
            b=pa.array([dt.timedelta(1)] * 3),
            c=pa.array([dt.time(1)] * 3),
            d=pa.array([1.5] * 3, pa.float16()),
            e=pa.nulls(3),
            f=pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
        ),
        "success|quarantined",
        kept=3,
    ),
    parquet(
        "parquet-column-with-a-comma",
        lambda s: arrow_trades(s, **{'x,"y': pa.array([1] * 3)}),
        "success|quarantined",
        kept=3,
    ),
    parquet(
        "parquet-column-with-a-log-line",
        lambda s: arrow_trades(s, **{f"x\n{FORGED}\n": pa.array([1] * 3)}),
        "success|quarantined",
        kept=3,
    ),
    parquet("parquet-bomb", parquet_bomb, REFUSED, reason="expands|line of more|memory"),
]

CASES = [*COMPRESSED, *TEXT, *HEADERS, *CELLS, *NAMES, *SPECIAL, *PARQUET]
