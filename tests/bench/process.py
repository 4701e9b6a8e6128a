"""Commands as whole processes, from start to exit, and what each of them cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LAUNCHER = Path(__file__).with_name("launch.py")
SHOWN_CHARACTERS = 3000


class BenchmarkFailed(Exception):
    """The work was not done, or not rightly: a number about it would say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took. ``started`` is in seconds since the epoch, ``cpu_seconds`` user and system together."""

    started: float
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def environment(settings: Mapping[str, object] | None = None) -> dict[str, str]:
    """The environment of a child: no settings but these, and this checkout's code before any installed one.

    Compiled modules are kept, as those of an installed program are.
    """
    foreign = ("POINTLINE_", "LAKE_ROOT", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    code = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "daemon")])
    return {**kept, "PYTHONPATH": code, **{name: str(value) for name, value in (settings or {}).items()}}


def run(command: Sequence[str], output: Path, settings: Mapping[str, object] | None = None) -> Cost:
    """Run a command to its end, its output in a file. Raises BenchmarkFailed where it fails."""
    os.sync()  # what an earlier run left to be written is not this one's burden
    launched = subprocess.run(
        [sys.executable, "-I", str(LAUNCHER), str(output), *command],
        cwd=REPOSITORY,
        env=environment(settings),
        check=True,
        capture_output=True,
    )
    facts = json.loads(launched.stdout)
    if code := facts.pop("exit_code"):
        raise BenchmarkFailed(f"{' '.join(command[:5])} ... ended with {code}:\n{tail(output)}")
    return Cost(**facts)


def tail(output: Path) -> str:
    return output.read_text(errors="replace")[-SHOWN_CHARACTERS:]


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs a module of this checkout."""
    return [sys.executable, "-m", name, *map(str, arguments)]
