"""``python -m tests.bench accidents``: both tables as Markdown, with the versions that they are true of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version

from pointline_daemon.commands.shared.present import print_lines

from tests.bench.measure import Bench
from tests.bench.peers.accidents import ROWS, accidents
from tests.bench.peers.behaviour import behaviour
from tests.bench.peers.peer import OURS, PEERS, absent
from tests.bench.peers.speed import speed

FEW_ROWS = 2000


def print_tables(bench: Bench) -> None:
    """Print what each tool does with accidents, then what it costs. Tools are rows: there are more of them."""
    installed = [peer for peer in PEERS if not peer.missing()]
    rows = bench.size(ROWS, FEW_ROWS)
    table = [*behaviour(bench.folder("accidents"), installed, accidents(rows))]
    print_lines([f"Two files of {rows:,} trades, and then:", ""])
    print_lines(markdown(zip(*table, strict=True)))
    print_lines(["", "How much faster than bare Polars, and the most memory:", ""])
    print_lines(markdown(speed(bench)))
    named = dict.fromkeys(peer.package for peer in (OURS, *installed))
    print_lines(["", ", ".join(f"{name} {version(name)}" for name in named), *absent()])


def markdown(table: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose first row is its head."""
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in table]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]
