"""``python -m tests.systemd [--keep FOLDER] [--source CHECKOUT] [--mirror ADDRESS]``."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.systemd.machine import Machine, why_not
from tests.systemd.service import Service
from tests.systemd.steps import STEPS, install


def main() -> int:
    """Boot, take the steps, say how each went. Exit code 1 where one failed."""
    asked = argparse.ArgumentParser(prog="python -m tests.systemd", description="Pointline under a real systemd")
    asked.add_argument("--keep", type=Path, help="keep Debian there, for the next time")
    asked.add_argument("--source", type=Path, default=Path(__file__).parents[2], help="another checkout to install")
    asked.add_argument("--mirror", help="of Debian; default: debootstrap's")
    options = asked.parse_args()
    if reason := why_not():
        print(f"skipped: {reason}")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="pointline-systemd-"))
    machine = Machine((options.keep or folder).absolute() / "debian", folder / "machine", options.mirror)
    try:
        machine.make(options.source.absolute())
        if reason := machine.boot():
            print(f"skipped: {reason}")
            return 0
        return _take_steps(Service(machine))
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _take_steps(service: Service) -> int:
    failed = []
    for step in STEPS:
        problem, seconds = _take(step, service)
        claim = (step.__doc__ or "").splitlines()[0]
        print(f"{'FAILED' if problem else 'ok    '} {claim} ({seconds:.0f} s)", flush=True)
        if problem:
            failed.append(step)
            print(f"       {problem}", flush=True)
            if step is install:
                break
    print(
        f"\n{len(STEPS)} steps, {len(failed)} failed" if install not in failed else "\nthere is no service to look at"
    )
    return 1 if failed else 0


def _take(step: Callable[[Service], None], service: Service) -> tuple[str | None, float]:
    """Return what went wrong, or None, and how long it took; afterwards the service is up, if it can be."""
    began = time.monotonic()
    try:
        step(service)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        problem: str | None = " ".join(str(error).split())
        service.shell("systemctl reset-failed pointline; systemctl start pointline", code=None)
    else:
        problem = None
    return problem, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
