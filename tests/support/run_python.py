"""Code blocks of the documentation: all but the last silently, then the last. What is not installed is said by 77."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

NOT_INSTALLED = 77
OPTIONAL = ("duckdb", "daft", "pandas")

if __name__ == "__main__":
    os.chdir(os.environ["HOME"])
    os.dup2(1, 2)
    space: dict[str, object] = {"__name__": "documented"}
    before, last = Path(sys.argv[1]).read_text().rpartition("\f")[::2]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(before.replace("\f", "\n"), "before", "exec"), space)
        exec(compile(last, "block", "exec"), space)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        sys.exit(NOT_INSTALLED)
    sys.stdout.flush()
    os._exit(0)  # Daft keeps threads
