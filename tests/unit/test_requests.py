"""``serve``: each request is answered once, and none of them can end the daemon."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from daemon import requests
from daemon.requests import STALE_SECONDS, serve
from pointline.errors import Rejected

ELSEWHERE = ("maintain",)


def fail(request):
    raise Rejected("no such file", hint="name another")


HANDLERS = {"echo": lambda request: {"said": request["word"]}, "fail": fail}


def ask(folder: Path, content: str, name: str = "q.json") -> Path:
    question = folder / name
    question.write_text(content)
    return question


def answered(folder: Path, content: str) -> dict[str, object]:
    question = ask(folder, content)
    serve(folder, HANDLERS, elsewhere=ELSEWHERE)
    assert not question.exists()
    return json.loads((folder / "q.answer").read_text())


def test_answered(tmp_path):
    assert answered(tmp_path, '{"command": "echo", "word": "x"}') == {"said": "x"}


def test_an_error_of_ours_comes_with_its_hint(tmp_path):
    assert answered(tmp_path, '{"command": "fail"}') == {"error": "no such file", "hint": "name another"}


@pytest.mark.parametrize(
    "content",
    ["", "no json", "[]", "7", "null", "{}", '{"command": "unknown"}', '{"command": "echo"}', '{"command": 1}'],
)
def test_what_makes_no_sense_is_answered_too(tmp_path, content):
    assert "does not understand" in str(answered(tmp_path, content)["error"])


def test_what_is_for_another_part_is_left_to_it(tmp_path):
    question = ask(tmp_path, '{"command": "maintain"}')
    serve(tmp_path, HANDLERS, elsewhere=ELSEWHERE)
    assert [one.name for one in tmp_path.iterdir()] == [question.name]


@pytest.mark.parametrize("name", [".q.json", "q.tmp", "q.answer"])
def test_what_is_no_request_is_left_alone(tmp_path, name):
    ask(tmp_path, '{"command": "echo", "word": "x"}', name)
    serve(tmp_path, HANDLERS)
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("age", "is_kept"), [(STALE_SECONDS + 10, False), (STALE_SECONDS - 10, True)])
def test_an_answer_that_nobody_fetched_goes(tmp_path, age, is_kept):
    answer = ask(tmp_path, "{}", "q.answer")
    os.utime(answer, (0, time.time() - age))
    serve(tmp_path, HANDLERS)
    assert answer.exists() is is_kept


def test_without_a_folder_nobody_asks(tmp_path):
    serve(tmp_path / "none", HANDLERS)
    assert list(tmp_path.iterdir()) == []


def test_trouble_with_the_disk_leaves_the_question(tmp_path, monkeypatch):
    question = ask(tmp_path, '{"command": "echo", "word": "x"}')

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(requests, "replace_file", full)
    serve(tmp_path, HANDLERS)
    assert question.exists(), "it is tried again"
