"""The program in the process of the tests: a command begins and ends as ever, but nothing is forked for it.

A process of its own pays twice for what it does, since each page that it touches is copied first.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import BinaryIO, NoReturn
from unittest.mock import patch

import structlog
from pointline_daemon.cli import entry_point

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
OWN_PROCESSES = "POINTLINE_OWN_PROCESSES"
"""Set it and each command has a process again, as a person's has."""


def can_run_here(*arguments: str) -> bool:
    """Whether signals may be handled here, and no daemon logs through what a command would set up anew.

    With ``--debug`` an error is the interpreter's, which says it as it ends.
    """
    threads = threading.enumerate()
    return (
        OWN_PROCESSES not in os.environ
        and "--debug" not in arguments
        and threading.current_thread() is threading.main_thread()
        and all(thread.name != "daemon" for thread in threads)
    )


def run_here(*arguments: str, env: Mapping[str, str], stdout: BinaryIO, stderr: BinaryIO, seconds: float = 60.0) -> int:
    """Run ``pointline arguments`` to its end with this environment; the exit code."""
    streams = [io.TextIOWrapper(one, encoding="utf-8", write_through=True) for one in (stdout, stderr)]
    with ExitStack() as kept:
        kept.enter_context(_as_it_was())
        kept.enter_context(_within(seconds))
        kept.enter_context(patch.dict(os.environ, env, clear=True))
        kept.enter_context(patch.object(sys, "argv", ["pointline", *arguments]))
        kept.enter_context(patch.object(entry_point, "_leave", _leave))
        kept.enter_context(redirect_stdout(streams[0]))
        kept.enter_context(redirect_stderr(streams[1]))
        try:
            entry_point.main()
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 1
        finally:
            for one in streams:
                one.detach()
    raise AssertionError("the program went on behind its end")


def _leave(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    sys.exit(code)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Fail what hangs."""

    def late(_number: int, _frame: object) -> NoReturn:
        raise AssertionError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """What a program sets for the whole of its process."""
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    logging = structlog.get_config()
    mask = os.umask(0)
    os.umask(mask)
    try:
        yield
    finally:
        gc.enable()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        structlog.configure(**logging)
        os.umask(mask)
