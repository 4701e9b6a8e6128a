"""Whose header a first line is: what lies in other folders than those it was published in is told by it."""

from __future__ import annotations

import re

from pointline.errors import OtherHeader, PointlineError, Rejected
from pointline.vendors.decoded import column_lists
from pointline.vendors.describe import Description
from pointline.vendors.feeds import Feeds
from pointline.vendors.paths.written_out import MOST_NAMED, first_of, path_for

TABLE_ENDING = re.compile(r"\.(?:csv(?:\.gz|\.zst)?|parquet)$", re.IGNORECASE)
FEWEST = 3
"""So many columns tell whose a header is."""


def with_header(feeds: Feeds, line: str) -> list[Description]:
    """Return the feeds whose files may begin with this line."""
    return [one for vendor in feeds.vendors for one in vendor.descriptions if _has_header(one, line)]


def whose_header(feeds: Feeds, path: str, line: str) -> str:
    """Say where a file belongs whose first line this is; empty where no feed has it, or one that reads the path."""
    claimed = {claim.description.name for claim in feeds.claims(path)}
    found = with_header(feeds, line)
    if not claimed and (tables := _tables_of(feeds, line)):
        named = " or ".join(tables)
        ending = TABLE_ENDING.search(path)
        kind = tables[0] if len(tables) == 1 else "{data_type}"
        form = f"{{exchange}}_{kind}_{{YYYY-MM-DD}}_{{symbol}}{ending[0] if ending else '.csv'}"
        folder = "; keep it out of folders that say something else" if "=" in path else ""
        return f"its columns are those of {named}, as Tardis writes them: rename it to {form}{folder}"
    if not found or any(one.name in claimed for one in found):
        return ""
    name = path.rpartition("/")[2]
    fitting = [(one, paths) for one in found if (paths := [path for path in one.paths if path.fits_name(name)])]
    best = sorted(fitting or [(one, list(one.paths)) for one in found], key=lambda one: len(one[0].name))
    named = first_of([one.name for one, _ in best])
    written = list(dict.fromkeys(path_for(paths[0], name) for _, paths in best))[:MOST_NAMED]
    return f"its header is that of {named}: put it below bronze as {' or '.join(written)}"


def told_by_header(error: PointlineError, feeds: Feeds, path: str) -> PointlineError:
    """Return what a file is refused for; where its header is that of another feed, with the path that it has there."""
    if isinstance(error, OtherHeader) and (whose := whose_header(feeds, path, error.line)):
        return Rejected(str(error), subject=error.subject, hint=whose)
    return error


def _tables_of(feeds: Feeds, line: str) -> list[str]:
    """Return the tables whose own columns these are, in this order."""
    cells = _cells(line, ",")
    return sorted(name for name, table in feeds.tables.items() if cells == list(table.raw_schema))


def _has_header(one: Description, line: str) -> bool:
    text = one.text
    if text.header == "absent" or text.decoder or text.beside:
        return False
    names = [text.aliases.get(cell, cell) for cell in _cells(line, text.separator)]
    return len(names) >= FEWEST and names in column_lists(text)


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator)]
