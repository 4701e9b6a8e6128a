"""How the daemon of a lake is started: by the unit that names it, if there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pointline_daemon.commands.service.hint import USER, start_command
from pointline_daemon.units import Places, fill_unit, read_template


@pytest.mark.parametrize("name", ["lake", "a lake", "100%", 'quo"te', "back\\slash"])
@pytest.mark.parametrize(
    ("unit", "command"),
    [
        ("pointline.service", "sudo systemctl start pointline"),
        ("pointline-user.service", "systemctl --user start pointline"),
        ("pointline@.service", "sudo systemctl start pointline@"),
    ],
)
def test_the_unit_that_names_the_lake(tmp_path, unit, command, name):
    lake = Path("/srv/lakes") / name
    places = Places(
        command=Path("/opt/pointline/bin/pointline"),
        lake=lake.parent if "@" in unit else lake,
        user="pointline",
        group="pointline",
    )
    system, home = tmp_path / "system", tmp_path / "home"
    folder = home / USER if "user" in unit else system
    folder.mkdir(parents=True)
    folder.joinpath(unit.replace("-user", "")).write_text(fill_unit(read_template(unit), places))
    found = start_command(lake, system=system, home=home)
    assert found == (command + name if "@" in unit else command)
    other = start_command(Path("/srv/other/lake"), system=system, home=home)
    assert other == "pointline run --lake-root /srv/other/lake"
