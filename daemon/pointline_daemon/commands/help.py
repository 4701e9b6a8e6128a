"""``pointline help``: the documentation that travels with the package."""

from __future__ import annotations

import difflib
import re
from importlib import resources

from pointline_daemon.commands.shared.present import (
    Column,
    is_terminal,
    print_lines,
    print_problem,
    print_table,
)
from pointline_daemon.exit_codes import EXIT_OK, EXIT_USAGE

FOLDER = "help"
ENDING = ".md"
ORDER = (
    "getting-started",
    "vendors",
    "tables",
    "files",
    "operating",
    "commands",
    "settings",
    "events",
    "metrics",
    "alerts",
    "python",
    "engines",
    "format",
    "guarantees",
    "troubleshooting",
    "internals",
    "changelog",
)
COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)
RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")
"""It leads somewhere in a checkout, and nowhere from a terminal."""
LISTED = [Column(title="topic"), Column(title="about", fold=True)]


def topic_names(incomplete: str = "") -> list[str]:
    """Return the topics whose names begin so, in reading order: for the completion of the shell, too."""
    return [name for name in ORDER if name.startswith(incomplete)]


def read_topic(name: str) -> str:
    """Return a topic as Markdown, without comments for its authors, and without links that lead nowhere from here."""
    text = (resources.files("pointline_daemon") / FOLDER / f"{name}{ENDING}").read_text(encoding="utf-8")
    return RELATIVE_LINK.sub(r"\1", COMMENT.sub("", text))


def show_help(name: str | None, commands: list[str]) -> int:
    """Print a topic, or the list of topics. ``commands`` have help of their own."""
    if name is None:
        print_table(LISTED, [[one, _about(one)] for one in ORDER])
        print_lines(["", "`pointline help TOPIC` prints one; `pointline COMMAND --help` the options of a command"])
        return EXIT_OK
    wanted = name.lower().removesuffix(ENDING)
    if wanted not in ORDER:
        print_problem(f"there is no topic {name!r}", _instead(wanted, commands))
        return EXIT_USAGE
    print_document(read_topic(wanted))
    return EXIT_OK


def print_document(text: str) -> None:
    """Print Markdown: rendered on a terminal, else as it is, but for what hides a bar from a table."""
    if is_terminal():
        from pointline_daemon.commands.shared.markdown import print_markdown  # noqa: PLC0415 - a pipe needs none of it

        print_markdown(text)
    else:
        print_lines(text.replace(r"\|", "|").rstrip("\n").split("\n"))


def _about(name: str) -> str:
    title = read_topic(name).partition("\n")[0].removeprefix("# ")
    return title.partition(": ")[2] or title


def _instead(wanted: str, commands: list[str]) -> str:
    if wanted in commands:
        return f"`pointline {wanted} --help` shows that command; `pointline help` lists the topics"
    near = difflib.get_close_matches(wanted, ORDER, n=3, cutoff=0.6) or [one for one in ORDER if wanted in one]
    named = " or ".join(f"`pointline help {one}`" for one in near)
    return f"{named}; `pointline help` lists all topics" if near else "`pointline help` lists the topics"
