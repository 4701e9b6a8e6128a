"""A folder in the place of a file of a table, or the other way round: named by who looks, moved away by who mends."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pointline_daemon.cli.app import command_line
from typer.testing import CliRunner

from tests.support.lake_check import assert_exact, expect

LOGS = [f"silver/{table}/_delta_log" for table in ("trades", "ingest_manifest")]
IN_LOGS = ("_last_checkpoint", f"{9:020}.json", f"{1:020}.checkpoint.parquet", f".{9:020}.json.tmp")
CASES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a folder": (Path.mkdir, [f"{log}/{name}" for log in LOGS for name in IN_LOGS]),
    "a FIFO": (os.mkfifo, [f"{log}/{name}" for log in LOGS for name in IN_LOGS]),
    "a file": (
        Path.touch,
        [
            "silver/trades/_delta_log",
            "silver/quotes/exchange=binance/date=2024-05-01",
            "silver/ingest_manifest/.checkpoint",
            "silver/quarantine",
        ],
    ),
    "a file, and the ledger": (Path.touch, ["silver/trades/exchange=binance", "silver/ingest_manifest"]),
}


def run(lake: Path, *arguments: str) -> tuple[int, dict]:
    done = CliRunner().invoke(command_line(arguments), [*arguments, "--json", "--lake-root", str(lake)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, json.loads(done.stdout.splitlines()[-1])


def put(lake: Path, place: str, make: Callable[[Path], object]) -> None:
    path = lake / place
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    make(path)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.share(2)
def test_it_is_named_and_moved_away(own_lake, kind):
    make, places = CASES[kind]
    for place in places:
        put(own_lake, place, make)
    for look in ("verify", "doctor"):
        code, answer = run(own_lake, look)
        found = [one for one in answer["findings"] if one["kind"] == "wrong_kind"]
        assert code == 1
        assert sorted(one["path"] for one in found) == sorted(places)
        assert {one["what"].partition(", ")[0] for one in found} == {kind.partition(", ")[0]}
        assert all("`pointline repair`" in one["try"] for one in found)
    code, answer = run(own_lake, "repair", "--dry-run")
    assert code == 1
    assert all(any(place in one for one in answer["found"]) for place in places)
    assert run(own_lake, "repair")[1]["findings"] == []
    kept = [one.name for one in (own_lake / ".pointline/set_aside").iterdir()]
    assert all(any(name.endswith(Path(place).name) for name in kept) for place in places)
    assert run(own_lake, "doctor")[1]["findings"] == []
    assert_exact(own_lake, expect(own_lake / "bronze"))
