"""A command's answer, refreshed in place until Ctrl-C."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from shutil import get_terminal_size
from typing import Final

from pointline.errors import WrongUse
from pointline_daemon.commands.shared.present import is_terminal, make_console
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK

REFRESH_SECONDS = 2.0
HOME: Final = "\x1b[H"
CLEAR: Final = "\x1b[2J"
REST_OF_LINE: Final = "\x1b[K"
REST_OF_SCREEN: Final = "\x1b[J"


def watch(show: Callable[[], int], *, as_json: bool) -> int:
    """Run ``show`` every two seconds. On a terminal it stays in place; programs get a JSON document per line."""
    if as_json:
        return _repeat(show)
    if not is_terminal() or make_console().is_dumb_terminal:
        raise WrongUse("--watch needs a terminal", hint="leave --watch out, or add --json for a document per line")
    print(CLEAR, end="")
    return _repeat(lambda: _draw(show))


def _repeat(show: Callable[[], int]) -> int:
    """Ctrl-C is how this ends; so is a reader that left, which is an error for others to handle."""
    code = EXIT_OK
    with suppress(KeyboardInterrupt):
        while code == EXIT_OK:
            code = show()
            sys.stdout.flush()
            time.sleep(REFRESH_SECONDS)
    return code if code == EXIT_FINDINGS else EXIT_OK


def _draw(show: Callable[[], int]) -> int:
    """Write what fits on the screen over what was there: without clearing it first, nothing flickers."""
    screen = _Screen()
    with redirect_stdout(screen):
        code = show()
    columns, rows = get_terminal_size()
    lines = [part for line in screen.getvalue().splitlines() for part in _folded(line, columns)][: rows - 1]
    print(HOME + "".join(f"{line}{REST_OF_LINE}\n" for line in lines) + REST_OF_SCREEN, end="", flush=True)
    return code


def _folded(line: str, columns: int) -> list[str]:
    """Fold plain text where the terminal would; what has colours was made to fit."""
    if "\x1b" in line or len(line) <= columns:
        return [line]
    return [line[start : start + columns] for start in range(0, len(line), columns)]


class _Screen(io.StringIO):
    """Stands for the terminal while the next picture is made."""

    encoding = sys.stdout.encoding

    def isatty(self) -> bool:
        return True
