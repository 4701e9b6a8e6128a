"""The program in a process that counts its flushes to the disk.

    python -m tests.support.counted_daemon COUNTER run …

``COUNTER`` is a file of eight bytes; what stands there is counted on, so that a number goes on after a kill.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from pathlib import Path

WORD = 8


def flushes_in(counter: Path) -> int:
    """Return how many flushes were counted."""
    return int.from_bytes(counter.read_bytes(), "little") if counter.exists() else 0


def count_flushes(counter: Path) -> None:
    """Count from here on, in the file and in this process."""
    if not counter.exists():
        counter.write_bytes(bytes(WORD))
    with counter.open("r+b") as file:
        count = mmap.mmap(file.fileno(), WORD)
    flush, one_at_a_time = os.fsync, threading.Lock()

    def counted(descriptor: int) -> None:
        flush(descriptor)
        with one_at_a_time:
            count[:] = (int.from_bytes(count[:], "little") + 1).to_bytes(WORD, "little")

    os.fsync = counted  # type: ignore[assignment]


if __name__ == "__main__":
    from pointline_daemon.cli import main

    count_flushes(Path(sys.argv.pop(1)))
    main()
