"""Structured logs: one event, one line, whatever the values hold.

JSON lines for programs, columns for a terminal. File names and vendor data go into log lines, so no value can end a
line, begin another, or steer a terminal. Nothing here raises because a line could not be written: a full disk must not
take the daemon down by way of its log. The next line that gets through says how many were lost.
"""

from __future__ import annotations

import json
import math
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pointline.ascii_json import ascii_json

MAX_DEPTH: Final = 6
LEAST_INTEGER, MOST_INTEGER = -(1 << 63), (1 << 64) - 1
PLAIN_WORD: Final = re.compile(r"[\w.,:;+*/@%-]+")
DIM: Final = "\x1b[2m"
RESET: Final = "\x1b[0m"
LEVEL_COLOURS: Final = {
    "debug": DIM,
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}


def configure_logging(
    format: Literal["auto", "json", "pretty"],  # noqa: A002 - the setting's own name
    level: str,
    stream: TextIO | None = None,
) -> None:
    """Send every event of at least ``level`` to ``stream`` (standard output). ``auto``: pretty on a terminal."""
    output = sys.stdout if stream is None else stream
    terminal = output.isatty()
    pretty = format == "pretty" or (format == "auto" and terminal)
    writer = LineWriter(output)
    renderer: Processor = PrettyRenderer(colours=terminal) if pretty else render_json
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            add_timestamp,
            writer.add_lost_lines,
            render_exception,
            make_plain,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )


def log_to_stderr() -> None:
    """For commands, whose standard output is their answer: what goes wrong on the way is told beside it."""
    configure_logging("auto", "warning", sys.stderr)


class LineWriter:
    """Writes whole lines, from any thread, and counts those it could not write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._lock = threading.Lock()
        self._reporting = threading.local()
        self._lost_lines = 0

    def msg(self, line: str) -> None:
        writable = line.encode(self._encoding, "backslashreplace").decode(self._encoding)
        with self._lock:
            try:
                self._stream.write(f"{writable}\n")
                self._stream.flush()
            except (OSError, ValueError):  # ValueError: the stream is closed
                self._lost_lines += 1 + getattr(self._reporting, "lines", 0)

    debug = info = warning = error = critical = exception = msg

    def add_lost_lines(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Let the line that this thread is about to write carry the count; it comes back if that line is lost too."""
        with self._lock:
            self._reporting.lines, self._lost_lines = self._lost_lines, 0
        if self._reporting.lines:
            event["lost_lines"] = self._reporting.lines
        return event


def add_timestamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["ts"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return event


def render_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn ``exc_info`` (an exception, a triple, or true for the one being handled) into the text ``exception``."""
    exc_info = event.pop("exc_info", None)
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    error = sys.exception() if exc_info is True else exc_info
    if isinstance(error, BaseException):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def make_plain(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Reduce every value to what JSON can say, ``ts``, ``level`` and ``event`` first."""
    ordered = {key: event[key] for key in ("ts", "level", "event")} | dict(event)
    return {
        _plain_text(key): value if type(value) is str and value.isascii() else _plain(value)  # a call less for most
        for key, value in ordered.items()
    }


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return ascii_json(event).decode()


class PrettyRenderer:
    """Time of day (UTC), level, event, then ``key=value``; text that is more than a word stands in quotes."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        level = event.pop("level")
        columns = [
            self._colour(DIM, event.pop("ts")[11:23]),
            self._colour(LEVEL_COLOURS[level], f"{level:<8}"),
            f"{_printable(str(event.pop('event'))):<20}",
            *(f"{self._colour(DIM, _word(key) + '=')}{_word(value)}" for key, value in event.items()),
        ]
        return " ".join(columns).rstrip()

    def _colour(self, colour: str, text: str) -> str:
        return f"{colour}{text}{RESET}" if self._colours else text


def _plain(value: object, depth: int = 0) -> object:
    match value:
        case str():  # most are
            plain: object = _plain_text(value)
        case None | bool():
            plain = value
        case int():
            plain = int(value) if LEAST_INTEGER <= value <= MOST_INTEGER else hex(value)  # more than JSON readers hold
        case float():
            plain = float(value) if math.isfinite(value) else str(float(value))
        case Mapping() if depth < MAX_DEPTH:
            plain = {_plain_text(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < MAX_DEPTH:
            plain = [_plain(item, depth + 1) for item in value]
        case _:
            plain = _plain_text(value)
    return plain


def _plain_text(value: object) -> str:
    """The text of anything, as valid Unicode: file names may hold bytes that are none."""
    if type(value) is str and value.isascii():
        return value
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - a value that cannot be shown must not cost the line it stands in
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _word(value: object) -> str:
    if isinstance(value, str) and PLAIN_WORD.fullmatch(value):
        return _printable(value)
    return _printable(json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
