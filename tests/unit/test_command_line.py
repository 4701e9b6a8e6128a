"""Of the command line only the command that is asked for is made, and it is the one that the whole has."""

from __future__ import annotations

import pytest
import typer.main
from pointline_daemon.cli.app import app, command_line
from typer.testing import CliRunner

WHOLE = typer.main.get_command(app)
EVERY = list(getattr(WHOLE, "commands"))  # noqa: B009 - of a group, which the type does not say


@pytest.mark.parametrize("name", EVERY)
def test_one_command(name):
    narrow = command_line([name, "--json", "run"])
    assert list(getattr(typer.main.get_command(narrow), "commands")) == [name]  # noqa: B009
    shown = [CliRunner().invoke(one, [name, "--help"], prog_name="pointline").output for one in (narrow, app)]
    assert shown[0] == shown[1]
    assert "--help" in shown[0]


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["--version"], ["nosuch"], ["fil"], ["--install-completion"], [""]]
)
def test_all_of_them(arguments):
    assert command_line(arguments) is app
