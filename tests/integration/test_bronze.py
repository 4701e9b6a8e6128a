"""A folder full of what people and programs leave in folders."""

from __future__ import annotations

import datetime as dt
import os
import socket
from pathlib import Path

import polars as pl
import pytest

from pointline.errors import PointlineError, Rejected, StorageTrouble
from pointline.io.bronze import file_system
from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.paths.layout import Layout
from pointline.io.bronze.paths.unrecognised import Unrecognised
from pointline.io.bronze.spelled_path import NOT_UTF8
from pointline.io.protocols.file_version import BronzeFileMetadata

NAME = "binance_trades_2024-08-09_{}.csv.gz"
BTC = NAME.format("BTCUSDT")
ETH = NAME.format("ETHUSDT")


class Bronze:
    """A bronze folder, the source over it, and the trouble that the source reported."""

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        self.root = root
        self.trouble: list[tuple[str, Exception]] = []
        self.source = FolderBronzeSource(
            root,
            Layout(known_types=["trades", "quotes"]),
            on_trouble=lambda path, error: self.trouble.append((path, error)),
            follow_links=follow_links,
        )

    def write(self, path: str | bytes, content: bytes = b"data") -> Path:
        full = self.root / os.fsdecode(path)
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content)
        return full

    def listed(self, glob: str = "**/*") -> set[str]:
        return {meta.bronze_file_path for meta in self.source.list_files(glob)}

    def surveyed(self) -> set[str]:
        return set(self.source.survey()["path"])

    def left_out(self) -> dict[str, str]:
        """Path and reason of what a walk meets and does not read; each with something to do."""
        left: list[Unrecognised] = []
        self.source.survey("", left)
        assert all(one.advice and one.looks_like for one in left)
        for one in left:
            assert self.source.why_unread(one.path) == one
            assert self.source.look(one.path) is None
        return {one.path: one.reason for one in left}

    def read(self, path: str) -> bytes:
        with self.source.open(path) as file:
            return file.read()


@pytest.fixture
def bronze(tmp_path):
    root = tmp_path / "lake" / "bronze"
    root.mkdir(parents=True)
    return Bronze(root)


def test_a_file_is_described_by_its_path_size_and_time(bronze):
    full = bronze.write(f"a/b/{BTC}", b"12345")
    os.utime(full, ns=(0, 1_723_200_000_123_456_789))
    seen = full.stat()
    expected = BronzeFileMetadata(
        exchange="binance",
        data_type="trades",
        symbol="BTCUSDT",
        date=dt.date(2024, 8, 9),
        bronze_file_path=f"a/b/{BTC}",
        file_size_bytes=5,
        last_modified_ts=1_723_200_000_123_456,
        changed_us=seen.st_ctime_ns // 1000,
        inode=seen.st_ino,
    )
    assert list(bronze.source.list_files()) == [expected]
    assert bronze.source.look(f"a/b/{BTC}") == expected
    assert bronze.source.survey().rows() == [
        (f"a/b/{BTC}", 5, 1_723_200_000_123_456, seen.st_ctime_ns // 1000, seen.st_ino)
    ]
    assert bronze.read(f"a/b/{BTC}") == b"12345"


def test_the_survey_holds_foreign_files_but_no_ignored_ones(bronze):
    for path in (BTC, "README.md", f"{ETH}.part", f".hidden/{ETH}", f"x.tmp/{ETH}", "deep/er/notes.txt"):
        bronze.write(path)
    assert bronze.surveyed() == {BTC, "README.md", "deep/er/notes.txt"}
    assert bronze.listed() == {BTC}
    assert bronze.source.look("README.md") is None
    assert bronze.source.look(f"{ETH}.part") is None
    assert bronze.source.look(f".hidden/{ETH}") is None


def test_an_empty_bronze_has_an_empty_survey(bronze):
    integers = ("size", "mtime_us", "changed_us", "inode")
    assert bronze.source.survey().schema == {"path": pl.String, **dict.fromkeys(integers, pl.Int64)}
    assert bronze.surveyed() == set()


def test_a_missing_bronze_is_no_empty_bronze(tmp_path):
    source = Bronze(tmp_path / "nowhere").source
    with pytest.raises(StorageTrouble, match="cannot be read"):
        source.survey()
    with pytest.raises(StorageTrouble):
        list(source.list_files())


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("**/*", {BTC, f"a/{BTC}", f"a/b/{ETH}"}),
        ("**", {BTC, f"a/{BTC}", f"a/b/{ETH}"}),
        ("*", {BTC}),
        ("a/*", {f"a/{BTC}"}),
        ("a/**", {f"a/{BTC}", f"a/b/{ETH}"}),
        ("**/b/*", {f"a/b/{ETH}"}),
        ("**/*ETH*", {f"a/b/{ETH}"}),
        ("?/?/*.csv.gz", {f"a/b/{ETH}"}),
        ("a.b/*", set()),
    ],
)
def test_globs(bronze, glob, expected):
    for path in (BTC, f"a/{BTC}", f"a/b/{ETH}"):
        bronze.write(path)
    assert bronze.listed(glob) == expected


def test_a_refused_name_is_listed_with_its_problem(bronze):
    bronze.write("binance_trades_2024-02-30_X.csv.gz")
    (meta,) = bronze.source.list_files()
    assert meta.date is None
    assert meta.problem is not None
    assert "2024-02-30" in meta.problem


class TestWhatIsNoRegularFile:
    """Named like market data and something else: never listed, never opened, never waited for."""

    def assert_never_taken(self, bronze, path):
        assert bronze.surveyed() == set()
        assert bronze.listed() == set()
        assert bronze.source.look(path) is None
        with pytest.raises(Rejected) as caught:
            bronze.source.open(path)
        assert caught.value.subject == path
        assert caught.value.hint

    def test_a_fifo_does_not_block(self, bronze):
        os.mkfifo(bronze.root / BTC)
        self.assert_never_taken(bronze, BTC)

    def test_a_socket(self, bronze, monkeypatch):
        monkeypatch.chdir(bronze.root)  # the address of a socket may not be long
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(BTC)
            self.assert_never_taken(bronze, BTC)

    def test_a_folder_named_like_a_file(self, bronze):
        (bronze.root / BTC).mkdir()
        self.assert_never_taken(bronze, BTC)

    def test_files_in_such_a_folder_are_found(self, bronze):
        bronze.write(f"{BTC}/{ETH}")
        assert bronze.listed() == {f"{BTC}/{ETH}"}


class TestSymbolicLinks:
    """A link is as good as its target, as long as that lies in bronze."""

    def test_to_a_file_inside(self, bronze):
        bronze.write(".store/1", b"linked")
        (bronze.root / BTC).symlink_to(".store/1")
        assert bronze.source.survey().select("path", "size").rows() == [(BTC, 6)]
        meta = bronze.source.look(BTC)
        assert meta is not None
        assert meta.file_size_bytes == 6
        assert bronze.read(BTC) == b"linked"

    def test_to_a_file_outside(self, bronze):
        secret = bronze.root.parent / "secret"
        secret.write_bytes(b"secret")
        (bronze.root / BTC).symlink_to(secret)
        assert bronze.surveyed() == set()
        ((path, error),) = bronze.trouble
        assert path == BTC
        assert isinstance(error, Rejected)
        assert error.hint
        assert bronze.source.look(BTC) is None
        with pytest.raises(Rejected, match="leads out of bronze"):
            bronze.source.open(BTC)

    def test_to_a_folder(self, bronze):
        bronze.write(f"real/{BTC}")
        (bronze.root / "linked").symlink_to("real")
        assert bronze.surveyed() == {f"real/{BTC}"}
        assert bronze.source.look(f"linked/{BTC}") is None

    def test_to_a_folder_outside(self, bronze):
        outside = bronze.root.parent / "outside"
        outside.mkdir()
        (outside / BTC).write_bytes(b"secret")
        (bronze.root / "linked").symlink_to(outside)
        assert bronze.surveyed() == set()
        assert bronze.source.look(f"linked/{BTC}") is None
        with pytest.raises(Rejected):
            bronze.source.open(f"linked/{BTC}")

    def test_in_a_circle(self, bronze):
        (bronze.root / BTC).symlink_to(ETH)
        (bronze.root / ETH).symlink_to(BTC)
        (bronze.root / "loop").symlink_to(".")
        assert bronze.surveyed() == set()
        assert {path for path, _ in bronze.trouble} == {BTC, ETH}
        assert bronze.source.look(BTC) is None
        with pytest.raises(Rejected):
            bronze.source.open(BTC)

    def test_to_nothing(self, bronze):
        (bronze.root / BTC).symlink_to("gone")
        assert bronze.surveyed() == set()
        assert bronze.trouble == []
        with pytest.raises(StorageTrouble):
            bronze.source.open(BTC)

    def test_bronze_itself_may_be_one(self, bronze):
        bronze.write(f"a/{BTC}", b"1")
        link = bronze.root.parent / "link"
        link.symlink_to(bronze.root)
        linked = Bronze(link)
        assert linked.surveyed() == {f"a/{BTC}"}
        assert linked.source.look(f"a/{BTC}") is not None
        assert linked.read(f"a/{BTC}") == b"1"


def furnish(root: Path) -> None:
    """Bronze with every kind of thing that is not read, and a folder outside that links lead to."""
    outside = root.parent / "outside"
    for folder in (root / "real", root / ".store", outside / "below"):
        folder.mkdir(parents=True)
    for path in (f"real/{BTC}", f".store/{NAME.format('HIDDEN')}"):
        (root / path).write_bytes(b"inside")
    (outside / "below" / ETH).write_bytes(b"outside")
    (root / "notes.txt").write_bytes(b"x")
    os.mkfifo(root / "pipe")
    links = {
        "to-folder": "real",
        "to-hidden": ".store",
        "to-outside": str(outside),
        "to-below": str(outside / "below"),
        "to-bronze": ".",
        "to-lake": "..",
        "to-nothing": "gone",
        "to-device": "/dev/null",
        "real/round": ".",
        "ring": "ring",
        NAME.format("FILE"): f"real/{BTC}",
        NAME.format("OUT"): str(outside / "below" / ETH),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)


class TestWhatIsLeftOut:
    """Every link and every thing that is no file is named with its reason, or read."""

    def test_without_following(self, bronze):
        furnish(bronze.root)
        left = bronze.left_out()
        expected = {
            "pipe": "it is a named pipe, not a file",
            "to-folder": "'real', which is a folder: it is not entered",
            "to-hidden": "'.store', which is a folder: it is not entered",
            "to-outside": "outside', which is a folder: it is not entered",
            "to-below": "below', which is a folder: it is not entered",
            "to-bronze": "'.', which is a folder: it is not entered",
            "to-lake": "'..', which is a folder: it is not entered",
            "to-nothing": "a symbolic link to nothing: 'gone' does not exist",
            "to-device": "'/dev/null', which is a device",
            "real/round": "'.', which is a folder: it is not entered",
            "ring": "a symbolic link that leads in a circle",
            NAME.format("OUT"): "a symbolic link that leads out of bronze",
        }
        assert left.keys() == expected.keys()
        assert {path: words in left[path] for path, words in expected.items()} == dict.fromkeys(expected, True)
        assert bronze.surveyed() == {f"real/{BTC}", NAME.format("FILE"), "notes.txt"}
        seen = bronze.source.unrecognised()
        assert seen is not None
        assert seen.foreign == ["notes.txt"]
        assert seen.files == len(expected) + 1
        assert bronze.source.unrecognised(give_up=lambda: True) is None

    def test_following_reads_each_real_folder_once(self, bronze):
        furnish(bronze.root)
        following = Bronze(bronze.root, follow_links=True)
        assert following.surveyed() == {
            "notes.txt",
            f"real/{BTC}",
            NAME.format("FILE"),
            NAME.format("OUT"),
            f"to-below/{ETH}",
            f"to-hidden/{NAME.format('HIDDEN')}",
        }
        left: list[Unrecognised] = []
        following.source.survey("", left)
        reasons = {one.path: one.reason for one in left}
        assert reasons.keys() == {
            *("pipe", "to-folder", "to-bronze", "to-lake", "to-nothing", "to-device", "real/round", "ring"),
        }
        for path in ("to-folder", "to-bronze", "to-lake", "real/round"):
            assert "which is read already or holds bronze itself" in reasons[path]

    def test_what_is_followed_can_be_looked_at_and_read_and_nothing_else(self, bronze):
        furnish(bronze.root)
        following = Bronze(bronze.root, follow_links=True)
        for path in following.surveyed() - {"notes.txt"}:
            meta = following.source.look(path)
            assert meta is not None
            assert meta in list(following.source.list_files())
            assert following.read(path) in {b"inside", b"outside"}
        for path in (f"to-folder/{BTC}", f"to-bronze/real/{BTC}", f"real/round/{BTC}"):
            assert following.source.look(path) is None
        for path in (f"to-below/../below/{ETH}", f"../outside/below/{ETH}"):
            assert following.source.look(path) is None
            with pytest.raises(Rejected):
                following.source.open(path)

    def test_a_link_that_is_not_followed_is_not_opened(self, bronze):
        furnish(bronze.root)
        for path in (NAME.format("OUT"), f"to-below/{ETH}"):
            with pytest.raises(Rejected, match="leads out of bronze"):
                bronze.source.open(path)

    def test_a_link_within_a_linked_folder(self, bronze):
        outside = bronze.root.parent / "outside"
        further = bronze.root.parent / "further"
        for folder in (outside, further):
            folder.mkdir()
        (further / BTC).write_bytes(b"1")
        (outside / "on").symlink_to(further)
        (further / "back").symlink_to(outside)
        (bronze.root / "a").symlink_to(outside)
        following = Bronze(bronze.root, follow_links=True)
        assert following.surveyed() == {f"a/on/{BTC}"}
        assert following.read(f"a/on/{BTC}") == b"1"


@pytest.mark.parametrize("way_out", ["../{}", "a/../../{}", "{root}/../{}", "a/../{}", "./{}", "a//{}", "", ".", "\0"])
def test_look_takes_no_path_that_a_walk_would_not_find(bronze, way_out):
    bronze.write(BTC)
    bronze.write(f"a/{BTC}")
    (bronze.root.parent / BTC).write_bytes(b"secret")
    assert bronze.source.look(way_out.format(BTC, root=bronze.root)) is None


@pytest.mark.parametrize("way_out", ["../{}", "a/../../{}"])
def test_open_does_not_leave_bronze(bronze, way_out):
    (bronze.root / "a").mkdir()
    (bronze.root.parent / BTC).write_bytes(b"secret")
    with pytest.raises(Rejected, match="leads out of bronze"):
        bronze.source.open(way_out.format(BTC))


def test_a_file_that_is_gone(bronze):
    assert bronze.source.look(BTC) is None
    with pytest.raises(StorageTrouble) as caught:
        bronze.source.open(BTC)
    assert caught.value.subject == BTC


class TestNames:
    """Bytes are bytes: only a name that no table can hold is turned away."""

    def test_a_newline(self, bronze):
        name = NAME.format("BTC\nUSDT")
        bronze.write(name)
        assert bronze.surveyed() == {name}
        (meta,) = bronze.source.list_files()
        assert (meta.symbol, meta.problem) == ("BTC\nUSDT", None)
        assert bronze.read(name) == b"data"

    def test_250_characters(self, bronze):
        name = NAME.format("A" * (250 - len(NAME) + 2))
        assert len(name) == 250
        bronze.write(name)
        assert bronze.listed() == {name}
        assert bronze.read(name) == b"data"

    def test_other_alphabets(self, bronze):
        name = f"данные/{NAME.format('比特币')}"
        bronze.write(name)
        assert bronze.listed() == {name}
        assert bronze.read(name) == b"data"

    @pytest.mark.parametrize("folder", [b"", b"f\xfe/"])
    def test_bytes_that_are_not_utf8(self, bronze, folder):
        raw = folder + NAME.format("BTC?").encode().replace(b"?", b"\xff")
        written = raw.decode("utf-8", "backslashreplace")
        try:
            bronze.write(raw)
        except OSError:
            pytest.skip("this file system takes no such names")
        (meta,) = bronze.source.list_files()
        assert meta.bronze_file_path == written
        assert meta.problem == NOT_UTF8
        assert bronze.surveyed() == {written}
        assert bronze.source.describe(written, 4, meta.last_modified_ts, meta.changed_us, meta.inode) == meta
        assert bronze.source.look(written) == meta
        assert bronze.source.look(os.fsdecode(raw)) == meta
        assert bronze.read(written) == b"data"

    def test_a_foreign_name_that_is_not_utf8_is_foreign(self, bronze):
        try:
            bronze.write(b"notes\xff.txt")
        except OSError:
            pytest.skip("this file system takes no such names")
        assert bronze.listed() == set()
        assert bronze.surveyed() == {"notes\\xff.txt"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
class TestPermissions:
    def test_an_unreadable_folder_is_reported_and_the_rest_goes_on(self, bronze):
        bronze.write(f"closed/{BTC}")
        bronze.write(f"open/{ETH}")
        (bronze.root / "closed").chmod(0)
        try:
            assert bronze.surveyed() == {f"open/{ETH}"}
            ((path, error),) = bronze.trouble
            assert path == "closed"
            assert isinstance(error, PermissionError)
            assert bronze.source.look(f"closed/{BTC}") is None
        finally:
            (bronze.root / "closed").chmod(0o700)

    def test_an_unreadable_file_may_become_readable(self, bronze):
        bronze.write(BTC).chmod(0)
        with pytest.raises(StorageTrouble):
            bronze.source.open(BTC)


def test_a_folder_that_fails_is_reported_and_the_rest_goes_on(bronze, monkeypatch):
    """As the test above, for whoever runs the tests as root."""
    bronze.write(f"bad/{BTC}")
    bronze.write(f"good/{ETH}")

    def failing(descriptor):
        if os.path.samestat(os.fstat(descriptor), (bronze.root / "bad").stat()):
            raise OSError(5, "Input/output error")
        return file_system.entries(descriptor)

    monkeypatch.setattr("pointline.io.bronze.walk.entries", failing)
    assert bronze.surveyed() == {f"good/{ETH}"}
    ((path, error),) = bronze.trouble
    assert path == "bad"
    assert isinstance(error, OSError)
    left: list[Unrecognised] = []
    bronze.source.survey("", left)
    assert [(one.path, one.reason, one.is_unreadable) for one in left] == [
        ("bad", "it cannot be read: Input/output error", True)
    ]


def test_a_survey_of_many_files_in_many_folders(bronze, monkeypatch):
    """Chunks are put together without loss."""
    monkeypatch.setattr("pointline.io.bronze.folder._SURVEY_CHUNK_FILES", 7)
    paths = {f"{folder}/{NAME.format(symbol)}" for folder in range(9) for symbol in range(5)}
    for path in paths:
        bronze.write(path)
    assert bronze.surveyed() == paths


def test_a_walk_leaves_no_descriptor_open(bronze):
    bronze.write(f"a/b/{BTC}")
    descriptors = Path("/dev/fd")
    before = len(list(descriptors.iterdir()))
    for _ in range(3):
        bronze.source.survey()
        bronze.source.open(f"a/b/{BTC}").close()
        with pytest.raises(PointlineError):
            bronze.source.open("a/b")
    assert len(list(descriptors.iterdir())) == before
