"""What `status` says of live and dead data files."""

from __future__ import annotations

import pytest
from pointline_daemon.commands.shared.space import space_line

MIB = 1 << 20


@pytest.mark.parametrize(
    ("dead", "said"),
    [
        ({"trades": 0, "quotes": 0}, "0 B left by files that were replaced or merged"),
        ({"trades": 3 * MIB, "quotes": 2 * MIB}, "5.0 MiB left by files that were replaced or merged"),
        (
            {"trades": 30 * MIB, "quotes": 2 * MIB},
            "32.0 MiB left by files that were replaced or merged (most of it: trades 30.0 MiB)",
        ),
        (
            dict.fromkeys(("trades", "quotes"), 30 * MIB),
            "60.0 MiB left by files that were replaced or merged (most of it: trades 30.0 MiB, quotes 30.0 MiB)",
        ),
    ],
)
def test_tables_are_named_where_much_is_dead(dead, said):
    space = {table: {"live_bytes": MIB, "dead_bytes": size} for table, size in dead.items()}
    assert space_line(space) == f"silver     2.0 MiB in use, {said}"
