"""Three hundred lives of a lake among people, live and stopped.

``POINTLINE_SEEDS`` is how many, or a range such as ``300-600``, or one such as ``=17``.
"""

from __future__ import annotations

import os

import pytest

from tests.support.people import make_script, play

pytestmark = pytest.mark.soak


def _seeds() -> range:
    text = os.environ.get("POINTLINE_SEEDS", "300")
    if text.startswith("="):
        return range(int(text[1:]), int(text[1:]) + 1)
    first, _, last = text.rpartition("-")
    return range(int(first or 0), int(last))


@pytest.mark.parametrize("form", ["live", "stopped"])
@pytest.mark.parametrize("seed", _seeds())
def test_people_for_long(tmp_path, seed, form):
    """Guards that no row is lost, doubled or of a replaced content, whatever people do; ``verify --deep`` agrees."""
    play(make_script(seed), form, tmp_path / "lake")
