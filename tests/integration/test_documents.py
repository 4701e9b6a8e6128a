"""Every console block and code block of the README and the topics is run, in turn, as a reader would."""

from __future__ import annotations

import pytest

from tests.support.document_blocks import DOCUMENTS, fits
from tests.support.documents import play


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_what_is_shown_is_what_is_said(path):
    document = path.read_text(encoding="utf-8")
    wrong = [f"$ {one.command}\n{one.problem}:\n{one.said}" for one in play(document) if one.problem]
    assert not wrong, "\n".join([*wrong, "python -m tests.support.documents writes the output anew"])


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("3 files, 1,402 rows\n", "4 files, 9 rows\n", True),
        ("a  b\n", "a      b\n", True),
        ("12 ms\n", "3 s\n", True),
        ("1 min 12 s ago\n", "5 s ago\n", True),
        ("3 files\n", "3 rows\n", False),
        ("first\n...\nlast\n", "first\nother\nmore\nlast\n", True),
        ("first\n...\nlast\n", "first\nother\n", False),
        ("", "something\n", False),
        ("  1 s ago  9 files  3 rows  a, b\n", "  1 s ago  8 files  2 rows  b\n  2 s ago  1 file   1 row   a\n", True),
        ("  1 s ago  9 files  3 rows  a, b\n", "  1 s ago  8 files  2 rows  b\n  2 s ago  2 files  1 rows  b\n", False),
    ],
)
def test_numbers_and_blanks_may_differ_and_nothing_else(shown, said, same):
    assert fits(shown, said) is same
