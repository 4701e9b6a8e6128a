"""How much of each table readers need, and how much waits for the vacuum."""

from __future__ import annotations

from pointline.config import Config
from pointline.errors import PointlineError
from pointline_daemon.commands.shared.health import Daemon
from pointline_daemon.commands.shared.present import bytes_text
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.process.maintenance.upkeep import LEAST_DEAD_BYTES, Upkeep

Space = dict[str, dict[str, int]]
"""``live_bytes, dead_bytes`` by table."""
MOST_TABLES = 3


def look_at_space(config: Config, daemon: Daemon) -> Space:
    """Return what the daemon says, or what the folders do; nothing where they cannot be read."""
    told: Space | None = daemon.live().get("tables")
    if told and any(one["live_bytes"] for one in told.values()):
        return told  # else it has not measured yet
    try:
        return Upkeep(open_lake(config)).space()
    except PointlineError:
        return {}  # what is wrong with the lake is said by what looks at its files


def space_line(space: Space) -> str:
    """Return a line for all tables, which names those in which most is dead, if that is much."""
    live, dead = (sum(one[name] for one in space.values()) for name in ("live_bytes", "dead_bytes"))
    much = sorted(((one["dead_bytes"], table) for table, one in space.items()), reverse=True)[:MOST_TABLES]
    named = [f"{table} {bytes_text(size)}" for size, table in much if size >= LEAST_DEAD_BYTES]
    where = f" (most of it: {', '.join(named)})" if named else ""
    return f"silver     {bytes_text(live)} in use, {bytes_text(dead)} left by files that were replaced or merged{where}"
