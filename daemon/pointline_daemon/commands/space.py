"""How much of each table readers need, and how much waits for the vacuum."""

from __future__ import annotations

from pointline.config import Config
from pointline.errors import PointlineError
from pointline_daemon.commands.health import Daemon
from pointline_daemon.commands.present import bytes_text
from pointline_daemon.lake import open_lake
from pointline_daemon.upkeep import Upkeep

Space = dict[str, dict[str, int]]
"""``live_bytes, dead_bytes`` by table."""
MOST_TABLES = 3


def look_at_space(config: Config, daemon: Daemon) -> Space:
    """Return what the daemon says, or what the folders do; nothing where they cannot be read."""
    told: Space | None = daemon.live().get("tables")
    if told:
        return told
    try:
        return Upkeep(open_lake(config)).space()
    except PointlineError:
        return {}  # what is wrong with the lake is said by what looks at its files


def space_line(space: Space) -> str:
    """Return a line for all tables, with those in which most is dead."""
    live = sum(one["live_bytes"] for one in space.values())
    by_dead = sorted(((one["dead_bytes"], table) for table, one in space.items() if one["dead_bytes"]), reverse=True)
    if not by_dead:
        return f"silver     {bytes_text(live)} of data files"
    named = [f"{table} {bytes_text(dead)}" for dead, table in by_dead[:MOST_TABLES]]
    if len(by_dead) > MOST_TABLES:
        named.append(f"{len(by_dead) - MOST_TABLES} more")
    total = bytes_text(sum(dead for dead, _ in by_dead))
    return f"silver     {bytes_text(live)} of data files, and {total} that no version needs: {', '.join(named)}"
