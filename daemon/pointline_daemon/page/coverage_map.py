"""The map of `pointline coverage` for the live page."""

from __future__ import annotations

from pointline.config import LakePaths
from pointline.errors import PointlineError
from pointline.io.ledger.reader import scan_ledger
from pointline.tables import ingest_manifest

MOST_SYMBOLS = 20
NOTHING = '<section class="coverage"><h2>Coverage</h2><p>No day is known yet.</p></section>'
MOST_CELLS = 6_000
"""A browser draws so many in a moment; of more days a cell is a month."""


def draw_coverage(paths: LakePaths) -> str:
    """Return one section of HTML without a script; it says so where the ledger is empty or cannot be read just now."""
    from pointline.io.descriptions import periods  # noqa: PLC0415 - as below
    from pointline.services.coverage.asked import Selection  # noqa: PLC0415 - who opens no page does not pay for it
    from pointline.services.coverage.days import survey  # noqa: PLC0415 - who opens no page does not pay for it
    from pointline_daemon.commands.coverage.html import render_fragment  # noqa: PLC0415 - as above
    from pointline_daemon.commands.coverage.maps import make_maps, month_maps  # noqa: PLC0415 - as above

    try:
        coverage = survey(scan_ledger(paths.table(ingest_manifest.NAME)), Selection(), periods(paths.root))
    except PointlineError:
        return NOTHING
    if coverage.days.is_empty():
        return NOTHING
    maps = make_maps(coverage, most_symbols=MOST_SYMBOLS)
    is_by_month = sum(len(one.cells) for one in maps) > MOST_CELLS
    if is_by_month:
        maps = month_maps(coverage)
    return render_fragment(maps, coverage.gaps, title="Coverage", by_month=is_by_month)
