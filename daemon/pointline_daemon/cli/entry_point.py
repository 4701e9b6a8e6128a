"""Where the program begins and ends: every failure becomes one line what and one line what to try."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from errno import EIO, ENOSPC
from itertools import pairwise
from typing import Final, NoReturn, cast

import typer

from pointline_daemon.cli.app import command_line
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_UNREAD, EXIT_USAGE, exit_code_of

TYPING_ERROR: Final = typer.BadParameter.__mro__[2]
"""What the command line itself complains with: an option, a command or a value of a kind that does not exist."""


def main() -> None:
    """Entry point: turn every failure into one line what and one line what to try."""
    gc.disable()  # while modules are imported; a command that stays switches it on again
    _open_streams()
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        _refuse_empty_lake(sys.argv[1:])
        code = command_line(sys.argv[1:])(prog_name="pointline", standalone_mode=False)
    except SystemExit as leaving:
        code = EXIT_UNREAD if isinstance(leaving.__context__, BrokenPipeError) else leaving.code
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except BaseException as error:  # a panic of a Rust library is no Exception
        if debug and not isinstance(error, TYPING_ERROR):
            raise
        try:
            code = _explain(error)
        except OSError as unsaid:  # a full disk behind `--json > file`
            code = EXIT_FINDINGS
            with suppress(OSError):
                print(f"error: the answer cannot be written: {unsaid.strerror}", file=sys.stderr)
    _leave(code if isinstance(code, int) else int(bool(code)))


def _open_streams() -> None:
    """Have standard input, output and error lead nowhere where they are closed: to print is no error then.

    Else the next file that is opened is in their place, and printed into.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with suppress(OSError):
                os.fstat(number)
                continue
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for the whole life


def _refuse_empty_lake(arguments: Sequence[str]) -> None:
    """Refuse an empty name, such as that of a variable which is not set: as a path it would be the folder one is in."""
    pairs = pairwise([*arguments, "left out"])
    if "--lake-root=" in arguments or any(one == "--lake-root" and not value.strip() for one, value in pairs):
        from pointline.config import load_config

        load_config("")


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter apart, which costs a quarter of a second; everything is on disk by now."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _explain(error: BaseException) -> int:
    from pointline.errors import PointlineError

    try:
        from pointline.io.translate import from_os_error, lost_data_file, one_line
        from pointline_daemon.commands.shared.present import print_error, print_problem
    except ImportError:  # the process became a user who may not read the program
        print(f"error: {error}\ntry:   {getattr(error, 'hint', '')}", file=sys.stderr)
        return exit_code_of(error) if isinstance(error, PointlineError) else EXIT_FINDINGS

    as_json = "--json" in sys.argv
    if not isinstance(error, PointlineError) and (lost := lost_data_file(error)) is not None:
        error = lost
    elif isinstance(error, OSError) and error.filename is not None:
        error = from_os_error(error, str(error.filename))
    elif isinstance(error, TYPING_ERROR):
        return _explain_typing(cast("typer.BadParameter", error), as_json=as_json)
    if isinstance(error, OSError) and error.filename is None and error.errno in {ENOSPC, EIO}:
        print_problem(f"the answer cannot be written: {error.strerror}", "write it to another place", as_json=as_json)
        return EXIT_FINDINGS
    if not isinstance(error, PointlineError):
        print_problem(one_line(error), "run it again with --debug and report what it says", as_json=as_json)
        return EXIT_FINDINGS
    return print_error(error, as_json=as_json)


def _explain_typing(error: typer.BadParameter, *, as_json: bool) -> int:
    """Say what is wrong with a command line, in the shape of all errors; a command group by itself shows its help."""
    from pointline_daemon.commands.shared.present import print_lines, print_problem

    what = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print_lines([what])
        return EXIT_USAGE
    named = error.ctx.command_path if error.ctx is not None else "pointline"
    what = f"{what[:1].lower()}{what[1:]}"
    print_problem(what, f"`{named} --help` shows what there is", as_json=as_json)
    return EXIT_USAGE
