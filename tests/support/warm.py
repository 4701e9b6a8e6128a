"""Processes that start warm: one process that has imported everything forks for each start of the program.

What comes out is a process like any other, with a number, signals, output and an exit code of its own; it lacks
``exec`` and the second that the imports take. No native runtime has begun to work before the fork. Tests of the demo,
of hostile input and of what people see on a pipe start cold, as a shell would.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from pointline_daemon import commands

from pointline.io.descriptions import shipped_vendors
from pointline.tables.registry import event_tables
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
LONGEST_REQUEST = 1 << 18


class Process(Protocol):
    """What tests use of ``subprocess.Popen``."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def start(module: str, *arguments: str, env: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]) -> Process:
    """Start ``python -m module arguments`` in the repository."""
    if sys.platform != "linux":
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, cwd=REPOSITORY, env=dict(env), stdout=stdout, stderr=stderr)
    request = {"do": "start", "module": module, "arguments": arguments, "env": dict(env)}
    pid = _forge().ask(request, [stdout.fileno(), stderr.fileno()])
    assert isinstance(pid, int)
    return _Forked(pid)


def import_too(names: Sequence[str]) -> None:
    """Let what is started from now on have these modules imported."""
    if sys.platform == "linux":
        _forge().ask({"do": "import", "names": list(names)})


def run(
    module: str, *arguments: str, env: Mapping[str, str], seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Start it, wait for its end, and return what it said."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(module, *arguments, env=env, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(seconds)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        said = []
        for stream in (stdout, stderr):
            stream.seek(0)
            said.append(stream.read().decode())
    return subprocess.CompletedProcess([module, *arguments], code, *said)


class _Forked:
    """A process of the forge; its number is its own until its end has been asked for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = _forge().ask({"do": "poll", "pid": self.pid})
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        seconds = 3600.0 if timeout is None else timeout
        if self.poll() is None and not self._ends_within(seconds):
            raise subprocess.TimeoutExpired(str(self.pid), seconds)
        assert self._code is not None
        return self._code

    def _ends_within(self, seconds: float) -> bool:
        with suppress(OSError):  # a kernel that tells of no ends
            end = os.pidfd_open(self.pid)
            with open(end, "rb"), selectors.DefaultSelector() as selector:  # noqa: PTH123 - a descriptor
                selector.register(end, selectors.EVENT_READ)
                selector.select(seconds)
                seconds = 0.0
        return wait_until(lambda: self.poll() is not None, seconds)

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Forge:
    """The process that forks, seen from the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = "from tests.support import warm; warm.serve(int(input()))"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                text=True,
            )
            assert self._process.stdin is not None
            with self._process.stdin as stdin:
                print(theirs.fileno(), file=stdin)

    def ask(self, request: Mapping[str, object], descriptors: list[int] | None = None) -> int | None:
        socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors or [])
        answer = self._socket.recv(LONGEST_REQUEST)
        assert answer, "the process that forks is gone"
        return json.loads(answer)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def _forge() -> _Forge:
    forge = _Forge()
    atexit.register(forge.close)
    return forge


def serve(descriptor: int) -> None:
    """Body of the process that forks. Returns in none of them: a fork ends with its module, this one with the tests."""
    _import_everything()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=descriptor) as asked:
        while True:
            message, descriptors, _, _ = socket.recv_fds(asked, LONGEST_REQUEST, 2)
            if not message:
                return
            request = json.loads(message)
            if request["do"] == "poll":
                pid, status = os.waitpid(request["pid"], os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if pid else None
            elif request["do"] == "import":
                answer = len([importlib.import_module(name) for name in request["names"] if name not in sys.modules])
            else:
                answer = _fork()
                if answer == 0:
                    break
                for one in descriptors:
                    os.close(one)
            asked.send(json.dumps(answer).encode())
    _become(request, descriptors)


def _import_everything() -> None:
    for found in pkgutil.walk_packages(commands.__path__, f"{commands.__name__}."):
        importlib.import_module(found.name)
    event_tables()  # imports each of them
    shipped_vendors()
    for name in ("pointline_daemon.cli", "pyarrow.dataset", "tests.support.kill"):
        importlib.import_module(name)
    # A literal of a time in the body of a module starts them. A fork has none, and waits for them for ever.
    tasks = Path("/proc/self/task")
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()] if tasks.is_dir() else []
    assert "polars-0" not in names, "the import of a module starts the threads of Polars"


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it sees threads that sleep
        return os.fork()


def _become(request: Mapping[str, object], descriptors: list[int]) -> None:
    for number, descriptor in enumerate(descriptors, 1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [request["module"], *request["arguments"]]
    sys.modules.pop(request["module"], None)  # it runs once more, as the main module
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
