"""A file in other folders than those it was published in: its first line tells whose it is and where it belongs."""

from __future__ import annotations

import re
import shutil

import pytest

from pointline.vendors.headers import whose_header, with_header
from tests.support.lake_check import read_manifest
from tests.support.process import pointline as run
from tests.support.vendor_files import Form, shipped
from tests.vendors.test_lake import one_of_each

FORMS = {form.feed: form for form in one_of_each() if form.has_header}
CAPITALS = re.compile(r"[A-Z]{2,}")
SAID = ": put it below bronze as "
KUCOIN = "trade_id,trade_time,price,size,side\n1,1714521600123,60000.1,0.1,BUY\n"
POLYGON = (
    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,tape,"
    'trf_id,trf_timestamp\nA,"12,37",0,12,1,1709802000000000000,1.5,1,1709802000000000001,10,1,0,0\n'
)


def first_line(form: Form) -> str:
    return form.file(form.written(form.plain_rows())).decode("utf-8", "replace").partition("\n")[0]


@pytest.mark.parametrize("feed", FORMS)
def test_where_it_belongs_is_a_path_of_a_feed_that_has_the_header(feed):
    form = FORMS[feed]
    line, name = first_line(form), form.path_of(form.day).rpartition("/")[2]
    found = {one.name for one in with_header(shipped(), line)}
    if not found:
        assert line.startswith("{"), line  # lines of JSON name their fields themselves
        return
    assert feed in found
    said = whose_header(shipped(), f"dump/{name}", line)
    claimed = {claim.description.name for claim in shipped().claims(f"dump/{name}")}
    assert bool(said) == (not claimed & found), said
    for path in said.partition(SAID)[2].split(" or ") if said else []:
        assert path.endswith(f"/{name}")
        for chosen in (0, -1):
            words = [word.split("|")[chosen] for word in path.replace("(", ")").split(")")]
            claims = {claim.description.name for claim in shipped().claims("".join(words))}
            assert claims & found or any(place.isupper() for place in path.split("/")[:-1]), (path, claims)


@pytest.mark.parametrize(
    ("path", "content", "where", "table"),
    [
        ("2024-03-07.csv", POLYGON, "us_stocks_sip/trades_v1/2024/03/2024-03-07.csv", "trades"),
        (
            "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv",
            KUCOIN,
            "kucoin/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-05-01.csv",
            "trades",
        ),
    ],
    ids=["unrecognised", "refused"],
)
def test_the_advice_is_followed(tmp_path, path, content, where, table):
    lake, file = tmp_path / "lake", tmp_path / "lake/bronze" / path
    file.parent.mkdir(parents=True)
    file.write_text(content)
    run(lake, "run", "--once")
    commands = [("explain", str(file)), ("vendors", "try", str(file))]
    if "/" not in path:
        commands.append(("files", "--unrecognised"))
    for command in commands:
        assert SAID + where in " ".join(run(lake, *command).stdout.split()), command
    better = lake / "bronze" / where
    better.parent.mkdir(parents=True)
    shutil.move(file, better)
    assert run(lake, "run", "--once").returncode == 0
    rows = [row for row in read_manifest(lake).iter_rows(named=True) if row["status"] == "success"]
    assert [(row["bronze_file_path"], row["data_type"], row["rows_written"]) for row in rows] == [(where, table, 1)]


def test_under_the_name_of_any_feed_the_path_is_one_that_is_read():
    """Or it has places in capitals, which a person fills in: a word of the name is nothing that the feed has not."""
    names = {form.path_of(form.day).rpartition("/")[2] for form in FORMS.values()}
    lines = {line for form in FORMS.values() if not (line := first_line(form)).startswith("{")}
    said = {(name, whose_header(shipped(), f"dump/{name}", line)) for name in names for line in lines}
    told = [(name, path) for name, one in said for path in one.partition(SAID)[2].split(" or ") if path]
    assert len(told) > len(names)
    for name, path in told:
        plain = "".join(word.split("|")[0] for word in path.replace("(", ")").split(")"))
        places = {*CAPITALS.findall(plain)} - {*CAPITALS.findall(name)}
        assert places or any(not claim.problem for claim in shipped().claims(plain)), (name, path)


@pytest.mark.parametrize("path", ["dump/mine.csv", "binance_trades_2024-05-01_A.csv.gz"])
@pytest.mark.parametrize("table", ["trades", "quotes", "derivative_ticker"])
def test_columns_of_a_table_tell_its_name(path, table):
    said = whose_header(shipped(), path, ",".join(shipped().tables[table].raw_schema))
    assert table in said.partition("its columns are those of ")[2].partition(", as Tardis")[0].split(" or ")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("x/mine.csv", "time,price"),
        ("x/mine.csv", "a,b,c,d"),
        ("x/mine.csv", ""),
        ("x/mine.csv", "\0\n,"),
        ("us_stocks_sip/trades_v1/2024/03/2024-03-07.csv", POLYGON.partition("\n")[0]),
    ],
)
def test_nothing_is_said_where_nothing_is_known(path, line):
    assert whose_header(shipped(), path, line) == ""


def test_the_plain_feed_is_named_first():
    line = first_line(FORMS["binance/um-klines"])
    said = whose_header(shipped(), "BTCUSDT-1m-2024-05-01.csv", line)
    assert "binance/um-klines" in said.partition(":")[0]
    assert "futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-05-01.csv" in said
    assert "futures/um/monthly/klines/BTCUSDT/1m" in whose_header(shipped(), "BTCUSDT-1m-2024-05.csv", line)
