"""Try an installed wheel, as `python -I .ci/try_wheel.py`: compiled parser, units, descriptions, command, a lake."""

import gzip
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from pointline_daemon.units import read_template

import pointline
from pointline.io.bronze import file_system
from pointline.parse import cells

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
ROW = "deribit,BTC-PERPETUAL,1714521600000000,1714521600000001,1,buy,60806.5,10"

checkout = Path(__file__).resolve().parents[1]
assert not Path(pointline.__file__).is_relative_to(checkout / "pointline"), "this is the checkout, not the wheel"
assert cells.PARSER == "compiled", "the wheel has no compiled parser"
assert file_system.LISTING == "compiled", "the wheel has no compiled functions for the folders of bronze"
for name in ("pointline.service", "pointline@.service", "pointline-user.service", "local.pointline.plist"):
    assert read_template(name), name
command = str(Path(sysconfig.get_path("scripts")) / "pointline")
with tempfile.TemporaryDirectory() as folder:
    bronze = Path(folder, "bronze")
    bronze.mkdir()
    (bronze / "deribit_trades_2024-05-01_BTC-PERPETUAL.csv.gz").write_bytes(
        gzip.compress(f"{HEADER}\n{ROW}\n".encode())
    )
    environment = {**os.environ, "LAKE_ROOT": folder}
    subprocess.run([command, "run", "--once"], check=True, env=environment, cwd=folder)
    subprocess.run([command, "verify", "--deep"], check=True, env=environment, cwd=folder)
    rows = pointline.scan("trades", lake_root=folder).collect().rows(named=True)
assert [(row["price"], row["file_seq"]) for row in rows] == [(60806.5, 1)], rows
print(f"pointline {sys.version.split()[0]} on {sysconfig.get_platform()}: the wheel works")
