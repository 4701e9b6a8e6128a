"""Power cuts by simulation: what a run did to the disk is recorded, then the lake is rebuilt as a cut may leave it.

The model is the strictest that POSIX allows: a content is on disk when its file was flushed, a name when its folder
was, and everything else may be there, or not, or in part, each on its own.

Run as a program it starts up on many rebuilt lakes, one per line of JSON on standard input, and answers in JSON.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pointline_daemon.cli.app import app
from pointline_daemon.commands.lake.verify import audit
from pointline_daemon.logs import configure_logging
from pointline_daemon.opening.lake import open_lake
from pointline_daemon.process.supervisor import Supervisor
from polars.exceptions import PanicException

from pointline.config import load_config
from pointline.io.delta_log.mend import staged_files
from pointline.io.lock import LakeLock
from tests.support.lake_check import expect, find_differences, ids_by_version, read_manifest
from tests.support.maintained import tend

STRACE = "/usr/bin/strace"
CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,lseek,rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
    "mkdir,mkdirat,rmdir,truncate,ftruncate,fsync,fdatasync,sync_file_range,fallocate,close,dup,dup2,dup3,fcntl,"
    "copy_file_range,sendfile,symlink,symlinkat"
)
STARTUP_SECONDS = 60
FEW_CUTS = 4
"""A second program takes longer to start than these take."""
_IDLE: list[subprocess.Popen[str]] = []

Tree = dict[str, bytes | None]
"""Content by path below the lake; None for a folder."""


# ---- the disk


class File:
    """A file's content as programs see it and as it is on disk; ``durable`` is None while it was never flushed."""

    def __init__(self, content: bytes = b"", *, durable: bool = False) -> None:
        self.content = bytearray(content)
        self.durable: bytes | None = bytes(content) if durable else None
        self._frozen: bytes | None = None

    @property
    def is_flushed(self) -> bool:
        return self.durable is not None and self.durable == self.content

    def frozen(self) -> bytes:
        if self._frozen is None:
            self._frozen = bytes(self.content)
        return self._frozen

    def write(self, at: int, data: bytes) -> None:
        if at > len(self.content):
            self.content.extend(bytes(at - len(self.content)))
        self.content[at : at + len(data)] = data
        self._frozen = None

    def truncate(self, size: int) -> None:
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))
        self._frozen = None

    def flush(self) -> None:
        self.durable = self.frozen()


class Folder:
    """A folder's names as programs see them and as they are on disk."""

    def __init__(self) -> None:
        self.names: dict[str, File | Folder] = {}
        self.durable: dict[str, File | Folder] = {}

    def flush(self) -> None:
        self.durable = dict(self.names)


class Disk:
    """What is below one lake. Paths are relative to it."""

    def __init__(self) -> None:
        self.root = Folder()

    def find(self, path: str) -> File | Folder:
        node: File | Folder = self.root
        for name in _names(path):
            assert isinstance(node, Folder)
            node = node.names[name]
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        *above, name = _names(path)
        folder = self.find("/".join(above))
        assert isinstance(folder, Folder)
        return folder, name

    def open(self, path: str, *, create: bool, truncate: bool) -> File | Folder:
        if create:
            folder, name = self._parent(path)
            folder.names.setdefault(name, File())
        node = self.find(path)
        if truncate and isinstance(node, File):
            node.truncate(0)
        return node

    def make_folder(self, path: str) -> None:
        folder, name = self._parent(path)
        folder.names[name] = Folder()

    def link(self, source: str, target: str) -> None:
        folder, name = self._parent(target)
        folder.names[name] = self.find(source)

    def unlink(self, path: str) -> None:
        folder, name = self._parent(path)
        del folder.names[name]

    def rename(self, source: str, target: str) -> None:
        self.link(source, target)
        self.unlink(source)


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


def load_disk(lake: Path) -> Disk:
    """A disk on which everything that is there has been flushed."""
    disk = Disk()
    for path in sorted(lake.rglob("*")):
        relative = path.relative_to(lake).as_posix()
        if path.is_dir():
            disk.make_folder(relative)
        else:
            folder, name = disk._parent(relative)
            folder.names[name] = File(path.read_bytes(), durable=True)
    pending = [disk.root]
    while pending:
        folder = pending.pop()
        folder.flush()
        pending += [node for node in folder.names.values() if isinstance(node, Folder)]
    return disk


# ---- recording


@dataclass(slots=True)
class Operation:
    """One step of the run: what it does to the disk, and how to name it."""

    text: str
    apply: Callable[[Disk], None]
    is_flush: bool = False


def can_trace() -> str | None:
    """Return why processes cannot be traced here, or None."""
    if not Path(STRACE).exists():
        return "strace is not installed"
    tried = subprocess.run([STRACE, "-f", "-o", os.devnull, "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "ptrace is not permitted"


def record_run(
    lake: Path, trace: Path, arguments: Sequence[str] = ("run", "--once"), *, module: str = "pointline_daemon"
) -> list[Operation]:
    """Run the program on a lake and return what it did below it, in order."""
    command = [STRACE, "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 26), "-e", f"trace={CALLS}", "-o", str(trace)]
    command += [sys.executable, "-m", module, *arguments, "--lake-root", str(lake)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    return list(read_trace(trace, lake))


LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += +(-?\d+|\?|0x[0-9a-f]+)(.*)$", re.DOTALL)
UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"^(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")


@dataclass(slots=True)
class _Open:
    """An open file description: duplicates of a descriptor share it."""

    path: str
    offset: int = 0
    append: bool = False


class _Reader:
    """Turns system calls into operations. All threads share one table of descriptors."""

    def __init__(self, lake: Path) -> None:
        self._root = str(lake)
        self._open: dict[int, _Open] = {}
        self._handles = 0

    def relative(self, path: str) -> str | None:
        if path == self._root:
            return ""
        return path.removeprefix(self._root + "/") if path.startswith(self._root + "/") else None

    def operations(self, name: str, arguments: str, result: int) -> Iterator[Operation]:
        handler = getattr(self, f"_on_{name}", None)
        if handler is None:
            texts = [self.relative(path) for path in _paths(arguments)]
            assert not any(texts), f"{name} below the lake is not understood: {arguments[:200]}"
            return
        yield from handler(arguments, result)

    def _on_openat(self, arguments: str, result: int) -> Iterator[Operation]:
        path = self.relative(_paths(arguments)[0])
        if path is None:
            return
        flags = arguments.rsplit('"', 1)[1]
        self._open[result] = _Open(path, append="O_APPEND" in flags)
        create, truncate = "O_CREAT" in flags, "O_TRUNC" in flags
        assert "O_TMPFILE" not in flags
        if create or truncate:
            yield Operation(f"open {path}", lambda disk: disk.open(path, create=create, truncate=truncate) and None)

    def _on_close(self, arguments: str, result: int) -> Iterator[Operation]:
        self._open.pop(_number(arguments), None)
        yield from ()

    def _on_dup(self, arguments: str, result: int) -> Iterator[Operation]:
        if (found := self._open.get(_number(arguments))) is not None:
            self._open[result] = found
        yield from ()

    _on_dup2 = _on_dup3 = _on_dup

    def _on_fcntl(self, arguments: str, result: int) -> Iterator[Operation]:
        if "F_DUPFD" in arguments:
            yield from self._on_dup(arguments, result)

    def _on_lseek(self, arguments: str, result: int) -> Iterator[Operation]:
        if (found := self._open.get(_number(arguments))) is not None:
            found.offset = result
        yield from ()

    def _on_write(self, arguments: str, result: int) -> Iterator[Operation]:
        found = self._open.get(_number(arguments))
        if found is None:
            return
        data = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in TEXT.findall(arguments))[:result]
        path, at = found.path, found.offset
        found.offset += len(data)
        append = found.append
        yield Operation(f"write {path}", lambda disk: _write(disk, path, None if append else at, data))

    _on_writev = _on_write

    def _on_pwrite64(self, arguments: str, result: int) -> Iterator[Operation]:
        found = self._open.get(_number(arguments))
        if found is None:
            return
        data = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in TEXT.findall(arguments))[:result]
        path, at = found.path, int(arguments.rsplit(",", 1)[1])
        yield Operation(f"write {path}", lambda disk: _write(disk, path, at, data))

    def _on_ftruncate(self, arguments: str, result: int) -> Iterator[Operation]:
        found = self._open.get(_number(arguments))
        if found is not None:
            path, size = found.path, int(arguments.rsplit(",", 1)[1])
            yield Operation(f"truncate {path}", lambda disk: _file(disk, path).truncate(size))

    def _on_fallocate(self, arguments: str, result: int) -> Iterator[Operation]:
        assert _number(arguments) not in self._open
        yield from ()

    _on_copy_file_range = _on_sendfile = _on_sync_file_range = _on_pwritev = _on_pwritev2 = _on_fallocate

    def _on_fsync(self, arguments: str, result: int) -> Iterator[Operation]:
        found = self._open.get(_number(arguments))
        if found is not None:
            path = found.path
            yield Operation(f"flush {path or '.'}", lambda disk: disk.find(path).flush(), is_flush=True)

    _on_fdatasync = _on_fsync

    def _on_mkdir(self, arguments: str, result: int) -> Iterator[Operation]:
        path = self.relative(_paths(arguments)[0])
        if path is not None:
            yield Operation(f"mkdir {path}", lambda disk: disk.make_folder(path))

    _on_mkdirat = _on_mkdir

    def _on_unlink(self, arguments: str, result: int) -> Iterator[Operation]:
        path = self.relative(_paths(arguments)[0])
        if path is not None:
            yield Operation(f"unlink {path}", lambda disk: disk.unlink(path))

    _on_unlinkat = _on_rmdir = _on_unlink

    def _on_link(self, arguments: str, result: int) -> Iterator[Operation]:
        source, target = map(self.relative, _paths(arguments))
        if source is not None and target is not None:
            yield Operation(f"link {target}", lambda disk: disk.link(source, target))

    _on_linkat = _on_link

    def _on_rename(self, arguments: str, result: int) -> Iterator[Operation]:
        source, target = map(self.relative, _paths(arguments))
        if source is None and target is None:
            return
        assert source is not None
        assert target is not None
        for found in self._open.values():
            if found.path == source:
                found.path = target
        yield Operation(f"rename {target}", lambda disk: disk.rename(source, target))

    _on_renameat = _on_renameat2 = _on_rename


def read_trace(trace: Path, lake: Path) -> Iterator[Operation]:
    """Yield the operations below a lake: what changes the disk at its end, what flushes it at its start."""
    reader = _Reader(lake)
    started: dict[str, str] = {}
    for line in trace.read_text(encoding="ascii", errors="replace").splitlines():
        if found := UNFINISHED.match(line):
            if found[2] == "close":  # the number is free from now on: another thread may get it before this one returns
                yield from reader.operations("close", found[3], 0)
            started[found[1]] = f"{found[1]} {found[2]}({found[3]}"
            continue
        if found := RESUMED.match(line):
            line = started.pop(found[1]) + found[3]  # noqa: PLW2901 - the two halves of one call
            if found[2] == "close":
                continue
        if (found := LINE.match(line)) and found[4].lstrip("-").isdigit() and int(found[4]) >= 0:
            yield from reader.operations(found[2], found[3], int(found[4]))


def _paths(arguments: str) -> list[str]:
    """The paths among the arguments; one that is relative is joined to the folder named before it."""
    found: list[str] = []
    base = ""
    for argument in arguments.split(", "):
        if descriptor := DESCRIPTOR.match(argument):
            base = _plain(descriptor[2])
        elif text := TEXT.fullmatch(argument):
            found.append(str(Path(base or "/") / _plain(text[1])))
    return found


def _plain(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode()


def _number(arguments: str) -> int:
    return int(re.match(r"\d+", arguments)[0])  # type: ignore[index]


def _file(disk: Disk, path: str) -> File:
    node = disk.find(path)
    assert isinstance(node, File)
    return node


def _write(disk: Disk, path: str, at: int | None, data: bytes) -> None:
    file = _file(disk, path)
    file.write(len(file.content) if at is None else at, data)


def join_writes(operations: Sequence[Operation]) -> list[Operation]:
    """Runs of writes to one file become one step: what a cut between them leaves is a file cut short."""
    joined: list[list[Operation]] = []
    for operation in operations:
        if joined and operation.text.startswith("write ") and joined[-1][0].text == operation.text:
            joined[-1].append(operation)
        else:
            joined.append([operation])
    return [Operation(run[0].text, _in_turn(run), is_flush=run[0].is_flush) for run in joined]


def _in_turn(run: Sequence[Operation]) -> Callable[[Disk], None]:
    def apply(disk: Disk) -> None:
        for operation in run:
            operation.apply(disk)

    return apply


# ---- what a cut may leave


NamesOf = Callable[[str, Folder], Mapping[str, "File | Folder"]]
ContentOf = Callable[[str, File], bytes]


def _tree(disk: Disk, names_of: NamesOf, content_of: ContentOf) -> Tree:
    tree: Tree = {}
    pending: list[tuple[str, Folder]] = [("", disk.root)]
    while pending:
        above, folder = pending.pop()
        for name, node in names_of(above, folder).items():
            path = f"{above}/{name}" if above else name
            if isinstance(node, Folder):
                tree[path] = None
                pending.append((path, node))
            else:
                tree[path] = content_of(path, node)
    return tree


def _all_names(_path: str, folder: Folder) -> Mapping[str, File | Folder]:
    return folder.names


def _flushed_names(_path: str, folder: Folder) -> Mapping[str, File | Folder]:
    return folder.durable


def _whole(_path: str, file: File) -> bytes:
    return file.frozen()


def _flushed(_path: str, file: File) -> bytes:
    return file.durable or b""


def _unless_flushed(damage: Callable[[bytes], bytes]) -> ContentOf:
    return lambda _path, file: file.frozen() if file.is_flushed else damage(file.frozen())


def _empty(_content: bytes) -> bytes:
    return b""


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _zeroed(content: bytes) -> bytes:
    return bytes(len(content))


def _half_zeroed(content: bytes) -> bytes:
    return content[: len(content) // 2] + bytes(len(content) - len(content) // 2)


def _front_zeroed(content: bytes) -> bytes:
    return bytes(len(content) // 2) + content[len(content) // 2 :]


def _without_last_line(content: bytes) -> bytes:
    """A log entry whose end is missing, and what is there can be read."""
    return content.rstrip(b"\n").rpartition(b"\n")[0]


DAMAGES = (_empty, _half, _zeroed, _half_zeroed, _front_zeroed, _without_last_line)


def _log_only(damage: Callable[[bytes], bytes]) -> ContentOf:
    """Log entries made it to disk, the parts they name did not."""
    return lambda path, file: file.frozen() if file.is_flushed or "_delta_log" in path else damage(file.frozen())


def _parts_only(damage: Callable[[bytes], bytes]) -> ContentOf:
    return lambda path, file: file.frozen() if file.is_flushed or "_delta_log" not in path else damage(file.frozen())


def _names_of_log(path: str, folder: Folder) -> Mapping[str, File | Folder]:
    return folder.names if "_delta_log" in path else _with_folders(folder)


def _with_folders(folder: Folder) -> dict[str, File | Folder]:
    return folder.durable | {name: node for name, node in folder.names.items() if isinstance(node, Folder)}


def _at_random(rng: random.Random) -> tuple[NamesOf, ContentOf]:
    """Each name and each content on its own."""

    def names(_path: str, folder: Folder) -> Mapping[str, File | Folder]:
        chosen: dict[str, File | Folder] = {}
        for name in sorted(folder.names.keys() | folder.durable.keys()):
            sources = [folder.names, folder.durable]
            source = sources[0] if sources[0].get(name) is sources[1].get(name) else rng.choice(sources)
            if name in source:
                chosen[name] = source[name]
        return chosen

    def content(_path: str, file: File) -> bytes:
        if file.is_flushed:
            return file.frozen()
        choices = [file.frozen(), file.durable or b"", *(damage(file.frozen()) for damage in DAMAGES)]
        return rng.choice(choices)

    return names, content


def variants(disk: Disk, rng: random.Random, *, mixed: int = 3) -> Iterator[tuple[str, Tree]]:
    """Yield what a cut now may leave, by name, each tree once."""
    choices: list[tuple[str, NamesOf, ContentOf]] = [
        ("all unflushed dropped", _flushed_names, _flushed),
        ("all kept", _all_names, _whole),
        ("names kept, contents empty", _all_names, _unless_flushed(_empty)),
        ("names kept, contents cut in half", _all_names, _unless_flushed(_half)),
        ("names kept, contents zeroed", _all_names, _unless_flushed(_zeroed)),
        ("names kept, second half zeroed", _all_names, _unless_flushed(_half_zeroed)),
        ("names kept, first half zeroed", _all_names, _unless_flushed(_front_zeroed)),
        ("names dropped, contents kept", _flushed_names, _whole),
        ("log kept, names of parts dropped", _names_of_log, _whole),
        ("log kept, parts empty", _all_names, _log_only(_empty)),
        ("log kept, parts cut in half", _all_names, _log_only(_half)),
        ("log kept, parts zeroed", _all_names, _log_only(_zeroed)),
        ("log kept, first half of parts zeroed", _all_names, _log_only(_front_zeroed)),
        ("parts kept, log empty", _all_names, _parts_only(_empty)),
        ("parts kept, log cut in half", _all_names, _parts_only(_half)),
        ("parts kept, last line of the log lost", _all_names, _parts_only(_without_last_line)),
    ]
    choices += [(f"mixed {number}", *_at_random(rng)) for number in range(mixed)]
    seen: set[frozenset[tuple[str, bytes | None]]] = set()
    for name, names_of, content_of in choices:
        tree = _tree(disk, names_of, content_of)
        key = identity(tree)
        if key not in seen:
            seen.add(key)
            yield name, tree


def identity(tree: Tree) -> frozenset[tuple[str, bytes | None]]:
    """Tell trees apart by what matters: silver."""
    return frozenset((path, content) for path, content in tree.items() if path.startswith("silver"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One lake as a power cut may leave it, and what its bronze holds at the next start.

    ``thin``: bronze files that the ledger calls settled are taken away. ``tended``: maintenance follows the start.
    ``again``: the words of the command that was cut short; it is given again in place of a start. ``leaves``: the files
    that are withdrawn after it.
    """

    point: int
    after: str
    variant: str
    tree: Tree = field(repr=False)
    bronze: Path
    during: str = "ingest"
    thin: bool = False
    tended: bool = False
    again: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()

    def __str__(self) -> str:
        taken = ", settled bronze files gone" if self.thin else ""
        return f"point {self.point}, {self.during}, after «{self.after}», {self.variant}{taken}"


def rebuild(cut: Cut, lake: Path) -> None:
    """Lay a lake out on the real disk."""
    lake.mkdir(parents=True)
    for path, content in sorted(cut.tree.items()):
        if path.split("/", 1)[0] == "bronze":
            continue
        place = lake / path
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    # Not by hard links: to make or remove one changes the ctime of a file that the start of another lake is reading.
    shutil.copytree(cut.bronze, lake / "bronze")


# ---- starting up on rebuilt lakes


@dataclass(slots=True)
class Answer:
    """What start-up made of a lake: ``problems`` is empty where all is well; ``said`` are the warnings it logged."""

    cut: Cut
    problems: list[str]
    said: list[str]


def start_all(cuts: Sequence[Cut], folder: Path) -> list[Answer]:
    """Start up on every one of these lakes and check it. The programs stay for who asks next."""
    share = threading.local()
    programs: list[subprocess.Popen[str]] = []
    processes = 1 if len(cuts) <= FEW_CUTS else 2

    def start(numbered: tuple[int, Cut]) -> Answer:
        number, cut = numbered
        lake = folder / f"lake-{number}"
        rebuild(cut, lake)
        try:
            for _ in range(2):
                program = getattr(share, "program", None)
                if program is None or program.poll() is not None:
                    program = share.program = _IDLE.pop() if _IDLE else _start_program()
                    programs.append(program)
                request = {"lake": str(lake), "bronze": str(cut.bronze), "thin": cut.thin, "tended": cut.tended}
                request |= {"again": cut.again, "leaves": cut.leaves}
                program.stdin.write(json.dumps(request) + "\n")
                program.stdin.flush()
                line = program.stdout.readline()
                if line:
                    answer = json.loads(line)
                    return Answer(cut, answer["problems"], answer["said"])
                program.wait()  # its end is seen by the next try, which else writes to one that is about to end
            return Answer(cut, [f"start-up ended the process: {program.wait()}"], [])
        finally:
            shutil.rmtree(lake, ignore_errors=True)

    with ThreadPoolExecutor(processes) as pool:
        try:
            return list(pool.map(start, enumerate(cuts)))
        finally:
            _IDLE.extend(program for program in programs if program.poll() is None)


def _start_program() -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.support.power_cut"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    atexit.register(_end, program)
    return program


def _end(program: subprocess.Popen[str]) -> None:
    program.kill()
    program.communicate()


def _serve() -> None:
    """Answer each request with the problems of its lake. A lake whose start-up hangs ends the program."""
    os.fsync = lambda _descriptor: None  # type: ignore[assignment]  # what comes after the cut is not cut again
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for line in sys.stdin:
        request = json.loads(line)
        signal.alarm(STARTUP_SECONDS)
        lake, bronze, again = Path(request["lake"]), Path(request["bronze"]), request["again"]
        problems, said = _start_up(lake, bronze, thin=request["thin"], again=again, leaves=request["leaves"])
        if request["tended"] and not problems:
            problems = _tend(Path(request["lake"]), Path(request["bronze"]))
        signal.alarm(0)
        answers.write(json.dumps({"problems": problems, "said": said}) + "\n")
        answers.flush()


def _start_up(
    lake: Path, bronze: Path, *, thin: bool, again: Sequence[str], leaves: Sequence[str]
) -> tuple[list[str], list[str]]:
    try:
        ids_before = ids_by_version(lake)
        if thin:
            _take_settled_away(lake)
    except (Exception, PanicException):  # noqa: BLE001 - a ledger that has to be mended first makes no promise
        ids_before = {}
    aside_before = _set_aside(lake)
    log = lake / "log"
    with log.open("w") as stream:
        configure_logging("json", "info", stream)
        try:
            code = _give(again, lake) if again else _run_once(lake)
            problems = [f"exit code {code}"] if code else []
        except (Exception, PanicException) as error:  # noqa: BLE001 - this is the finding
            problems = [f"start-up failed: {type(error).__name__}: {error}"]
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    loud = [entry for entry in entries if entry["level"] in {"warning", "error"}]
    said = sorted({entry["event"] for entry in loud})
    if not again and _set_aside(lake) != aside_before and "commit.set_aside" not in said:
        problems.append("something was set aside in silence")
    problems += [f"left over: {path.name}" for log in lake.glob("silver/*/_delta_log") for path in staged_files(log)]
    if not problems:
        try:
            problems = _withdrawn(lake, leaves) if leaves else find_differences(lake, expect(bronze), ids_before)
        except (Exception, PanicException) as error:  # noqa: BLE001 - this is the finding
            problems = [f"silver cannot be read: {type(error).__name__}: {error}"]
    else:
        problems += [str(entry.get("error")) for entry in loud if entry["level"] == "error"]
    return problems, said


def _run_once(lake: Path) -> int:
    config = load_config(lake, environ={})
    with LakeLock(config.paths.lock_file, purpose="test") as lock:
        return Supervisor(open_lake(config), lock=lock, once=True).run()


def _give(words: Sequence[str], lake: Path) -> int:
    """Give a command as a person does."""
    sys.argv = ["pointline", *words, "--lake-root", str(lake)]
    try:
        app()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


def _withdrawn(lake: Path, files: Sequence[str]) -> list[str]:
    """These files are out, and the audit finds nothing."""
    rows = read_manifest(lake).filter(pl.col("bronze_file_path").is_in(list(files)), pl.col("status") != "superseded")
    problems = [f"{path} is {status}" for path, status in rows.select("bronze_file_path", "status").iter_rows()]
    problems = [problem for problem in problems if not problem.endswith(" is withdrawn")]
    report = audit(open_lake(load_config(lake, environ={})), data=True, deep=True)
    return problems + [f"{one.kind}: {one.what}" for one in report.findings]


def _tend(lake: Path, bronze: Path) -> list[str]:
    """Maintenance that was cut short is begun again: it finds nothing to take that is needed."""
    try:
        ids = ids_by_version(lake)
        tend(open_lake(load_config(lake, environ={})))
        found = find_differences(lake, expect(bronze), ids)
    except (Exception, PanicException) as error:  # noqa: BLE001 - this is the finding
        found = [f"{type(error).__name__}: {error}"]
    return [f"after maintenance: {problem}" for problem in found]


def _set_aside(lake: Path) -> set[Path]:
    return set((lake / ".pointline" / "set_aside").glob("*"))


def _take_settled_away(lake: Path) -> None:
    """An honest ledger needs no bronze file any more that it calls a success."""
    rows = read_manifest(lake)
    if "status" not in rows.columns:
        return
    for row in rows.to_dicts():
        path = lake / "bronze" / row["bronze_file_path"]
        if row["status"] == "success" and path.exists():
            facts = path.stat()
            at_us = int(row["last_modified_ts"].timestamp() * 1_000_000 + 0.5)
            if (facts.st_size, facts.st_mtime_ns // 1000) == (row["file_size_bytes"], at_us):
                path.unlink()


if __name__ == "__main__":
    _serve()
