"""A file was deleted and a copy of it is left in bronze: its rows are those of what bronze has."""

from __future__ import annotations

from tests.support.lake_check import read_manifest
from tests.support.process import pointline

NAME = "deribit_trades_2024-05-01_BTC.csv"
HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


def rows(first: int, count: int) -> str:
    at = (1714521600000000 + second * 1_000_000 for second in range(first, first + count))
    return HEADER + "".join(f"deribit,BTC,{one},{one},{one},buy,1.5,1\n" for one in at)


def put(root, folder: str, text: str):
    path = root / "bronze" / folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_it_stays_until_the_copy_goes_too(tmp_path):
    first, copy = (put(tmp_path, folder, rows(0, 40)) for folder in ("first", "copy"))
    pointline(tmp_path, "run", "--once")
    first.unlink()
    put(tmp_path, "other", rows(10, 35))
    for judged in (1, 0):
        assert pointline(tmp_path, "run", "--once").stdout.count("file.quarantined") == judged, "read again and again"
        found = read_manifest(tmp_path)
        refused = found.filter(status="quarantined")
        assert refused["bronze_file_path"].to_list() == [f"other/{NAME}"], found["status"].to_list()
        assert f"(copy/{NAME})" in refused["error"].item()
        assert f"delete copy/{NAME}" in refused["error"].item()
    copy.unlink()
    pointline(tmp_path, "run", "--once")
    assert read_manifest(tmp_path).filter(status="success")["bronze_file_path"].to_list() == [f"other/{NAME}"]
    assert pointline(tmp_path, "verify", "--deep").returncode == 0
