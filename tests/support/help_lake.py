"""The home of the user in the documentation: the lake of `pointline demo --examples`, made once and copied."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from pointline_daemon.commands.demo.examples import write_examples

from tests.support import warm

HOME_SHOWN: Final = "/home/trading"
TRIES: Final = 20


def new_home() -> Path:
    """Make a home whose path is as long as the one that is shown, since output is aligned by it."""
    return Path(tempfile.mkdtemp(prefix=""))


def make_home(home: Path) -> None:
    """Copy the lake, and the files that lie beside it, into a home."""
    shutil.copytree(_made(), home, dirs_exist_ok=True, symlinks=True)


@cache
def _made() -> Path:
    home = new_home()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    write_examples(home)
    env = {**os.environ, "HOME": str(home), "LAKE_ROOT": str(home / "lake")}
    env = {name: value for name, value in env.items() if not name.startswith("POINTLINE_")}
    env["POINTLINE_INGEST__UNFINISHED_SECONDS"] = "0"
    for _ in range(TRIES):
        done = warm.run("pointline_daemon", "run", "--once", env=env)
        assert done.returncode == 1, done.stdout + done.stderr
        if len(list((home / "lake/silver/trades/_delta_log").glob("*.json"))) == 2:
            return home
        for folder in ("silver", ".pointline"):  # beside a load, files may come in by two commits; one is shown
            shutil.rmtree(home / "lake" / folder)
    raise AssertionError(f"no run of {TRIES} took all files at once")
