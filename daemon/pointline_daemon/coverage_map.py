"""The map of `pointline coverage` for the live page, drawn anew once a minute at most."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from pointline.errors import PointlineError

FRESH_SECONDS = 60.0
MOST_SYMBOLS = 20


class CoverageMap:
    """Safe to share between threads: one of them draws, the others wait for it."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._drawn_at = float("-inf")
        self._fragment = ""

    def fragment(self) -> str:
        """Return one section of HTML without a script; nothing where the ledger cannot be read just now."""
        with self._lock:
            if time.monotonic() - self._drawn_at >= FRESH_SECONDS:
                try:
                    self._fragment = _draw(self._ledger)
                except PointlineError:
                    self._fragment = ""
                self._drawn_at = time.monotonic()
            return self._fragment


def _draw(ledger: Path) -> str:
    from pointline.io.ledger import scan_ledger  # noqa: PLC0415 - as above
    from pointline.tables.coverage import Selection, survey  # noqa: PLC0415 - as above
    from pointline_daemon.commands.coverage_html import render_fragment  # noqa: PLC0415 - who opens no page does not pay for it
    from pointline_daemon.commands.coverage_maps import make_maps  # noqa: PLC0415 - as above

    coverage = survey(scan_ledger(ledger), Selection())
    if coverage.days.is_empty():
        return ""
    return render_fragment(make_maps(coverage, most_symbols=MOST_SYMBOLS), coverage.gaps, title="Coverage")
