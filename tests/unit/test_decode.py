"""Compressed streams are checked to their end: nothing that is cut, mangled or a bomb passes for data."""

from __future__ import annotations

import errno
import gzip
import io
import random
import time
from unittest.mock import patch

import pyarrow as pa
import pytest

from pointline.errors import Rejected, Unfinished
from pointline.io.content.decode import FREE_BYTES, READ_BYTES, Limits, decoded

LIMITS = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)
DATA = b"".join(b"%d,%d\n" % (number, random.Random(number).getrandbits(60)) for number in range(3_000))
GZIP = gzip.compress(DATA, mtime=0)
ZSTD = pa.compress(DATA, codec="zstd", asbytes=True)


def decode(content: bytes) -> bytes:
    return b"".join(decoded(io.BytesIO(content), "a.csv", LIMITS))


class TestWhole:
    """A whole stream comes out as it went in, whatever its name says."""

    @pytest.mark.parametrize("content", [DATA, GZIP, ZSTD], ids=["plain", "gzip", "zstd"])
    def test_content(self, content):
        assert decode(content) == DATA

    def test_several_members(self):
        third = len(DATA) // 3
        parts = [DATA[:third], b"", DATA[third:]]
        assert decode(b"".join(gzip.compress(part) for part in parts)) == DATA

    def test_several_members_each_longer_than_a_read(self):
        assert decode(GZIP * 7) == DATA * 7

    @pytest.mark.parametrize("zeros", [1, 2, 511, READ_BYTES, 3 * READ_BYTES])
    def test_zeros_after_gzip_are_padding(self, zeros):
        assert decode(GZIP + bytes(zeros)) == DATA

    def test_empty_members_cost_no_more_than_their_bytes(self):
        empty = gzip.compress(b"", mtime=0)
        began = time.process_time()
        assert decode(GZIP + empty * 400_000 + GZIP) == DATA * 2
        assert time.process_time() - began < 10  # half a second; copying what follows each of them took minutes

    def test_small_members_between_large_ones(self):
        sizes = [1, 60_000, 2, 3, 500, 40_000, 7]
        parts = [DATA[:size] for size in sizes]
        for read_bytes in (4, 64, READ_BYTES):
            with patch("pointline.io.content.decode.READ_BYTES", read_bytes):
                assert decode(b"".join(gzip.compress(part) for part in parts)) == b"".join(parts)

    @pytest.mark.parametrize("magic", [0x50, 0x5E])
    @pytest.mark.parametrize("size", [0, 4, 3 * READ_BYTES])
    def test_a_skippable_frame_before_zstd(self, magic, size):
        frame = bytes([magic]) + b"\x2a\x4d\x18" + size.to_bytes(4, "little") + bytes(size)
        assert decode(frame + ZSTD) == DATA
        assert decode(frame + ZSTD + frame + ZSTD) == DATA * 2

    def test_an_empty_gzip(self):
        assert decode(gzip.compress(b"")) == b""


class TestCut:
    """A stream that ends early is unfinished, wherever it was cut."""

    @pytest.mark.parametrize(
        "kept", [0, 1, 2, 3, 9, 10, 11, 500, len(GZIP) - 9, len(GZIP) - 8, len(GZIP) - 4, len(GZIP) - 1]
    )
    def test_gzip(self, kept):
        with pytest.raises(Unfinished):
            decode(GZIP[:kept])

    def test_gzip_at_every_tenth_byte(self):
        for kept in range(2, len(GZIP), max(1, len(GZIP) // 400)):
            with pytest.raises(Unfinished):
                decode(GZIP[:kept])

    def test_the_second_member(self):
        for kept in (2, 9, 12, 1_000, len(GZIP) - 1):
            with pytest.raises(Unfinished):
                decode(GZIP + GZIP[:kept])

    def test_zstd(self):
        for kept in (4, 5, 10, 1_000, len(ZSTD) // 2, len(ZSTD) - 5, len(ZSTD) - 1):
            with pytest.raises(Unfinished):
                decode(ZSTD[:kept])


class TestMangled:
    """What fails its checksum, or goes on behind its end, is not data."""

    def test_checksum(self):
        with pytest.raises(Unfinished):
            decode(GZIP[:-8] + bytes([GZIP[-8] ^ 1]) + GZIP[-7:])

    def test_length(self):
        with pytest.raises(Unfinished):
            decode(GZIP[:-1] + bytes([GZIP[-1] ^ 1]))

    def test_any_byte_of_the_stream(self):
        for at in range(10, len(GZIP), max(1, len(GZIP) // 200)):
            with pytest.raises((Unfinished, Rejected)):
                decode(GZIP[:at] + bytes([GZIP[at] ^ 0x55]) + GZIP[at + 1 :])

    @pytest.mark.parametrize(
        "tail", [b"x", b"tail\n", b"\0x", b"\0" * 1000 + GZIP, b"\0" * 2_000_000 + b"\1", b"\x1f\x8c"]
    )
    def test_bytes_behind_the_end(self, tail):
        with pytest.raises(Rejected):
            decode(GZIP + tail)

    @pytest.mark.parametrize("tail", [b"tail\n", b"\0" * 100])
    def test_bytes_behind_the_end_of_zstd(self, tail):
        with pytest.raises((Rejected, Unfinished)):
            decode(ZSTD + tail)


class TestRefused:
    """What can be read, but not here, is called what it is."""

    def test_a_window_of_zstd_that_is_too_large(self):
        frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0xA0]) + b"\x01\0\0"  # 2 GiB, then an empty last block
        with pytest.raises(Rejected, match="window is too large") as caught:
            decode(frame)
        assert "--long" in caught.value.hint

    def test_the_disks_trouble_is_not_the_files(self):
        class Failing(io.BytesIO):
            def read(self, size=-1):
                if self.tell():
                    raise OSError(errno.EIO, "Input/output error")
                return super().read(20)

        for content in (DATA, GZIP, ZSTD):
            with pytest.raises(OSError) as caught:
                b"".join(decoded(Failing(content), "a.csv", LIMITS))
            assert caught.value.errno == errno.EIO


class TestBombs:
    """Expansion is bounded, and noticed while it happens."""

    @pytest.mark.parametrize("pack", [gzip.compress, lambda data: pa.compress(data, codec="zstd", asbytes=True)])
    def test_beyond_the_ratio(self, pack):
        taken: list[int] = []
        with pytest.raises(Rejected):
            taken.extend(len(chunk) for chunk in decoded(io.BytesIO(pack(bytes(FREE_BYTES * 2))), "a.csv", LIMITS))
        assert sum(taken) <= FREE_BYTES + (8 << 20)

    def test_small_files_of_equal_rows_are_none(self):
        data = b"a,b,c\n" * 100_000
        assert decode(gzip.compress(data)) == data
