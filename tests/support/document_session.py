"""A user's shell and Python, in a home of their own, for the blocks of one document in turn."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Final

from tests.support import warm
from tests.support.document_blocks import ROOT, fits
from tests.support.help_lake import HOME_SHOWN, make_home, new_home
from tests.support.waiting import wait_until

STARTS_EMPTY: Final = "<!-- begins without a lake -->\n"
SECONDS: Final = 60.0
NOT_HERE: Final = re.compile(
    r"\b(sudo|curl|pip|launchctl|journalctl|loginctl|systemctl|tail -[fF]|pointline run$|mypy)\b|/srv/", re.MULTILINE
)
"""What a block of ``sh`` needs that a test has not: it is not run then."""


class Session:
    """A user's shell in a home of their own, for the blocks of one document in turn."""

    def __init__(self, document: str) -> None:
        self.home = new_home()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("POINTLINE_", "LAKE_"))}
        self.env = {**kept, "HOME": str(self.home), "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "80", "USER": "you"}
        self._daemon: warm.Process | None = None
        self._code: list[str] = []
        if STARTS_EMPTY not in document:
            make_home(self.home)
            self.env["LAKE_ROOT"] = str(self.home / "lake")

    @property
    def has_daemon(self) -> bool:
        return self._daemon is not None

    def close(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(SECONDS)
        shutil.rmtree(self.home)

    def run(self, command: str, shown: str = "") -> str:
        """Run a command and return what it says; beside a daemon, wait until that is what is shown."""
        said = [self._run(command)]
        if self._daemon is not None and shown:
            wait_until(lambda: fits(shown, said[-1]) or bool(said.append(self._run(command))), SECONDS / 4)
        return said[-1]

    def run_script(self, script: str) -> tuple[int, str]:
        """Run a block of ``sh`` as a whole."""
        return self._shell(f"set -e\n{script}")

    def run_python(self, code: str) -> tuple[int, str]:
        """Run a block of Python after those before it."""
        self._code.append(code)
        (self.home / ".code").write_text("\f".join(self._code))
        return self._warm("tests.support.run_python", str(self.home / ".code"))

    def write_description(self, text: str) -> None:
        """What a block of TOML describes is the user's ``mine.toml`` from then on; a part of one goes below it."""
        file = self.home / "mine.toml"
        file.write_text(text if text.startswith("vendor = ") else f"{file.read_text()}\n{text}")

    def _run(self, command: str) -> str:
        if found := re.fullmatch(r"export (\w+)=(.*)", command):
            self.env[found[1]] = found[2].replace("~", str(self.home))
            return ""
        if re.fullmatch(r"pointline run( --lake-root \S+)?", command):
            return self._start(command.split()[1:])
        if command.startswith("pointline ") and not re.search(r"[|>&;<$'\"*]", command):
            words = [re.sub(r"^~", str(self.home), word) for word in command.split()[1:]]
            return self._warm("tests.support.on_terminal", *words)[1]
        return self._shell(command)[1]

    def _warm(self, module: str, *words: str) -> tuple[int, str]:
        with tempfile.TemporaryFile() as file:
            process = warm.start(module, *words, env=self.env, stdout=file, stderr=file)
            code = process.wait(SECONDS)
            file.seek(0)
            return code, self._shown(file.read().decode())

    def _start(self, words: list[str]) -> str:
        log = self.home / "daemon.log"
        with log.open("wb") as file:
            self._daemon = warm.start("pointline_daemon", *words, env=self.env, stdout=file, stderr=file)
        assert wait_until(lambda: "daemon.ready" in log.read_text(), SECONDS), log.read_text()
        return ""

    def _shell(self, command: str) -> tuple[int, str]:
        program = f'pointline() {{ "{sys.executable}" -m pointline_daemon "$@"; }}\n'
        done = subprocess.run(
            ["bash", "-c", program + command],
            env={**self.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'daemon'}"},
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=2 * SECONDS,
        )
        return done.returncode, self._shown(done.stdout)

    def _shown(self, said: str) -> str:
        said = said.replace(str(self.home), HOME_SHOWN)
        return "".join(f"{line.rstrip()}\n" for line in said.splitlines())
