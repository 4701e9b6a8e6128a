"""The program as another user, from a test that runs as root: ``as_user UID GID GROUPS -- ARGUMENTS``.

UID 0 stays root. The interpreter may lie where no other user can read it, so what is imported late is imported before;
``daemon.owner.shut_off`` would rightly refuse to go on there.
"""

from __future__ import annotations

import codecs
import gc
import os
import sys
import tempfile
from pathlib import Path

from pointline_daemon.cli import main
from pointline_daemon.commands.run import keep_lake
from pointline_daemon.opening import owner

from pointline.config import load_config


def _import_all() -> None:
    """Use what a lake uses once: a good file and a bad one."""
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
    gc.unfreeze()


def _become(user: int, group: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setgid(group)
    os.setuid(user)


if __name__ == "__main__":
    user, group, groups = sys.argv[1:4]
    _import_all()
    owner.shut_off = lambda: None
    if int(user):
        _become(int(user), int(group), [int(one) for one in groups.split(",") if one])
    sys.argv = ["pointline", *sys.argv[5:]]
    main()
