"""Settings and descriptions that are no files, or that nobody wrote by hand: said, and never waited for."""

from __future__ import annotations

import os
import socket

import pytest

from pointline.config import load_config
from pointline.errors import ConfigurationError, PointlineError
from pointline.io.content.one_file import read_small
from pointline.io.descriptions import own_vendors
from pointline.tables.registry import event_tables


def bound(path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


ODD = {
    "a folder": (lambda path: path.mkdir(), "it is a folder, not a file"),
    "a pipe": (os.mkfifo, "it is a pipe, not a file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
    "a socket": (bound, ""),
    "large": (lambda path: path.write_bytes(b"#" * (5 << 20)), "it has more than 4 MiB"),
    "latin-1": (lambda path: path.write_bytes(b'vendor = "z\xfcrich"'), ""),
    "deep": (lambda path: path.write_bytes(b"a = " + b"[" * 100_000), ""),
    "a link to itself": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["pointline.toml", "vendors/mine.toml"])
def test_is_named_with_its_cause(tmp_path, kind, name):
    make, said = ODD[kind]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    make(path)
    is_vendor = name.startswith("vendors")
    with pytest.raises(ConfigurationError) as caught:
        own_vendors(tmp_path, event_tables()) if is_vendor else load_config(tmp_path, environ={})
    (problem,) = caught.value.problems
    assert name in problem
    assert said in problem
    told: list[str] = []
    assert own_vendors(tmp_path, event_tables(), told.append) == ()
    assert len(told) == is_vendor


@pytest.mark.parametrize("kind", [kind for kind in ODD if kind not in ("latin-1", "deep")])
def test_one_that_a_person_names_is_not_waited_for(tmp_path, kind):
    make, said = ODD[kind]
    make(path := tmp_path / "mine.toml")
    with pytest.raises(PointlineError) as caught:
        read_small(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
