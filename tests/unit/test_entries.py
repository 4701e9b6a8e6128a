"""Listing a folder: the compiled function and the one that asks for each thing by itself tell the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pointline.io.bronze import entries as module
from pointline.io.bronze.entries import UNKNOWN, one_by_one, version_of

ODD = ["plain.csv", "a b%20c.csv", "größe-日本.csv", "not-utf8-\udcff.csv", "x" * 255, ".hidden", "-", "new\nline"]


@pytest.fixture(params=[module.entries, one_by_one], ids=["as installed", "one by one"])
def listed(request):
    def listed(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            first, again = (sorted(request.param(descriptor)) for _ in range(2))
        finally:
            os.close(descriptor)
        assert first == again  # the caller's descriptor is left where it was
        return {name: told for name, *told in first}

    return listed


def test_it_is_compiled_here():
    """Where the tests run there is a compiler; else half of them would compare a function with itself."""
    assert module.entries is not one_by_one


def test_every_kind_and_every_name(tmp_path, listed):
    for length, name in enumerate(ODD):
        path = tmp_path / name
        path.write_bytes(b"x" * length)
        os.utime(path, ns=(0, 1_600_000_000_123_456_789 - length * 10**18))  # the later ones lie before 1970
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_nothing").symlink_to("nowhere")
    (tmp_path / "to_folder").symlink_to("folder")
    os.link(tmp_path / "plain.csv", tmp_path / "linked.csv")
    os.mkfifo(tmp_path / "pipe")
    found = listed(tmp_path)
    assert set(found) == {path.name for path in tmp_path.iterdir()}
    for name, told in found.items():
        status = os.lstat(tmp_path / name)
        assert tuple(told) == (status.st_mode, *version_of(status)), name


def test_an_empty_folder(tmp_path, listed):
    assert listed(tmp_path) == {}


def test_many(tmp_path, listed):
    for number in range(3_000):
        (tmp_path / f"{number}.csv").touch()
    assert sorted(listed(tmp_path)) == sorted(f"{number}.csv" for number in range(3_000))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at everything")
def test_what_may_not_be_looked_at(tmp_path, listed):
    folder = tmp_path / "shut"
    folder.mkdir()
    (folder / "a.csv").touch()
    folder.chmod(0o400)
    try:
        mode, error, *_ = listed(folder)["a.csv"]
    finally:
        folder.chmod(0o700)
    assert (mode, os.strerror(error)) == (UNKNOWN, "Permission denied")


@pytest.mark.parametrize("function", [module.entries, one_by_one], ids=["as installed", "one by one"])
def test_no_folder(tmp_path, function):
    (tmp_path / "a.csv").touch()
    descriptor = os.open(tmp_path / "a.csv", os.O_RDONLY)
    with pytest.raises(NotADirectoryError):
        function(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        function(descriptor)


def test_no_descriptor_is_kept(tmp_path, listed):
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(50):
        listed(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("made", "chosen"),
    [
        ("None", "one_by_one"),
        ("types.SimpleNamespace(TELLS='name size', entries=print)", "one_by_one"),
        ("types.SimpleNamespace(entries=print)", "one_by_one"),
        ("types.SimpleNamespace(TELLS=told, entries=print)", "print"),
    ],
    ids=["none", "of another release", "that says nothing", "of this release"],
)
def test_which_function_is_taken(made, chosen):
    code = (
        "import sys, types, pointline.io.bronze as room\n"
        f"told = {module.TELLS!r}\n"
        f"room._listing = sys.modules['pointline.io.bronze._listing'] = {made}\n"
        + ("del room._listing\n" if made == "None" else "")
        + "from pointline.io.bronze.entries import entries; print(entries.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == chosen
