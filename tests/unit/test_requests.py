"""Requests: whatever lies in the folder is answered or removed, and neither ends the daemon nor blocks it."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import stat
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import msgspec
import polars as pl
import pytest
from pointline_daemon.opening.requests import Maintain, Retry, UpdateSymbols, Withdraw, decode_request, put_file
from pointline_daemon.opening.symbol_request import SymbolRequest
from pointline_daemon.process import request_desk
from pointline_daemon.process.request_desk import LONGEST_BYTES, RequestDesk

from pointline.config import LakePaths
from pointline.errors import PointlineError
from pointline.tables.symbols.updates import UPDATE_SCHEMA

NONSENSE = {
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep inside": b'{"command":"retry","file_ids":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "list": b"[1]",
    "null": b"null",
    "empty": b"",
    "no JSON": b"no JSON",
    "bytes": b"\xff\xfe\x00",
    "text for ids": b'{"command":"retry","file_ids":"abc"}',
    "no ids": b'{"command":"retry"}',
    "objects for ids": b'{"command":"withdraw","file_ids":[{"a":1}]}',
    "ids out of range": b'{"command":"retry","file_ids":[-1,99999999999999999999999]}',
    "true for an id": b'{"command":"retry","file_ids":[true]}',
    "unknown field": b'{"command":"maintain","x":1}',
    "number for a table": b'{"command":"maintain","table":5}',
    "NaN": b'{"command":"maintain","retention_hours":NaN}',
    "infinity": b'{"command":"maintain","retention_hours":1e999}',
    "negative": b'{"command":"maintain","retention_hours":-1}',
    "unknown command": b'{"command":"fly"}',
    "list for a command": b'{"command":["retry"]}',
    "no base64": b'{"command":"symbols","updates":"?"}',
    "time without a zone": b'{"command":"symbols","updates":"","snapshot_at":"2024-05-01T00:00:00"}',
}


def frame(**columns) -> bytes:
    """A frame as Arrow IPC."""
    content = io.BytesIO()
    pl.DataFrame(columns).write_ipc(content)
    return content.getvalue()


YEAR_10000 = 253_402_300_800_000_000


def updates_of(**times: int) -> bytes:
    """One update, with these times in microseconds since the epoch; none at all without any."""
    cells = {"exchange": "deribit", "symbol": "X", "listed": True, "valid_from": 1_714_521_600_000_000, **times}
    columns = [
        pl.Series(name, [cells.get(name)] if times else [], pl.Int64 if isinstance(kind, pl.Datetime) else kind).cast(
            kind
        )
        for name, kind in UPDATE_SCHEMA.items()
    ]
    return frame(**{column.name: column for column in columns})


class Desk:
    """A desk whose handlers note what they were asked."""

    def __init__(self, root) -> None:
        self.paths = LakePaths(root)
        self.paths.bronze.mkdir(parents=True)
        self.asked = []
        self.later: Future = Future()
        handlers = {
            Retry: self.note,
            Withdraw: self.refuse,
            Maintain: lambda _request: self.later,
            UpdateSymbols: lambda request: SymbolRequest.from_request(request) and {},
        }
        self.desk = RequestDesk(self.paths, handlers)
        self.serve()

    def note(self, request):
        self.asked.append(request)
        return {"put_back": len(request.file_ids)}

    def refuse(self, _request):
        raise PointlineError("not that one", hint="take another")

    def serve(self) -> None:
        self.desk.serve()

    def put(self, content: bytes, name: str = "a.json"):
        path = self.paths.requests / name
        path.write_bytes(content)
        return path

    def answer(self, name: str = "a") -> dict:
        return json.loads((self.paths.requests / f"{name}.answer").read_bytes())

    def names(self) -> list[str]:
        return sorted(path.name for path in self.paths.requests.iterdir())


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "lake")


class TestNonsense:
    """What no version of the program would write."""

    @pytest.mark.parametrize("name", NONSENSE)
    def test_is_answered_and_removed(self, desk, name):
        desk.put(NONSENSE[name])
        desk.serve()
        assert "does not understand" in desk.answer()["error"]
        assert desk.answer()["hint"]
        assert desk.names() == ["a.answer"]
        assert not desk.asked

    @pytest.mark.parametrize("kind", ["fifo", "socket", "link", "link to nowhere", "hard link", "folder", "unreadable"])
    def test_what_is_no_file_of_its_own_is_answered_and_removed(self, desk, kind, tmp_path, monkeypatch):
        path, other = desk.paths.requests / "a.json", tmp_path / "other"
        other.write_bytes(b'{"command":"retry","file_ids":[1]}')
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                monkeypatch.chdir(path.parent)  # a socket's path is short
                listener.bind(path.name)
        elif kind.startswith("link"):
            path.symlink_to(other if kind == "link" else tmp_path / "nowhere")
        elif kind == "hard link":
            path.hardlink_to(other)
        elif kind == "folder":
            path.mkdir()
        else:
            path.write_bytes(other.read_bytes())
            path.chmod(0)
            if os.geteuid() == 0:
                pytest.skip("root reads everything")
        desk.serve()
        assert "error" in desk.answer()
        assert desk.names() == ["a.answer"]
        assert not desk.asked
        assert other.exists()

    def test_what_is_too_long_is_not_read(self, desk):
        with desk.put(b"").open("wb") as file:
            file.truncate(LONGEST_BYTES + 1)
        desk.serve()
        assert "67,108,865 bytes" in desk.answer()["error"]

    def test_what_cannot_be_removed_is_done_once(self, desk):
        (desk.paths.requests / "a.json").mkdir()
        (desk.paths.requests / "a.json" / "inside").write_bytes(b"")
        desk.serve()
        (desk.paths.requests / "a.answer").unlink()
        desk.serve()
        assert desk.names() == ["a.json"]

    @pytest.mark.parametrize(
        "updates",
        [
            b"",
            b"ARROW1 and nothing else",
            b"PAR1",
            frame(symbol=["A"]),
            frame(),
            updates_of(),
            *(
                updates_of(**{name: time})
                for name in ("valid_from", "expiry")
                for time in (2**63 - 1, -(2**63), YEAR_10000)
            ),
        ],
    )
    def test_updates_of_symbols_that_are_none(self, desk, updates):
        desk.put(msgspec.json.encode(UpdateSymbols(updates=updates)))
        desk.serve()
        assert re.search("holds no updates|has a time outside of the years", desk.answer()["error"])

    def test_a_link_in_place_of_the_folder_is_not_followed(self, desk, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        desk.paths.requests.rmdir()
        desk.paths.requests.symlink_to(tmp_path / "elsewhere")
        desk.serve()
        assert stat.S_ISDIR(desk.paths.requests.lstat().st_mode)


class TestSense:
    """Each type goes to its handler, now or later, once."""

    def test_answered_at_once(self, desk):
        desk.put(msgspec.json.encode(Retry(file_ids=(1, 2), accept=True)))
        desk.serve()
        assert desk.asked == [Retry(file_ids=(1, 2), accept=True)]
        assert desk.answer() == {"put_back": 2}
        assert desk.names() == ["a.answer"]
        desk.serve()
        assert len(desk.asked) == 1

    def test_an_error_of_the_handler_is_the_answer(self, desk):
        desk.put(msgspec.json.encode(Withdraw(file_ids=(1,))))
        desk.serve()
        assert desk.answer() == {"error": "not that one", "hint": "take another"}

    @pytest.mark.parametrize("error", [IndexError("index 0"), OverflowError("date value"), RuntimeError("odd")])
    def test_what_no_request_should_cause_is_an_answer_too(self, desk, error):
        def fail(_request):
            raise error

        desk.desk = RequestDesk(desk.paths, {Withdraw: fail, Retry: desk.note})
        desk.put(msgspec.json.encode(Withdraw(file_ids=(1,))))
        desk.serve()
        assert str(error) in desk.answer()["error"]
        desk.put(msgspec.json.encode(Retry(file_ids=(1, 2))), "b.json")
        desk.serve()
        assert desk.answer("b") == {"put_back": 2}

    @pytest.mark.parametrize("error", [None, PointlineError("no room", hint="make some")])
    def test_answered_by_another_thread_later(self, desk, error):
        desk.put(msgspec.json.encode(Maintain()))
        desk.serve()
        assert desk.names() == ["a.json"]
        desk.later.set_result({"done": []}) if error is None else desk.later.set_exception(error)
        desk.serve()
        assert desk.answer() == ({"done": []} if error is None else {"error": "no room", "hint": "make some"})
        assert desk.names() == ["a.answer"]

    def test_who_gave_up_gets_no_answer(self, desk):
        path = desk.put(msgspec.json.encode(Maintain()))
        desk.serve()
        path.unlink()
        desk.later.set_result({"done": []})
        desk.serve()
        assert desk.names() == []

    def test_what_nobody_came_for_is_removed(self, desk):
        for name in ("a.answer", "b.json", ".c.tmp"):
            os.utime(desk.put(b"{}", name), (time.time() - request_desk.STALE_SECONDS - 1,) * 2)
        desk.serve()
        assert desk.names() == []
        assert not desk.asked

    def test_a_full_disk_delays_the_answer_and_does_it_once(self, desk, monkeypatch):
        def full(_path, _content):
            raise OSError(28, "No space left on device")

        desk.put(msgspec.json.encode(Retry(file_ids=(1,))))
        with monkeypatch.context() as patched:
            patched.setattr(request_desk, "put_file", full)
            desk.serve()
            desk.serve()
            assert desk.names() == ["a.json"]
        desk.serve()
        assert desk.answer() == {"put_back": 1}
        assert len(desk.asked) == 1

    @pytest.mark.parametrize(
        "request_", [Retry(file_ids=(1,)), Withdraw(file_ids=()), Maintain(retention_hours=1.5, table="trades")]
    )
    def test_all_types_survive_the_way(self, request_):
        assert decode_request(msgspec.json.encode(request_)) == request_


def decoded(**said: object) -> dict[str, object]:
    return msgspec.structs.asdict(decode_request(json.dumps(said).encode()))


def test_what_a_request_does_not_say():
    """Guards the defaults: nobody is insisted on, accepted or kept from a vacuum by what was left out."""
    assert decoded(command="retry", file_ids=[1]) == {"file_ids": (1,), "accept": False}
    assert decoded(command="maintain") == {
        "compact": True,
        "vacuum": True,
        "dry_run": False,
        "table": None,
        "partition": None,
        "retention_hours": None,
        "below_floor": False,
    }
    said = decoded(command="symbols", updates="")
    assert said == {"updates": b"", "snapshot_at": None, "is_partial": False, "exchange": "", "insist": False}


@pytest.mark.parametrize(("file_id", "is_one"), [(-1, False), (0, True), (2**63 - 1, True), (2**63, False)])
def test_the_ids_that_there_can_be(file_id, is_one):
    if is_one:
        assert decoded(command="withdraw", file_ids=[file_id]) == {"file_ids": (file_id,)}
    else:
        with pytest.raises(PointlineError):
            decoded(command="withdraw", file_ids=[file_id])


@pytest.mark.parametrize(("hours", "is_one"), [(-0.1, False), (0, True), (1e6, True), (1e6 + 1, False)])
def test_the_retentions_that_there_can_be(hours, is_one):
    if is_one:
        assert decoded(command="maintain", retention_hours=hours)["retention_hours"] == hours
    else:
        with pytest.raises(PointlineError):
            decoded(command="maintain", retention_hours=hours)


def test_a_file_appears_whole(tmp_path, monkeypatch):
    appeared, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: appeared.append(path.read_bytes()) or replace(path, to))
    put_file(tmp_path / "a.json", b"{}")
    assert appeared == [b"{}"]


def test_a_file_that_cannot_be_put_there_leaves_nothing(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        put_file(tmp_path / "a.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


class TestFolder:
    """Open to whoever may drop files into bronze, and to nobody else."""

    def mode(self, desk) -> int:
        return stat.S_IMODE(desk.paths.requests.lstat().st_mode)

    @pytest.mark.parametrize(("bronze", "requests"), [(0o755, 0o700), (0o775, 0o770), (0o2770, 0o770), (0o777, 0o770)])
    def test_as_open_as_bronze(self, desk, bronze, requests):
        desk.paths.bronze.chmod(bronze)
        desk.serve()
        assert self.mode(desk) & 0o777 == requests

    def test_made_again_by_the_daemon(self, desk):
        desk.paths.requests.rmdir()
        desk.paths.state.rmdir()
        desk.serve()
        assert desk.paths.requests.is_dir()

    def test_open_from_the_moment_it_is_there(self, desk, monkeypatch):
        """Whoever asks while the daemon begins finds no folder, or one that may be entered."""
        seen = set()

        def seen_before(path: Path, mode: int) -> None:
            with suppress(FileNotFoundError):
                seen.add(self.mode(desk) & 0o777)
            os.chmod(path, mode)  # noqa: PTH101 - the method itself is the one that is replaced

        desk.paths.bronze.chmod(0o770)
        monkeypatch.setattr(Path, "chmod", seen_before)
        desk.paths.requests.rmdir()
        desk.serve()
        assert self.mode(desk) & 0o777 == 0o770
        assert seen == set()

    def test_given_to_the_group_of_bronze(self, desk):
        if os.geteuid() != 0:
            pytest.skip("only root may give a folder to any group")
        os.chown(desk.paths.bronze, -1, 54321)
        desk.paths.bronze.chmod(0o770)
        desk.paths.state.chmod(0o700)
        desk.serve()
        assert desk.paths.requests.stat().st_gid == 54321
        assert desk.paths.state.stat().st_gid == 54321
        assert stat.S_IMODE(desk.paths.state.stat().st_mode) == 0o750

    def test_private_where_it_cannot_be_given(self, desk, monkeypatch):
        """Otherwise the daemon's own group could ask, which is not who may drop files."""
        if os.geteuid() != 0:
            pytest.skip("only root may give a folder to any group")
        os.chown(desk.paths.bronze, -1, 54321)
        desk.paths.bronze.chmod(0o770)

        def refused(*_arguments):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(request_desk.os, "chown", refused)
        desk.serve()
        assert self.mode(desk) == 0o700

    def test_what_others_made_is_made_anew(self, desk):
        if os.geteuid() != 0:
            pytest.skip("only root may give a folder away")
        os.chown(desk.paths.requests, 54321, 54321)
        desk.serve()
        assert desk.paths.requests.stat().st_uid == os.geteuid()

    def test_answers_can_be_read_by_who_may_enter(self, desk):
        old = os.umask(0o077)
        try:
            desk.put(msgspec.json.encode(Retry(file_ids=())))
            desk.serve()
        finally:
            os.umask(old)
        assert stat.S_IMODE((desk.paths.requests / "a.answer").stat().st_mode) == 0o664
