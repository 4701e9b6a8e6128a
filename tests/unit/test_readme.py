"""The README names everything that people touch: what is missing there does not exist for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pointline_daemon import cli, exit_codes
from pointline_daemon.events import EVENTS
from pointline_daemon.metrics import METRICS

from pointline.settings import KINDS
from pointline.tables.ingest_manifest import Status
from pointline.tables.registry import event_tables

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
START = """\
python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/pointline demo
python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest
"""


def commands(app: typer.Typer, prefix: str = "pointline") -> Iterator[str]:
    for command in app.registered_commands:
        assert command.callback is not None
        yield f"{prefix} {command.name or command.callback.__name__}"
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{prefix} {group.name}")


def documented_codes() -> set[int]:
    return {value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")}


@pytest.mark.parametrize("command", list(commands(cli.app)))
def test_commands(command):
    assert f"| `{command}" in README


@pytest.mark.parametrize("setting", [f"{name}.{key}" for name, keys in KINDS.items() for key in keys])
def test_settings(setting):
    assert f"| `{setting}` | " in README


@pytest.mark.parametrize("event", EVENTS)
def test_events(event):
    assert f"| `{event}` | {EVENTS[event]} |" in README


@pytest.mark.parametrize("metric", METRICS)
def test_metrics(metric):
    assert f"| `{metric}` | {METRICS[metric]} |" in README


def test_alerts_ask_for_metrics_that_exist():
    asked = set(re.findall(r"pointline_[a-z_]+", README))
    assert asked - {f"{name}{end}" for name in METRICS for end in ("", "_count")} == set()


@pytest.mark.parametrize("status", list(Status))
def test_statuses(status):
    assert f"| `{status.value}` | " in README


@pytest.mark.parametrize("code", sorted(documented_codes()))
def test_exit_codes(code):
    assert f"\n| {code} | " in README


@pytest.mark.parametrize("table", event_tables())
def test_tables(table):
    assert f"`{table}`" in README


def test_it_begins_with_two_lines_to_paste():
    first_screen = "\n".join(README.splitlines()[:24])
    assert START in first_screen
