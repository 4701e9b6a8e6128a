"""One peer at work, in a process of its own.

``load PEER BRONZE OUT``, ``read PEER OUT PARQUET``, ``count PEER OUT TEXT``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.peers.peer import by_name


def main(what: str, name: str, first: str, second: str) -> None:
    peer = by_name(name)
    if what == "load":
        peer.load(Path(first), Path(second))
    elif what == "read":
        peer.read(Path(first)).write_parquet(second)
    else:
        Path(second).write_text(str(peer.count(Path(first))))


if __name__ == "__main__":
    main(*sys.argv[1:])
