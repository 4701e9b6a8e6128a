"""Options that many commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LakeRoot = Annotated[
    Path | None,
    typer.Option(
        "--lake-root",
        help="The lake's folder. Default: the environment variable LAKE_ROOT.",
        readable=False,  # whether it may be read is said where it is, with who may
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
