"""LOBSTER: orders of a message file, and books whose times are in the message file beside theirs."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from pointline.errors import Unfinished
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.loading import blocks_of
from tests.support.process import pointline as run
from tests.support.vendor_checks import checks_of
from tests.support.vendor_files import Form, Row, Taken, expected, feed_of, shipped, take
from tests.support.vendor_reader import read_cells

NEW_YORK = ZoneInfo("America/New_York")
NAME = "AAPL_%Y-%m-%d_34200000_57600000_{}.csv"
MESSAGE = ("time", "type", "order_id", "size", "price", "direction")
TYPES = {"add": "1", "cancel": "3", "fill": "4", "trade": "6", "halt": "7"}
DIRECTIONS = {"buy": "1", "sell": "-1"}
BETWEEN = "\0"
"""In the tests alone: what follows is in the other file."""
UNPROVED = {"a day off": "times are since midnight: the name alone says the day"}
PRICES = st.decimals(Decimal("0.0002"), Decimal("9999.9999"), places=4)
SIZES = st.integers(1, 10**6).map(Decimal)


def scaled(price: Decimal) -> str:
    return f"{price * 10_000:f}".partition(".")[0]


def since_midnight(row: Row) -> str:
    passed = row["timestamp"] - MESSAGES.first_us
    return f"{passed // 10**6}.{passed % 10**6:06d}017"


def message_cells(row: Row) -> list[str]:
    price = "-1" if row.get("price") is None else scaled(row["price"])
    kind, number = TYPES[row["action"]], row.get("order_id", "0")
    return [since_midnight(row), kind, number, f"{row['amount']}", price, DIRECTIONS[row["side"]]]


def message(number: int) -> Row:
    if number == 7:
        return {"action": "halt", "side": "sell", "amount": Decimal(0)}
    order = {"order_id": f"{100 + number}", "price": Decimal("223.81") + number, "amount": Decimal(number + 1)}
    return {**order, "action": list(TYPES)[number % 3], "side": list(DIRECTIONS)[number % 2]}


MESSAGES = Form(
    feed="lobster/messages",
    path=NAME.format("message_10"),
    columns=(*MESSAGE, "more"),
    cells=lambda row: [*message_cells(row), "AAPL"],
    constant={"exchange": "nasdaq", "symbol": "AAPL"},
    plain=message,
    rows=st.fixed_dictionaries(
        {
            "order_id": st.integers(1, 10**12).map(str),
            "price": PRICES,
            "amount": SIZES,
            "action": st.sampled_from(["add", "cancel", "fill", "trade"]),
            "side": st.sampled_from(list(DIRECTIONS)),
        }
    ),
    time=("time",),
    word="type",
    zone=NEW_YORK,
    step_us=1,
    has_header=False,
    wrong_unit=lambda cell: cell.replace(".", "")[:-6],
    unproved=UNPROVED,
    said={"a column less": "unknown_value.*; known are 1, 2, 3, 4, 5, 6, 7"},
)


@dataclass(frozen=True, kw_only=True, repr=False)
class BookForm(Form):
    """Two files: the cells of a message come last, and are in the other one."""

    def file(self, lines, header=None):
        names = list(self.columns if header is None else header)
        at = names.index("time")
        return super().file([[*line[:at], BETWEEN, *line[at:]] for line in lines], header)

    def parts(self, path: str, data: bytes) -> tuple[tuple[str, bytes], dict[str, bytes]]:
        pairs = [line.split(f",{BETWEEN},") if line else ["", ""] for line in data.decode().splitlines()]
        here, there = ("".join(f"{one}\n" for one in side).encode() for side in zip(*pairs, strict=True))
        return (path, here), {path.replace("orderbook", "message"): there}

    def take(self, path: str, data: bytes) -> Taken:
        file, beside = self.parts(path, data)
        return take(file, beside=beside)


def names(depth: int) -> list[str]:
    return [f"{side}_{what}_{n}" for n in range(1, depth + 1) for side in ("ask", "bid") for what in ("price", "size")]


def book_cells(row: Row, depth: int) -> list[str]:
    cells = []
    for place in range(depth):
        for side, empty in (("ask", "9999999999"), ("bid", "-9999999999")):
            prices, sizes = row[f"{side}_price"], row[f"{side}_amount"]
            price, size = (prices[place], sizes[place]) if place < len(prices) else (Decimal(place + 1), Decimal(7))
            cells += [empty if price is None else scaled(price), "0" if size is None else f"{size}"]
    return cells


def sized(prices: list[Decimal | None]) -> list[Decimal | None]:
    return [None if price is None else Decimal(place + 1) for place, price in enumerate(prices)]


def book(number: int, kept: int) -> Row:
    asks = [None if place > number else Decimal(place + 300) / 8 for place in range(kept)]
    bids = [Decimal(300 - place) / 8 for place in range(kept)]
    return {"ask_price": asks, "ask_amount": sized(asks), "bid_price": bids, "bid_amount": sized(bids)}


def any_book(kept: int) -> st.SearchStrategy[Row]:
    side = st.lists(st.none() | PRICES, min_size=kept, max_size=kept)
    return st.tuples(side, side).map(
        lambda two: {
            "ask_price": two[0],
            "ask_amount": sized(two[0]),
            "bid_price": two[1],
            "bid_amount": sized(two[1]),
        }
    )


def books(depth: int, kept: int, *more: str) -> BookForm:
    return BookForm(
        feed=f"lobster/books-{kept}",
        path=f"lobster/{NAME.format(f'orderbook_{depth}')}",
        columns=(*names(depth), *MESSAGE, *more),
        cells=lambda row: [*book_cells(row, depth), since_midnight(row), "1", "7", "5", "100", "-1", *more],
        constant=MESSAGES.constant,
        plain=lambda number: book(number, kept),
        rows=any_book(kept),
        time=("time",),
        word="ask_price_1",
        zone=NEW_YORK,
        step_us=1,
        has_header=False,
        wrong_unit=MESSAGES.wrong_unit,
        said={"a column more": "_message_[0-9]+.csv has 8 cells, 6 or 7 are expected"},
        unproved={**UNPROVED, **({} if more else {"a column more": "newer files have one"})},
    )


def quote(number: int) -> Row:
    asks = {"ask_price": Decimal(number + 9) / 8, "ask_amount": Decimal(4)}
    return {"bid_price": Decimal(number + 8) / 8, "bid_amount": Decimal(3), **({} if number == 5 else asks)}


QUOTES = replace(
    books(1, 1, "more"),
    feed="lobster/quotes",
    cells=lambda row: [
        *book_cells({name: [row.get(name)] for name in ("ask_price", "ask_amount", "bid_price", "bid_amount")}, 1),
        *(since_midnight(row), "1", "7", "5", "100", "-1", "more"),
    ],
    plain=quote,
    rows=st.fixed_dictionaries({"ask_price": PRICES, "ask_amount": SIZES, "bid_price": PRICES, "bid_amount": SIZES}),
)
BOOKS = books(5, 5, "more")
FORMS = [
    MESSAGES,
    replace(
        MESSAGES,
        columns=MESSAGE,
        cells=message_cells,
        said={},
        unproved={**UNPROVED, "a column more": "newer files have one"},
    ),
    QUOTES,
    BOOKS,
    books(10, 10),
    books(20, 20),
    *(books(depth, 25, "more") for depth in (25, 30, 50)),
]
test_every_feed_has_a_form, test_files_come_back, test_broken_files = checks_of(FORMS, "lobster", examples=4)

PATH = BOOKS.path_of(BOOKS.day)
OTHER = PATH.replace("orderbook", "message")


def pair() -> tuple[bytes, bytes]:
    (_, here), beside = BOOKS.parts(PATH, BOOKS.file(BOOKS.written(BOOKS.plain_rows())))
    return here, beside[OTHER]


@pytest.mark.parametrize("size", [50, 900])
def test_where_blocks_of_either_file_end_does_not_matter(size):
    here, there = pair()
    with blocks_of(size):
        taken = take((PATH, here), beside={OTHER: there})
    assert taken.is_success, taken.said
    assert taken.rows() == expected(BOOKS.plain_rows())


def test_lines_may_end_as_windows_ends_them_and_files_may_be_packed():
    def zipped(data: bytes) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("any.csv", data)
        return made.getvalue()

    here, there = (zipped(data.replace(b"\n", b"\r\n")) for data in pair())
    taken = take((PATH, here), beside={OTHER: there})
    assert taken.is_success, taken.said
    assert taken.rows() == expected(BOOKS.plain_rows())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda here, _: (here, None), r"goes on in AAPL_\S+_message_5.csv, which is not beside it"),
        (lambda here, there: (here, cut(there)), "message_5.csv has fewer lines than it"),
        (lambda here, there: (here, there + b"1,1,1,1,1,1,1\n"), "message_5.csv has more lines than it"),
        (lambda here, there: (here + here, there), "has fewer lines than it"),
        (lambda here, _: (here, b""), "is empty"),
    ],
    ids=["not there", "fewer", "more", "twice", "empty"],
)
def test_a_book_waits_for_the_whole_of_the_other_file(change, says):
    here, there = change(*pair())
    for size in (100, 1 << 20):
        with blocks_of(size), pytest.raises(Unfinished, match=says) as caught:
            take((PATH, here), beside={} if there is None else {OTHER: there})
        assert caught.value.subject == PATH


def cut(data: bytes) -> bytes:
    return data[: data.rindex(b"\n", 0, -1) + 1]


def cell_moved(here: bytes, there: bytes) -> tuple[bytes, bytes]:
    """As many cells as there should be, one of them in the wrong file."""
    pairs = [line.rpartition(b",") for line in here.splitlines()]
    moved = [b"%b,%b\n" % (last, line) for (_, _, last), line in zip(pairs, there.splitlines(), strict=True)]
    return b"".join(b"%b\n" % first for first, _, _ in pairs), b"".join(moved)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cell_moved, "its first line has 19 cells, 20 are expected"),
        (
            lambda here, there: (here, b"<html>\n" * 48),
            "_message_5.csv has 1 cell, 6 or 7",
        ),
        (lambda here, there: (here, there.replace(b",AAPL", b"").replace(b"AAPL", b"")), ""),
    ],
)
def test_what_is_not_a_pair_is_refused(change, says):
    taken = take((PATH, (files := change(*pair()))[0]), beside={OTHER: files[1]})
    assert says in taken.said
    assert taken.is_success is (not says)


def test_a_pair_in_a_lake(tmp_path):
    """The book is refused for want of its messages, goes in when they come, and its rows lead back to both lines."""
    daemon = Daemon(tmp_path / "lake")
    (daemon.bronze / "lobster").mkdir(parents=True)
    here, there = pair()
    (daemon.bronze / PATH).write_bytes(here)
    daemon.once()
    [waiting] = read_manifest(daemon.root).to_dicts()
    assert waiting["status"] == "quarantined"
    assert "goes on in AAPL_2024-05-01_34200000_57600000_message_5.csv, which is not beside it" in waiting["error"]
    (daemon.bronze / OTHER).write_bytes(there)
    daemon.once()
    ledger = {row["bronze_file_path"]: row for row in read_manifest(daemon.root).to_dicts()}
    assert {row["status"] for row in ledger.values()} == {"success"}, ledger
    assert read_table(daemon.root, "book_snapshot_5").height == read_table(daemon.root, "orders").height == 48
    said = run(daemon.root, "trace", "book_snapshot_5", str(ledger[PATH]["file_id"]), "9").stdout
    [cells] = read_cells(f"{here.splitlines()[8].decode()},{there.splitlines()[8].decode()}\n".encode(), BOOKS.columns)
    assert ",".join(cells.values()) in said
    assert "line    9 of the file" in said
    assert run(daemon.root, "verify", "--deep").returncode == 0
    (daemon.bronze / OTHER).write_bytes(b"".join(there.splitlines(keepends=True)[:-1]))
    found = json.loads(run(daemon.root, "verify", "--deep", "--json").stdout)["findings"]
    [broken] = [one for one in found if one["kind"] == "bronze_unreadable"]
    assert "owner" not in broken["try"], broken
    assert "again" in broken["try"], broken


def a_millisecond_later(messages: bytes) -> bytes:
    lines = [line.partition(b",") for line in messages.splitlines(keepends=True)]
    return b"".join(b"%.9f,%b" % (float(time) + 0.001, rest) for time, _, rest in lines)


def assert_same_times(daemon: Daemon) -> None:
    book, orders = (read_table(daemon.root, name)["timestamp"] for name in ("book_snapshot_5", "orders"))
    assert sorted(book) == sorted(orders)


@pytest.mark.parametrize("first", ["whole", "short"])
def test_a_book_follows_the_messages_that_are_put_in_the_place_of_others(tmp_path, first):
    """Its times are those of the messages: of others it is read again, though it is the same file itself."""
    daemon = Daemon(tmp_path / "lake")
    (daemon.bronze / "lobster").mkdir(parents=True)
    here, there = pair()
    (daemon.bronze / PATH).write_bytes(here)
    (daemon.bronze / OTHER).write_bytes(there if first == "whole" else cut(there))
    daemon.once()
    before = read_table(daemon.root, "book_snapshot_5")
    assert before.height == (48 if first == "whole" else 0)
    (daemon.bronze / OTHER).write_bytes(a_millisecond_later(there))
    for _ in range(2):
        daemon.once()
        assert_same_times(daemon)
        assert read_manifest(daemon.root).height == (4 if first == "whole" else 3)
    assert run(daemon.root, "verify", "--deep").returncode == 0


@pytest.mark.parametrize("moved", ["the folder, after the messages", "another folder, made earlier"])
def test_a_book_follows_the_messages_whatever_is_moved(tmp_path, moved):
    """A move leaves ctimes as they were: neither tells that the messages are others than the book was read with."""
    daemon = Daemon(tmp_path / "lake")
    here, there = pair()
    later = a_millisecond_later(there)
    folders = {"a": there, "made": later} if moved.startswith("another") else {"a": there}
    for name, messages in folders.items():
        folder = daemon.bronze / name if name == "a" else tmp_path / name
        folder.mkdir(parents=True)
        (folder / PATH.rpartition("/")[2]).write_bytes(here)
        (folder / OTHER.rpartition("/")[2]).write_bytes(messages)
    daemon.once()
    if moved.startswith("another"):
        (daemon.bronze / "a").rename(tmp_path / "old")
        (tmp_path / "made").rename(daemon.bronze / "a")
    else:
        (daemon.bronze / "a" / OTHER.rpartition("/")[2]).write_bytes(later)
        (daemon.bronze / "a").rename(daemon.bronze / "b")
    for _ in range(2):
        daemon.once()
    assert_same_times(daemon)
    assert run(daemon.root, "verify", "--deep").returncode == 0


@pytest.mark.parametrize(
    ("path", "feed"),
    [
        ("LOBSTER_SampleFile_AMZN_2012-06-21_10/AMZN_2012-06-21_34200000_57600000_message_10.csv", "lobster/messages"),
        ("AMZN_2012-06-21_34200000_57600000_orderbook_10.csv", "lobster/books-10"),
        ("AMZN_2012-06-21_34200000_57600000_orderbook_50.csv.gz", "lobster/books-25"),
        ("AMZN_2012-06-21_34200000_57600000_orderbook_1.csv", "lobster/quotes"),
        ("AMZN_2012-06-21_34200000_57600000_orderbook_7.csv", ""),
    ],
)
def test_paths(path, feed):
    assert feed_of(path) == feed
    assert feed or "another depth" in (shipped().why_unread(path) or ("",))[0]
