"""Values are completed in bash, zsh and fish, by the protocol that each of these shells speaks with the program."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.integration.test_values import FREE, known_lake  # noqa: F401 - a fixture
from tests.support.command_line import values
from tests.support.process import pointline

FIRST = "binance_trades_2024-05-01_BTCUSDT.csv.gz"
OFFERED = {
    "files --status qu": ["quarantined"],
    "files --table tr": ["trades"],
    "files --symbol BT": ["BTCUSDT"],
    "explain 1": ["1"],
    "explain binance_trades_2024-05-01_B": [FIRST],
    "trace trad": ["trades"],
    "trace trades 2": ["2"],
    "quarantine --rule unp": ["unparseable"],
    "retry --status fa": ["failed"],
    "retry 3": ["3"],
    "withdraw binance_trades_2024-05-01_B": [FIRST],
    "coverage --exchange b": ["binance"],
    "coverage --exchange binance --symbol ET": ["ETHUSDT"],
    "coverage --exchange nosuch --symbol ET": [],
    "maintain --table quar": ["quarantine"],
    "maintain --partition bin": ["binance/2024-05-01"],
    "maintain --table bars --partition bin": [],
    "repair --table inc": ["incremental_book_L2"],
    "symbols show BT": ["BTCUSDT"],
    "symbols show --exchange b": ["binance"],
    "vendors show data": ["databento"],
    "service install --manager sys": ["systemd"],
    "vend": ["vendors"],
    "files --unrec": ["--unrecognised"],
}
UNKNOWN = {
    "trace file_seq": "a number of a row",
    "coverage first": "any day",
    "coverage last": "any day",
    "files last": "a number",
    "quarantine last": "a number",
    "maintain retention_hours": "a number",
    "symbols show at": "any time",
    "symbols update effective_at": "any time",
    "symbols update file": "a file: the shell knows",
    "vendors try files": "a file: the shell knows",
    "vendors try vendor_file": "a file: the shell knows",
    "vendors check file": "a file: the shell knows",
}
"""Values of which the program knows no list, and why."""


def asked(shell: str, typed: str) -> dict[str, str]:
    """The environment in which a shell asks what may follow."""
    line = f"pointline {typed}"
    if shell == "bash":
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(shlex.split(line)) - 1)}
    else:
        words = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return {"_POINTLINE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_WORD": typed.rsplit(maxsplit=1)[-1], **words}


def offered(lake: Path, shell: str, typed: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with monkeypatch.context() as patched:
        for name, value in asked(shell, typed).items():
            patched.setenv(name, value)
        done = pointline(lake)
    assert done.stderr == ""
    if shell == "zsh":
        inner = done.stdout.partition("'*: :((")[2].rpartition("))'")[0]
        return [line.partition('"')[2].partition('"')[0] for line in inner.splitlines() if line]
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("typed", OFFERED)
@pytest.mark.share(2)
def test_what_may_follow(known_lake, shell, typed, monkeypatch):  # noqa: F811 - the fixture
    lake, _ = known_lake
    assert set(offered(lake, shell, typed, monkeypatch)) >= set(OFFERED[typed])
    assert OFFERED[typed] or not offered(lake, shell, typed, monkeypatch)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_without_a_lake_nothing_is_offered_and_nothing_said(tmp_path, shell, monkeypatch):
    assert offered(tmp_path, shell, "files --symbol b", monkeypatch) == []
    assert "binance" in offered(tmp_path, shell, "vendors show b", monkeypatch)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_an_id_is_offered_with_its_path(known_lake, shell, monkeypatch):  # noqa: F811 - the fixture
    lake, _ = known_lake
    with monkeypatch.context() as patched:
        for name, value in asked(shell, "explain 1").items():
            patched.setenv(name, value)
        assert "_2024-05-01_" in pointline(lake).stdout


@pytest.mark.parametrize(
    "taken", [one for one in values() if one.key not in {*FREE, *UNKNOWN}], ids=lambda one: one.key
)
def test_every_value_of_which_there_is_a_list_is_completed(taken):
    own = getattr(taken.parameter, "_custom_shell_complete", None)
    assert own is not None or hasattr(taken.parameter.type, "choices")
