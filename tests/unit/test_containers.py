"""What lies under a name of CSV and is none is named, with its first characters and advice."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import polars as pl
import pyarrow as pa
import pytest

from pointline.errors import ChangedWhileRead, Rejected
from pointline.io.content.file_reader import FileReader
from pointline.io.content.line_blocks import BLOCK_BYTES
from pointline.services.files.claims import Claims
from tests.support.loading import LIMITS, Bench, blocks_of
from tests.support.plain_folder import PlainFolder

TEXT = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + b"binance,S,1,1,1,buy,1,1\n" * 40


def zipped(data: bytes = TEXT, name: str = "a.csv") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, data)
    return made.getvalue()


def tarred() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("a.csv")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT))
    return made.getvalue()


def parquet() -> bytes:
    made = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(made)
    return made.getvalue()


def zstandard(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


UNPACK = "unpack it and put the .csv or .csv.gz in its place"
AGAIN = "download the file again"
OTHERS = {
    "excel": (zipped(name="[Content_Types].xml"), "is an Excel workbook", "as CSV"),
    "zip in gzip": (gzip.compress(zipped()), "is gzip with a zip archive inside", UNPACK),
    "tar in zip": (zipped(tarred()), "is zip with a tar archive inside", UNPACK),
    "bzip2 in xz": (lzma.compress(bz2.compress(TEXT)), "is xz with bzip2 inside", UNPACK),
    "old lz4": (b"\x02\x21\x4c\x18" + bytes(100), "is lz4 in its old form", UNPACK),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(100), "is a 7z archive", UNPACK),
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(100), "is a rar archive", UNPACK),
    "gzip in gzip": (gzip.compress(gzip.compress(TEXT)), "is gzip with gzip inside", UNPACK),
    "zstd in gzip": (gzip.compress(zstandard(TEXT)), "is gzip with zstd inside", UNPACK),
    "zip in zstd": (zstandard(zipped()), "is zstd with a zip archive inside", UNPACK),
    "parquet": (parquet(), "is Parquet, not a CSV", "ends in .parquet"),
    "parquet in gzip": (gzip.compress(parquet()), "is gzip with Parquet inside", "ends in .parquet"),
    "html": (b"<!DOCTYPE html>\n<h1>404", r"is a web page \(HTML\), not a CSV: it begins with '<!DOCTYPE ht'", AGAIN),
    "html with a mark": (b"\xef\xbb\xbf \n<HTML><body>", "is a web page", AGAIN),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is XML", AGAIN),
    "json": (b'{"error": "not found"}', "is JSON", AGAIN),
    "json in gzip": (gzip.compress(b'[{"error": "not found"}]\n'), "is gzip with JSON inside", AGAIN),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer", "git lfs pull"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "is UTF-16 text", "UTF-8"),
    "utf-32": ("a,b\n1,2\n".encode("utf-32"), "is UTF-32 text", "UTF-8"),
    "utf-16 in gzip": (gzip.compress("a,b\n1,2\n".encode("utf-16-le")), "is gzip with UTF-16 text inside", "UTF-8"),
    "arrow": (b"ARROW1\0\0" + bytes(100), "is an Arrow file", "as CSV or Parquet"),
    "zeros": (bytes(5000), "is damaged: at least 5000 NUL bytes at offset 0", AGAIN.split(maxsplit=1)[0]),
    "noise": (bytes(range(128, 255)) * 9, r"does not begin with a CSV header but with '\\x80\\x81", "look at the file"),
}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, {}, Claims())


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("read_bytes", [8, 1 << 20])
def test_named(bench, kind, read_bytes, monkeypatch):
    data, said, hint = OTHERS[kind]
    monkeypatch.setattr("pointline.io.content.decode.READ_BYTES", read_bytes)
    outcome, silver, _ = bench.load_one(bench.put(data, name="x.csv.gz"))
    assert outcome.status == "quarantined"
    error = Rejected(outcome.error.replace("x.csv.gz", "It", 1))
    with pytest.raises(Rejected, match=said):
        raise error
    assert hint in outcome.error
    assert len(outcome.error) < 300
    assert outcome.error.isprintable()
    assert silver.is_empty()


@pytest.mark.parametrize("data", [TEXT, gzip.compress(TEXT), zipped()], ids=["text", "gzip", "zip"])
def test_what_is_no_parquet(bench, data):
    outcome, _, _ = bench.load_one(bench.put(data, name="x.parquet"))
    assert "is not a Parquet file: it begins with '" in outcome.error


HEADS = {
    "semicolons": (TEXT.replace(b",", b";"), "its cells are separated by ';'"),
    "tabs": (TEXT.replace(b",", b"\t"), "its cells are separated by TAB"),
    "bars": (TEXT.replace(b",", b"|"), "its cells are separated by '|'"),
    "quoted and semicolons": (TEXT.replace(b",", b'";"').replace(b"\n", b'"\n"')[:-1], "separated by ';'"),
    "sep": (b"sep=,\n" + TEXT, "its first line is 'sep=,'"),
    "sep with semicolons": (b"sep=;\n" + TEXT.replace(b",", b";"), "its first line is 'sep=;'"),
    "capitals": (TEXT.replace(b"exchange,symbol", b"EXCHANGE,SYMBOL"), "its column names are in another case"),
    "blanks": (TEXT.replace(b",symbol,timestamp", b", symbol, timestamp"), "its column names have blanks around them"),
    "old Mac": (TEXT.replace(b"\n", b"\r"), "its lines end with CR alone"),
    "large old Mac": (TEXT.replace(b"\n", b"\r") * 2_000, "its lines end with CR alone"),
    "no header": (TEXT.partition(b"\n")[2], "does not begin with the header of trades but with 'binance,S,1,1,"),
    "other table": (b"exchange,symbol,bid\n1,2,3\n", "the header lacks timestamp, local_timestamp, id, side, price"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_headers(bench, kind):
    data, said = HEADS[kind]
    outcome, _, _ = bench.load_one(bench.put(data))
    assert outcome.status == "quarantined"
    assert said in outcome.error
    assert len(outcome.error) < 300


class TestOnePass:
    """A file is read once, and a file that is written to meanwhile is noticed."""

    def test_plain_bytes_are_read_once(self, bench):
        meta = bench.put(b"a,b\n" + b"1,2\n" * BLOCK_BYTES)
        taken = 0

        class Counting(io.FileIO):
            def read(self, size=-1):
                nonlocal taken
                data = super().read(size)
                taken += len(data)
                return data

        class Folder(PlainFolder):
            def open(self, path):
                return Counting(self.root / path)

        reader = FileReader(Folder(bench.folder), LIMITS)
        with reader.open(meta) as content:
            content.header()
            for _ in content.blocks():
                pass
            assert content.content_hash == bench.reader().content_hash(meta.bronze_file_path)
        assert taken == meta.file_size_bytes

    @pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet"])
    @pytest.mark.parametrize("when", ["before", "after the header", "in the middle"])
    def test_rewritten_with_its_time_put_back(self, bench, name, when):
        data = {"x.csv": TEXT, "x.csv.gz": gzip.compress(TEXT), "x.parquet": parquet()}[name]
        meta = bench.put(data, name=name)
        path = bench.folder / name

        def rewrite() -> None:
            status = path.stat()
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            path.write_bytes(data)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        if when == "before":
            rewrite()
            with pytest.raises(ChangedWhileRead):
                bench.reader().open(meta)
            return
        with blocks_of(100), bench.reader().open(meta) as content:
            content.header()
            blocks = content.blocks()
            if when == "in the middle":
                next(blocks)
            rewrite()
            with pytest.raises(ChangedWhileRead):
                list(blocks)

    def test_a_version_of_which_less_was_seen(self, bench):
        meta = bench.put(TEXT)
        for change in ({"changed_us": 0}, {"inode": 0}, {"changed_us": 0, "inode": 0}):
            partly = type(meta)(**{**{name: getattr(meta, name) for name in meta.__slots__}, **change})
            with bench.reader().open(partly):
                pass

    def test_another_inode(self, bench):
        meta = bench.put(TEXT)
        path = bench.folder / meta.bronze_file_path
        status = path.stat()
        other = path.with_suffix(".new")
        other.write_bytes(TEXT)
        other.replace(path)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(ChangedWhileRead):
            bench.reader().open(meta)
