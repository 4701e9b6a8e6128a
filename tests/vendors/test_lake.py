"""A file of every feed in one lake, through the daemon: recognised, in silver, each row in the partition of its day."""

from __future__ import annotations

import json

import polars as pl
import pytest
from pointline_daemon.commands.files.trace import trace

from tests.support.process import Lake
from tests.support.vendor_files import Form, expected
from tests.vendors import test_binance, test_bitmex, test_bybit, test_kraken, test_okx, test_unverified_crypto

MODULES = (test_binance, test_bitmex, test_bybit, test_kraken, test_okx, test_unverified_crypto)
SAME_ROWS = {
    "okx/all-swap-trades",
    "okx/futures-chain-trades",
    "okx/option-chain-trades",
    "okx/all-swap-funding-rates",
}
"""Their files have the rows of others."""
TIMES = ("timestamp", "local_timestamp")


def one_of_each() -> list[Form]:
    forms: dict[str, Form] = {}
    for module in MODULES:
        for form in module.FORMS:
            if form.feed not in SAME_ROWS:
                forms.setdefault(form.feed, form)
    return list(forms.values())


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake", maintenance__enabled="false")
    yield lake
    lake.kill()


def test_a_file_of_every_feed_goes_in_with_the_rows_that_were_written(lake, capsys):
    forms = one_of_each()
    for form in forms:
        file = lake.bronze / form.path_of(form.day)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(form.file(form.written(form.plain_rows())))
    assert lake.once(90) == 0, lake.log_text()[-3000:]
    ledger = lake.table("ingest_manifest")
    assert ledger.height == len(forms)
    bad = ledger.filter(pl.col("status") != "success").select("bronze_file_path", "status", "error")
    assert bad.is_empty(), bad.rows()
    tables = {name: lake.table(name) for name in ledger["data_type"].unique()}
    by_path = {row["bronze_file_path"]: row for row in ledger.to_dicts()}
    for form in forms:
        entry = by_path[form.path_of(form.day)]
        assert (f"{entry['vendor']}/{entry['feed'].partition(' ')[0]}", entry["rows_written"]) == (form.feed, 48)
        assert entry["receive_clock"] == form.received
        silver = tables[entry["data_type"]].filter(pl.col("file_id") == entry["file_id"]).sort("file_seq")
        assert (silver["date"] == silver["local_timestamp"].dt.date()).all()
        rows = silver.drop("date", "file_id", "file_seq").with_columns(pl.col(TIMES).dt.timestamp("us")).to_dicts()
        found = [{name: value for name, value in row.items() if value is not None} for row in rows]
        assert found == expected(form.plain_rows()), form
        for row in (silver.row(0, named=True), silver.row(-1, named=True)):
            capsys.readouterr()
            assert trace(lake.root, entry["data_type"], row["file_id"], row["file_seq"], as_json=True) == 0, form.feed
            assert json.loads(capsys.readouterr().out)["row"]["date"] == row["date"].isoformat()
