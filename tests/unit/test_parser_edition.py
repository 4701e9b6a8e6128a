"""A compiled parser goes with its sources: another one, left behind by an upgrade of a checkout, is not used."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pointline.parse import cells
from pointline.parse.cells.edition import EDITION

FOLDER = Path(cells.__file__).parent
HASHED = ("cells.c", "column.h", "numbers.h")


def test_the_edition_is_that_of_the_sources():
    found = hashlib.sha256(b"".join((FOLDER / "c" / name).read_bytes() for name in HASHED)).hexdigest()[:12]
    baked = re.search(r'#define EDITION "(.*)"', (FOLDER / "c" / "edition.h").read_text())
    assert (EDITION, baked[1]) == (found, found), f"the sources changed: put {found} into edition.py and c/edition.h"


STALE = """
import sys, types
stale = types.ModuleType("pointline.parse.cells._parser")
stale.__file__ = "/x/_parser.abi3.so"
if sys.argv[1]:
    stale.EDITION = sys.argv[1]
sys.modules[stale.__name__] = stale
from pointline.parse import cells
print(cells.PARSER, cells.STALE)
"""


@pytest.mark.parametrize(
    ("baked", "said"),
    [("", "polars /x/_parser.abi3.so"), ("older", "polars /x/_parser.abi3.so"), (EDITION, "compiled")],
)
def test_another_edition_is_not_used(baked, said):
    found = subprocess.run([sys.executable, "-c", STALE, baked], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == said
