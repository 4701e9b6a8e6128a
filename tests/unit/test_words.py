"""The product speaks plain English: no string, docstring or name in it has a word that STYLE replaces by another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.words import unwanted

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "pointline").rglob("*.py"), *(ROOT / "daemon").rglob("*.py")])
TEXTS = sorted(
    path
    for folder in ("pointline", "daemon", "systemd")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".html", ".toml", ".md", ".service", ".plist", ".pyi", ".c", ".h"}
)
RELIED_ON = {"set_aside", "commit_set_aside", "laid_out", "lay_out"}
"""Names that programs read in JSON and in frames, or that others rely on."""


def said(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each string of a module; of an f-string what is said around its values."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            values = (one.value if isinstance(one, ast.Constant) else "it" for one in node.values)
            yield node.lineno, "".join(map(str, values))


def named(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each name that a module gives to something of its own, as words."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = [node.id]
        for name in names:
            if name.lower() not in RELIED_ON:
                yield node.lineno, " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)).lower()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_strings(path):
    tree = ast.parse(path.read_text())
    found = [f"{path.name}:{line}: {use}" for line, text in said(tree) for use in unwanted(text)]
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names(path):
    tree = ast.parse(path.read_text())
    found = [f"{path.name}:{line}: {use}" for line, text in named(tree) for use in unwanted(text)]
    assert not found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_texts(path):
    found = [
        f"{path.name}:{number}: {use}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for use in unwanted(line)
    ]
    assert not found


def test_such_words_are_found():
    tree = ast.parse('"""How it is."""\nclass Wish: pass\nx = f"{n} rows set aside by {rule}"\nsum_up = 1\n')
    assert [line for line, text in said(tree) if unwanted(text)] == [1, 3]
    assert [line for line, text in named(tree) if unwanted(text)] == [2, 4]
