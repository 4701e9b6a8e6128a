"""What the README and the help topics consist of: prose, computed tables, blocks; and when output is as shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.help_tables import TABLES

ROOT: Final = Path(__file__).parents[2]
TOPICS: Final = ROOT / "daemon/pointline_daemon/help"
DOCUMENTS: Final = [ROOT / "README.md", *sorted(TOPICS.glob("*.md"))]
GENERATED: Final = re.compile(r"<!-- computed: ([\w-]+) -->\n.*?<!-- end -->\n", re.DOTALL)
FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER: Final = re.compile(r"\d[\d,.:]*")
COMMITS: Final = re.compile(r"(?:^  \d+ (?:ms|s|min) ago  +[\d,]+ files?  +[\d,]+ rows?  .+\n){2,}", re.MULTILINE)
"""Lines of ``status`` under ``last commits``: on a busy machine a batch is cut where files are slow to come."""
VENDOR: Final = re.compile(r"^vendor = |^\[\[table\]\]", re.MULTILINE)
"""What tells a description in TOML from settings."""


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


def _one_commit(found: re.Match[str]) -> str:
    """Return commits as if they were one, of all tables."""
    lines = [re.split(r"  +", line.strip()) for line in found[0].splitlines()]
    tables = sorted({table for line in lines for table in line[3].split(", ")})
    return f"  {lines[0][0]}  0 files  0 rows  {', '.join(tables)}\n"


def _plain(text: str) -> str:
    """Leave out what differs from run to run.

    Numbers, units, widths, which of two ways found a file first, and how many batches files went in with.
    """
    text = COMMITS.sub(_one_commit, text.replace("by a scan", "by an event"))
    text = re.sub(r"[─═]+", "─", NUMBER.sub("0", text))
    text = re.sub(r"\b0 (ms|s|min|h|d)\b( 0 (s|min|h)\b)?", "0 s", re.sub(r"\b0 (B|KiB|MiB|GiB|TiB)\b", "0 B", text))
    return re.sub(r"\s+", "", text)
