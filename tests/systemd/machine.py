"""Debian in a folder, booted by systemd-nspawn, and commands that are run in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.waiting import wait_until

NEEDED = ("debootstrap", "systemd-nspawn", "nsenter")
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,procps"
PYTHON = "3.11"
"""What Debian bookworm has."""
BOOT_SECONDS = 90.0
STOP_SECONDS = 60.0
COMMAND_SECONDS = 600.0
SRV = "/srv:mode=755,size=160m"
"""A small disk of its own for lakes: it can be filled."""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}
"""What a package needs was fetched beforehand: the machine has no index of its own."""


def why_not() -> str | None:
    """Return what this machine lacks, or None."""
    if sys.platform != "linux":
        return f"there is no systemd on {sys.platform}"
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        return f"there is no {' and no '.join(missing)} here: apt-get install debootstrap systemd-container"
    return "it takes root to boot a machine in a folder" if os.geteuid() else None


class Machine:
    """One machine. ``base`` is a tree that is copied; it is made where it is missing."""

    def __init__(self, base: Path, tree: Path, mirror: str | None) -> None:
        self.tree = tree
        self._base = base
        self._mirror = mirror
        self._said = tree.parent / "boot.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def make(self, source: Path) -> None:
        """Lay out Debian, the checkout and the packages that it needs."""
        if not (self._base / "usr/bin/python3").exists():
            mirror = [self._mirror] if self._mirror else []
            command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(self._base)]
            _checked([*command, *mirror])
        _checked(["cp", "-a", "--reflink=auto", str(self._base), str(self.tree)])
        described = tomllib.loads((source / "pyproject.toml").read_text())
        needed = [*described["build-system"]["requires"], *described["project"]["dependencies"], "wheel"]
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version", PYTHON]
        _checked([*command, "-d", str(self.tree / "wheels"), *needed])
        self.lay_out(source)

    def lay_out(self, source: Path) -> None:
        """Put the checkout into ``/src``, as git has it."""
        (self.tree / "src").mkdir(exist_ok=True)
        archive = subprocess.run(["git", "-C", str(source), "archive", "HEAD"], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(self.tree / "src")], input=archive.stdout, check=True)

    def boot(self) -> str | None:
        """Start it; return why it did not come up, or None."""
        command = ["systemd-nspawn", "-q", "-b", "-D", str(self.tree), "--register=no", "--keep-unit", f"--tmpfs={SRV}"]
        environ = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with self._said.open("wb") as said:
            self._nspawn = subprocess.Popen(
                [*command, "--console=pipe"], env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        if wait_until(self._is_up, BOOT_SECONDS):
            return None
        return f"it did not boot: {self._said.read_text(errors='replace')[-600:].strip() or 'it said nothing'}"

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            return False
        with suppress(psutil.NoSuchProcess):  # it has children that come and go
            children = psutil.Process(self._nspawn.pid).children(recursive=True)
            self._leader = next((one.pid for one in children if one.name() == "systemd"), 0)
        if not self._leader:
            return False
        return self.run("systemctl is-system-running").stdout.strip() in {"running", "degraded"}

    def run(self, script: str, *, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Run a script of the shell in it, as somebody who has just logged in."""
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        environ = ["env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
        become = [] if user == "root" else ["runuser", "-u", user, "--"]
        return subprocess.run(
            [*enter, *environ, *become, "sh", "-c", f"cd /src; {script}"],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def stop(self) -> None:
        """Shut it down; kill it where it does not go."""
        if self._nspawn is None:
            return
        self._nspawn.send_signal(signal.SIGTERM)
        try:
            self._nspawn.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-600:]}"
