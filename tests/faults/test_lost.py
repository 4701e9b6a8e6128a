"""A lake of which something was lost or put back, met by a running daemon, by the next start, and by ``run --once``.

Each ends healed, or refused with one error that names ``pointline repair``, after which `repair` ends with a sound lake
or the list of files that bronze no longer has. No row is ever there twice, and none is lost that bronze still has.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pointline_daemon.cli.app import command_line
from typer.testing import CliRunner, Result

from pointline.errors import LakeDamaged
from tests.support.daemon_thread import Daemon
from tests.support.lake_check import (
    expect,
    file_content,
    file_name,
    find_differences,
    find_doubled,
    ids_by_version,
    put_file,
    read_table,
)
from tests.support.lost import KINDS, LISTS, Kind, Moments, make_moments
from tests.support.waiting import wait_until

NEW = file_name("trades", "LTCUSDT")
SECONDS = 10.0


@pytest.fixture(scope="module")
def moments(tmp_path_factory) -> Moments:
    return make_moments(tmp_path_factory.mktemp("moments"))


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Commands handle signals as a program does; the tests' own handlers come back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


class Cell:
    """A copy of the lake that something befell, and what is done with it."""

    def __init__(self, kind: Kind, moments: Moments, root: Path) -> None:
        self.kind, self.moments, self.root = kind, moments, root
        self.lake = Path(shutil.copytree(moments.now, root))
        self.refused: LakeDamaged | None = None

    def befall(self) -> None:
        self.kind.befall(self.root, self.moments)

    def put_new(self) -> None:
        put_file(self.root / "bronze", NEW, file_content(NEW, 6, bad=[2]))

    @contextlib.contextmanager
    def may_refuse(self) -> Iterator[None]:
        try:
            yield
        except LakeDamaged as error:
            self.refused = error
        assert find_doubled(self.root) == []

    def met_by_running(self) -> None:
        """It befalls the lake under a daemon that then has a file to ingest; the service manager starts it again."""
        daemon = Daemon(self.root)
        with daemon.running() as supervisor:
            rescanner, inbox = supervisor.components.rescanner, supervisor.components.inbox
            assert wait_until(lambda: rescanner.scans and inbox.is_idle, SECONDS)
            self.befall()
            self.put_new()
            wait_until(lambda: daemon.exit_code is not None or daemon.events("file.committed", "ingest.retried"), 5)
        assert not self.kind.can_be_read or find_doubled(self.root) == []
        self.met_by_once()

    def met_by_start(self) -> None:
        """The next daemon finds it so, and has a file to ingest."""
        self.befall()
        self.put_new()
        daemon = Daemon(self.root)
        with self.may_refuse(), daemon.running():
            assert wait_until(lambda: NEW in daemon.log_text() or daemon.exit_code is not None, SECONDS)

    def met_by_once(self) -> None:
        if not (self.root / "bronze" / NEW).exists():
            self.befall()
            self.put_new()
        with self.may_refuse():
            assert Daemon(self.root).once() == 0

    # ---- how it ends

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(command_line(arguments), [*arguments, "--json", "--lake-root", str(self.root)])

    def findings(self) -> list[dict[str, str]]:
        done = self.command("verify", "--deep")
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        return json.loads(done.stdout)["findings"]

    def repair(self) -> list[str]:
        done = self.command("repair")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        answer = json.loads(done.stdout.splitlines()[-1])
        assert answer["findings"] == []
        return answer["lost"]

    def problems(self) -> list[str]:
        expected = self.kind.expected(self.root, self.moments) | expect(self.root / "bronze")
        ids = ids_by_version(getattr(self.moments, self.kind.keeps_ids)) if self.kind.keeps_ids else {}
        ids = {version: file_id for version, file_id in ids.items() if version[0] not in LISTS}
        found = find_differences(self.root, expected, ids, were_put_back=True)
        found = [one for one in found if not any(path in one for path in LISTS)]
        then, now = (read_table(lake, "dim_symbol").sort("valid_from") for lake in (self.moments.now, self.root))
        return found if then.equals(now) else [*found, f"dim_symbol has {now.to_dicts()}"]


MODES = {"running": Cell.met_by_running, "stopped": Cell.met_by_start, "once": Cell.met_by_once}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.share(4)
def test_it_is_healed_or_refused(name, mode, moments, tmp_path):
    cell = Cell(KINDS[name], moments, tmp_path / "lake")
    MODES[mode](cell)
    found = []
    if cell.refused is not None:
        assert "pointline repair" in cell.refused.hint
        assert cell.repair() == list(KINDS[name].loses)
    else:
        found = cell.findings()
        if found:
            assert all("pointline repair" in one["try"] for one in found), found
            assert cell.repair() == []
    assert (cell.refused is not None) >= bool(KINDS[name].loses)
    assert cell.problems() == []
    if cell.refused is not None or found:  # else it has been asked, and nothing has been written since
        assert cell.findings() == []
