"""Repeating what is safe to repeat: a full disk is waited for, other passing trouble is tried a few times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from pointline.errors import DiskFull, NoAccess, Transient
from pointline_daemon import events
from pointline_daemon.process.flow import Flow
from pointline_daemon.process.part import StopSign

PAUSE_SECONDS = 2.0
TRIES = 8
LONGEST_WAIT_SECONDS = 30.0

log = structlog.get_logger()

T = TypeVar("T")


class GivenUpError(Exception):
    """Told to stop while the disk is full, or shut. Nothing is lost: the batch is done at the next start."""


class Repeating:
    """The steps of batches. Trouble, and its end, is told to ``flow`` and logged once."""

    def __init__(self, flow: Flow, *, waits_for_access: bool) -> None:
        self._flow = flow
        self._waits_for_access = waits_for_access

    def run(self, action: Callable[[], T], step: str, stopping: StopSign) -> T:
        """Repeat what is safe to repeat: a full disk for as long as it is full, other passing trouble a few times."""
        while True:
            try:
                return self._retrying(step, stopping)(action)
            except DiskFull as error:
                self._pause(step, error, stopping)
            except NoAccess as error:  # to the ledger, or to quarantine: nothing can go in without them
                if step != "commit" or not self._waits_for_access:
                    raise
                self._pause(step, error, stopping)

    def got_through(self, step: str) -> None:
        """The whole batch is past that step: where there was trouble, it has ended."""
        if self._flow.resume(step) | self._flow.recovered(step):
            log.info(events.INGEST_RESUMED, step=step)

    def _pause(self, step: str, error: DiskFull | NoAccess, stopping: StopSign) -> None:
        if self._flow.pause(step):
            log.error(events.INGEST_PAUSED, step=step, error=str(error), hint=error.hint)
        if stopping.wait(PAUSE_SECONDS):
            raise GivenUpError from error

    def _retrying(self, step: str, stopping: StopSign) -> Retrying:
        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if self._flow.troubled(step, str(error)):
                log.warning(events.INGEST_RETRIED, step=step, error=str(error), hint=getattr(error, "hint", ""))

        def pause(seconds: float) -> None:
            stopping.wait(seconds)

        # Where a partition or a table may not be written, waiting for it would hold up all others.
        passing = retry_if_exception_type(Transient) & retry_if_not_exception_type((DiskFull, NoAccess))
        return Retrying(
            retry=passing,
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(multiplier=0.1, max=LONGEST_WAIT_SECONDS, jitter=0.1),
            sleep=pause,
            before_sleep=told,
            reraise=True,
        )
