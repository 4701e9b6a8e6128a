"""Values that nobody thought of: each is refused in words of its own, and no command asks for ``--debug``."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.exit_codes import EXIT_BAD_CONFIGURATION

from pointline.errors import Rejected
from pointline.vendors.symbols.metadata import read_metadata
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import put_file
from tests.support.process import pointline

TYPED = [
    "explain 9223372036854775808",
    "explain " + "9" * 41,
    "quarantine " + "9" * 41,
    "retry " + "9" * 41,
    "withdraw " + "9" * 41,
    "files --last 9223372036854775808",
    "quarantine --rule ragged --last 9223372036854775808",
    "trace trades 9223372036854775808 1",
    "trace trades 1 9223372036854775808",
    "symbols show --at 0001-01-01T00:00:00+14:00",
    "symbols show --at 9999-12-31T23:59:59-14:00",
    "symbols update /dev/null --effective-at 0001-01-01T00:00:00+14:00",
    "vendors check deep.toml",
    "maintain --vacuum --retention-hours nan",
]
SET = {"ingest__batch_max_bytes": "9" * 400, "bronze__patterns": "[" * 5000}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    daemon = Daemon(tmp_path_factory.mktemp("odd") / "lake")
    assert daemon.once() == 0
    (daemon.root / "deep.toml").write_text("x = " + "[" * 5000)
    return daemon.root


@pytest.mark.parametrize("typed", TYPED)
def test_typed(lake, typed):
    told = pointline(lake, *typed.replace("deep.toml", str(lake / "deep.toml")).split())
    assert told.returncode in {0, 1, 2}
    assert "--debug" not in told.stderr


@pytest.mark.parametrize("name", SET)
def test_set(lake, name):
    told = pointline(lake, "config", "check", **{name: SET[name]})
    said = told.stdout + told.stderr
    assert told.returncode == EXIT_BAD_CONFIGURATION, said
    assert name.replace("__", ".") in said
    assert "--debug" not in said


def parquet(**columns: pl.Series) -> bytes:
    made = io.BytesIO()
    cells = {"exchange": ["deribit"], "symbol": ["X"], "tick_size": [0.5]}
    pl.DataFrame({**cells, **columns}).write_parquet(made)
    return made.getvalue()


LISTS = {
    "a surrogate": rb'[{"id": "\ud800", "exchange": "deribit", "type": "spot"}]',
    "a list for a status": b'{"symbols": [{"symbol": "A", "status": ["TRADING"], "filters": []}]}',
    "a list for a filter": b'{"symbols": [{"symbol": "A", "status": "TRADING", "filters": [{"filterType": []}]}]}',
    "many digits": b"exchange,symbol,valid_from\nderibit,X," + b"9" * 5000 + b"\n",
    "no quote": b"market,type,symbol,exchange\nA,spot,X,deribit\n",
    "the last time": parquet(valid_from=pl.Series([2**63 - 1]).cast(pl.Datetime("us", "UTC"))),
    "a list": parquet(valid_from=pl.Series([1_714_521_600_000_000]), listed=pl.Series([[True]])),
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_a_list_of_instruments(content):
    with pytest.raises(Rejected) as refused:
        read_metadata(content, exchange="binance")
    assert str(refused.value)


def test_a_symbol_with_a_line_feed_is_in_the_picture(tmp_path):
    daemon = Daemon(tmp_path / "lake")
    folder = daemon.bronze / "exchange=binance" / "type=trades" / "date=2024-05-01" / "symbol=A%0AB"
    put_file(folder, "x.csv", b"no header\n")
    daemon.once()
    picture = Path(tmp_path / "c.png")
    told = pointline(daemon.root, "coverage", "--png", str(picture))
    assert told.returncode == 0, told.stderr
    assert picture.stat().st_size > 0
