"""Markdown on a terminal: prose is wrapped, code stays as it was written, so that it can be copied."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement, TableElement
from rich.syntax import Syntax
from rich.table import Table
from rich.theme import Theme

from pointline_daemon.commands.shared.present import make_console

STYLES = {"markdown.code": "bold", "markdown.code_block": "none"}
"""Readable on a dark terminal and on a light one: no background of its own."""
CODE_THEME = "ansi_dark"


class _WholeLines(CodeBlock):
    """A line of code stays one line: the terminal wraps it where it is too long, and copies it whole."""

    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        code = Syntax("", self.lexer_name, theme=self.theme).highlight(str(self.text).rstrip())
        code.rstrip()
        code.no_wrap, code.overflow = True, "ignore"
        yield code


class _WholeCells(TableElement):
    """A long path goes on in the next line of its cell, and loses nothing."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Document(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _WholeLines,
        "code_block": _WholeLines,
        "table_open": _WholeCells,
    }


def print_markdown(text: str) -> None:
    """Print a document as a person reads it."""
    console = make_console()
    with console.use_theme(Theme(STYLES)):
        console.print(_Document(text, code_theme=CODE_THEME), crop=False)
