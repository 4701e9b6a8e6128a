"""Bronze files as header and blocks of whole lines, whatever an editor, a tool or a transfer made of them."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import os

import polars as pl
import pyarrow as pa
import pytest
from pointline_daemon.samples import DATA_TYPES, Sample, csv_bytes, sample_frame

from pointline.errors import ChangedWhileRead, PointlineError, Rejected, Unfinished
from pointline.io.content.decode import Limits
from pointline.io.content.file_reader import FileReader
from pointline.io.content.line_blocks import BLOCK_BYTES
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.parse import text_path
from pointline.parse.feed import own_columns
from pointline.parse.rules import Belonging
from pointline.tables.registry import event_tables
from tests.support.plain_folder import PlainFolder

DAY = dt.date(2024, 5, 1)
LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)
HEADER = ("a", "b")


@pytest.fixture
def reader(tmp_path):
    return FileReader(PlainFolder(tmp_path), LIMITS)


@pytest.fixture
def opened(tmp_path, reader):
    def write_and_open(content: bytes, name: str = "x.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        status = path.stat()
        meta = BronzeFileMetadata(
            exchange="binance",
            data_type="trades",
            symbol="S",
            date=DAY,
            bronze_file_path=name,
            file_size_bytes=status.st_size,
            last_modified_ts=status.st_mtime_ns // 1000,
        )
        return reader.open(meta)

    return write_and_open


def read(content) -> tuple[tuple[str, ...], bytes]:
    with content:
        return content.header(), b"".join(content.blocks())


class TestText:
    """Header and rows of plain text."""

    @pytest.mark.parametrize(
        ("content", "header", "rows"),
        [
            pytest.param(b"a,b\n1,2\n", HEADER, b"1,2\n", id="plain"),
            pytest.param(b"a,b\n1,2", HEADER, b"1,2\n", id="no last newline"),
            pytest.param(b"a,b\r\n1,2\r\n", HEADER, b"1,2\n", id="CRLF"),
            pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", HEADER, b"1,2\n", id="byte order mark"),
            pytest.param(b'"a","b"\n1,2\n', HEADER, b"1,2\n", id="quoted header"),
            pytest.param(b"a,b\n1,2\n\n\r\n\n", HEADER, b"1,2\n", id="blank lines at the end"),
            pytest.param(b"a,b\n", HEADER, b"", id="header alone"),
            pytest.param(b"a,b", HEADER, b"", id="header alone without newline"),
            pytest.param(b"a,b\n\n\n", HEADER, b"", id="header and blank lines"),
            pytest.param(gzip.compress(b""), (), b"", id="empty gzip"),
            pytest.param(b'"a",b\n1,2\n', HEADER, b"1,2\n", id="half quoted header"),
            pytest.param(b'a,"b,c"\n1,2\n', ("a", "b,c"), b"1,2\n", id="a comma in a name"),
            pytest.param("a,größe\n1,2\n".encode(), ("a", "größe"), b"1,2\n", id="a name beyond ASCII"),
            pytest.param(gzip.compress(b"a,b\n1,2\n"), HEADER, b"1,2\n", id="gzip without its ending"),
        ],
    )
    def test_read(self, opened, content, header, rows):
        found = read(opened(content))
        assert found[0] == header
        assert found[1].replace(b"\r\n", b"\n") == rows

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf16_is_named(self, opened, encoding):
        with opened("a,b\n1,2\n".encode(encoding)) as content, pytest.raises(Rejected, match="UTF-16"):
            content.header()

    @pytest.mark.parametrize("noise", [b"\xff" * 50, os.urandom(3_000) + b"\xfe"])
    def test_noise(self, opened, noise):
        with opened(noise) as content, pytest.raises(PointlineError):
            content.header()

    def test_no_bytes_at_all(self, opened):
        with opened(b"") as content, pytest.raises(Unfinished):
            content.header()

    def test_the_hash_is_that_of_the_file(self, opened, reader):
        for data in (b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n") * 3, pa.compress(b"a,b\n", "zstd", asbytes=True)):
            with opened(data) as content:
                content.header()
                list(content.blocks())
                assert content.content_hash == hashlib.sha256(data).hexdigest() == reader.content_hash("x.csv")
            with opened(data) as content:
                content.whole()
                assert content.content_hash == hashlib.sha256(data).hexdigest()

    def test_the_hash_is_not_known_before_the_end(self, opened):
        with opened(b"a,b\n" + b"1,2\n" * BLOCK_BYTES) as content:
            for ahead_of_the_end in (content.header, lambda: next(content.blocks())):
                ahead_of_the_end()
                with pytest.raises(RuntimeError):
                    _ = content.content_hash


class TestBlocks:
    """Blocks hold whole lines and together are the file."""

    @pytest.mark.parametrize("end", [b"\n", b"\r\n"])
    def test_of_a_large_file(self, opened, end):
        lines = [b"%d,%s" % (number, b"x" * 90) for number in range(300_000)]
        with opened(b"a,b" + end + end.join(lines) + end) as content:
            assert content.header() == HEADER
            blocks = list(content.blocks())
        assert len(blocks) > 2
        assert all(block.endswith(b"\n") for block in blocks)
        assert b"".join(blocks).split() == lines

    @pytest.mark.parametrize("blank", [b"\n", b"\n\n\n", b"\r\n\r\n"])
    def test_blank_lines_at_the_end_are_no_rows_wherever_the_file_is_cut_into_blocks(self, opened, blank):
        line = b"1," + b"x" * 61 + b"\n"
        for surplus in range(-3, 4):
            room = BLOCK_BYTES + surplus - len(b"a,b\n") - len(blank)
            lines = [line] * (room // len(line) - 1)
            lines.append(b"1," + b"y" * (room - len(line) * len(lines) - 3) + b"\n")
            found = read(opened(b"a,b\n" + b"".join(lines) + blank))[1]
            assert found == b"".join(lines)

    def test_a_line_beyond_the_limit(self, opened):
        with opened(b"a,b\n1," + b"x" * (BLOCK_BYTES + (2 << 20))) as content, pytest.raises(Rejected, match="line"):
            list(content.blocks())


class TestChanges:
    """A file that changes under the reader is not what was found."""

    def test_between_looking_and_opening(self, opened, tmp_path, reader):
        with opened(b"a,b\n1,2\n") as content:
            meta = content._meta
        (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n3,4\n")
        with pytest.raises(ChangedWhileRead):
            reader.open(meta)

    def test_while_it_is_read(self, opened, tmp_path):
        with opened(b"a,b\n1,2\n") as content:
            content.header()
            with (tmp_path / "x.csv").open("ab") as file:
                file.write(b"3,4\n")
            with pytest.raises(ChangedWhileRead):
                list(content.blocks())


class TestParquet:
    """Parquet with the vendor's columns says the same as the CSV."""

    @pytest.mark.parametrize("table", DATA_TYPES)
    @pytest.mark.parametrize("typed", [True, False])
    def test_equals_csv(self, opened, tmp_path, table, typed):
        frame = sample_frame(Sample(exchange="binance", data_type=table, symbol="S", date=DAY, rows=300))
        if typed:
            times = [name for name in frame.columns if name.endswith("timestamp") or name == "expiration"]
            frame = frame.with_columns(pl.col(times).cast(pl.Datetime("us", "UTC")))
            if "is_snapshot" in frame.columns:
                frame = frame.with_columns(pl.col("is_snapshot") == "true")
        frame.write_parquet(tmp_path / "made.parquet")
        plain = sample_frame(Sample(exchange="binance", data_type=table, symbol="S", date=DAY, rows=300))
        header, rows = read(opened((tmp_path / "made.parquet").read_bytes(), "x.parquet"))
        here = Belonging(exchange="binance", date=DAY)
        good, bad = text_path.parse(own_columns(event_tables()[table]), header, rows, here)
        expected_header, _, expected_rows = csv_bytes(plain).partition(b"\n")
        names = expected_header.decode().split(",")
        assert good.equals(text_path.parse(own_columns(event_tables()[table]), names, expected_rows, here)[0])
        assert bad.is_empty()

    def test_damaged(self, opened, tmp_path):
        frame = sample_frame(Sample(exchange="binance", data_type="trades", symbol="S", date=DAY, rows=3_000))
        frame.write_parquet(tmp_path / "made.parquet")
        whole = (tmp_path / "made.parquet").read_bytes()
        for at in range(4, len(whole), len(whole) // 60):
            damaged = whole[:at] + bytes(byte ^ 0x5A for byte in whole[at : at + 8]) + whole[at + 8 :]
            with opened(damaged, "x.parquet") as content:
                try:
                    content.header()
                    list(content.blocks())
                except PointlineError as error:
                    assert "x.parquet" in (str(error), error.subject) or error.subject == "x.parquet"  # noqa: PT017

    def test_cut(self, opened, tmp_path):
        pl.DataFrame({"a": [1], "b": [2]}).write_parquet(tmp_path / "made.parquet")
        with opened((tmp_path / "made.parquet").read_bytes()[:-10], "x.parquet") as content, pytest.raises(Unfinished):
            content.header()


def test_what_is_being_read_and_how_far_can_be_seen_from_outside(reader, opened):
    text = b"a,b\n" + b"1,2\n" * (BLOCK_BYTES // 2)
    content = opened(text)
    [before] = reader.reading()
    assert (before.path, before.bytes, before.read_bytes) == ("x.csv", len(text), 0)
    with content:
        next(iter(content.blocks()))
        [meanwhile] = reader.reading()
        assert 0 < meanwhile.read_bytes < len(text)
    assert reader.reading() == []


def test_a_file_that_cannot_be_looked_at_is_not_left_open(reader, opened, monkeypatch):
    monkeypatch.setattr("pointline.io.content.file_content.FileContent.check_seen", lambda _content: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        opened(b"a\n1\n")
    assert reader.reading() == []
