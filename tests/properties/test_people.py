"""Random people do to their files what people do; the lake is compared with a plain-Python model of DESIGN §2.

A seed that once failed stays in ``SEEDS_FOUND``. The long form is ``tests/faults/test_people_soak.py``.
"""

from __future__ import annotations

import pytest

from tests.support.people import make_script, play

SEEDS = (1,)
SEEDS_OF_THE_SOAK = (2, 3)
FORMS = ("live", "stopped")
SEEDS_FOUND = (
    (7, "live"),
    (49, "live"),
    (53, "stopped"),
    (83, "live"),
    (92, "stopped"),
    (41022, "stopped"),
    (60187, "stopped"),
    (72264, "live"),
)
"""Seeds that found a fault, with the form in which they did."""


@pytest.mark.parametrize(
    ("seed", "form"),
    [
        *((seed, form) for seed in SEEDS for form in FORMS),
        *(pytest.param(seed, form, marks=pytest.mark.soak) for seed in SEEDS_OF_THE_SOAK for form in FORMS),
        *SEEDS_FOUND,
    ],
)
@pytest.mark.share(8)
def test_people(tmp_path, seed, form):
    """Guards that no row is lost, doubled or of a replaced content, whatever people do; ``verify --deep`` agrees."""
    play(make_script(seed), form, tmp_path / "lake")
