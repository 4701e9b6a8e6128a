"""A thread of the daemon, named, that runs until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct


class PartDied(Struct, frozen=True, kw_only=True):
    """A part ended by itself; ``error`` is None where it simply returned."""

    name: str
    error: BaseException | None


class StopSign(threading.Event):
    """Tells a body to end, and counts how often the body looked: a loop that looks has really turned round.

    A body that waits for somebody else's work calls ``turn`` when that work has gone on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0

    def turn(self) -> None:
        """Note evidence of work. Called by the body's own thread alone."""
        self.turns += 1

    def is_set(self) -> bool:
        """Whether the body has to end."""
        self.turn()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the body has to end; False where the time was up before."""
        self.turn()
        return super().wait(timeout)


class Part:
    """Runs ``body`` on a thread. Whatever ends the body before ``stop`` was called is reported to ``on_death``.

    ``wake`` lets the body look at its stop event where it waits for something else.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[StopSign], None],
        *,
        wake: Callable[[], None],
        on_death: Callable[[PartDied], None],
    ) -> None:
        self.name = name
        self._wake = wake
        self._body = body
        self._on_death = on_death
        self._stopping = StopSign()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the body to end; returns at once."""
        self._stopping.set()
        self._wake()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the thread; False where it is still running after that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def turns(self) -> int:
        """How often the loop of the body has turned round; no hurry, just more each time."""
        return self._stopping.turns

    @property
    def is_running(self) -> bool:
        """The thread has not ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._body(self._stopping)
        except BaseException as caught:  # noqa: BLE001 - a thread's body: the supervisor decides
            error = caught
        if error is not None or not self._stopping.is_set():
            self._on_death(PartDied(name=self.name, error=error))
