"""How far ``pointline run --once`` is, for a person at a terminal."""

from __future__ import annotations

import io
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO, cast

from pointline.phrases import plural
from pointline.settings import LogSettings
from pointline_daemon.commands.shared.present import make_console
from pointline_daemon.logs import configure_logging

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pointline_daemon.process.supervisor import Supervisor

QUIET_SECONDS = 1.0
REFRESH_SECONDS = 0.1


class OnceProgress:
    """The supervisor's ``on_tick``: one line on standard error, from the moment when the work is long.

    On a terminal the line takes the place of a log line per file; warnings and errors still appear, above it.
    """

    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._started = self._refreshed = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._files = self._rows = 0

    def __enter__(self) -> Self:
        if sys.stdout.isatty() and self._settings.level == "info":
            configure_logging(self._settings.format, "warning", cast("TextIO", _CurrentOutput()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
        if error is None:
            seconds = time.monotonic() - self._started
            print(f"{plural(self._files, 'file')}, {plural(self._rows, 'row')} in {seconds:.1f} s", file=sys.stderr)

    def __call__(self, supervisor: Supervisor) -> None:
        """Draw the line anew if it is time."""
        self.note(supervisor)
        now = time.monotonic()
        if now - self._started < QUIET_SECONDS or now - self._refreshed < REFRESH_SECONDS:
            return
        self._refreshed = now
        if self._progress is None:
            self._progress, self._task = _start()
        if self._task is not None:
            found = supervisor.components.rescanner.last_scan.get("offered")
            total = max(found, self._files) if isinstance(found, int) else None
            rate = self._rows / (now - self._started)
            self._progress.update(
                self._task, completed=self._files, total=total, rows=plural(self._rows, "row"), rate=rate
            )
            self._progress.refresh()

    def note(self, supervisor: Supervisor) -> None:
        """Take over the counts; once more at the end, for the last line."""
        commits = supervisor.components.commits
        self._files, self._rows = commits.files_done, commits.rows_written


def _start() -> tuple[Progress, TaskID]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - only here

    progress = Progress(
        TextColumn("ingesting"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("files  {task.fields[rows]}  {task.fields[rate]:,.0f} rows/s"),
        console=make_console(sys.stderr),
        auto_refresh=False,
        transient=True,
    )
    task = progress.add_task("ingesting", total=None, rows=plural(0, "row"), rate=0.0)
    progress.start()
    return progress, task


class _CurrentOutput(io.TextIOBase):
    """Standard output as it is at the moment of writing: while a progress line is up, text goes above it."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()
