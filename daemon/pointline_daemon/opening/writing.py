"""How every command that writes opens a lake: as its owner, under the writer's lock, mended and recovered; or it asks.

There is no other way: a command that wrote beside these steps would build on a torn log, or beside a running daemon.
"""

from __future__ import annotations

from collections.abc import Callable

from pointline.config import Config
from pointline_daemon.logs import log_to_stderr
from pointline_daemon.opening.lake import Lake, open_lake
from pointline_daemon.opening.prepare import prepare
from pointline_daemon.opening.requests import ANSWER_SECONDS, Answer, Request, do_or_ask


def write_or_ask(
    config: Config, request: Request, do: Callable[[Lake], Answer], *, purpose: str, patience: float = ANSWER_SECONDS
) -> Answer:
    """Do it to the lake, prepared as for ingest, or have the running daemon do what is requested; see ``do_or_ask``."""

    def here() -> Answer:
        log_to_stderr()
        lake = open_lake(config)
        prepare(lake)
        return do(lake)

    return do_or_ask(config.paths, request, here, purpose=purpose, patience=patience)
