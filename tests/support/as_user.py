"""The program as another user, from a test that runs as root: ``as_user UID GID GROUPS -- ARGUMENTS``.

UID 0 stays root. The interpreter may lie where no other user can read it, so what is imported late is imported before,
by the process that forks; ``daemon.owner.shut_off`` would rightly refuse to go on there.
"""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from pointline_daemon.cli import main
from pointline_daemon.commands.run import keep_lake
from pointline_daemon.opening import owner

from pointline.config import load_config
from tests.support import warm

MODULES = "--modules"


def run(
    user: int, group: int, groups: list[int], *arguments: str, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run it, wait for its end, and return what it said."""
    warm.import_too(late_modules())
    return warm.run(__name__, *_arguments(user, group, groups, *arguments), env=env)


def start(user: int, group: int, groups: list[int], *arguments: str, env: dict[str, str], output: Path) -> warm.Process:
    """Start it; what it says goes into a file."""
    warm.import_too(late_modules())
    with output.open("wb") as said:
        return warm.start(__name__, *_arguments(user, group, groups, *arguments), env=env, stdout=said, stderr=said)


def _arguments(user: int, group: int, groups: list[int], *arguments: str) -> list[str]:
    return [str(user), str(group), ",".join(map(str, groups)), "--", *arguments]


@cache
def late_modules() -> list[str]:
    """Return all that is imported when a lake is used: a process of its own uses one, and tells."""
    told = subprocess.run([sys.executable, "-m", __name__, MODULES], check=True, capture_output=True, text=True)
    return json.loads(told.stdout.splitlines()[-1])


def _use_a_lake() -> None:
    """A good file and a bad one."""
    from tests.support.lake_check import file_content, file_name, put_file  # noqa: PLC0415 - brings pytest's helpers

    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as silence:
        names = [file_name("trades", "A"), file_name("quotes", "B")]
        for name in names:
            put_file(Path(folder) / "bronze", name, file_content(name, 20, bad=[3]))
        stdout, sys.stdout = sys.stdout, silence
        try:
            keep_lake(load_config(folder, environ={}), once=True)
        finally:
            sys.stdout = stdout
    for encoding in ("ascii", "idna", "latin-1"):
        codecs.lookup(encoding)


def _become(user: int, group: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setgid(group)
    os.setuid(user)


if __name__ == "__main__":
    if sys.argv[1:] == [MODULES]:
        _use_a_lake()
        print(json.dumps(sorted(sys.modules.keys() - {"__main__"})))
        sys.exit()
    user, group, groups = sys.argv[1:4]
    owner.shut_off = lambda: None
    if int(user):
        _become(int(user), int(group), [int(one) for one in groups.split(",") if one])
    sys.argv = ["pointline", *sys.argv[5:]]
    main()
