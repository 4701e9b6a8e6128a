"""Archives and compressed streams give the content of their one file, checked to the last byte, or an error."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from unittest.mock import patch

import pyarrow as pa
import pytest

from pointline.errors import PointlineError, Rejected, Unfinished
from pointline.io.content.decode import FREE_BYTES, Limits, decode
from pointline.io.content.packed.members import Naming
from pointline.parse.feed import own_columns
from pointline.services.files.claims import Claims
from pointline.services.telling.original import find_row
from pointline.tables.registry import event_tables
from tests.support.loading import Bench

FEED = own_columns(event_tables()["trades"])
LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)
DATA = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number * 7919 % 1003) for number in range(12))
LZ4 = bytes.fromhex(
    "04224d186c404b00000000000000c84b000080612c620a302c300a312c3839380a322c3538330a332c35380a342c33"
    "32360a352c3338340a362c3233320a372c3837330a382c3330310a392c3532320a31302c3533330a31312c3333340a"
    "000000007ffc2e03"
)
"""``DATA`` as an lz4 frame with the checksum of its content, which pyarrow does not write."""
Named = dict[str, bytes]


class Unseekable(io.RawIOBase):
    """Where it is written to, sizes are not known before the content: they stand behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.made = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.made += data
        return len(data)


def zipped(files: Named, *, method=zipfile.ZIP_DEFLATED, wide=False, streamed=False, comment=b"") -> bytes:
    made = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.comment = comment
        for name, data in files.items():
            with archive.open(_info(name, method), "w", force_zip64=wide) as to:
                to.write(data)
    return bytes(made.made) if streamed else made.getvalue()


def _info(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = method
    return info


def without_descriptor_mark(archive: bytes) -> bytes:
    """Some writers leave the mark of a descriptor away: everything behind it stands four bytes earlier."""
    short = archive.replace(b"PK\7\x08", b"", 1)
    begin = struct.unpack_from("<I", short, len(short) - 6)[0]
    return short[:-6] + struct.pack("<I", begin - 4) + short[-2:]


def tarred(files: Named, form=tarfile.USTAR_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        end = archive.offset
    return made.getvalue()[: end + 1024]


def older_than_posix(archive: bytes) -> bytes:
    """The header has neither magic nor names of users."""
    header = archive[:148] + b" " * 8 + archive[156:157] + bytes(512 - 157)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:] + archive[512:]


ONE = {"a.csv": DATA}
AROUND = {
    "day/": b"",
    "__MACOSX/": b"",
    "__MACOSX/day/._a.csv": b"\0\5\x16\7" * 9,
    "day/.DS_Store": b"\0\0\0\1Bud1",
    "day/a.csv": DATA,
    "day/._a.csv": b"\0\5\x16\7",
    "Thumbs.db": b"\xd0\xcf",
}
LONG = "folder/" * 30 + "a.csv"
KINDS = {
    "gzip": gzip.compress(DATA, mtime=0),
    "zip": zipped(ONE),
    "zip stored": zipped(ONE, method=zipfile.ZIP_STORED),
    "zip with a descriptor": zipped(ONE, streamed=True),
    "zip with a descriptor without mark": without_descriptor_mark(zipped(ONE, streamed=True)),
    "zip stored with a descriptor": zipped(ONE, method=zipfile.ZIP_STORED, streamed=True),
    "zip64": zipped(ONE, wide=True),
    "zip64 with a descriptor": zipped(ONE, wide=True, streamed=True),
    "zip with a comment": zipped(ONE, comment=b"PK\5\6 is no end"),
    "zip from a Mac": zipped(AROUND),
    "zip from a Mac with descriptors": zipped(AROUND, streamed=True),
    "zip with a name in Chinese": zipped({"成交/数据.csv": DATA}),
    "tar": tarred(ONE),
    "old tar": older_than_posix(tarred(ONE)),
    "tar from a Mac": tarred(AROUND),
    "tar with a long name": tarred({LONG: DATA}, tarfile.GNU_FORMAT),
    "tar of pax": tarred({LONG: DATA}, tarfile.PAX_FORMAT),
    "tar.gz": gzip.compress(tarred(ONE), mtime=0),
    "tar.xz": lzma.compress(tarred(ONE)),
    "bzip2": bz2.compress(DATA),
    "xz": lzma.compress(DATA),
    "lzma": lzma.compress(DATA, lzma.FORMAT_ALONE),
    "lz4": LZ4,
}
PLAIN_TAR = {"tar", "old tar", "tar from a Mac", "tar with a long name", "tar of pax"}
PADDED = {
    "gzip",
    "lzma",
    "old tar",
    "bzip2",
    "xz",
    "tar",
    "tar from a Mac",
    "tar with a long name",
    "tar of pax",
    "tar.gz",
    "tar.xz",
}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, {}, Claims())


@pytest.fixture
def read(bench):
    """Read bytes as a bronze file, through the reader; return its rows with their header."""

    def read(archive: bytes) -> bytes:
        with bench.reader().open(bench.put(archive, name="x.csv")) as content:
            header = content.header()
            rows = b"".join(content.blocks())
            assert content.content_hash == hashlib.sha256(archive).hexdigest()
        return b",".join(name.encode() for name in header) + b"\n" + rows if header else rows

    return read


def chunks_of(archive: bytes, limits: Limits = LIMITS, member: str = "") -> bytes:
    return b"".join(decode(io.BytesIO(archive), "x.csv", limits, Naming(member)).chunks)


def outcome(archive: bytes) -> bytes | type[PointlineError]:
    """Return what is read, or which error it is. What is not seen to be packed is refused elsewhere."""
    try:
        made = decode(io.BytesIO(archive), "x.csv", LIMITS)
        found = b"".join(made.chunks)
    except PointlineError as error:
        return type(error)
    return found if made.packed_as else Rejected


@pytest.mark.parametrize("kind", KINDS)
class TestEachKind:
    """Whatever a file is packed as, its content comes out whole or not at all."""

    def test_whole(self, read, kind):
        assert read(KINDS[kind]) == DATA

    @pytest.mark.parametrize("read_bytes", [1, 7, 64, 600, 64 << 10])
    def test_by_any_reads(self, read, kind, read_bytes):
        with patch("pointline.io.content.decode.READ_BYTES", read_bytes):
            assert read(KINDS[kind]) == DATA

    def test_cut_anywhere(self, kind):
        whole = KINDS[kind]
        unseen = 512 if kind in PLAIN_TAR else 0  # what is shorter is not always seen to be a tar archive
        for kept in range(unseen, len(whole), 1 + len(whole) // 3_000):
            found = outcome(whole[:kept])
            if kind in PADDED and not whole[kept:].strip(b"\0"):
                assert found in {DATA, Unfinished}
            else:
                assert found is Unfinished, kept

    def test_any_byte_changed(self, kind):
        whole = KINDS[kind]
        content = whole.index(DATA) if kind in PLAIN_TAR else 0
        for at in range(0, len(whole), 1 + len(whole) // 2_000):
            if kind == "lzma" or (kind in PLAIN_TAR and content <= at < content + len(DATA)):
                continue  # nothing in the format proves the content, as nothing proves that of plain text
            for change in (0x01, 0x80):
                found = outcome(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
                assert found in {DATA, Unfinished, Rejected}, (at, change)

    @pytest.mark.parametrize("behind", [b"x", b"PK\3\4", b"\n" * 600, b"\0x", bytes(512) + b"x", DATA])
    def test_bytes_behind(self, read, kind, behind):
        with pytest.raises(PointlineError, match=r"bytes follow|does not decode"):
            read(KINDS[kind] + behind)

    def test_zeros_behind(self, read, kind):
        if kind in PADDED:
            assert read(KINDS[kind] + bytes(1024)) == DATA
        else:
            with pytest.raises(PointlineError):
                read(KINDS[kind] + bytes(1024))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_other_content_of_a_zip_is_damage_that_a_better_copy_mends(method, streamed):
    noise = random.Random(1).randbytes(4_000)
    archive = zipped({"a.csv": noise}, method=method, streamed=streamed)
    changed = archive[:2_000] + bytes([archive[2_000] ^ 1]) + archive[2_001:]
    with pytest.raises(Unfinished):
        chunks_of(changed)


def test_a_tar_ends_with_a_whole_block():
    with pytest.raises(Unfinished, match="ends within a block"):
        chunks_of(KINDS["tar"] + bytes(100))


EMPTY = {
    "zip": zipped({"a.csv": b""}),
    "zip stored": zipped({"a.csv": b""}, method=zipfile.ZIP_STORED),
    "zip with a descriptor": zipped({"a.csv": b""}, streamed=True),
    "zip stored with a descriptor": zipped({"a.csv": b""}, method=zipfile.ZIP_STORED, streamed=True),
    "tar": tarred({"a.csv": b""}),
    "tar.gz": gzip.compress(tarred({"a.csv": b""})),
    "bzip2": bz2.compress(b""),
    "xz": lzma.compress(b""),
    "lzma": lzma.compress(b"", lzma.FORMAT_ALONE),
    "lz4": bytes.fromhex("04224d1860408200000000"),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_empty_content(read, kind):
    assert read(EMPTY[kind]) == b""


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "lz4"])
def test_several_streams_are_one_content(kind):
    whole, empty = KINDS[kind], {"gzip": gzip.compress(b""), **EMPTY}[kind]
    assert chunks_of(whole + empty + whole) == DATA * 2
    for kept in range(1, len(whole)):
        with pytest.raises(Unfinished):
            chunks_of(whole + whole[:kept])


def test_a_second_stream_of_lzma_alone_is_no_part_of_the_first():
    with pytest.raises(Rejected, match="bytes follow the end of the lzma"):
        chunks_of(KINDS["lzma"] * 2)


def encrypted(archive: bytes) -> bytes:
    """Set the flag in both headers."""
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = archive.index(mark) + at
        archive = archive[:place] + bytes([archive[place] | 1]) + archive[place + 1 :]
    return archive


def of_method(archive: bytes, method: int) -> bytes:
    for mark, at in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        place = archive.index(mark) + at
        archive = archive[:place] + bytes([method]) + archive[place + 1 :]
    return archive


def without_its_entry(archive: bytes) -> bytes:
    """A member that was deleted: the directory does not list it any more."""
    end = archive.index(b"PK\5\6")
    second = archive.index(b"PK\1\2", archive.index(b"PK\1\2") + 1)
    size, begin = struct.unpack_from("<II", archive, end + 12)
    return archive[:second] + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, size - (end - second), begin, 0)


def with_a_link(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("a.csv")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    return made.getvalue()


def with_holes(form: int, kind: bytes, **headers: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        entry = tarfile.TarInfo("a.csv")
        entry.type, entry.size, entry.pax_headers = kind, len(DATA), headers
        archive.addfile(entry, io.BytesIO(DATA))
    return made.getvalue()


FIVE = {f"{name}.csv": DATA for name in "abcde"}
REFUSED = {
    "encrypted": (encrypted(zipped(ONE)), r"is a zip archive that is encrypted: 'a\.csv' needs a password"),
    **{
        f"packed with {name}": (of_method(zipped(ONE), method), f"is packed with {name}: 'a.csv' is not")
        for method, name in (
            (9, "deflate64"),
            (12, "bzip2"),
            (14, "LZMA"),
            (93, "zstd"),
            (99, "AES encryption"),
            (77, "method 77"),
        )
    },
    "five files": (zipped(FIVE), r"holds 5 data files, and one is expected: 'a\.csv', 'b\.csv', 'c\.csv', …"),
    "five files with descriptors": (zipped(FIVE, streamed=True), "holds 5 data files"),
    "five stored files": (zipped(FIVE, method=zipfile.ZIP_STORED, streamed=True), "holds 5 data files"),
    "five files of tar": (tarred(FIVE), r"is a tar archive that holds 5 data files, and one is expected: 'a\.csv'"),
    "five files of tar.gz": (gzip.compress(tarred(FIVE)), "holds 5 data files"),
    "no data": (zipped({"x/": b"", "__MACOSX/._a": b"1"}), r"(?m)holds no data file: 'x/', '__MACOSX/\._a'$"),
    "no data in tar": (tarred({"x/": b""}), "(?m)holds no data file: 'x/'$"),
    "holes of GNU tar": (with_holes(tarfile.GNU_FORMAT, b"S"), "has a file with holes: 'a.csv'"),
    "holes of pax": (with_holes(tarfile.PAX_FORMAT, b"0", **{"GNU.sparse.major": "1"}), "has a file with holes"),
    "a link alone": (with_a_link(DATA), "holds no data file"),
    "excel": (
        zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}),
        "is an Excel workbook, not a CSV file",
    ),
    "excel in another order": (zipped({"docProps/app.xml": b"<x/>", "xl/a.xml": b""}), "is an Excel workbook"),
    "excel in a zip": (
        zipped({"a.xlsx": zipped({"[Content_Types].xml": b""})}, method=zipfile.ZIP_STORED),
        "is zip with an Excel workbook inside",
    ),
    "gzip in a zip": (zipped({"a.csv.gz": gzip.compress(DATA)}), "is zip with gzip inside"),
    "json in tar.gz": (gzip.compress(tarred({"a.json": b"[{}]"})), r"is tar\.gz with JSON inside"),
    "a deleted member": (without_its_entry(zipped(ONE | {"__MACOSX/b": b"1"})), "does not list 1 of the 2 members"),
    "a prefix": (b"MZ\x90\0" + bytes(60) + zipped(ONE), "is a Windows program, such as an archive that unpacks itself"),
    "split": (b"PK\7\x08" + zipped(ONE), "is one part of a split zip archive"),
    "an empty zip": (zipped({}), "is an empty zip archive"),
    **{
        f"{kind} with {name!r}": (pack({name: DATA}), "has a member whose name leads out of the archive")
        for name in ("../a.csv", "a/../../b.csv", "/etc/a.csv", "..\\a.csv", "C:\\a.csv")
        for kind, pack in (("zip", zipped), ("tar", tarred))
    },
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("read_bytes", [7, 1 << 20])
def test_refused(read, kind, read_bytes):
    archive, said = REFUSED[kind]
    with patch("pointline.io.content.decode.READ_BYTES", read_bytes), pytest.raises(Rejected, match=said) as caught:
        read(archive)
    assert caught.value.hint
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_long_names_are_shown_short(read):
    with pytest.raises(Rejected) as caught:
        read(zipped({f"{number}\n" * 9_000 + ".csv": DATA for number in range(4)}))
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


BESIDE = {"DAT_EURUSD.txt": b"gaps", "DAT_EURUSD.csv": DATA, "notes.csv": b"x", "__MACOSX/DAT_EURUSD.csv": b"x"}


class TestPattern:
    """Who says what the data is called gets that, whatever lies beside it."""

    @pytest.mark.parametrize("pack", [zipped, tarred])
    def test_the_one_that_matches(self, pack):
        assert chunks_of(pack(BESIDE), member=r"^DAT_.*\.csv$|EURUSD\.csv") == DATA

    @pytest.mark.parametrize("pack", [zipped, tarred])
    def test_none_and_several(self, pack):
        with pytest.raises(Rejected, match=r"holds no data file with a name like '\.parquet\$': 'DAT_EURUSD\.txt'"):
            chunks_of(pack(BESIDE), member=r".parquet$")
        with pytest.raises(Rejected, match=r"holds 2 data files with a name like"):
            chunks_of(pack(BESIDE), member=r"\.csv$")

    def test_what_is_not_read_may_be_packed_in_any_way(self):
        archive = of_method(zipped({"x.txt": b"1", "a.csv": DATA}), 12)
        assert chunks_of(archive, member=r"\.csv$") == DATA


class TestDirectory:
    """The directory at the end of a zip says what was streamed before it, or the archive is refused."""

    @pytest.mark.parametrize("at", [16, 20, 24, 42, 46])
    def test_another_member(self, read, at):
        archive = zipped(ONE)
        place = archive.index(b"PK\1\2") + at
        with pytest.raises(Rejected, match="contradicts itself: its directory lists"):
            read(archive[:place] + bytes([archive[place] ^ 1]) + archive[place + 1 :])

    @pytest.mark.parametrize("at", [8, 10, 12, 16])
    def test_another_end(self, read, at):
        archive = zipped(ONE)
        place = archive.index(b"PK\5\6") + at
        with pytest.raises(Rejected):
            read(archive[:place] + bytes([archive[place] ^ 1]) + archive[place + 1 :])

    def test_overlapping_members(self, read):
        """One member that the directory lists five times, as bombs do that fool who looks members up."""
        archive = zipped(ONE)
        begin, end = archive.index(b"PK\1\2"), archive.index(b"PK\5\6")
        entries = archive[begin:end] * 5
        tail = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 5, 5, len(entries), begin, 0)
        with pytest.raises(Rejected, match="lists a member at byte 0, where none begins"):
            read(archive[:begin] + entries + tail)

    def test_wide_end(self, read):
        """Counts, sizes and places of eight bytes, as in archives of more than 4 GB."""
        archive = zipped(ONE)
        begin, end = archive.index(b"PK\1\2"), archive.index(b"PK\5\6")
        none = 0xFFFF_FFFF
        entry = archive[begin:end]
        extra = struct.pack("<HHQQQ", 1, 24, len(DATA), struct.unpack_from("<I", entry, 20)[0], 0)
        entry = entry[:20] + struct.pack("<II", none, none) + entry[28:30] + struct.pack("<H", 28) + entry[32:42]
        entry += struct.pack("<I", none) + b"a.csv" + extra
        wide = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, len(entry), begin)
        place = b"PK\6\7" + struct.pack("<IQI", 0, begin + len(entry), 1)
        tail = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, none, none, 0)
        assert zipfile.ZipFile(io.BytesIO(archive[:begin] + entry + wide + place + tail)).read("a.csv") == DATA
        assert read(archive[:begin] + entry + wide + place + tail) == DATA
        for at in range(24, 56, 8):
            other = wide[:at] + bytes([wide[at] ^ 1]) + wide[at + 1 :]
            with pytest.raises(PointlineError):
                read(archive[:begin] + entry + other + place + tail)
        with pytest.raises(Rejected, match="does not have its end at byte"):
            read(archive[:begin] + entry + wide + place[:8] + b"\1" + place[9:] + tail)


ZEROS = 2 * FREE_BYTES


def bomb(kind: str) -> bytes:
    zeros = bytes(ZEROS)
    return {
        "zip": lambda: zipped({"a.csv": zeros}),
        "zip with a descriptor": lambda: zipped({"a.csv": zeros}, streamed=True),
        "zip that is skipped": lambda: zipped({"__MACOSX/x": zeros, "a.csv": DATA}, streamed=True),
        "tar.gz": lambda: gzip.compress(tarred({"a.csv": zeros})),
        "tar.gz that is skipped": lambda: gzip.compress(tarred({"._a.csv": zeros, "a.csv": DATA})),
        "bzip2": lambda: bz2.compress(zeros),
        "xz": lambda: lzma.compress(zeros, preset=0),
        "lzma": lambda: lzma.compress(zeros, lzma.FORMAT_ALONE, preset=0),
        "lz4": lambda: pa.compress(zeros, codec="lz4", asbytes=True),
    }[kind]()


KINDS_OF_BOMB = ("zip", "zip with a descriptor", "zip that is skipped", "tar.gz", "tar.gz that is skipped", "bzip2")


def sizes(archive: bytes, ratio: float) -> Iterator[int]:
    limits = Limits(max_expansion_ratio=ratio, max_line_bytes=1)
    return map(len, decode(io.BytesIO(archive), "x.csv", limits).chunks)


@pytest.mark.parametrize("kind", [*KINDS_OF_BOMB, "xz", "lzma", "lz4"])
@pytest.mark.share(3)
def test_bombs(kind):
    archive = bomb(kind)
    taken: list[int] = []
    with pytest.raises(Rejected, match="expands more than 20 times"):
        taken.extend(sizes(archive, 20))
    assert sum(taken) <= FREE_BYTES + (8 << 20)


@pytest.mark.parametrize("kind", KINDS_OF_BOMB)
@pytest.mark.share(2)
def test_memory_does_not_grow_with_the_content(kind):
    archive = bomb(kind)
    tracemalloc.start()
    try:
        size = sum(sizes(archive, 1e9))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size in {ZEROS, len(DATA)}
    assert peak < 24 << 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_is_found_again(bench, kind):
    """What `pointline trace` prints comes from the archive."""
    with bench.reader().open(bench.put(KINDS[kind], name="x.csv")) as content:
        row = find_row(FEED, content, "x.csv", 3)
    assert (row.text, row.line) == (DATA.splitlines()[3].decode(), 4)
