"""What bronze asks the file system: the compiled functions and those of the interpreter tell the same."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from pointline.io.bronze import file_system
from pointline.io.bronze.file_system import EDITION, UNKNOWN, ByInterpreter, version_of

ODD = ["plain.csv", "a b%20c.csv", "größe-日本.csv", "not-utf8-\udcff.csv", "x" * 255, ".hidden", "-", "new\nline"]
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001
NAMES = ("entries", "status_below", "open_below")


@pytest.fixture(params=["as installed", "by the interpreter"])
def asked(request):
    room = file_system if request.param == "as installed" else ByInterpreter
    return SimpleNamespace(**{name: getattr(room, name) for name in NAMES})


def listed(asked, folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        first, again = (sorted(asked.entries(descriptor)) for _ in range(2))
    finally:
        os.close(descriptor)
    assert first == again  # the caller's descriptor is left where it was
    return {name: tuple(told) for name, *told in first}


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no file system that keeps any time")
@pytest.mark.parametrize("seconds", [-62_135_596_801, 253_402_300_800, 1_714_521_604_000, 1_714_521_604_000_000])
def test_a_time_of_no_year_is_the_nearest_that_a_timestamp_can_have(asked, seconds):
    """Somebody gave milliseconds, or microseconds, where seconds are meant."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "odd.csv"
        path.write_text("x")
        try:
            os.utime(path, (seconds, seconds))
        except OverflowError:
            pytest.skip("the interpreter cannot ask for it")
        if path.stat().st_mtime != seconds:
            pytest.skip("the file system does not keep it")
        _, _, modified_us, *_ = asked.status_below(folder, "odd.csv")
        assert listed(asked, folder)["odd.csv"][2] == modified_us == version_of(path.stat())[1]
    assert (EPOCH + dt.timedelta(microseconds=modified_us)).year in (1, 9999)


def test_it_is_compiled_here():
    """Where the tests run there is a compiler; else half of them would compare functions with themselves."""
    assert not {getattr(file_system, name) for name in NAMES} & {getattr(ByInterpreter, name) for name in NAMES}


@pytest.fixture
def folder(tmp_path):
    """One thing of each kind, and names of every kind."""
    for length, name in enumerate(ODD):
        path = tmp_path / name
        path.write_bytes(b"x" * length)
        os.utime(path, ns=(0, 1_600_000_000_123_456_789 - length * 10**18))  # the later ones lie before 1970
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/in_it.csv").write_text("below")
    (tmp_path / "to_nothing").symlink_to("nowhere")
    (tmp_path / "to_folder").symlink_to("folder")
    (tmp_path / "to_file").symlink_to("plain.csv")
    os.link(tmp_path / "plain.csv", tmp_path / "linked.csv")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_a_folder(folder, asked):
    found = listed(asked, folder)
    assert set(found) == {path.name for path in folder.iterdir()}
    for name, told in found.items():
        status = os.lstat(folder / name)
        assert told == (status.st_mode, *version_of(status)) == asked.status_below(str(folder), name), name
    assert listed(asked, folder / "folder").keys() == {"in_it.csv"}


def test_many_and_none(tmp_path, asked):
    assert listed(asked, tmp_path) == {}
    for number in range(3_000):
        (tmp_path / f"{number}.csv").touch()
    assert sorted(listed(asked, tmp_path)) == sorted(f"{number}.csv" for number in range(3_000))


def test_files_are_opened_and_nothing_else(folder, asked):
    before = open_files()
    for name in [*(path.name for path in folder.iterdir()), "folder/in_it.csv"]:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            with os.fdopen(asked.open_below(str(folder), name), "rb") as file:
                assert file.read() == path.read_bytes()
                assert not os.get_inheritable(file.fileno())
        else:
            assert asked.open_below(str(folder), name) is None
    assert open_files() == before


@pytest.mark.parametrize("function", ["status_below", "open_below"])
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("none.csv", FileNotFoundError),
        ("none/in_it.csv", FileNotFoundError),
        ("plain.csv/in_it.csv", NotADirectoryError),
        ("to_folder/in_it.csv", OSError),
        ("", FileNotFoundError),
        ("folder/", FileNotFoundError),
        ("y" * 256, OSError),
        ("a\0b", ValueError),
    ],
)
def test_what_cannot_be_reached(folder, asked, function, path, error):
    before = open_files()
    with pytest.raises(error):
        getattr(asked, function)(str(folder), path)
    with pytest.raises(FileNotFoundError):
        getattr(asked, function)(str(folder / "nowhere"), "plain.csv")
    assert open_files() == before


def test_no_folder(folder, asked):
    descriptor = os.open(folder / "plain.csv", os.O_RDONLY)
    with pytest.raises(NotADirectoryError):
        asked.entries(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        asked.entries(descriptor)


def test_no_descriptor_is_kept(folder, asked):
    before = open_files()
    for _ in range(50):
        listed(asked, folder)
        asked.status_below(str(folder), "folder/in_it.csv")
    assert open_files() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at everything")
def test_what_may_not_be_looked_at(folder, asked):
    (folder / "folder").chmod(0o400)
    try:
        mode, error, *_ = listed(asked, folder / "folder")["in_it.csv"]
        with pytest.raises(PermissionError):
            asked.status_below(str(folder), "folder/in_it.csv")
    finally:
        (folder / "folder").chmod(0o700)
    assert (mode, os.strerror(error)) == (UNKNOWN, "Permission denied")


@pytest.mark.parametrize(
    ("made", "is_taken"),
    [("None", False), (f"made('{EDITION}')", True), (f"made('{EDITION}0')", False), ("made(None)", False)],
    ids=["none", "of this release", "of another release", "that says nothing"],
)
def test_which_functions_are_taken(made, is_taken):
    code = (
        "import sys, types\n"
        "def made(edition):\n"
        f"    functions = dict.fromkeys({NAMES!r}, print)\n"
        "    said = {} if edition is None else {'EDITION': edition}\n"
        "    return types.SimpleNamespace(__file__='/x/it.so', **functions, **said)\n"
        f"sys.modules['pointline.io.bronze._file_system'] = {made}\n"
        "from pointline.io.bronze import file_system\n"
        f"print(*{{getattr(file_system, name) is print for name in {NAMES!r}}}, file_system.LISTING, file_system.STALE)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    stale = "/x/it.so" if made != "None" and not is_taken else ""
    assert found.stdout.split() == [str(is_taken), "compiled" if is_taken else "python", *([stale] if stale else [])]
