"""The README: two lines to paste first, short, and of the service the lines that the topic has."""

from __future__ import annotations

from tests.support.document_blocks import ROOT, TOPICS, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")
START = """\
python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/pointline demo
python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/pytest
"""


def test_it_begins_with_two_lines_to_paste():
    first_screen = "\n".join(README.splitlines()[:24])
    assert START in first_screen


def test_it_is_short():
    assert README.count("\n") < 250


def test_the_service_is_installed_by_the_lines_of_the_topic():
    lines = next(block.text for block in blocks(README) if "useradd" in block.text)
    assert lines in (TOPICS / "operating.md").read_text(encoding="utf-8")
