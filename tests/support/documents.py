"""The README and the help topics: their blocks, and what the program says to them.

``python -m tests.support.documents`` writes anew what the program computes: tables, and the output of commands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import warm
from tests.support.help_lake import HOME_SHOWN, make_home, new_home
from tests.support.help_tables import TABLES
from tests.support.run_python import NOT_INSTALLED
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
TOPICS: Final = ROOT / "daemon/pointline_daemon/help"
DOCUMENTS: Final = [ROOT / "README.md", *sorted(TOPICS.glob("*.md"))]
GENERATED: Final = re.compile(r"<!-- computed: ([\w-]+) -->\n.*?<!-- end -->\n", re.DOTALL)
FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER: Final = re.compile(r"\d[\d,.:]*")
STARTS_EMPTY: Final = "<!-- begins without a lake -->\n"
SECONDS: Final = 30.0
SETTLED_SECONDS: Final = 4.0
"""Until a daemon has taken what was dropped: only where nothing is shown yet that can be waited for."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and where the text is in the document."""

    language: str
    text: str
    start: int
    end: int


def blocks(document: str) -> list[Block]:
    return [Block(found[1], found[2], found.start(2), found.end(2)) for found in FENCED.finditer(document)]


def with_tables(document: str) -> str:
    """Return the document with its computed tables as the program has them."""
    return GENERATED.sub(
        lambda found: f"<!-- computed: {found[1]} -->\n\n{TABLES[found[1]]()}\n\n<!-- end -->\n", document
    )


def prose(document: str) -> str:
    """What people wrote: without computed tables, output of commands, code."""
    return FENCED.sub("", GENERATED.sub("", document))


def split_session(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the output that is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command}\n{more.removeprefix('> ')}"
        yield command, output


def fits(shown: str, said: str) -> bool:
    """Tell whether output is as shown: numbers and blanks may differ; a line ``...`` stands for any lines."""
    pieces = [_plain(piece) for piece in re.split(r"^ *\.\.\.$", shown, flags=re.MULTILINE)]
    return re.fullmatch(".*".join(map(re.escape, pieces)), _plain(said)) is not None


def _plain(text: str) -> str:
    text = re.sub(r"[─═]+", "─", NUMBER.sub("0", text))
    text = re.sub(r"\b0 (ms|s|min|h|d)\b", "0 s", re.sub(r"\b0 (B|KiB|MiB|GiB|TiB)\b", "0 B", text))
    return re.sub(r"\s+", "", text)


NOT_HERE: Final = re.compile(
    r"\b(sudo|curl|pip|launchctl|journalctl|loginctl|systemctl|tail -[fF]|pointline run$|mypy)\b|/srv/", re.MULTILINE
)
"""What a block of ``sh`` needs that a test has not: it is not run then."""
PLAYED: Final = ("console", "sh", "python", "text", "toml")
VENDOR: Final = re.compile(r"^vendor = ", re.MULTILINE)


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
            wait_until(lambda: fits(shown, said[-1]) or bool(said.append(self._run(command))), SECONDS / 2)
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
        """What a block of TOML describes is the user's ``mine.toml`` from then on."""
        (self.home / "mine.toml").write_text(text)

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
            timeout=60,
        )
        return done.returncode, self._shown(done.stdout)

    def _shown(self, said: str) -> str:
        said = said.replace(str(self.home), HOME_SHOWN)
        return "".join(f"{line.rstrip()}\n" for line in said.splitlines())


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a command or a block: ``problem`` is empty where it is as shown."""

    block: Block
    shown: str
    said: str
    problem: str
    command: str = ""


def play(document: str) -> Iterator[Result]:
    """Run the blocks of a document in turn, as a reader would."""
    found = [block for block in blocks(document) if block.language in PLAYED]
    if not found:
        return
    session = Session(document)
    try:
        following = [*found[1:], None][: len(found)]
        for block, after in zip(found, following, strict=True):
            if block.language == "console":
                for command, shown in split_session(block.text):
                    if session.has_daemon and not shown:
                        time.sleep(SETTLED_SECONDS)
                    said = session.run(command, shown)
                    yield Result(block, shown, said, "" if fits(shown, said) else "says something else", command)
            elif block.language == "sh" and not NOT_HERE.search(block.text):
                code, said = session.run_script(block.text)
                yield Result(block, "", "", f"ends with {code}: {said}" if code else "", block.text)
            elif block.language == "python":
                code, said = session.run_python(block.text)
                if code == NOT_INSTALLED:
                    continue
                problem = f"ends with {code}: {said}" if code else ""
                if after and after.language == "text" and not document[block.end + 3 : after.start - 8].strip():
                    differs = "" if fits(after.text, said) else "prints something else"
                    yield Result(after, after.text, said, problem or differs, block.text)
                else:
                    yield Result(block, "", "", problem, block.text)
            elif block.language == "toml" and VENDOR.search(block.text):
                session.write_description(block.text)
    finally:
        session.close()


def rewritten(document: str) -> str:
    """Return the document with its tables and the output of its commands as they are now.

    Output that is shown in part stays where it does not fit; that and what fails is named.
    """
    document = with_tables(document)
    pieces: dict[Block, str] = {}
    for result in play(document):
        shown = result.shown
        if result.problem:
            if shown == result.said or re.search(r"^ *\.\.\.$", shown, re.MULTILINE):
                print(f"{result.problem}, look yourself: $ {result.command}\n{result.said}")
            else:
                shown = result.said
        if result.block.language == "console":
            pieces[result.block] = f"{pieces.get(result.block, '')}$ {result.command}\n{shown}"
        elif result.block.language == "text":
            pieces[result.block] = shown
    at, found = 0, []
    for block, text in pieces.items():
        found += [document[at : block.start], text]
        at = block.end
    return "".join([*found, document[at:]])


if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or DOCUMENTS:
        began = time.monotonic()
        before = path.read_text(encoding="utf-8")
        after = rewritten(before)
        print(
            f"{path.name}: {'as it was' if after == before else 'written'}, {time.monotonic() - began:.1f} s",
            flush=True,
        )
        path.write_text(after, encoding="utf-8")
