"""Databento's own encoding: the same rows as the raw CSV of the same records, and what breaks a file."""

from __future__ import annotations

import datetime as dt
import io
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointline.errors import Rejected, Unfinished
from pointline.io.decoders import dbn
from tests.support.daemon_thread import Daemon
from tests.support.databento_files import FEEDS, RAW, form
from tests.support.dbn_files import DbnForm, dbn_form
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run
from tests.support.vendor_files import HOUR_US, SAMPLES, Taken, check_round_trip, feed_of, shipped, take
from tests.support.vendor_matrix import feeds_of
from tests.support.vendor_reader import read_cells

DBN = SAMPLES / "databento" / "dbn" / "GLBX.MDP3"
MADE = SAMPLES / "made-here" / "dbn-to-csv"
NEEDS_SAMPLES = pytest.mark.skipif(not DBN.is_dir(), reason="no samples of vendors beside the repository")
try:
    import databento_dbn  # noqa: F401
except ImportError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True
NEEDS_DECODER = pytest.mark.skipif(not IS_INSTALLED, reason="the extra databento is not installed")
FORMS = [dbn_form(schema) for schema in FEEDS]
BY_SCHEMA = pytest.mark.parametrize("made", FORMS, ids=lambda made: made.schema)


def packed(data: bytes) -> bytes:
    content = pa.BufferOutputStream()
    with pa.CompressedOutputStream(content, "zstd") as stream:
        stream.write(data)
    return content.getvalue().to_pybytes()


def plain(made: DbnForm, count: int = 48) -> list[list[str]]:
    return made.written(made.plain_rows(count))


def take_one(made: DbnForm, data: bytes) -> Taken:
    return take((made.path_of(made.day), data))


def size_of(made: DbnForm) -> int:
    return dbn.KINDS[made.schema].size


def test_every_feed_has_a_form():
    assert {made.feed for made in FORMS} == feeds_of("databento", decoded=True)


@NEEDS_DECODER
class TestSameAsCsv:
    @NEEDS_SAMPLES
    @pytest.mark.parametrize("sample", sorted(DBN.glob("*.zst")), ids=lambda sample: sample.name.split(".")[1])
    def test_samples(self, sample):
        schema = sample.name.split(".")[1]
        path = f"GLBX-20251008-D86947YJLS/glbx-mdp3-20201228.{schema}.dbn.zst"
        if schema in ("definition", "statistics", "status"):
            assert feed_of(path) == ""
            assert "no table holds" in shipped().why_unread(path)[0]
            return
        csv = (MADE / f"test_data.{schema}.GLBX.MDP3.raw.csv").read_bytes()
        taken = take((path, sample.read_bytes()))
        assert taken.is_success, taken.said
        assert taken.rows() == take((path.replace(".dbn.zst", ".csv"), csv)).rows()
        assert len(taken.rows()) == len(list(read_cells(csv)))

    @BY_SCHEMA
    @pytest.mark.examples(3)
    @settings(deadline=None, max_examples=8)
    @given(data=st.data())
    def test_made_files_come_back_and_equal_their_csv(self, made, data):
        rows = data.draw(made.any_rows())
        check_round_trip(made, rows)
        text = form(made.schema, RAW)
        ours, theirs = (
            take((one.path_of(one.day), one.file(one.written(rows)))).silver.drop("file_id") for one in (made, text)
        )
        assert ours.equals(theirs)

    @pytest.mark.parametrize("version", [1, 2, 3])
    @pytest.mark.parametrize("is_packed", [False, True])
    def test_every_version_of_the_encoding(self, version, is_packed):
        made = DbnForm(**{**vars_of(dbn_form("mbo")), "version": version})
        data = made.file(plain(made))
        path = made.path_of(made.day) + ".zst" * is_packed
        taken = take((path, packed(data) if is_packed else data))
        assert taken.is_success, taken.said
        assert taken.rows() == take_one(dbn_form("mbo"), dbn_form("mbo").file(plain(made))).rows()

    @settings(deadline=None, max_examples=30)
    @given(data=st.data())
    def test_wherever_chunks_and_blocks_end(self, data):
        made = dbn_form("trades")
        whole = made.file(plain(made))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
        chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        small = data.draw(st.integers(48, 400))
        with patch.object(dbn, "PIECE_BYTES", small), patch.object(dbn, "BLOCK_BYTES", small):
            records = dbn.decode_dbn(iter(chunks), "x.dbn")
            blocks = list(records.blocks)
        assert records.names == made.columns
        assert b"".join(blocks).decode().splitlines() == [",".join(line) for line in renumbered(made)]
        assert len(blocks) > 1


def vars_of(made: DbnForm) -> dict[str, object]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def renumbered(made: DbnForm, count: int = 48) -> list[list[str]]:
    """The cells as the made file has them: its one instrument is the first."""
    at = made.columns.index("instrument_id")
    return [[*line[:at], "1", *line[at + 1 :]] for line in plain(made, count)]


# ---- what breaks a file


def changed(data: bytes, made: DbnForm, number: int, at: int, value: bytes) -> bytes:
    """The file with other bytes in one of its 48 records."""
    place = len(data) - (48 - number) * size_of(made) + at
    return data[:place] + value + data[place + len(value) :]


def of_other_schema(made: DbnForm) -> tuple[str, bytes]:
    other = next(one for one in FORMS if one.schema != made.schema)
    return made.path_of(made.day), other.file(plain(other))


def a_day_off(made: DbnForm) -> tuple[str, bytes]:
    return made.path_of(made.day + dt.timedelta(days=1)), made.file(plain(made))


def a_zone_off(made: DbnForm) -> tuple[str, bytes]:
    return made.path_of(made.day), made.file(made.written(made.plain_rows(shift_us=9 * HOUR_US)))


def broken(change: Callable[[DbnForm, bytes], bytes]) -> Callable[[DbnForm], tuple[str, bytes]]:
    return lambda made: (made.path_of(made.day), change(made, made.file(plain(made))))


def relabelled(**said: object) -> Callable[[DbnForm], tuple[str, bytes]]:
    return lambda made: (made.path_of(made.day), made.packed(plain(made), **said))


MUTATIONS: dict[str, tuple[Callable[[DbnForm], tuple[str, bytes]], str]] = {
    "a day off": (a_day_off, "outside_day"),
    "a zone off": (a_zone_off, "outside_day"),
    "another schema": (of_other_schema, r"the schema in the file is '[a-z0-9-]+', the path says '[a-z0-9-]+'"),
    "another dataset": (
        relabelled(dataset="XNAS.ITCH"),
        "the dataset in the file is 'xnas-itch', the path says 'glbx-mdp3'; give it the name",
    ),
    "garbage before it": (broken(lambda _, data: b"\x07garbage" + data), r"is no DBN: it begins with '\\x07garbage'"),
    "text": (broken(lambda made, _: b",".join([b"a", b"b"]) * 20), "is no DBN: it begins with 'a,ba,ba,'"),
    "a newer version": (broken(lambda _, data: b"DBN\x09" + data[4:]), "can't decode newer version of DBN"),
    "garbage metadata": (broken(lambda _, data: data[:40] + b"\xff" * 80 + data[120:]), "does not decode: "),
    "endless metadata": (broken(lambda _, data: data[:4] + b"\xff" * 4 + data[8:]), "said to be 4294967295 bytes"),
    "several schemas": (relabelled(several=True), "holds records of several schemas"),
    "no symbols": (relabelled(is_mapped=False), "names no symbols"),
    "an unknown type": (
        broken(lambda made, data: changed(data, made, 5, 1, b"\x4d")),
        r"its record 6 is of type 77 and has \d+ bytes; records of \S+ are of type \d+ and have \d+",
    ),
    "another length": (broken(lambda made, data: changed(data, made, 7, 0, b"\x05")), "its record 8 is .* 20 bytes"),
    "no length": (broken(lambda made, data: changed(data, made, 0, 0, b"\0")), "its record 1 is .* 0 bytes"),
    "garbage behind it": (broken(lambda made, data: data + b"\xaa" * size_of(made)), "its record 49 is of type 170"),
    "an unknown instrument": (
        broken(lambda made, data: changed(data, made, 5, 4, struct.pack("<I", 99))),
        r"missing (\(symbol\)|symbol)",
    ),
}


@NEEDS_DECODER
@BY_SCHEMA
@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.share(2)
def test_broken_files(made, mutation):
    """Refused, or the row at fault is quarantined, with words; never success with other values."""
    make, says = MUTATIONS[mutation]
    path, data = make(made)
    taken = take((path, data))
    assert re.search(says, taken.said), taken.said
    whole = take_one(made, made.file(plain(made))).rows()
    assert len(taken.rows()) < len(whole)
    assert all(row in whole for row in taken.rows())


CUTS = {
    "in its last record": (-10, r"ends in the middle of record 48: \d+ of \d+ bytes"),
    "in its metadata": (60, r"DBN ends in its metadata, after 60 of \d+ bytes"),
    "in its first bytes": (5, "DBN ends in its metadata, after 5 of 8 bytes"),
}


@NEEDS_DECODER
@pytest.mark.parametrize("schema", ["trades", "mbp-10"])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_that_ends_early_is_waited_for(schema, cut, is_packed):
    made = dbn_form(schema)
    end, says = CUTS[cut]
    data = made.file(plain(made))[:end]
    with pytest.raises(Unfinished, match=says):
        take_one(made, packed(data) if is_packed else data)


@NEEDS_DECODER
def test_a_stream_that_is_cut_is_waited_for():
    made = dbn_form("trades")
    with pytest.raises(Unfinished, match="zstd does not decode"):
        take_one(made, packed(made.file(plain(made)))[:-20])


@NEEDS_DECODER
@pytest.mark.parametrize(("schema", "at", "says"), [("trades", 29, "side"), ("mbo", 38, "action"), ("mbo", 39, "side")])
def test_an_unknown_letter_breaks_its_row(schema, at, says):
    made = dbn_form(schema)
    taken = take_one(made, changed(made.file(plain(made)), made, 5, at, b"?"))
    assert taken.aside.select("rule", "column", "file_seq").rows() == [("unknown_value", says, 6)]
    assert len(taken.rows()) == 47


@NEEDS_DECODER
def test_a_price_that_is_undefined_is_none():
    made = dbn_form("trades")
    undefined = struct.pack("<q", 2**63 - 1)
    taken = take_one(made, changed(made.file(plain(made)), made, 5, 16, undefined))
    assert taken.aside.select("rule", "column", "file_seq").rows() == [("missing", "price", 6)]
    quotes = dbn_form("mbp-1")
    taken = take_one(quotes, changed(quotes.file(plain(quotes)), quotes, 5, 48, undefined))
    assert [number for number, row in enumerate(taken.rows()) if "bid_price" not in row] == [5]


@NEEDS_DECODER
def test_the_raw_row_is_the_csv_of_the_record():
    made = dbn_form("mbo")
    taken = take_one(made, changed(made.file(plain(made)), made, 5, 39, b"?"))
    line = renumbered(made)[5]
    line[made.columns.index("side")] = "?"
    assert taken.aside["raw"].to_list() == [",".join(line)]


@NEEDS_DECODER
def test_no_content_panics():
    """The vendor's decoder ends threads at records that are too short: none of these reach it."""
    made = dbn_form("trades")
    data = made.file(plain(made, 4))
    start = len(data) - 4 * size_of(made)
    for place in range(start, len(data)):
        for value in (0, 1, 127, 255):
            hurt = data[:place] + bytes([value]) + data[place + 1 :]
            try:
                blocks = b"".join(dbn.decode_dbn(iter([hurt]), "x.dbn").blocks)
            except Rejected:
                continue
            assert blocks.count(b"\n") == 4


@NEEDS_DECODER
def test_in_a_lake_it_is_a_file_like_others(tmp_path):
    """Beside the CSV of the same rows it overlaps; it takes the place of that, is replaced, traced and read again."""
    daemon = Daemon(tmp_path / "lake")
    made, text = dbn_form("trades"), form("trades", RAW)
    csv, packed_file = (daemon.bronze / Path(one.path_of(one.day)).name for one in (text, made))
    csv.write_bytes(text.file(text.written(text.plain_rows())))
    daemon.once()
    packed_file.write_bytes(made.file(plain(made)))
    daemon.once()
    error = read_manifest(daemon.root).filter(status="quarantined")["error"].to_list()[0]
    assert f"overlap those of file 1 ({csv.name})" in error
    csv.unlink()
    daemon.once()
    assert dict(read_manifest(daemon.root).select("file_id", "status").iter_rows()) == {1: "superseded", 2: "success"}
    packed_file.write_bytes(made.file(plain(made, 50)))
    daemon.once()
    rows = read_table(daemon.root, "trades")
    assert rows.height == 50
    file_id = str(rows["file_id"][0])
    traced = run(daemon.root, "trace", "trades", file_id, "50").stdout
    assert "record 50 of the file, decoded by dbn and written as CSV" in traced
    assert ",".join(renumbered(made, 50)[49]) in traced
    assert run(daemon.root, "verify", "--deep").returncode == 0
    with packed_file.open("r+b") as file:  # the row that the file has at its end is another one now
        file.seek(-4, 2)
        file.write(b"\x01\x02\x03\x04")
    assert run(daemon.root, "verify", "--deep").returncode == 1


class TestWithoutTheDecoder:
    def test_it_is_refused_with_what_to_install_and_taken_when_that_is_there(self):
        made = dbn_form("trades")
        data = made.file(plain(made))
        with patch.dict(sys.modules, {"databento_dbn": None}):
            said = take_one(made, data).said
        assert "which only the vendor's own decoder reads, and that is not installed" in said
        assert (
            f"`{sys.executable} -m pip install --upgrade databento-dbn`, then `pointline retry --rule databento-dbn`"
            in said
        )
        if IS_INSTALLED:
            assert take_one(made, data).is_success

    @NEEDS_DECODER
    def test_one_that_is_too_old_is_named(self):
        made = dbn_form("trades")
        with patch.object(dbn.metadata, "version", lambda _: "0.29.1"):
            assert "and that is too old: 0.29.1; `" in take_one(made, made.file(plain(made))).said

    def test_what_is_no_dbn_needs_no_decoder_to_be_told(self):
        made = dbn_form("trades")
        with patch.dict(sys.modules, {"databento_dbn": None}):
            assert "is no DBN" in take_one(made, io.BytesIO(b"x" * 99).getvalue()).said


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("a/glbx-mdp3-20240101.trades.dbn.zst", "databento/trades-dbn"),
        ("a/glbx-mdp3-20240101.trades.ESH4.dbn", "databento/trades-dbn"),
        ("a/xnas-itch-20240101-20240131.ohlcv-1d.dbn.zst", "databento/ohlcv-dbn"),
        ("a/glbx-mdp3-20240101.bbo-1m.dbn", "databento/bbo-dbn"),
        ("a/glbx-mdp3-20240101.statistics.dbn.zst", ""),
        ("a/mine.dbn", ""),
    ],
)
def test_names(path, feed):
    assert feed_of(path) == feed


def test_what_is_said_of_other_names():
    assert "give it the name that the vendor gives" in shipped().why_unread("a/mine.dbn")[1]
    assert "no table holds" in shipped().why_unread("a/glbx-mdp3-20240101.definition.dbn.zst")[0]
