"""What ``python -m tests.mutate`` names is there: a test that cannot be run finds every change."""

from __future__ import annotations

import pytest

from tests.mutate import REPOSITORY, TESTS


@pytest.mark.parametrize("module", TESTS)
def test_modules_and_their_tests_are_there(module):
    named = [f"{module}.py", *(f"tests/{test}.py" for test in TESTS[module])]
    assert [path for path in named if not (REPOSITORY / path).is_file()] == []
