"""The product in a process of its own, its steps timed from outside: ``tests.bench.clocks OUTPUT run --once``.

The steps are wrapped by name after everything is imported; the product has no hooks and knows nothing of it. A step
that no longer exists under its name is listed as missing. Waiting inside a step counts as that step's wall time.
Standard library only, so that the time of the product's own imports can be told.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

CLI = "pointline_daemon.cli"
STEPS = (
    ("scan", "pointline.io.bronze.folder:FolderBronzeSource.survey"),
    ("hash", "pointline.io.content.hashed:HashedFile.read"),
    ("decode", "pointline.io.content.file_content:FileContent.blocks"),
    ("parse", "pointline.parse.fast_path:parse"),
    ("parse", "pointline.parse.text_path:parse"),
    ("check", "pointline.services.rows.tally:Tally.add_frame"),
    ("write", "pointline.io.delta.parts:ParquetPartWriter.write"),
    ("write", "pointline.io.delta.parts:ParquetPartWriter.close"),
    ("flush", "pointline.io.durable:flush_file"),
    ("flush", "pointline.io.durable:flush_folder"),
    ("commit", "pointline.io.delta.event_table:DeltaEventTable.commit"),
    ("commit", "pointline.io.delta.event_table:DeltaQuarantine.set_aside"),
    ("manifest", "pointline.io.ledger.manifest:DeltaManifest.resolve_file_ids"),
    ("manifest", "pointline.io.ledger.manifest:DeltaManifest.update_statuses"),
    ("manifest", "pointline.io.ledger.manifest:DeltaManifest.filter_pending"),
    ("log", "pointline_daemon.logs:LineWriter.msg"),
)
Function = Callable[..., Any]


@dataclass(slots=True)
class Clocks:
    """Wall and processor time by step, without that of the steps inside it. Processor time is the thread's own."""

    steps: dict[str, list[float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _inside: threading.local = field(default_factory=threading.local)

    def timed(self, step: str, function: Function) -> Function:
        @wraps(function)
        def wrapper(*args: object, **kwargs: object) -> object:
            result = self._measure(step, lambda: function(*args, **kwargs))
            return self._each(step, result) if isinstance(result, Iterator) else result

        return wrapper

    def _each(self, step: str, items: Iterator[object]) -> Iterator[object]:
        end = object()
        while (item := self._measure(step, lambda: next(items, end))) is not end:
            yield item

    def _measure(self, step: str, action: Callable[[], object]) -> object:
        stack: list[list[float]] = self._inside.__dict__.setdefault("stack", [])
        inner = [0.0, 0.0]
        stack.append(inner)
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return action()
        finally:
            spent = [time.perf_counter() - wall, time.thread_time() - cpu]
            stack.pop()
            if stack:
                stack[-1][0] += spent[0]
                stack[-1][1] += spent[1]
            with self._lock:
                total = self.steps.setdefault(step, [0.0, 0.0, 0])
                for position, own in enumerate((spent[0] - inner[0], spent[1] - inner[1], 1)):
                    total[position] += own

    def attach(self, step: str, place: str) -> None:
        """Put a clock round a function or method, wherever it has been imported to."""
        try:
            owner, last = find(place)
        except (ImportError, AttributeError):
            self.missing.append(place)
            return
        original = getattr(owner, last)
        timed = self.timed(step, original)
        setattr(owner, last, timed)
        for other in list(sys.modules.values()):
            if isinstance(owner, ModuleType) and getattr(other, last, None) is original:
                setattr(other, last, timed)


def find(place: str) -> tuple[Any, str]:
    """Return the module or class that has a function, and the function's name.

    Raises ImportError, AttributeError where it is not there.
    """
    name, _, path = place.partition(":")
    *outer, last = path.split(".")
    owner: Any = importlib.import_module(name)
    for part in outer:
        owner = getattr(owner, part)
    getattr(owner, last)
    return owner, last


def main(output: Path, arguments: list[str]) -> None:
    begun = time.process_time()
    cli = importlib.import_module(CLI)
    importlib.import_module("pointline_daemon.commands.run")
    imported = time.process_time() - begun
    clocks = Clocks()
    for step, place in STEPS:
        clocks.attach(step, place)
    leave = os._exit

    def save_and_leave(code: int) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        facts = {
            "import_cpu_seconds": imported,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "steps": clocks.steps,
            "missing": clocks.missing,
        }
        output.write_text(json.dumps(facts))
        leave(code)

    os._exit = save_and_leave  # the command ends that way, which spares it taking the interpreter apart
    sys.argv = ["pointline", *arguments]
    cli.main()
    save_and_leave(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
