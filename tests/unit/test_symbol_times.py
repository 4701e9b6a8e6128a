"""Times and numbers in files of symbols: what they are by their digits, in CSV, Parquet and JSON alike."""

from __future__ import annotations

import datetime as dt
import json
from io import BytesIO

import polars as pl
import pytest

from pointline.errors import Rejected
from pointline.tables.symbols.observations import Kind, observe, observe_at
from pointline.vendors.symbols.metadata import Belonging, Metadata, read_metadata
from tests.support.told import origin, versions_of

AT = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
HEADER = "exchange,symbol,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"

ODD = {
    20240501120000: "written as yyyymmddHHMMSS",
    20240501: "written as yyyymmdd",
    1714521600: "seconds since the epoch",
    1714521600000: "milliseconds since the epoch",
    1714521600000000000: "nanoseconds since the epoch",
    0: "zero, which stands for no time",
    17145216: "no time between 1980 and 2200 in any unit",
}


def csv(header: str, *rows: str) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def parquet(**columns: object) -> bytes:
    table = pl.DataFrame(
        {"exchange": ["okx"], "symbol": ["A"], "base_asset": [None], "quote_asset": [None], "market_type": ["spot"]}
    ).with_columns(tick_size=0.1, lot_size=1.0, contract_size=1.0)
    content = BytesIO()
    table.with_columns(**{name: pl.lit(value) for name, value in columns.items()}).write_parquet(content)
    return content.getvalue()


def refused(data: bytes, **known) -> str:
    with pytest.raises(Rejected) as error:
        read_metadata(data, **({"effective_at": AT} | known))
    assert error.value.hint
    return str(error.value)


class TestTimes:
    @pytest.mark.parametrize(("number", "told"), ODD.items())
    def test_numbers_of_another_unit_are_named(self, number, told):
        message = refused(csv(f"{HEADER},valid_from", "okx,B,,,spot,1,1,,2024-05-01", f"okx,A,,,spot,1,1,,{number}"))
        assert told in message
        assert "line 3" in message
        assert told in refused(parquet(valid_from=number))
        assert told in refused(parquet(expiry=number))
        tardis = {"id": "A", "exchange": "okx", "type": "spot", "availableSince": number}
        assert told in refused(json.dumps([tardis]).encode())

    @pytest.mark.parametrize("value", [True, 1.5])
    def test_what_is_no_time_at_all(self, value):
        assert "valid_from cannot be read" in refused(parquet(valid_from=value))

    @pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2611-01-01"])
    def test_what_is_not_plausible(self, time):
        assert "not between 1980 and 2200" in refused(csv(f"{HEADER},valid_from", f"okx,A,,,spot,1,1,,{time}"))

    @pytest.mark.parametrize("value", [1714521600, 1714521600000000, True, 0, None])
    def test_the_time_of_an_exchange_info_is_in_milliseconds(self, value):
        data = json.dumps({"serverTime": value, "symbols": []}).encode()
        fault = "is missing" if value is None else "cannot be read"
        assert f"serverTime {fault}" in refused(data, exchange="binance")

    def test_whole_microseconds_of_a_parquet_file(self):
        assert read_metadata(parquet(valid_from=1714521600000000)).updates["valid_from"].to_list() == [AT]


class TestRows:
    @pytest.mark.parametrize("tick", ["0", "-0.1"])
    def test_ticks_are_above_zero(self, tick):
        message = refused(csv(HEADER, "okx,B,,,spot,1,1,", f"okx,A,,,spot,{tick},1,"))
        assert "zero or negative" in message
        assert "line 3" in message

    def test_contradictions_are_named_with_their_lines(self):
        message = refused(csv("# a comment", HEADER, "okx,A,,,spot,1,1,", "okx,A,,,spot,2,1,"))
        assert "contradict" in message
        assert "line 3, line 4" in message

    def test_a_boolean_is_no_number(self):
        assert "tick_size cannot be read" in refused(parquet(tick_size=True))

    def test_symbols_in_the_spelling_of_the_venue(self):
        updates = read_metadata(
            csv(HEADER, "OKX,btc-usdt,,,spot,1,1,", "okx,kPEPE,,,spot,1,1,"), effective_at=AT
        ).updates
        assert updates.select("exchange", "symbol").rows() == [("okx", "BTC-USDT"), ("okx", "kPEPE")]

    @pytest.mark.parametrize(("word", "listed"), [("TRADING", True), ("BREAK", False), ("true", True), ("0", False)])
    def test_what_is_inactive_is_not_listed(self, word, listed):
        updates = read_metadata(csv(f"{HEADER},status", f"okx,A,,,spot,1,1,,{word}"), effective_at=AT).updates
        assert updates["listed"].to_list() == [listed]

    def test_a_status_that_nobody_knows(self):
        assert "neither active nor inactive, one is 'maybe'" in refused(
            csv(f"{HEADER},status", "okx,A,,,spot,1,1,,maybe")
        )

    def test_an_instrument_of_tardis_that_is_not_active(self):
        item = {"id": "A", "exchange": "okx", "type": "spot", "active": False, "availableSince": "2024-01-01"}
        updates = read_metadata(json.dumps([item]).encode(), effective_at=AT).updates
        assert updates.select("valid_from", "listed").rows()[-1] == (AT, False)
        assert "not active and does not say since when" in refused(json.dumps([item]).encode(), effective_at=None)

    def test_what_has_expired_is_not_current(self):
        found = read_metadata(csv(f"{HEADER},expiry", "okx,A,,,future,1,1,,2024-06-28"), effective_at=AT)
        (version,) = versions(found).iter_rows(named=True)
        assert (version["valid_until"], version["is_current"]) == (None, False)

    def test_what_begins_in_the_future_is_not_current(self):
        found = read_metadata(csv(f"{HEADER},valid_from", "okx,A,,,spot,1,1,,2099-01-01"))
        assert versions(found)["is_current"].to_list() == [False]


def versions(found: Metadata) -> pl.DataFrame:
    at = found.snapshot_at or dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    if found.kind is Kind.WINDOWS:
        return versions_of([observe(found.updates, Kind.WINDOWS, None, origin(1))])
    return versions_of([observe_at(found.updates, at, origin(1))])


class TestSnapshotsWithEnds:
    def test_an_end_is_kept(self):
        found = read_metadata(csv(f"{HEADER},valid_until", "okx,A,,,spot,1,1,,2024-06-01"), effective_at=AT)
        assert found.snapshot_at == AT
        assert versions(found).select("valid_from", "valid_until").rows() == [
            (AT, dt.datetime(2024, 6, 1, tzinfo=dt.UTC))
        ]

    def test_of_windows_the_one_that_holds_counts(self):
        rows = ["okx,A,,,spot,1,1,,2024-01-01,2024-04-01", "okx,A,,,spot,2,1,,2024-04-01,2024-06-01"]
        updates = read_metadata(csv(f"{HEADER},valid_from,valid_until", *rows)).updates
        table = versions_of([observe_at(updates, AT, origin(1))])
        assert table.select("tick_size", "valid_from", "valid_until").rows() == [
            (2.0, AT, dt.datetime(2024, 6, 1, tzinfo=dt.UTC))
        ]


class TestBelonging:
    def read(self, *exchanges: str, folder: str = "okx") -> Metadata:
        rows = [f"{exchange},A,,,spot,1,1," for exchange in exchanges]
        return read_metadata(csv(HEADER, *rows), effective_at=AT, belonging=Belonging(exchange=folder))

    def test_rows_of_others_are_kept_apart(self):
        found = self.read("okx", "binance")
        assert found.updates["exchange"].to_list() == ["okx"]
        assert found.foreign is not None
        assert found.foreign.select("exchange", "place").rows() == [("binance", "line 3")]

    def test_a_list_of_several_none_of_which_is_the_folder_s(self):
        found = self.read("okx", "binance", folder="everything")
        assert found.updates.height == 2
        assert found.foreign is None

    def test_all_of_one_other(self):
        found = self.read("binance")
        assert found.updates.height == 0
