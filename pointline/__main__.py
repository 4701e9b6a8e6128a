"""``python -m pointline``: the same as ``pointline``."""

from __future__ import annotations

from pointline_daemon.cli import main

main()
