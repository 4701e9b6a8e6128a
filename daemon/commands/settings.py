"""The settings of a command: what it needs has to be right, what else is wrong is said and left out."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from daemon.commands.present import printable
from pointline.config import Config, load_config

READING: Final = ("ingest.max_expansion_ratio", "ingest.max_line_bytes")
"""What is needed to read a file of bronze."""
INGEST: Final = ("ingest", "bronze", "checks", "symbols")


def settings_for(lake_root: Path | None, *, needs: Collection[str] = ()) -> Config:
    """Load the settings; ``needs`` as for ``load_config``. Without any, bad settings stop no command."""
    config = load_config(lake_root, needs=needs)
    for problem in config.problems:
        print(f"warning: {printable(problem)}; this command goes on without", file=sys.stderr)
    return config
