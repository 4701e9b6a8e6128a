"""The units, and the command that fills them in: into a folder of the test's own, never the machine's."""

from __future__ import annotations

import ctypes
import fnmatch
import os
import plistlib
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
import types
from pathlib import Path, PurePosixPath

import pytest
from pointline_daemon import exit_codes, units
from pointline_daemon.cli.app import command_line
from pointline_daemon.commands.service import checks as service_checks
from pointline_daemon.commands.service import command as service
from pointline_daemon.commands.service import steps as service_steps
from typer.testing import CliRunner

from pointline.errors import ConfigurationError, PointlineError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "systemd"
SYSTEM_UNITS = ("pointline.service", "pointline@.service")
ODD = 'la ke "A" 50%h $HOME \\x'
analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives folders to another user, which takes root")


def settings(text: str) -> list[tuple[str, str]]:
    lines = (line.partition("=") for line in text.splitlines() if line and line[0] not in "#[")
    return [(key, value) for key, _, value in lines]


def values(text: str, key: str) -> list[str]:
    return [value for name, value in settings(text) if name == key]


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Another pointline, which says how it was called. ``FAILS`` beside it makes the check of the settings fail."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    script = folder / "pointline"
    script.write_text('#!/bin/sh\necho "$@"\n[ "$1" = run ] && exit 70\n[ -e "${0%/*}/FAILS" ] && exit 78\nexit 0\n')
    script.chmod(0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(folder))
    return script


@pytest.fixture
def lake(tmp_path):
    return give_away(tmp_path / "lake")


def give_away(folder: Path) -> Path:
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    return folder


@pytest.fixture
def into(tmp_path, monkeypatch):
    # Where tests lie nobody but the tester may go; that this is found out has a test of its own.
    monkeypatch.setattr(service_checks, "_shut_for", lambda _path, _user: None)
    return tmp_path / "units"


def run(*arguments: object) -> str:
    """What a command prints. Its failures come as they are."""
    result = CliRunner().invoke(command_line(["service"]), ["service", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


class TestUnits:
    """The files as they stand in the repository."""

    @analyze
    @pytest.mark.parametrize("name", SYSTEM_UNITS)
    def test_exposure(self, name):
        found = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", FOLDER / name],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout[-300:]

    @pytest.mark.parametrize("name", SYSTEM_UNITS)
    def test_every_setting_of_the_service_has_its_reason(self, name):
        body = (FOLDER / name).read_text().partition("[Service]\n")[2].partition("[Install]")[0]
        for block in body.split("\n\n"):
            first = next((line for line in block.splitlines() if line and not line.startswith("# ---")), "#")
            assert first.startswith("#"), first

    def test_the_one_for_instances_differs_in_the_lake_alone(self):
        one, many = (settings((FOLDER / name).read_text()) for name in SYSTEM_UNITS)
        same = [(key, value.replace("/srv/lakes/%i", "/srv/lake").removesuffix(" %i")) for key, value in many]
        assert same == one

    def test_the_user_s_unit_says_nothing_else(self):
        system, user = (
            settings((FOLDER / name).read_text()) for name in ("pointline.service", "pointline-user.service")
        )
        assert set(user) - set(system) == {("AssertPathIsDirectory", "/srv/lake"), ("WantedBy", "default.target")}

    @pytest.mark.parametrize("name", [*SYSTEM_UNITS, "pointline-user.service"])
    def test_exit_codes(self, name):
        text = (FOLDER / name).read_text()
        kept_down = {exit_codes.EXIT_USAGE, exit_codes.EXIT_BAD_CONFIGURATION}
        assert {int(code) for code in values(text, "RestartPreventExitStatus")[0].split()} == kept_down
        assert values(text, "SuccessExitStatus") == [str(exit_codes.EXIT_INTERRUPTED)]

    def test_all_are_packed(self):
        packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
        patterns = packed["share/pointline/systemd"]
        names = [f"systemd/{path.name}" for path in FOLDER.iterdir()]
        assert [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []

    def test_found_where_only_a_wheel_was_installed(self, tmp_path, monkeypatch):
        installed = tmp_path / "share" / "pointline" / "systemd" / "pointline.service"
        installed.parent.mkdir(parents=True)
        installed.write_text("installed")

        class Entry(PurePosixPath):
            def locate(self) -> Path:
                return tmp_path / self

        monkeypatch.setattr(units, "__file__", str(tmp_path / "site-packages" / "pointline_daemon" / "units.py"))
        monkeypatch.setattr(units, "files", lambda _name: [Entry("share/pointline/systemd/pointline.service")])
        assert units.read_template("pointline.service") == "installed"
        with pytest.raises(PointlineError, match=r"other\.service is missing"):
            units.read_template("other.service")


class TestInstall:
    """What is written is complete, and what to do next is said."""

    def test_filled_in(self, command, lake, into):
        said = run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
        text = (into / "pointline.service").read_text()
        assert values(text, "ExecStart")[0].endswith(f' "{command}"')
        assert f'"LAKE_ROOT={lake}"' in values(text, "Environment")
        assert values(text, "ReadWritePaths") == values(text, "NoExecPaths") == [f'"{lake}"']
        assert values(text, "RequiresMountsFor") == [f'"{lake}/bronze" "{lake}/silver"']
        assert values(text, "User") == [lake.owner()]
        assert "/srv/lake" not in "".join(value for _, value in settings(text))
        assert "sudo systemctl enable --now pointline" in said
        assert str(into / "pointline.service") in said

    @analyze
    @pytest.mark.parametrize("name", [ODD, "trailing ", "trailing\\", "jü 市📈 #;~[x]*{a,b}=?:&'<>|!+per%20cent"])
    @pytest.mark.parametrize("options", [(), ("--user",), ("--instances",)])
    def test_odd_names_are_names(self, command, tmp_path, into, options, name):
        lake = give_away(tmp_path / name)
        if options == ("--instances",):  # an instance has a plain name; the folder of the lakes need not
            lake = give_away(lake / "crypto")
        assert "so is the unit (systemd-analyze)" in run(
            "install", "--lake-root", lake, "--into", into, "--manager", "systemd", *options
        )

    def test_odd_names_are_written_as_systemd_reads_them(self, command, tmp_path, into):
        lake = give_away(tmp_path / ODD)
        text = run("install", "--lake-root", lake, "--print", "--manager", "systemd")
        odd = 'la ke \\"A\\" 50%%h $HOME \\\\x'
        assert values(text, "ReadWritePaths") == [f'"{tmp_path}/{odd}"']

    @pytest.mark.parametrize("name", ["trailing ", "trailing\\"])
    def test_an_end_that_systemd_would_not_see(self, command, tmp_path, into, name):
        """The value of AssertPathIsDirectory= stands without quotes."""
        lake = give_away(tmp_path / name)
        text = run("install", "--lake-root", lake, "--print", "--manager", "systemd", "--user")
        assert values(text, "AssertPathIsDirectory") == [f"{lake}/"]
        assert values(text, "StartLimitIntervalSec")

    @analyze
    def test_a_unit_that_systemd_refuses_is_not_written(self, command, lake, into, monkeypatch):
        monkeypatch.setattr(service, "read_template", lambda _name: "[Service]\nExecStart=nothing/here\n")
        with pytest.raises(PointlineError, match="systemd-analyze refuses the unit"):
            run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
        assert not into.exists()

    def test_for_several_lakes(self, command, lake, into):
        said = run("install", "--lake-root", lake, "--into", into, "--manager", "systemd", "--instances")
        text = (into / "pointline@.service").read_text()
        assert f'"LAKE_ROOT={lake.parent}/%i"' in values(text, "Environment")
        assert f"enable --now pointline@{lake.name}" in said

    def test_for_a_user(self, command, lake, into):
        said = run("install", "--lake-root", lake, "--into", into, "--manager", "systemd", "--user")
        text = (into / "pointline.service").read_text()
        assert not values(text, "User")
        assert values(text, "AssertPathIsDirectory") == [str(lake)]
        assert "systemctl --user enable --now pointline" in said
        assert "sudo" not in said
        assert "loginctl enable-linger" in said

    @pytest.mark.parametrize(
        ("lake", "home", "temporary"),
        [("/srv/x", "yes", "yes"), ("/home/me/x", "read-only", "yes"), ("/tmp/x", "yes", "no")],
    )
    def test_places_that_a_sandbox_hides_stay_in_sight(self, lake, home, temporary):
        places = units.Places(command=Path("/opt/p/bin/pointline"), lake=Path(lake), user="u", group="g")
        text = units.fill_unit(units.read_template("pointline.service"), places)
        assert values(text, "ProtectHome") == [home]
        assert values(text, "PrivateTmp") == [temporary]

    def test_a_path_that_holds_an_example_s_is_not_filled_in_twice(self):
        places = units.Places(command=Path("/srv/lake-env/bin/pointline"), lake=Path("/data"), user="u", group="g")
        text = units.fill_unit(units.read_template("pointline.service"), places)
        assert values(text, "ExecStart")[0].endswith(' "/srv/lake-env/bin/pointline"')
        plist = plistlib.loads(units.fill_plist(units.read_template("local.pointline.plist"), places).encode())
        assert plist["ProgramArguments"][-1] == "/srv/lake-env/bin/pointline"

    def test_print_writes_nothing(self, command, lake, into):
        text = run("install", "--lake-root", lake, "--into", into, "--manager", "systemd", "--print")
        assert text.startswith("# Pointline")
        assert not into.exists()

    def test_settings_of_the_shell_are_named(self, command, lake, into, monkeypatch):
        monkeypatch.setenv("POINTLINE_LOG__LEVEL", "debug")
        assert "not kept log.level" in run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")


FORMS = [
    ("systemd", ()),
    ("systemd", ("--user",)),
    ("systemd", ("--instances",)),
    ("launchd", ()),
    ("launchd", ("--user",)),
]


@pytest.mark.parametrize(("manager", "options"), FORMS)
class TestAgain:
    """Over a unit that is there: its own older one is replaced, another's is not, and the difference is shown."""

    @pytest.fixture
    def wanted(self, command, lake, into, manager, options):
        return ("install", "--into", into, "--manager", manager, *options, "--lake-root")

    @pytest.fixture
    def unit(self, wanted, lake, into):
        run(*wanted, lake)
        return next(path for path in into.iterdir() if path.is_file())

    def test_the_same(self, wanted, unit, lake):
        before = unit.read_bytes(), unit.stat().st_mtime_ns
        assert f"unchanged: {unit}" in run(*wanted, lake)
        assert (unit.read_bytes(), unit.stat().st_mtime_ns) == before

    def test_its_own_older_one(self, wanted, unit, lake, monkeypatch):
        new = units.read_template

        def older(name: str) -> str:
            text = new(name).replace("10", "11")
            assert text != new(name)
            return text

        with monkeypatch.context() as patch:
            patch.setattr(service, "read_template", older)
            assert f"replaced: {unit}" in run(*wanted, lake)
        said = run(*wanted, lake)
        assert f"replaced: {unit}" in said
        lines = said.splitlines()
        removed = [line for line in lines if line.startswith("-") and "11" in line and str(unit) not in line]
        assert removed
        assert {line.replace("11", "10").replace("-", "+", 1) for line in removed} <= set(lines)
        assert f"unchanged: {unit}" in run(*wanted, lake)

    @pytest.mark.parametrize("change", ["a line", "an unknown file", "a line end"])
    def test_changed_by_hand(self, wanted, unit, lake, change):
        text = {
            "a line": unit.read_text().replace("10", "12"),
            "an unknown file": "[Service]\nNice=12\n",
            "a line end": unit.read_text() + "\n",
        }[change]
        unit.write_text(text)
        result = CliRunner().invoke(command_line(["service"]), ["service", *map(str, (*wanted, lake))])
        assert "changed by hand" in str(result.exception)
        assert "--replace" in result.exception.hint
        assert any(line.startswith("-") for line in result.output.splitlines()[2:])
        assert unit.read_text() == text
        assert f"replaced: {unit}" in run(*wanted, lake, "--replace")
        assert f"unchanged: {unit}" in run(*wanted, lake)

    def test_of_another_lake(self, wanted, unit, lake, tmp_path):
        before = unit.read_bytes()
        (tmp_path / "lakes 50%").mkdir()
        other = give_away(tmp_path / "lakes 50%" / "other")
        with pytest.raises(PointlineError, match=r"is the service of another lake, .*/(lake|%i)(\n|$)"):
            run(*wanted, other)
        assert unit.read_bytes() == before
        assert f"replaced: {unit}" in run(*wanted, other, "--replace")
        with pytest.raises(PointlineError, match=r"another lake, .*lakes 50%/"):
            run(*wanted, lake)

    @pytest.mark.parametrize("target", ["/dev/null", "elsewhere"])
    def test_a_link(self, wanted, unit, lake, target):
        unit.unlink()
        unit.symlink_to(target)
        with pytest.raises(PointlineError, match="masked" if target == "/dev/null" else "symbolic link"):
            run(*wanted, lake)
        assert unit.is_symlink()
        run(*wanted, lake, "--replace")
        assert not unit.is_symlink()

    def test_changes_in_their_own_place_are_named(self, wanted, unit, lake, manager):
        if manager == "launchd":
            pytest.skip("launchd has no such place")
        own = Path(f"{unit}.d") / "override.conf"
        own.parent.mkdir()
        own.touch()
        assert f"kept     {own}" in run(*wanted, lake)


@pytest.mark.parametrize("enabled", [True, False])
def test_what_runs_is_restarted_and_what_does_not_is_started(command, lake, into, enabled):
    wanted = ("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
    run(*wanted)
    if enabled:
        (into / "multi-user.target.wants").mkdir()
        (into / "multi-user.target.wants" / "pointline.service").symlink_to("../pointline.service")
    assert f"systemctl {'restart' if enabled else 'enable --now'} pointline\n" in run(*wanted)


class TestElsewhere:
    """Bronze and silver may be links to other disks, and folders in bronze, too."""

    @pytest.fixture
    def disks(self, tmp_path):
        return tmp_path / "disks"

    @pytest.fixture
    def linked(self, lake, disks):
        for name in ("bronze", "silver"):
            (disks / f"a {name}").mkdir(parents=True)
            (lake / name).symlink_to(disks / f"a {name}")
        (disks / "a silver").chmod(0o777)
        return lake

    @analyze
    @pytest.mark.parametrize("options", [(), ("--user",), ("--instances",)])
    def test_is_named(self, command, linked, disks, into, options):
        said = run("install", "--lake-root", linked, "--into", into, "--manager", "systemd", *options)
        assert f"bronze   {disks}/a bronze" in said
        assert f"silver   {disks}/a silver" in said
        name = {"--instances": "pointline@lake.service.d/places.conf"}.get("".join(options), "pointline.service")
        text = (into / name).read_text()
        bronze, silver = f'"{disks}/a bronze"', f'"{disks}/a silver"'
        if options == ("--user",):
            found = values(text, "AssertPathIsDirectory")
            assert found == [str(linked), bronze.strip('"'), silver.strip('"')]
            return
        assert values(text, "RequiresMountsFor")[0].endswith(f"{bronze} {silver}")
        assert values(text, "ReadWritePaths")[0].endswith(silver)
        assert values(text, "NoExecPaths")[0].endswith(silver)
        assert bronze not in values(text, "ReadWritePaths")[0]
        assert values(text, "PrivateTmp") == ["no"]  # tests lie in /tmp

    def test_a_disk_that_is_not_there_yet(self, command, lake, into):
        (lake / "bronze").symlink_to("/mnt/not/mounted")
        run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
        assert values((into / "pointline.service").read_text(), "RequiresMountsFor")[0].endswith(' "/mnt/not/mounted"')

    @pytest.mark.parametrize(("bronze", "home"), [("/home/me/b", "read-only"), ("/mnt/b", "yes")])
    def test_homes_stay_in_sight(self, bronze, home):
        command = Path("/opt/p/bin/pointline")
        places = units.Places(command=command, lake=Path("/srv/x"), user="u", group="g", bronze=(Path(bronze),))
        text = units.fill_unit(units.read_template("pointline.service"), places)
        assert values(text, "ProtectHome") == [home]
        assert values(units.drop_in(places), "ProtectHome") == ([home] if home == "read-only" else [])

    @pytest.mark.parametrize("follows", [True, False])
    def test_links_in_bronze(self, command, lake, disks, into, follows):
        (lake / "bronze").mkdir()
        for name in ("one", "two/below"):
            (disks / name).mkdir(parents=True)
        (disks / "file.csv").touch()
        (lake / "bronze" / "1").symlink_to(disks / "one")
        (lake / "bronze" / "2").symlink_to(disks / "two")
        (lake / "bronze" / "3").symlink_to(disks / "two" / "below")
        (lake / "pointline.toml").write_text(f"[bronze]\nfollow_links = {str(follows).lower()}\n")
        run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
        named = values((into / "pointline.service").read_text(), "RequiresMountsFor")[0]
        assert named.endswith(f' "{disks}/one" "{disks}/two"' if follows else '/silver"')

    @as_root
    @pytest.mark.parametrize(("name", "mode"), [("bronze", 0o700), ("silver", 0o755)])
    @pytest.mark.usefixtures("command")
    def test_a_user_who_may_not(self, linked, disks, into, name, mode):
        (disks / f"a {name}").chmod(mode)
        with pytest.raises(PointlineError, match=f"may not {'read' if name == 'bronze' else 'write'} ") as caught:
            run("install", "--lake-root", linked, "--into", into, "--manager", "systemd")
        assert f"setfacl -m u:nobody:{'rx' if name == 'bronze' else 'rwx'} " in caught.value.hint
        assert not into.exists()

    def test_an_instance_whose_lake_is_in_one_folder_again(self, command, linked, into):
        wanted = ("install", "--lake-root", linked, "--into", into, "--manager", "systemd", "--instances")
        own = into / "pointline@lake.service.d" / "places.conf"
        run(*wanted)
        assert own.exists()
        for name in ("bronze", "silver"):
            (linked / name).unlink()
        assert f"removed {own}" in run(*wanted)
        assert not own.exists()

    def test_away_with_all(self, command, linked, into):
        run("install", "--lake-root", linked, "--into", into, "--manager", "systemd", "--instances")
        (into / "pointline@other.service.d").mkdir()
        (into / "pointline@other.service.d" / "places.conf").write_text("[Service]\nNice=1\n")
        run("uninstall", "--into", into, "--manager", "systemd", "--instances")
        assert [path.name for path in into.rglob("*")] == ["pointline@other.service.d", "places.conf"]


class TestReload:
    """`systemctl reload`: settings are checked, and the daemon is told to drain only if they are good."""

    @pytest.mark.parametrize("bad", [True, False])
    def test_drains(self, command, lake, bad):
        text = run("install", "--lake-root", lake, "--manager", "systemd", "--print")
        if bad:
            (command.parent / "FAILS").touch()
        with subprocess.Popen(["sleep", "60"]) as daemon:
            called = shlex.split(values(text, "ExecReload")[0].replace("$$", "$"))
            done = subprocess.run([one.replace("${MAINPID}", str(daemon.pid)) for one in called], check=False)
            assert done.returncode == (exit_codes.EXIT_BAD_CONFIGURATION if bad else 0)
            if bad:
                assert daemon.poll() is None
                daemon.kill()
            else:
                assert daemon.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize(("groups", "told"), [((), True), (("adm",), False), (("systemd-journal",), False)])
@pytest.mark.usefixtures("command")
def test_the_way_into_the_journal(lake, into, monkeypatch, groups, told):
    """Who reads the journal already is not told how."""
    known = {group: number for number, group in enumerate(("people", "adm", "systemd-journal"), start=7001)}
    names = {number: group for group, number in known.items()}
    monkeypatch.setenv("SUDO_USER", "nobody")
    monkeypatch.setattr(service_steps.os, "getgrouplist", lambda _user, _gid: [7001, *(known[one] for one in groups)])
    by_number = service_steps.grp.getgrgid
    monkeypatch.setattr(service_steps.grp, "getgrnam", known.__getitem__)
    monkeypatch.setattr(
        service_steps.grp,
        "getgrgid",
        lambda number: types.SimpleNamespace(gr_name=names[number]) if number in names else by_number(number),
    )
    said = run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
    assert ("sudo usermod -aG systemd-journal nobody" in said) is told
    with pytest.raises(PointlineError, match="--user with sudo"):
        run("install", "--lake-root", lake, "--into", into, "--manager", "systemd", "--user")


@pytest.mark.parametrize("options", [(), ("--user",), ("--instances",)])
@pytest.mark.parametrize("bad", [True, False])
def test_settings_are_checked_before_the_start_and_the_code_is_what_it_ends_with(command, lake, bad, options):
    text = run("install", "--lake-root", lake, "--manager", "systemd", "--print", *options)
    if bad:
        (command.parent / "FAILS").touch()
    called = shlex.split(values(text, "ExecStart")[0].replace("$$", "$"))
    found = subprocess.run(called, capture_output=True, text=True, check=False)
    assert found.returncode == (exit_codes.EXIT_BAD_CONFIGURATION if bad else exit_codes.EXIT_PART_DIED)
    assert found.stdout.splitlines() == ["config check --json", "run"][: 1 if bad else 2]


class TestRefused:
    """What could not run is refused, with the cause and what to try."""

    def refuse(self, match: str, lake: Path, into: Path, *options: str) -> PointlineError:
        with pytest.raises(PointlineError, match=match) as caught:
            run("install", "--lake-root", lake, "--into", into, *options)
        assert caught.value.hint
        assert not into.exists()
        return caught.value

    def test_no_folder(self, command, tmp_path, into):
        self.refuse("there is no folder", tmp_path / "nowhere", into)

    def test_no_command(self, command, lake, into):
        command.unlink()
        self.refuse("there is no command", lake, into)

    @as_root
    def test_a_lake_of_root(self, command, lake, into):
        os.chown(lake, 0, 0)
        self.refuse("belongs to root", lake, into, "--manager", "systemd")
        run("install", "--lake-root", lake, "--into", into, "--manager", "systemd", "--user")

    @as_root
    def test_a_command_that_the_user_cannot_reach(self, command, lake, tmp_path):
        command.parent.chmod(0o700)
        error = self.refuse("may not enter", lake, tmp_path / "units", "--manager", "systemd")
        assert "nobody" in str(error)

    def test_bad_settings(self, command, lake, into, monkeypatch):
        (lake / "pointline.toml").write_text("[ingest]\nworkers = 0\nqueue_size = 0\n")
        with pytest.raises(ConfigurationError) as caught:
            run("install", "--lake-root", lake, "--into", into)
        assert len(caught.value.problems) == 2
        assert not into.exists()

    @pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here, and is not to be touched")
    def test_no_systemd(self, command, lake):
        with pytest.raises(PointlineError, match="systemd is not running"):
            run("install", "--lake-root", lake, "--manager", "systemd")

    @pytest.mark.parametrize("name", ["la ke", "50%", "a@b"])
    def test_an_instance_of_an_odd_name(self, command, tmp_path, into, name):
        self.refuse("cannot have the name", give_away(tmp_path / name), into, "--instances")

    def test_instances_of_a_user(self, command, lake, into):
        self.refuse("works for the system's systemd only", lake, into, "--user", "--instances")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_may_not_be_written(self, command, lake, tmp_path, into):
        into.mkdir(mode=0o500)
        with pytest.raises(PointlineError, match="cannot be written") as caught:
            run("install", "--lake-root", lake, "--into", into)
        assert "sudo" in caught.value.hint


class TestUninstall:
    def test_away(self, command, lake, into):
        run("install", "--lake-root", lake, "--into", into, "--manager", "systemd")
        assert "would remove" in run("uninstall", "--into", into, "--manager", "systemd", "--print")
        assert "daemon-reload" in run("uninstall", "--into", into, "--manager", "systemd")
        assert not (into / "pointline.service").exists()
        assert lake.is_dir()

    def test_not_there(self, into):
        with pytest.raises(PointlineError, match="no service is installed"):
            run("uninstall", "--into", into, "--manager", "systemd")

    @pytest.mark.parametrize(("options", "name"), [((), "pointline"), (("--instances",), "pointline@lake")])
    def test_not_while_it_is_enabled(self, command, lake, into, options, name):
        run("install", "--lake-root", lake, "--into", into, "--manager", "systemd", *options)
        wants = into / "multi-user.target.wants"
        wants.mkdir()
        for linked in ("pointline", "pointline@lake"):
            (wants / f"{linked}.service").symlink_to("../anything")
        with pytest.raises(PointlineError, match="enabled") as caught:
            run("uninstall", "--into", into, "--manager", "systemd", *options)
        assert caught.value.hint.endswith(f"disable --now {name}`")
        assert list(into.glob("*.service"))


class TestLaunchd:
    """macOS is not at hand; what can be known of its files elsewhere is."""

    @pytest.mark.parametrize("options", [(), ("--user",)])
    def test_filled_in(self, command, tmp_path, into, options):
        lake = give_away(tmp_path / "la <k> & e")
        said = run("install", "--lake-root", lake, "--into", into, "--manager", "launchd", *options)
        plist = plistlib.loads((into / "local.pointline.plist").read_bytes())
        assert plist["EnvironmentVariables"]["LAKE_ROOT"] == plist["WorkingDirectory"] == str(lake)
        assert plist["StandardOutPath"] == plist["StandardErrorPath"] == f"{lake}/pointline.log"
        assert plist["ProgramArguments"][-1] == str(command)
        assert plist.get("UserName") == (None if options else lake.owner())
        assert plist["KeepAlive"] == {"SuccessfulExit": False}
        assert plist["Umask"] == 0o027
        domain = "gui/$(id -u)" if options else "system"
        assert f"launchctl bootstrap {domain} {into / 'local.pointline.plist'}" in said
        removed = run("uninstall", "--into", into, "--manager", "launchd", *options)
        assert f"launchctl bootout {domain}/local.pointline" in removed

    @pytest.mark.parametrize(
        ("bad", "code", "calls"), [(True, 0, ["config check --json"]), (False, 70, ["config check --json", "run"])]
    )
    def test_bad_settings_keep_it_down_and_a_dead_part_does_not(self, command, lake, bad, code, calls):
        plist = plistlib.loads(run("install", "--lake-root", lake, "--manager", "launchd", "--print").encode())
        if bad:
            (command.parent / "FAILS").touch()
        found = subprocess.run(plist["ProgramArguments"], capture_output=True, text=True, check=False)
        assert (found.returncode, found.stdout.splitlines()) == (code, calls)


PR_SET_MDWE, REFUSE = 65, 1
UNDER_THE_UNIT = f"""
import ctypes, os, sys
os.umask(0o027)
if ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE}, 0, 0, 0):
    sys.exit(99)
os.execv(sys.executable, [sys.executable, "-m", "pointline_daemon", "run", "--once"])
"""


def _refuses_executable_memory() -> bool:
    return sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_MDWE + 1, 0, 0, 0, 0) >= 0


@pytest.mark.skipif(not _refuses_executable_memory(), reason="this kernel cannot refuse executable memory by prctl")
@pytest.mark.parametrize("told", [True, False])
def test_without_executable_memory_it_runs_because_polars_is_told(tmp_path, told):
    """Guards MemoryDenyWriteExecute= together with POLARS_SKIP_CPU_CHECK: one does not do without the other."""
    setting = "POLARS_SKIP_CPU_CHECK=1"
    assert setting in values((FOLDER / "pointline.service").read_text(), "Environment")
    environment = {**os.environ, "LAKE_ROOT": str(tmp_path / "lake")}
    environment.pop("POLARS_SKIP_CPU_CHECK", None)
    found = subprocess.run(
        [sys.executable, "-c", UNDER_THE_UNIT],
        cwd=ROOT,
        env=environment | (dict([setting.split("=")]) if told else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode == 0) is told, found.stderr[-500:]
