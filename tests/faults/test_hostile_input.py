"""A folder full of hostile files: each gets what it deserves, the good ones among them go in, and the daemon lives."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from pointline_daemon.events import EVENTS
from pointline_daemon.samples import Sample, write_sample

from pointline.tables.registry import event_tables
from tests.support.hostile import CASES, IGNORED, SECRET, Case, expected_of
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
SETTLED_SECONDS = 90.0  # on a busy machine; by itself it takes a few
STOP_SECONDS = 10.0
MOST_MEGABYTES = 700
MOST_ERROR_CHARACTERS = 2_000
EXIT_FINDINGS = 1
SETTINGS = {
    "POINTLINE_INGEST__SETTLE_SECONDS": "0.2",
    "POINTLINE_INGEST__UNFINISHED_SECONDS": "1",
    "POINTLINE_INGEST__RESCAN_SECONDS": "1",
    "POINTLINE_INGEST__MAX_ATTEMPTS": "2",
    "POINTLINE_INGEST__WORKERS": "2",
    "POINTLINE_LOG__FORMAT": "json",
}
# Root reads what nobody may read, so it gives up those two rights (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH) first.
WITHOUT_PRIVILEGES = """
import ctypes, os, sys
if os.geteuid() == 0 and sys.platform == "linux":
    PR_CAPBSET_DROP = 24
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

GOOD = [
    Sample(exchange="deribit", data_type=data_type, symbol="BTC-PERPETUAL", date=dt.date(2024, 5, 1), rows=1_000)
    for data_type in ("trades", "quotes", "book_ticker", "book_snapshot_5", "derivative_ticker")
]
ONE_MORE = Sample(exchange="deribit", data_type="trades", symbol="ETH-PERPETUAL", date=dt.date(2024, 5, 2), rows=1_000)

WHERE: dict[str, Callable[[str, str], str]] = {
    "link-to-a-folder-out-of-bronze": lambda symbol, path: f"linked-{symbol}/{path}",
    "folder-in-a-ring": lambda symbol, path: f"ring-{symbol}/round/{path}",
    "folder-nobody-may-read": lambda symbol, path: f"closed-{symbol}/{path}",
    "folders-without-an-end": lambda symbol, path: "/".join(
        [*(f"{level:03}{symbol}".ljust(200, "d") for level in range(25)), path]
    ),
}
"""Where the hostile thing is, if not at the path the case returns."""
WHY_IGNORED = {
    "name-not-utf-8-foreign": "does not have the form {exchange}_{data_type}_{YYYY-MM-DD}_{symbol} (it has no date",
    "exchange-in-the-path-empty": "exchange= names nothing",
    "unfinished-download": "matches '*.unconfirmed' of the setting bronze.ignore",
    "hidden-file": "is a hidden name",
    "hidden-folder": "'..HIDDEN-FOLDER' is a hidden name",
    "no-such-ending": "ends in none of .csv",
    "ending-alone": "ends in none of .csv",
    "ending-and-a-newline": "ends in none of .csv",
    "link-out-of-bronze": "link that leads out of bronze, to",
    "link-up-and-out-of-bronze": "link that leads out of bronze, to",
    "link-to-a-folder-out-of-bronze": "behind the symbolic link 'linked-LINK-TO-A-FOLDER-OUT-OF-BRONZE'",
    "link-to-the-environment": "link that leads out of bronze, to",
    "link-to-a-device": "link to '/dev/zero', which is a device",
    "link-to-standard-input": "is a symbolic link",
    "link-to-itself": "link that leads in a circle",
    "links-in-a-ring": "link that leads in a circle",
    "link-to-nothing": "link to nothing: 'gone' does not exist",
    "link-to-bronze-itself": "link to '.', which is a folder",
    "link-to-the-ledger": "_delta_log', which is a folder",
    "folder-in-a-ring": "behind the symbolic link 'ring-FOLDER-IN-A-RING/round'",
    "fifo": "is a named pipe",
    "socket": "is a socket",
    "folder-named-like-a-file": "is a folder",
    "folder-nobody-may-read": "Permission denied for the folder",
    "folders-without-an-end": "longer than the system allows",
}

Row = dict[str, object]


@dataclass(slots=True)
class Lake:
    """A lake in a sandbox: whatever the daemon writes elsewhere in there is a stray."""

    sandbox: Path
    paths: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.sandbox / "lake"

    @property
    def bronze(self) -> Path:
        return self.root / "bronze"

    @property
    def output(self) -> Path:
        return self.sandbox / "output"

    def make(self) -> None:
        for folder in (self.bronze, self.output, self.sandbox / "work", self.sandbox / "home"):
            folder.mkdir(parents=True)

    def drop_good(self, *samples: Sample) -> None:
        for sample in samples:
            write_sample(sample, self.bronze / sample.file_name)

    def drop_hostile(self) -> None:
        for case in CASES:
            self.paths[case.name] = case.place(self.bronze, case.symbol)

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTLINE_")}
        places = {
            "LAKE_ROOT": str(self.root),
            "HOME": str(self.sandbox / "home"),
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'daemon'}",
        }
        return {**kept, **places, **SETTINGS}

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        with (self.output / "log").open("wb") as log, (self.output / "errors").open("wb") as errors:
            return subprocess.Popen(
                [sys.executable, "-c", WITHOUT_PRIVILEGES, "-m", "pointline_daemon", "run", *options],
                env=self.environment(),
                cwd=self.sandbox / "work",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
            )

    def explain(self) -> dict[str, Row]:
        """What `pointline explain` answers to a person who asks about each of the cases, by name."""
        asked = {
            case.name: WHERE.get(case.name, lambda _, path: path)(case.symbol, self.paths[case.name]) for case in CASES
        }
        answer = subprocess.run(
            [sys.executable, "-c", WITHOUT_PRIVILEGES, "-m", "pointline_daemon", "explain", "--json", *asked.values()],
            env=self.environment(),
            cwd=self.sandbox / "work",
            capture_output=True,
            timeout=SETTLED_SECONDS,
            check=False,
        )
        told = {story["target"]: story for story in json.loads(answer.stdout)}
        return {name: told[path] for name, path in asked.items()}

    def log_lines(self) -> list[str]:
        return (self.output / "log").read_bytes().decode("utf-8", "backslashreplace").split("\n")[:-1]

    def count_events(self, event: str) -> int:
        return sum(f'"event":"{event}"' in line for line in self.log_lines())

    def ledger(self) -> list[Row]:
        table = self.root / "silver" / "ingest_manifest"
        if not DeltaTable.is_deltatable(str(table)):
            return []
        return pl.read_delta(str(table)).sort("file_id").rows(named=True)

    def has_settled(self) -> bool:
        status = {row["bronze_file_path"]: row["status"] for row in self.ledger()}
        ends = {self.paths[case.name]: case.status for case in CASES if case.status != IGNORED}
        return all(status.get(path, "pending") != "pending" or end == "pending" for path, end in ends.items())

    def bronze_files(self) -> dict[str, tuple[int, int, int]]:
        """Mode, size and time of every file in bronze; links are not followed."""
        found = {}
        for folder, folders, names in os.walk(self.bronze):
            for path in (Path(folder, name) for name in [*names, *folders]):
                try:
                    status = path.lstat()
                except OSError:
                    continue  # deeper down than a path may be long
                if stat.S_ISDIR(status.st_mode):
                    continue
                found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
        return found

    def strays(self) -> list[str]:
        """What lies in the sandbox and has no business there."""
        allowed = {"lake", "output", "work", "home", "outside"}
        found = [path.name for path in self.sandbox.iterdir() if path.name not in allowed]
        found += [str(path) for name in ("work", "home") for path in (self.sandbox / name).rglob("*")]
        found += [path.name for path in self.root.iterdir() if path.name not in {"bronze", "silver", ".pointline"}]
        tables = {
            "ingest_manifest",
            "quarantine",
            "dim_symbol",
            "symbol_observations",
            "symbol_states",
            *event_tables(),
        }
        silver = self.root / "silver"
        found += [path.name for path in silver.iterdir() if path.name not in tables]
        for name in event_tables():
            names = {path.name for path in (silver / name).iterdir()}
            found += [other for other in names if other != "_delta_log" and not other.startswith("exchange=")]
        found += [str(path) for path in silver.rglob("*") if path.is_symlink()]
        return found


@dataclass(slots=True, kw_only=True)
class Report:
    """What was seen of one run, without the lake."""

    paths: dict[str, str]
    alive_until_stopped: bool
    settled: bool
    took_one_more: bool
    exit_code: int | None
    peak_megabytes: int
    seconds: float
    log: list[str]
    errors: str
    bronze_before: dict[str, tuple[int, int, int]]
    bronze_after: dict[str, tuple[int, int, int]]
    strays: list[str]
    ledger: dict[str, Row] = field(default_factory=dict)
    rows_in_silver: Counter[int] = field(default_factory=Counter)
    rows_set_aside: Counter[int] = field(default_factory=Counter)
    rules: dict[int, set[str]] = field(default_factory=dict)
    unreadable_tables: list[str] = field(default_factory=list)
    secrets: int = 0
    stories: dict[str, Row] = field(default_factory=dict)

    def outcome(self, case: Case) -> Row | None:
        if case.status == IGNORED:
            found = (row for path, row in self.ledger.items() if path == self.paths[case.name] or case.symbol in path)
            return next(found, None)
        return self.ledger.get(self.paths[case.name])

    def seen(self, case: Case) -> str:
        row = self.outcome(case)
        return IGNORED if row is None else f"{row['status']} {row['rows_written']}+{row['rows_quarantined']}"


def run_live(sandbox: Path) -> Report:
    """The daemon is there first; good and hostile files arrive, then it is told to stop."""
    lake = Lake(sandbox)
    lake.make()
    lake.drop_good(*GOOD[:2])
    began = time.monotonic()
    process = lake.start()
    try:
        peak = _Peak(process)
        wait_until(lambda: peak.look() and lake.count_events("daemon.ready") > 0, SETTLED_SECONDS)
        lake.drop_hostile()
        before = lake.bronze_files()
        lake.drop_good(*GOOD[2:])
        scans = lake.count_events("rescan.finished")
        settled = _wait_alive(peak, lambda: lake.count_events("rescan.finished") >= scans + 2 and lake.has_settled())
        lake.drop_good(ONE_MORE)
        took_one_more = _wait_alive(peak, lambda: _is_in(lake, ONE_MORE), STOP_SECONDS)
        alive = peak.look()
        process.send_signal(signal.SIGTERM)
        exit_code = _exit_code(process)
    finally:
        process.kill()
        process.wait()
    return _report(lake, before, exit_code, peak, began, settled=settled, alive=alive, took_one_more=took_one_more)


def run_once(sandbox: Path) -> Report:
    """All files are there before the run begins."""
    lake = Lake(sandbox)
    lake.make()
    lake.drop_good(*GOOD, ONE_MORE)
    lake.drop_hostile()
    before = lake.bronze_files()
    began = time.monotonic()
    process = lake.start("--once")
    try:
        peak = _Peak(process)
        wait_until(lambda: not peak.look(), SETTLED_SECONDS)
        exit_code = process.poll()
    finally:
        process.kill()
        process.wait()
    took_one_more = _is_in(lake, ONE_MORE)
    return _report(
        lake,
        before,
        exit_code,
        peak,
        began,
        settled=lake.has_settled(),
        alive=exit_code == EXIT_FINDINGS,
        took_one_more=took_one_more,
    )


class _Peak:
    """The most memory a process was seen with."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.megabytes = 0

    def look(self) -> bool:
        """Note the memory; tell whether the process lives."""
        if self._process.poll() is not None:
            return False
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return True  # no /proc, or just gone
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        self.megabytes = max(self.megabytes, int(found[1]) // 1024 if found else 0)
        return True


def _wait_alive(peak: _Peak, condition: Callable[[], bool], seconds: float = SETTLED_SECONDS) -> bool:
    """Whether the condition came true before the daemon died or the time was up."""
    reached = False

    def is_over() -> bool:
        nonlocal reached
        time.sleep(0.2)  # reading the ledger costs more than the default pace allows
        if not peak.look():
            return True
        reached = condition()
        return reached

    wait_until(is_over, seconds)
    return reached


def _is_in(lake: Lake, sample: Sample) -> bool:
    found = (row["status"] for row in lake.ledger() if row["bronze_file_path"] == sample.file_name)
    return next(found, None) == "success"


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _report(
    lake: Lake,
    before: dict[str, tuple[int, int, int]],
    exit_code: int | None,
    peak: _Peak,
    began: float,
    *,
    settled: bool,
    alive: bool,
    took_one_more: bool,
) -> Report:
    after = lake.bronze_files()
    report = Report(
        paths=lake.paths,
        alive_until_stopped=alive,
        settled=settled,
        took_one_more=took_one_more,
        exit_code=exit_code,
        peak_megabytes=peak.megabytes,
        seconds=time.monotonic() - began,
        log=lake.log_lines(),
        errors=(lake.output / "errors").read_text(errors="backslashreplace"),
        bronze_before=before,
        bronze_after={path: after[path] for path in before if path in after},
        strays=lake.strays(),
        ledger={str(row["bronze_file_path"]): row for row in lake.ledger()},
    )
    for name, table in event_tables().items():
        texts = [column for column, dtype in table.silver_schema.items() if dtype == pl.String]
        try:
            rows = pl.read_delta(str(lake.root / "silver" / name), columns=["file_id", *texts])
            with_rust = DeltaTable(lake.root / "silver" / name).to_pyarrow_table(columns=["file_id"])
        except Exception as error:  # noqa: BLE001 - one table that cannot be read is a finding, not the end
            report.unreadable_tables.append(f"{name}: {error!r}")
            continue
        if with_rust.num_rows != rows.height:
            report.unreadable_tables.append(
                f"{name}: {rows.height} rows for one reader, {with_rust.num_rows} for another"
            )
        report.rows_in_silver.update(rows["file_id"].to_list())
        secret = pl.any_horizontal(pl.col(texts).str.contains(SECRET, literal=True))
        report.secrets += rows.filter(secret).height
    aside = pl.read_delta(str(lake.root / "silver" / "quarantine"), columns=["file_id", "rule"])
    for file_id, rule, count in aside.group_by("file_id", "rule").len().iter_rows():
        report.rows_set_aside[file_id] += count
        report.rules.setdefault(file_id, set()).add(rule)
    report.stories = lake.explain()
    for path in lake.bronze.glob("closed-*"):
        path.chmod(stat.S_IRWXU)  # whoever removes the sandbox has to get in
    return report


RUNS = {"run": run_live, "run --once": run_once}


def _shared(name: str, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of one run, which the first worker of the test session makes and all others read."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"hostile-{name.replace(' ', '-')}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pickled = folder / "report"
        if not pickled.exists():
            pickled.write_bytes(pickle.dumps(RUNS[name](folder / "sandbox")))
        return pickle.loads(pickled.read_bytes())


@pytest.fixture(scope="module", params=["run", pytest.param("run --once", marks=pytest.mark.soak)])
def run(request, tmp_path_factory) -> Iterator[Report]:
    return _shared(request.param, tmp_path_factory)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_gets_what_it_deserves(run, case):
    row = run.outcome(case)
    if case.status == IGNORED:
        assert row is None
        return
    assert row is not None, f"not in the ledger: {run.paths[case.name]!r}"
    file_id = int(row["file_id"])
    assert row["status"] in case.status.split("|"), row["error"]
    error = row["error"] or ""
    assert len(error) <= MOST_ERROR_CHARACTERS
    assert "fault of pointline" not in error, "foreseen troubles have reasons of their own"
    is_choice = "|" in case.status
    if row["status"] == "success" or not is_choice:
        expected = {"rows_written": case.kept, "rows_quarantined": case.set_aside}
        seen = {name: row[name] for name, number in expected.items() if number is not None}
        assert seen == {name: number for name, number in expected.items() if number is not None}
        if case.rules is not None:
            rules = run.rules.get(file_id, set())
            assert rules <= case.rules
            assert bool(rules) == bool(case.rules)
    if row["status"] == "success" and not row["rows_quarantined"]:
        assert not error, "a file that went in whole has nothing to complain of"
    elif case.reason and row["status"] != "duplicate":
        assert re.search(case.reason, error), error


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_explain_names_the_cause(run, case):
    story = run.stories[case.name]
    sentences = [chapter["what"] for version in story["versions"] for chapter in version["story"]]
    told = "\n".join([*sentences, story["bronze"]])
    assert story["next"]
    if case.status == IGNORED:
        assert not story["versions"]
        assert WHY_IGNORED[case.name] in told
        return
    row = run.outcome(case)
    assert [version["status"] for version in story["versions"]] == [row["status"]]
    for rule in run.rules.get(int(row["file_id"]), ()):
        assert f"quarantined by the rule {rule}" in told
    if row["error"] and not row["rows_quarantined"]:
        assert row["error"] in told
    if row["status"] == "duplicate":
        original = row["superseded_by"]
        path = next(path for path, other in run.ledger.items() if other["file_id"] == original)
        assert f"file {original} ({path})" in told
    if row["rows_written"]:
        assert re.search(rf"\n{row['rows_written']} rows? went into trades, with version \d of that table", told)
    if row["status"] == "success" and not row["rows_read"]:
        assert "holds no rows" in told


def test_the_same_file_under_two_names_goes_in_once(run):
    path = run.paths["hard-link"]
    both = [run.ledger[name]["status"] for name in (path, f"again/{path}")]
    assert sorted(both) == ["duplicate", "success"]


def test_the_good_files_among_them_go_in(run):
    for sample in GOOD:
        row = run.ledger[sample.file_name]
        assert (row["status"], row["rows_written"]) == ("success", sample.rows)


def test_the_daemon_lives_and_goes_on_working(run):
    assert run.alive_until_stopped, run.errors[-2_000:] or run.log[-3:]
    assert run.settled
    assert run.took_one_more


def test_it_ends_as_told(run, request):
    assert run.exit_code == (EXIT_FINDINGS if "once" in request.node.name else 0)


def test_every_row_in_an_event_table_belongs_to_a_file_that_went_in(run):
    assert not run.unreadable_tables
    accepted = {
        int(row["file_id"]): row["rows_written"]
        for row in run.ledger.values()
        if row["status"] == "success" and row["rows_written"]
    }
    assert dict(run.rows_in_silver) == accepted


def test_every_row_is_in_a_table_or_set_aside(run):
    for path, row in run.ledger.items():
        if row["rows_read"] is not None:
            assert row["rows_read"] == row["rows_written"] + row["rows_quarantined"], path
            assert run.rows_set_aside[int(row["file_id"])] == row["rows_quarantined"], path


def test_nothing_outside_of_bronze_was_read(run):
    assert run.secrets == 0


def test_nothing_was_written_outside_of_silver_and_the_state_folder(run):
    assert run.strays == []
    assert run.bronze_after == run.bronze_before


def test_no_log_line_was_forged(run):
    for line in run.log:
        event = json.loads(line)
        assert event["event"] in EVENTS, line[:500]
        assert {"ts", "level"} <= event.keys()
        assert not re.search(r"[\x00-\x1f\x7f]", line)
    assert run.errors == ""


def test_memory_stays_within_bounds(run):
    assert run.peak_megabytes < MOST_MEGABYTES


def test_the_table_of_outcomes(run, request, capsys):
    """Prints it; what is in it was compared above."""
    lines = [f"{request.node.name}: {run.seconds:.1f} s, {run.peak_megabytes} MB"]
    for case in CASES:
        row = run.outcome(case) or {}
        reason = ascii(row.get("error") or "")[1:-1]
        lines.append(f"{case.name:42} {expected_of(case):30} {run.seen(case):28} {reason[:110]}")
    with capsys.disabled():
        print("\n" + "\n".join(lines), file=sys.stderr)
    assert len(CASES) >= 70
