"""The program as it looks on a terminal of 80 columns without colours: for the documentation, which shows it so."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    from pointline_daemon.cli import main

    os.chdir(os.environ["HOME"])
    os.dup2(1, 2)
    sys.stdout.isatty = lambda: True  # type: ignore[method-assign]
    sys.argv[0] = "pointline"
    main()
