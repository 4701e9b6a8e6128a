"""What the tests of the audits share: a sound lake, copies of it, and ``pointline doctor``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pointline_daemon.commands.lake.doctor import examine
from pointline_daemon.commands.shared.present import print_error

from pointline.errors import PointlineError
from tests.support.sound_lake import copy_lake, make_sound_lake


@pytest.fixture(scope="session")
def sound_lake(tmp_path_factory) -> Path:
    """One for all tests of a worker, who take copies."""
    root = tmp_path_factory.mktemp("sound")
    make_sound_lake(root)
    return root


@pytest.fixture
def own_lake(sound_lake, tmp_path) -> Path:
    """A copy of the sound lake, to be damaged."""
    return copy_lake(sound_lake, tmp_path / "lake")


@pytest.fixture
def examined(capsys) -> Callable[..., dict]:
    """``pointline doctor``: its answer with its exit code."""

    def doctor(lake: Path, *, fix: bool = False) -> dict:
        try:
            code = examine(lake, fix=fix, as_json=True)
        except PointlineError as error:
            code = print_error(error, as_json=True)
        answer = json.loads(capsys.readouterr().out)
        if "findings" in answer:
            assert code == (1 if answer["findings"] else 0)
            # The machine a test runs on is not the lake.
            answer["findings"] = [one for one in answer["findings"] if one["path"] != str(lake)]
        return answer | {"code": code}

    return doctor
