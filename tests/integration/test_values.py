"""A value that does not exist is exit code 2 in every command, in the one shape of errors; so are options that clash.

The commands are those of the command line itself: a new one, or a new option, fails here until it is in the lists.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.test_error_shape import assert_one_shape
from tests.support.command_line import Taken, values
from tests.support.process import pointline

BAD = {
    "accept": "x",
    "at": "yesterday",
    "effective_at": "yesterday",
    "exchange": "binanse",
    "file": "nowhere.toml",
    "files": "nowhere.csv",
    "file_id": "99",
    "file_seq": "41",
    "first": "yesterday",
    "last": "-1",
    "manager": "init",
    "name": "binanse",
    "partition": "binance/2024-05-09",
    "retention_hours": "-1",
    "rule": "raged",
    "status": "faild",
    "symbol": "BTCUSD",
    "table": "trade",
    "targets": "99",
    "topic": "nosuch",
    "vendor": "tardi",
    "vendor_file": "nowhere.toml",
}
"""What does not exist, by the name of the parameter."""
FREE = {
    "demo directory": "a folder to be made",
    "coverage png": "a file to be made",
    "coverage html": "a file to be made",
    "vendors try path": "a path that a file would have",
}
"""Values that need not exist, and why."""
BESIDE = {
    "coverage last": {"last": "yesterday"},
    "symbols update file": {},
    "symbols update exchange": {"file": "{list}"},
    "symbols update effective_at": {"file": "{list}"},
    "trace table": {"file_id": "1", "file_seq": "1"},
    "trace file_id": {"table": "trades", "file_seq": "1"},
    "trace file_seq": {"table": "trades", "file_id": "1"},
    "vendors try vendor_file": {"files": "{list}"},
    "retry rule": {},
    "service install manager": {},
}
"""What else has to be typed."""
NEAR = {"table": "trades", "symbol": "BTCUSDT", "rule": "ragged", "status": "failed", "exchange": "binance"}
CLASHES = [
    ("files", "--unrecognised", "--table", "trades"),
    ("maintain", "--below-floor"),
    ("maintain", "--vacuum", "--partition", "binance/2024-05-01"),
    ("maintain", "--compact", "--retention-hours", "2"),
    ("maintain", "--retention-hours", "0.5"),
    ("quarantine", "--csv"),  # and --json
    ("quarantine", "1", "--raw"),
    ("quarantine", "1", "--csv", "--last", "3"),
    ("coverage", "--from", "2024-05-02", "--to", "2024-05-01"),
    ("coverage", "--png", "a", "--html", "a"),
    ("vendors", "show", "binance", "--toml"),  # and --json
    ("vendors", "try", "a", "b", "--as", "c"),
    ("vendors", "try", "a", "b", "--new"),
    ("vendors", "try", "a", "--new"),  # and --json
    ("vendors", "try", "a", "--new", "--vendor-file", "b"),
    ("retry", "--accept"),
    ("retry",),
    ("status", "--watch", "--check"),
    ("files", "--nosuch"),
    ("files", "more"),
    ("nosuch",),
    ("symbols", "shwo"),
    ("explain",),
]
CLASHES_WITH_JSON = {
    ("quarantine", "--csv"),
    ("vendors", "show", "binance", "--toml"),
    ("vendors", "try", "a", "--new"),
}


COLUMNS = "exchange,symbol,valid_from,base_asset,quote_asset,market_type,tick_size,lot_size,contract_size"


@pytest.fixture(scope="session")
def known_lake(sound_lake, tmp_path_factory) -> tuple[Path, Path]:
    """A lake with symbols, and the list that they are from."""
    from tests.support.sound_lake import copy_lake  # noqa: PLC0415

    lake = copy_lake(sound_lake, tmp_path_factory.mktemp("known") / "lake")
    listed = lake.parent / "listed.csv"
    listed.write_text(f"{COLUMNS}\nbinance,BTCUSDT,2024-01-01,BTC,USDT,perpetual,0.01,0.001,1\n")
    assert pointline(lake, "symbols", "update", str(listed)).returncode == 0
    return lake, listed


def typed(taken: Taken, listed: Path) -> list[str]:
    """The command with a value that does not exist, and with all that it needs beside it."""
    beside = BESIDE.get(taken.key, {})
    bad = beside.get(taken.name, BAD[taken.name])
    arguments = {one.place: beside.get(one.name) for one in values() if one.command == taken.command and not one.option}
    words = list(taken.command)
    for place, value in sorted(arguments.items()):
        if not taken.option and place == taken.place:
            words.append(bad)
        elif value is not None:
            words.append(value.format(list=listed))
    return [*words, f"{taken.option}={bad}"] if taken.option else ["--" if one == "-1" else one for one in words]


@pytest.mark.parametrize("taken", [one for one in values() if one.key not in FREE], ids=lambda one: one.key)
@pytest.mark.share(2)
def test_a_value_that_does_not_exist(known_lake, taken):
    lake, listed = known_lake
    words = typed(taken, listed)
    found = pointline(lake, *words)
    assert found.returncode == 2, found.stdout + found.stderr
    lines = found.stderr.splitlines()
    assert [line[:6] for line in lines] == ["error:", "try:  "], found.stderr
    assert not found.stdout
    if taken.name in NEAR and "not one of" not in lines[0]:
        assert NEAR[taken.name] in lines[1].partition("one of:")[0]
    if any(one.name == "json" for one in _parameters(taken)):
        as_json = pointline(lake, *words, "--json")
        assert as_json.returncode == 2
        answer = json.loads(as_json.stdout)
        assert answer.keys() == {"error", "subject", "try"}
        assert lines == [f"error: {answer['error']}", f"try:   {answer['try']}"]


def _parameters(taken: Taken) -> list[object]:
    from tests.support.command_line import commands  # noqa: PLC0415

    return next(command.params for names, command in commands() if names == taken.command)


@pytest.mark.parametrize("command", CLASHES, ids=" ".join)
def test_options_that_clash(sound_lake, command):
    if command in CLASHES_WITH_JSON:
        found = pointline(sound_lake, *command, "--json")
        assert found.returncode == 2
        assert json.loads(found.stdout).keys() == {"error", "subject", "try"}
        return
    assert pointline(sound_lake, *command).returncode == 2
    assert_one_shape(sound_lake, command)


def test_no_failed_file_is_no_failure(sound_lake):
    found = pointline(sound_lake, "retry", "--status", "failed")
    assert (found.returncode, found.stderr) == (0, "")


def test_config_check_does_not_send_anyone_to_config_check(tmp_path):
    (tmp_path / "pointline.toml").write_text("[ingest]\nworkers = 0\n")
    found = pointline(tmp_path, "config", "check")
    assert found.returncode == 78
    assert "config check" not in found.stderr
    assert "try:" in found.stderr
    assert "config check" in pointline(tmp_path, "retry", "1").stderr


def test_debug_is_in_the_help_and_shows_where(tmp_path):
    assert "--debug" in pointline(tmp_path, "--help").stdout
    assert "Traceback" in pointline(tmp_path / "nowhere", "status", "--debug").stderr
    assert "Traceback" not in pointline(tmp_path / "nowhere", "status").stderr
