"""What a scan has come upon so far is offered before it has seen all of bronze: the first file does not wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import polars as pl

from pointline.io.bronze.folder import survey_frame
from pointline.io.bronze.walk import Row

FIRST_SECONDS = 0.3
"""Most scans are over by then. From look to look it doubles: each compares with the whole ledger."""
MOST_FILES = 10_000
"""Kept from one look to the next. What is more than that is offered when the scan is over."""


class ScanStopped(Exception):
    """The daemon was told to stop; nothing follows from half a scan."""


class FirstFiles:
    """Is told of each folder that a scan has read. ``offer`` gets a survey of a few files; False ends it."""

    def __init__(self, offer: Callable[[pl.DataFrame], bool], is_stopping: Callable[[], bool]) -> None:
        self._offer = offer
        self._is_stopping = is_stopping
        self._wait = FIRST_SECONDS
        self._due = time.monotonic() + FIRST_SECONDS
        self._rows: list[Row] = []
        self._is_over = False

    def __call__(self, rows: Sequence[Row]) -> None:
        """Take note of the files of a folder. Raises ScanStopped."""
        if self._is_stopping():
            raise ScanStopped
        if self._is_over:
            return
        self._rows += rows[: MOST_FILES - len(self._rows)]
        if not self._rows or time.monotonic() < self._due:
            return
        self._is_over = not self._offer(survey_frame(self._rows))
        self._rows.clear()
        self._wait *= 2
        self._due = time.monotonic() + self._wait
