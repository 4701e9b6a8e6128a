"""Everything that is measured, by name, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench import throughput
from tests.bench.commands import commands
from tests.bench.complete import idle, start
from tests.bench.feeds import feeds
from tests.bench.latency import latency, paced
from tests.bench.many import many
from tests.bench.measure import Bench, Measure
from tests.bench.memory import memory
from tests.bench.parts import parts
from tests.bench.pending import filter_pending
from tests.bench.scale import scale
from tests.bench.symbol import one_symbol
from tests.bench.year import year

Work = Callable[[Bench], Iterator[Measure]]

WORKS: dict[str, Work] = {
    "bulk": throughput.bulk,
    "small": throughput.small,
    "many": many,
    "latency": latency,
    "memory": memory,
    "start": start,
    "filter_pending": filter_pending,
    "idle": idle,
    "commands": commands,
    "book": throughput.book,
    "parts": parts,
    "symbol": one_symbol,
    "paced": paced,
    "feeds": feeds,
    "year": year,
    "scale": scale,
}
