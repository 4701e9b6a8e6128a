"""The live state on a disk that has no room: people have to be able to read that there is none."""

from __future__ import annotations

import errno
from pathlib import Path

from pointline_daemon.condition import state
from pointline_daemon.condition.state import StatePublisher, read_state


def refuse(_path: Path, _content: bytes, *, flush: bool) -> None:
    del flush
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_though_it_takes_no_other_file(tmp_path, monkeypatch):
    facts: dict[str, object] = {"queued": "x" * 300}
    publisher = StatePublisher(tmp_path / "state.json", lambda: dict(facts))
    publisher.publish()
    size = (tmp_path / "state.json").stat().st_size
    monkeypatch.setattr(state, "replace_file", refuse)
    monkeypatch.setattr(state, "LEAST_SECONDS", 0.0)
    facts |= {"queued": "", "paused": True}
    publisher.publish()
    assert read_state(tmp_path / "state.json")["paused"] is True
    assert (tmp_path / "state.json").stat().st_size == size
    facts |= {"queued": "y" * 900}
    publisher.publish()
    assert read_state(tmp_path / "state.json")["queued"] == "y" * 900


def test_other_trouble_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    publisher = StatePublisher(tmp_path / "state.json", lambda: {"paused": False})
    publisher.publish()
    before = (tmp_path / "state.json").read_bytes()

    def fail(_path: Path, _content: bytes, *, flush: bool) -> None:
        del flush
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(state, "replace_file", fail)
    monkeypatch.setattr(state, "LEAST_SECONDS", 0.0)
    publisher.publish(stopped=True)
    assert (tmp_path / "state.json").read_bytes() == before
