"""The program where files whose name has SLOW in it are read slowly, as very large ones are.

``python -m tests.support.slow WORDS``: the words are those of the program. A file comes in small blocks, each of which
takes a while. With ``SLOW_KILL`` in the environment, ``CALL before|after NTH``, the process is killed there, as by
``kill``.
"""

from __future__ import annotations

import os
import time
from functools import wraps

from pointline_daemon import cli
from pointline_daemon.commands import run

from pointline.io.content import decode, line_blocks
from pointline.io.content.file_reader import FileReader
from pointline.services.loading import rows_load
from tests.support.kill import Moment, surround

SECONDS_A_BLOCK = 0.1
READ_BYTES = 1 << 10
BLOCK_BYTES = 1 << 13
STREAMED_BYTES = 1 << 18


def _main() -> None:
    decode.READ_BYTES, line_blocks.BLOCK_BYTES, rows_load.KEPT_FOR_PACK = READ_BYTES, BLOCK_BYTES, STREAMED_BYTES
    step = FileReader._step

    @wraps(step)
    def slowly(reader: FileReader, path: str) -> None:
        if "SLOW" in path:
            time.sleep(SECONDS_A_BLOCK)
        step(reader, path)

    FileReader._step = slowly  # type: ignore[method-assign]
    if killed := os.environ.get("SLOW_KILL"):
        call, when, nth = killed.split()
        open_lake = run.open_lake
        run.open_lake = lambda *args, **kwargs: surround(open_lake(*args, **kwargs), Moment(call, when, int(nth)))
    cli.main()


if __name__ == "__main__":
    _main()
