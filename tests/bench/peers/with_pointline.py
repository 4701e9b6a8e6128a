"""Pointline itself, among the others: the folder that holds ``bronze`` is the lake, so ``out`` is ignored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl


def load(bronze: Path, out: Path) -> None:
    _pointline(bronze.parent, "run", "--once")


def read(out: Path) -> pl.DataFrame:
    return pl.read_delta(str(out.parent / "silver" / "trades"), columns=["symbol", "id", "price"])


def refused(lake: Path) -> list[str]:
    """Return what the ledger says of the files that are not in, and of rows that are not."""
    said = []
    for one in json.loads(_pointline(lake, "files", "--json", "--last", "0")):
        if one["status"] not in {"success", "superseded"}:
            said.append(f"{one['status']}: {_reason(one)}")
        elif one["rows_quarantined"]:
            said.append(f"quarantined rows: {one['rows_quarantined']}")
    return said


def _reason(one: dict[str, Any]) -> str:
    """Return the first part of the reason, without the path, which it begins with."""
    reason = str(one["error"] or "its content is in already")
    return reason.removeprefix(f"{one['bronze_file_path']}: ").partition(";")[0]


def _pointline(lake: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pointline_daemon", *arguments, "--lake-root", str(lake)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:  # 1: a file was refused
        raise subprocess.CalledProcessError(done.returncode, done.args)
    return done.stdout
