"""A checksum that comes after its file and is another: whatever tells of the file says it, until it is settled."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.support.process import pointline
from tests.support.sound_lake import copy_lake

PATH = "kucoin/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2022-12-05.zip"
NAME = PATH.rpartition("/")[2]
SAID = "the checksum that came after it is not that of its content"
STEPS = "`pointline withdraw 1` takes its rows out"
DOORS = {
    "explain": ("explain", "1"),
    "status": ("status",),
    "files": ("files", "--last", "0"),
    "verify": ("verify",),
}


def write_checksum(lake: Path, told: str) -> None:
    (lake / f"bronze/{PATH}.CHECKSUM").write_text(f"{told}  {NAME}\n")


def told(lake: Path, door: str) -> str:
    found = pointline(lake, *DOORS[door])
    assert found.returncode == (door == "verify" and SAID in found.stdout.lower())
    return " ".join(found.stdout.split())


@pytest.fixture(scope="module")
def disputed(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("late")
    file = root / "bronze" / PATH
    file.parent.mkdir(parents=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        rows = "".join(f"{one},{1670198400000 + one},100,0.5,BUY\n" for one in range(15))
        archive.writestr(NAME.replace(".zip", ".csv"), f"trade_id,trade_time,price,size,side\n{rows}")
    file.write_bytes(packed.getvalue())
    assert pointline(root, "run", "--once").returncode == 0
    write_checksum(root, "f" * 64)
    assert pointline(root, "run", "--once").stdout.count("file.checksum_mismatch") == 1
    assert "file.checksum_mismatch" not in pointline(root, "run", "--once").stdout, "it is said once"
    return root


@pytest.mark.parametrize("door", DOORS)
def test_it_is_said_with_what_to_do(disputed, door):
    said = told(disputed, door)
    assert SAID in said.lower()
    assert STEPS in said or door == "files"


def test_nothing_is_said_once_both_agree(disputed, tmp_path):
    lake = copy_lake(disputed, tmp_path / "lake")
    write_checksum(lake, hashlib.sha256((lake / "bronze" / PATH).read_bytes()).hexdigest())
    assert pointline(lake, "run", "--once").returncode == 0
    assert all(SAID not in told(lake, door).lower() for door in DOORS)
    write_checksum(lake, "e" * 64)
    assert pointline(lake, "run", "--once").returncode == 0
    found = pointline(lake, "verify", "--deep")
    assert found.returncode == 1, "one that agreed is looked at again where all is read again"
    assert "says SHA-256 eeeeeeeeeeee" in found.stdout
    assert STEPS in " ".join(found.stdout.split())


def test_nothing_is_said_once_a_person_took_it_as_it_is(disputed, tmp_path):
    lake = copy_lake(disputed, tmp_path / "lake")
    assert pointline(lake, "withdraw", "1").returncode == 0
    assert pointline(lake, "retry", "1", "--accept").returncode == 0
    assert pointline(lake, "run", "--once").returncode == 0
    assert all(SAID not in told(lake, door).lower() for door in DOORS)
    (file,) = json.loads(pointline(lake, "files", "--json").stdout)
    assert (file["status"], file["rows_written"], file["checksum"]) == ("success", 15, "mismatch")
