"""What was measured: progress for whoever waits, a table to read, the same as Markdown, and JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pointline_daemon.commands.shared.present import Column, print_lines, print_table

from tests.bench.measure import Measure

COLUMNS = [
    Column(title="what"),
    Column(title="measured", align="right"),
    Column(title="least to most", align="right"),
    Column(title="must", align="right"),
    Column(title="aim", align="right"),
    Column(title=""),
]
STYLES = {"aim": "green", "MISSED": "bold red"}


def progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def print_report(measures: Sequence[Measure], facts: dict[str, Any]) -> None:
    """The table, then what was found about each number."""
    print_lines([*_machine_lines(facts), ""])
    print_table(COLUMNS, [_cells(one) for one in measures], styles=[STYLES.get(one.verdict, "") for one in measures])
    for one in measures:
        if one.notes:
            print_lines(["", f"{one.work}: {one.what}", *(f"  {note}" for note in one.notes)])


def print_markdown(measures: Sequence[Measure], facts: dict[str, Any]) -> None:
    """The table as the README has it."""
    rows = [[column.title for column in COLUMNS], ["---", *("---:" for _ in COLUMNS[1:-1]), "---"]]
    rows += [_cells(one) for one in measures]
    print_lines(["| " + " | ".join(row) + " |" for row in rows])
    print_lines(["", *_machine_lines(facts)])


def as_json(measures: Sequence[Measure], facts: dict[str, Any], failures: dict[str, str]) -> dict[str, Any]:
    found = [{**asdict(one), "verdict": one.verdict} for one in measures]
    return {**facts, "measures": found, "failures": failures}


def number(value: float, unit: str = "") -> str:
    """Three significant digits, or all of a whole number from 100 on: ``0.85``, ``12.3 ms``, ``1,234 files/s``."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()


def _cells(one: Measure) -> list[str]:
    spread = f"{number(one.low)} to {number(one.high)}"
    bounds = ["" if bound is None else ("≥ " if one.more_is_better else "≤ ") + f"{bound:g}" for bound in _bounds(one)]
    return [f"{one.work}: {one.what}", number(one.value, one.unit), spread, *bounds, one.verdict]


def _bounds(one: Measure) -> tuple[float | None, float | None]:
    return one.must, one.aim


def _machine_lines(facts: dict[str, Any]) -> list[str]:
    machine, versions = facts["machine"], facts["versions"]
    size = f"{machine['cores']} cores, {machine['memory_gib']} GiB"
    return [
        f"{machine['cpu']}, {size}; {machine['system']}; scratch on {machine['file_system']}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"{facts['command']} ({facts['runs']} runs{', quick: sizes that prove nothing' if facts['quick'] else ''})",
    ]
