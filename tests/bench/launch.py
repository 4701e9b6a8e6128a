"""Runs one command and tells what it cost, as JSON: ``python -I launch.py OUTPUT COMMAND ...``.

A process of its own and nothing but the standard library, because a child begins with the peak memory of whoever forked
it, and the benchmark itself may hold gigabytes of generated rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(output: str, *command: str) -> None:
    with Path(output).open("wb") as log:
        started = time.time()
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    print(
        json.dumps(
            {
                "started": started,
                "wall_seconds": wall,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss * 1024,
                "exit_code": os.waitstatus_to_exitcode(status),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
