"""The topics on a terminal: code can be copied from there, and nothing of a table is cut off."""

from __future__ import annotations

import re
import sys

import pytest
from pointline_daemon.commands.help import ORDER, read_topic, show_help

from tests.support.document_blocks import blocks, prose

STEERING = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture(scope="module", params=ORDER)
def topic(request) -> str:
    return request.param


@pytest.fixture
def shown(topic, monkeypatch, capsys) -> str:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert show_help(topic, []) == 0
    return STEERING.sub("", capsys.readouterr().out)


def test_each_line_of_code_is_whole(topic, shown):
    wanted = {line.rstrip() for block in blocks(read_topic(topic)) for line in block.text.splitlines()}
    assert wanted - {line.rstrip() for line in shown.splitlines()} <= {""}


def test_nothing_of_a_table_is_cut_off(topic, shown):
    assert shown.count("…") == read_topic(topic).count("…")


def test_no_link_leads_nowhere(topic):
    assert re.findall(r"\]\((?!https?:)", prose(read_topic(topic))) == []
