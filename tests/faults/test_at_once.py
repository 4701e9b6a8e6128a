"""What several threads do first at the same time, in a process of their own: none of it ends the process."""

from __future__ import annotations

import subprocess
import sys

from tests.support.warm import REPOSITORY

TIMES = 3
DESCRIPTIONS = """
import sys, threading
from importlib import resources
from pointline.tables.registry import event_tables
from pointline.vendors.describe import describe

sys.setswitchinterval(1e-6)
tables = event_tables()
files = [one.read_bytes() for one in resources.files("pointline.vendors").iterdir() if one.name.endswith(".toml")]
together = threading.Barrier(4)

def read(number):
    together.wait()
    for content in files[number:number + 3]:
        describe(content, "x.toml", tables)

threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
"""


def test_descriptions_are_read():
    """Guards the lock in misshapen.shaped: msgspec ends the process four times in five without it."""
    for _ in range(TIMES):
        done = subprocess.run(
            [sys.executable, "-c", DESCRIPTIONS], cwd=REPOSITORY, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]
