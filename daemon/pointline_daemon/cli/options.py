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


def as_id(exchange: str | None) -> str | None:
    """Return the id of an exchange as the lake has it: they are compared without case."""
    return None if exchange is None else exchange.lower()


Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
