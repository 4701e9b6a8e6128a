"""The README and the help topics, run as a reader would.

``python -m tests.support.documents [FILE ...]`` writes anew what the program computes: tables, and output of commands.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.document_blocks import DOCUMENTS, VENDOR, Block, blocks, fits, split_session, with_tables
from tests.support.document_session import NOT_HERE, Session
from tests.support.run_python import NOT_INSTALLED

PLAYED: Final = ("console", "sh", "python", "toml")
SETTLED_SECONDS: Final = 4.0
"""Until a daemon has taken what was dropped: only where nothing is shown yet that can be waited for."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a command or a block: ``problem`` is empty where it is as shown."""

    block: Block
    shown: str
    said: str
    problem: str
    command: str = ""


def play(document: str) -> Iterator[Result]:
    """Run the blocks of a document in turn."""
    found = blocks(document)
    if not any(block.language in PLAYED for block in found):
        return
    session = Session(document)
    try:
        for block, after in zip(found, [*found[1:], Block("", "", 0, 0)], strict=True):
            if block.language == "console":
                yield from _play_console(session, block)
            elif block.language == "sh" and not NOT_HERE.search(block.text):
                code, said = session.run_script(block.text)
                yield Result(block, "", "", f"ends with {code}: {said}" if code else "", block.text)
            elif block.language == "python":
                is_answer = after.language == "text" and not document[block.end + 3 : after.start - 8].strip()
                yield from _play_python(session, block, after if is_answer else None)
            elif block.language == "toml" and VENDOR.search(block.text):
                session.write_description(block.text)
    finally:
        session.close()


def _play_console(session: Session, block: Block) -> Iterator[Result]:
    for command, shown in split_session(block.text):
        if session.has_daemon and not shown:
            time.sleep(SETTLED_SECONDS)
        said = session.run(command, shown)
        yield Result(block, shown, said, "" if fits(shown, said) else "says something else", command)


def _play_python(session: Session, block: Block, answer: Block | None) -> Iterator[Result]:
    """``answer`` is the block below with what is printed."""
    code, said = session.run_python(block.text)
    if code == NOT_INSTALLED:
        return
    problem = f"ends with {code}: {said}" if code else ""
    if answer is None:
        yield Result(block, "", "", problem, block.text)
    else:
        differs = "" if fits(answer.text, said) else "prints something else"
        yield Result(answer, answer.text, said, problem or differs, block.text)


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
