"""What a disk holds at each moment at which a name comes, changes or goes: what ``kill -9`` or a hot copy finds there.

Taken in one run of one process: a copy of the lake before each of these calls. What a process had written and the
kernel not yet flushed is in it, as it is after a kill; power cuts have a test of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

NAMING = ("link", "rename", "replace", "unlink", "utime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A copy of the lake, and what was about to happen."""

    what: str
    lake: Path


class Recorder:
    """Copies the lake while it records."""

    def __init__(self, lake: Path, folder: Path) -> None:
        self._lake, self._folder = lake, folder
        self._is_recording = False
        self.taken: list[Taken] = []

    def around(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            self.take(" ".join([name, *(Path(str(one)).name for one in arguments[:2] if isinstance(one, str | Path))]))
            return real(*arguments, **options)

        return called

    def take(self, what: str) -> None:
        """Copy the lake."""
        if self._is_recording:
            self._is_recording = False  # a copy is made with such calls too
            copy = self._folder / f"{len(self.taken):03}"
            shutil.copytree(self._lake, copy, symlinks=True)
            self.taken.append(Taken(what=what, lake=copy))
            self._is_recording = True

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Take copies of what happens in here, and one of the end."""
        self._is_recording = True
        try:
            yield
            self.take("the end")
        finally:
            self._is_recording = False


@contextmanager
def recorder(lake: Path, folder: Path) -> Iterator[Recorder]:
    """Look at every call that changes a name, in this process."""
    one = Recorder(lake, folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMING:
            patch.setattr(os, name, one.around(name, getattr(os, name)))
        patch.setattr(DeltaTable, "create_checkpoint", one.around("checkpoint", DeltaTable.create_checkpoint))
        yield one
