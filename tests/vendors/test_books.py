"""Files of lines of JSON in a lake: rows lead back to their lines, and the rules of every other file hold for them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
import zlib
from dataclasses import replace

import pytest

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.loading import blocks_of
from tests.support.process import pointline as run
from tests.support.vendor_files import expected, take
from tests.vendors.test_bybit import BOOK_FORM

PATH = BOOK_FORM.path_of(BOOK_FORM.day)
OTHER_PATH = PATH.replace("ob500", "ob200")
ROWS = BOOK_FORM.plain_rows()
LINES = BOOK_FORM.file(BOOK_FORM.written(ROWS)).splitlines()
BROKEN = {
    5: (b'{"topic":"orderbook.500.BTCUSDT","type":"del', "Input data was truncated"),
    9: (LINES[9].replace(b'"seq"', b'"sequel"'), "Object contains unknown field `sequel` - at `$.data`"),
    11: (b'delta,1714521600000,BTCUSDT,bid,1,2"', "JSON is malformed: invalid character"),
}


def with_broken(lines: list[bytes]) -> bytes:
    return b"".join(BROKEN.get(number, (line,))[0] + b"\n" for number, line in enumerate(lines))


@pytest.fixture
def daemon(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    (daemon.bronze / PATH).parent.mkdir(parents=True)
    return daemon


def test_a_row_leads_back_to_its_line_and_a_broken_line_says_what_is_wrong(daemon):
    (daemon.bronze / PATH).write_bytes(with_broken(LINES))
    daemon.once()
    [entry] = read_manifest(daemon.root).to_dicts()
    assert (entry["status"], entry["rows_quarantined"], entry["receive_clock"]) == ("success", 3, False)
    assert entry["rows_read"] == entry["rows_written"] + 3
    aside = read_table(daemon.root, "quarantine").sort("file_seq")
    assert aside["raw"].to_list() == [broken.decode() for broken, _ in BROKEN.values()]
    assert set(aside["rule"]) == {"broken_line"}
    for seq, (number, (broken, why)) in zip(aside["file_seq"], BROKEN.items(), strict=True):
        said = run(daemon.root, "trace", "incremental_book_L2", "1", str(seq)).stdout
        assert f"line    {number + 1} of the file, no row could be made from it: {why}" in " ".join(said.splitlines())
        assert broken.decode() in said
    silver = read_table(daemon.root, "incremental_book_L2").sort("file_seq")
    for row in silver.gather_every(17).to_dicts():
        facts = json.loads(run(daemon.root, "trace", "incremental_book_L2", "1", str(row["file_seq"]), "--json").stdout)
        line = json.loads(facts["line"])
        assert line == json.loads(LINES[facts["line_number"] - 1])
        levels = line["data"][row["side"][0]]
        assert (row["price"], row["amount"]) in [(float(price), float(size)) for price, size in levels]
    assert run(daemon.root, "verify", "--deep").returncode == 0


def test_other_rows_of_the_day_are_an_overlap_and_a_new_version_replaces(daemon):
    (daemon.bronze / PATH).write_bytes(b"\n".join(LINES) + b"\n")
    daemon.once()
    (daemon.bronze / OTHER_PATH).write_bytes(b"\n".join(LINES[:-1]) + b"\n")
    daemon.once()
    (daemon.bronze / PATH).write_bytes(b"\n".join(LINES[1:]) + b"\n")
    daemon.once()
    found = {row["file_id"]: row for row in read_manifest(daemon.root).to_dicts()}
    assert [found[number]["status"] for number in (1, 2, 3)] == ["superseded", "quarantined", "success"]
    assert PATH in found[2]["error"]
    assert set(read_table(daemon.root, "incremental_book_L2")["file_id"]) == {3}
    assert run(daemon.root, "verify", "--deep").returncode == 0


@pytest.mark.parametrize("size", [300, 2_000])
def test_where_a_block_ends_does_not_matter(size):
    data = with_broken(LINES)
    whole = take((PATH, data))
    with blocks_of(size):
        streamed = take((PATH, data))
    assert whole.is_success
    assert whole.aside.height == len(BROKEN)
    assert streamed.silver.equals(whole.silver)
    assert streamed.aside.equals(whole.aside)


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("2024-05-01_BTCUSDT_ob500.data", data)
    return made.getvalue()


def tarred(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo("BTC-USDT.data")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("pack", [zipped, tarred, gzipped, lambda data: b"\xef\xbb\xbf" + data])
def test_it_may_be_packed(pack):
    taken = take((PATH, pack(b"\r\n".join(LINES))))
    assert taken.is_success, taken.said
    assert taken.rows() == expected(ROWS)


def test_rows_are_refused_where_too_many_lines_are_broken():
    data = b"\n".join(line[: len(line) // (1 + number % 2)] for number, line in enumerate(LINES)) + b"\n"
    taken = take((PATH, data))
    assert taken.silver.is_empty()
    assert "broken_line: Input data was truncated" in taken.said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"symbol": "ETHUSDT"}, "rows are of ETHUSDT, the name says BTCUSDT"),
        ({"price": "sixty"}, "unparseable (price), such as 'sixty'; a number such as 1234.5 is wanted"),
        ({"amount": None}, "missing (amount)"),
        ({"price": "inf"}, "non_finite (price)"),
    ],
)
def test_what_a_line_says_is_judged_as_a_cell_is(change, says):
    form = replace(BOOK_FORM, cells=lambda row: cells_of({**row, **change}))
    taken = take((PATH, form.file(form.written(ROWS))))
    assert taken.silver.is_empty()
    assert says in taken.said


def cells_of(row):
    kind = "snapshot" if row["is_snapshot"] else "delta"
    sent = f"{row['timestamp'] // 1000}"
    size = "" if row["amount"] is None else str(row["amount"])
    return [sent, kind, row["side"], str(row["price"]), size, sent, "17", "42", "orderbook", row["symbol"]]
