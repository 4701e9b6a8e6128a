"""The command line as it is built: every command, and what it takes. A new command or option is in it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer.main
from pointline_daemon.cli.app import app

EVERYWHERE = {"lake_root", "json", "help", "install_completion", "show_completion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One value that a command takes. ``command`` is how it is typed, ``option`` empty for an argument."""

    command: tuple[str, ...]
    name: str
    option: str
    place: int
    """Of an argument, among those of the command."""
    parameter: Any

    @property
    def key(self) -> str:
        return f"{' '.join(self.command)} {self.name}"


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command as it is typed, with what the library made of it."""
    yield from _below((), typer.main.get_command(app))


def values() -> Iterator[Taken]:
    """Yield each value that a person types for a command."""
    for names, command in commands():
        place = 0
        for one in command.params:
            is_option = one.param_type_name == "option"
            if one.name in EVERYWHERE or (is_option and (one.is_flag or one.hidden)):
                continue
            yield Taken(
                command=names, name=one.name, option=one.opts[0] if is_option else "", place=place, parameter=one
            )
            place += not is_option


def _below(names: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield names, command
        return
    for name, one in inner.items():
        yield from _below((*names, name), one)
