"""Files of a day and of a month with the same rows: each day of a symbol is in once, whatever came first.

The lake is read with Polars alone; what should be there is worked out from the files by a few lines of Python.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest
from pointline_daemon.opening.lake import open_lake

from tests.support.daemon_thread import Daemon
from tests.support.lake_check import read_manifest, read_table
from tests.support.process import pointline as run

FIRST = dt.date(2024, 1, 30)
FOLDER = "data/futures/um/{span}/trades/{symbol}"
HEADER = "id,price,qty,quote_qty,time,is_buyer_maker\n"
ROWS = 12
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def lines(day: dt.date, *, issue: int = 1, rows: int = ROWS) -> list[str]:
    at_ms = int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * 1000
    first = day.toordinal() * 1000
    return [
        f"{first + row},{100 * issue + row}.5,0.5,10,{at_ms + row * 1000},{'true' if row % 2 else 'false'}"
        for row in range(rows)
    ]


def zipped(name: str, rows: list[str], *, header: bool = True) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", (HEADER if header else "") + "".join(f"{row}\n" for row in rows))
    return content.getvalue()


def put(
    bronze: Path, span: str, symbol: str, time: str, rows: list[str], *, checksum: bool = False, member: str = ""
) -> Path:
    name = f"{symbol}-trades-{time}"
    path = bronze / FOLDER.format(span=span, symbol=symbol) / f"{name}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".part")
    staged.write_bytes(zipped(member or name, rows, header=len(rows) % 2 == 0))
    if checksum:
        digest = hashlib.sha256(staged.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.CHECKSUM").write_text(f"{digest}  {path.name}\n")
    staged.replace(path)
    return path


def once(daemon: Daemon) -> Daemon:
    """Run it as a process of its own would: with nothing in memory of what was before."""
    fresh = Daemon(daemon.root)
    assert fresh.once() in {0, 1}, fresh.log_text()[-2000:]
    return fresh


def held(root: Path) -> list[tuple[object, ...]]:
    """What silver has: symbol, id, price and path of each row."""
    rows = read_table(root, "trades").join(read_manifest(root).select("file_id", "bronze_file_path"), on="file_id")
    return sorted(rows.select("symbol", "id", "price", "bronze_file_path").rows())


def wanted(
    root: Path, dailies: Mapping[Path, list[str]], monthlies: Mapping[Path, list[str]]
) -> list[tuple[object, ...]]:
    """Rows of dailies, and those of monthlies on the days that no daily has."""
    found: list[tuple[object, ...]] = []
    for files, taken in (
        (dailies, set()),
        (monthlies, {(path.parent.name, day(row)) for path, rows in dailies.items() for row in rows}),
    ):
        for path, rows in files.items():
            symbol, name = path.parent.name, path.relative_to(root / "bronze").as_posix()
            cells = [row.split(",") for row in rows if (symbol, day(row)) not in taken]
            found += [(symbol, one[0], float(one[1]), name) for one in cells]
    return sorted(found)


def day(row: str) -> dt.date:
    return dt.datetime.fromtimestamp(int(row.split(",")[4]) / 1000, dt.UTC).date()


def is_clean(root: Path) -> str:
    done = run(root, "verify", "--deep")
    return "" if done.returncode == 0 else done.stdout[-1500:] + done.stderr


DESK = """
vendor = "desk"
title = "One market in two cuts"

[[feed]]
name = "one"
table = "trades"
exchange = "binance"
path = "desk/{symbol}_{date:%Y-%m-%d}.csv"
columns = ["id", "symbol", "px", "qty", "ms"]
drop = ["symbol"]

[feed.map]
id = "id"
price = "px"
amount = "qty"
side = { value = "unknown" }
timestamp = { from = "ms", time = "epoch" }

[[feed]]
name = "all"
like = "one"
path = "desk/{date:%Y-%m-%d}.csv"
group = true
sorted = false
drop = []

[feed.map]
symbol = "symbol"
"""


MONTHS_FIRST = """
vendor = "desk"

[[feed]]
name = "either"
table = "trades"
exchange = "binance"
path = ["desk/{span:daily}-{symbol}-{date:%Y-%m-%d}.csv", "desk/{span:monthly}-{symbol}-{date:%Y-%m}.csv"]
prefer = ["monthly", "daily"]
columns = ["id", "px", "qty", "ms"]

[feed.map]
id = "id"
price = "px"
amount = "qty"
side = { value = "unknown" }
timestamp = { from = "ms", time = "epoch" }
"""


@pytest.mark.parametrize("order", [("one", "all"), ("all", "one"), ("both",)], ids="-".join)
def test_a_file_of_the_whole_market_beside_one_of_a_symbol(tmp_path, order):
    """They hold the same rows: the first stays, the second is refused, whether they come alone or together."""
    daemon = Daemon(tmp_path / "lake")
    (daemon.root / "vendors").mkdir(parents=True)
    (daemon.root / "vendors" / "desk.toml").write_text(DESK)
    rows = {symbol: [row.split(",")[:5] for row in lines(FIRST)] for symbol in SYMBOLS}
    market = [[one[0], symbol, one[1], one[2], one[4]] for symbol, ones in rows.items() for one in ones]
    files = {
        "one": (f"BTCUSDT_{FIRST}.csv", [row for row in market if row[1] == "BTCUSDT"]),
        "all": (f"{FIRST}.csv", market),
    }
    for step in order:
        for name in ("one", "all") if step == "both" else (step,):
            path, cells = files[name]
            target = daemon.bronze / "desk" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("id,symbol,px,qty,ms\n" + "".join(",".join(row) + "\n" for row in cells))
        once(daemon)
    ledger = read_manifest(daemon.root)
    assert sorted(ledger["status"]) == ["quarantined", "success"]
    taken = read_table(daemon.root, "trades")
    assert taken.height == taken.n_unique(["symbol", "id"])
    assert is_clean(daemon.root) == ""


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("overlap", ["quarantine", "allow"])
@pytest.mark.share(6)
def test_any_order_gives_the_same_lake(tmp_path, seed, overlap):
    """Dailies and monthlies in any order and batches, some of them issued again in between."""
    chance = random.Random(seed)
    daemon = Daemon(tmp_path / "lake")
    daemon.root.mkdir(exist_ok=True)
    (daemon.root / "pointline.toml").write_text(f'[ingest]\noverlap = "{overlap}"\n')
    days = [FIRST + dt.timedelta(days=ahead) for ahead in range(4)]  # two of January, two of February
    plan = [("daily", symbol, str(one), [one]) for symbol in SYMBOLS for one in chance.sample(days, 3)]
    for symbol in SYMBOLS:
        plan += [
            ("monthly", symbol, month, [one for one in days if str(one).startswith(month)])
            for month in ("2024-01", "2024-02")
        ]
    chance.shuffle(plan)
    dailies: dict[Path, list[str]] = {}
    monthlies: dict[Path, list[str]] = {}
    while plan:
        for span, symbol, time, covered in [plan.pop() for _ in range(min(len(plan), chance.randint(1, 4)))]:
            rows = [row for one in covered for row in lines(one)]
            (dailies if span == "daily" else monthlies)[put(daemon.bronze, span, symbol, time, rows)] = rows
        if dailies and chance.random() < 0.5:  # a daily is issued again
            path = chance.choice(list(dailies))
            one = day(dailies[path][0])
            dailies[path] = lines(one, issue=2, rows=ROWS + 1)
            put(daemon.bronze, "daily", path.parent.name, str(one), dailies[path])
        once(daemon)
        assert held(daemon.root) == wanted(daemon.root, dailies, monthlies)
    assert is_clean(daemon.root) == ""
    shutil.rmtree(daemon.root / "silver" / "ingest_manifest")
    assert run(daemon.root, "repair").returncode == 0
    assert held(daemon.root) == wanted(daemon.root, dailies, monthlies)
    assert is_clean(daemon.root) == ""


@pytest.mark.parametrize("folder", ["monthly", "daily"])
def test_the_ledger_says_which_days_were_left_to_which_file(tmp_path, folder):
    """The name of a file tells how much time it covers, in whichever of the vendor's folders it was put."""
    daemon = Daemon(tmp_path / "lake")
    put(daemon.bronze, folder, "BTCUSDT", "2024-01", lines(FIRST) + lines(FIRST + dt.timedelta(days=1)))
    once(daemon)
    put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST))
    once(daemon)
    monthly, daily = read_manifest(daemon.root).rows(named=True)
    assert (monthly["rows_read"], monthly["rows_written"], daily["rows_written"]) == (ROWS, ROWS, ROWS)
    assert monthly["warnings"] == f'{{"left_to_file_2:{FIRST}": {ROWS}}}'
    assert monthly["days"] == [{"date": FIRST + dt.timedelta(days=1), "rows": ROWS}]
    assert run(daemon.root, "withdraw", "1").returncode == 0
    assert {row[3] for row in held(daemon.root)} == {daily["bronze_file_path"]}
    assert is_clean(daemon.root) == ""


class TestTwoFilesOfADay:
    """They need not agree: where the one that counts has fewer rows, ``coverage`` and ``explain`` say so."""

    def told(self, daemon: Daemon, *options: str) -> list[dict]:
        return json.loads(run(daemon.root, "coverage", "--json", *options).stdout)["differing"]

    @pytest.mark.parametrize("rows", [ROWS - 5, ROWS, ROWS + 1])
    @pytest.mark.parametrize("first", ["daily", "monthly"])
    @pytest.mark.share(2)
    def test_that_do_not_agree(self, tmp_path, rows, first):
        daemon = Daemon(tmp_path / "lake")
        months = lines(FIRST) + lines(FIRST + dt.timedelta(days=1))
        for span in (first, "monthly" if first == "daily" else "daily"):
            time, of = ("2024-01", months) if span == "monthly" else (str(FIRST), lines(FIRST, rows=rows))
            put(daemon.bronze, span, "BTCUSDT", time, of)
            once(daemon)
        ids = dict(read_manifest(daemon.root).select("date", "file_id").iter_rows())
        daily, monthly = ids[FIRST], ids[dt.date(2024, 1, 1)]
        plain = " ".join(run(daemon.root, "coverage").stdout.split())
        story = " ".join(run(daemon.root, "explain", str(monthly)).stdout.split())
        if rows >= ROWS:
            assert self.told(daemon) == []
            assert "fewer rows" not in plain
            assert "whose day it is by the order of the feed" not in story
            return
        (one,) = self.told(daemon)
        assert (one["date"], one["rows_there"], one["rows"], one["by"]) == (str(FIRST), rows, ROWS, daily)
        assert self.told(daemon, "--from", str(FIRST + dt.timedelta(days=1))) == []
        assert f"{rows} of file {daily} {ROWS} of file {monthly}" in plain
        assert f"only {rows} rows of it" in story
        assert f"`pointline withdraw {daily}`" in story
        assert run(daemon.root, "withdraw", str(daily)).returncode == 0
        once(daemon)
        assert read_table(daemon.root, "trades").height == 2 * ROWS
        assert self.told(daemon) == []


DAYS_THAT_COME: Mapping[str, Callable[[list[str]], list[str]]] = {
    "right": lambda rows: rows,
    "of another symbol": lambda rows: rows,
    "without rows": lambda _rows: [],
    "of another day": lambda _rows: lines(FIRST + dt.timedelta(days=60)),
    "no numbers": lambda rows: [row.replace("0.5", "half") for row in rows],
}


class TestForeseen:
    """A month's rows are not written where the days will have them; where a day does not, they are there after all."""

    @pytest.mark.parametrize("together", [True, False], ids=["together", "after"])
    @pytest.mark.parametrize("way", DAYS_THAT_COME)
    @pytest.mark.share(4)
    def test_whatever_becomes_of_the_day(self, tmp_path, way, together):
        daemon = Daemon(tmp_path / "lake")
        days = [FIRST, FIRST + dt.timedelta(days=1)]
        member = "ETHUSDT-trades-2024-01-30" if way == "of another symbol" else ""
        first = put(daemon.bronze, "daily", "BTCUSDT", str(days[0]), DAYS_THAT_COME[way](lines(days[0])), member=member)
        second = put(daemon.bronze, "daily", "BTCUSDT", str(days[1]), lines(days[1]))
        if not together:
            once(daemon)
        month = put(daemon.bronze, "monthly", "BTCUSDT", "2024-01", [row for one in days for row in lines(one)])
        waiting = [event["path"] for event in once(daemon).events("file.waiting")]
        once(daemon)
        taken = {first if way == "right" else month: lines(days[0]), second: lines(days[1])}
        right = [
            ("BTCUSDT", row.split(",")[0], float(row.split(",")[1]), path.relative_to(daemon.bronze).as_posix())
            for path, rows in taken.items()
            for row in rows
        ]
        assert held(daemon.root) == sorted(right)
        is_read_twice = together and way != "right"
        assert waiting == ([month.relative_to(daemon.bronze).as_posix()] if is_read_twice else [])
        assert is_clean(daemon.root) == ""


class TestMonthBesideItsDays:
    """What a month has left to its days counts no more as its own, whatever is issued again after it."""

    def both(self, daemon: Daemon, days: list[dt.date], of_month: list[dt.date]) -> Path:
        for one in days:
            put(daemon.bronze, "daily", "BTCUSDT", str(one), lines(one))
        month = put(daemon.bronze, "monthly", "BTCUSDT", "2024-01", [row for one in of_month for row in lines(one)])
        once(daemon)
        return month

    @pytest.mark.parametrize(
        ("rows", "said"), [(0, "all of its {0} rows are {1}; it"), (3, "it has 3 rows, and {0} {1}, and")]
    )
    def test_a_month_that_is_cut_short_does_not_take_the_days_that_it_alone_has(self, tmp_path, rows, said):
        daemon = Daemon(tmp_path / "lake")
        days = [FIRST - dt.timedelta(days=ahead) for ahead in range(4)][::-1]
        self.both(daemon, days[:2], days)
        before = held(daemon.root)
        cut = [row for one in days[:2] for row in lines(one, issue=2)] + lines(days[2], issue=2, rows=rows)
        put(daemon.bronze, "monthly", "BTCUSDT", "2024-01", cut)
        once(daemon)
        assert held(daemon.root) == before
        told = read_manifest(daemon.root)["error"][-1]
        said = said.format(2 * ROWS, "of days that other files have in the lake")
        assert f"{said} would replace {2 * ROWS} rows of file 3" in told

    @pytest.mark.parametrize("shared", ["first", "last"])
    @pytest.mark.parametrize("is_month_first", [True, False])
    def test_a_month_that_shares_one_instant_of_a_day(self, tmp_path, shared, is_month_first):
        """The instant at which one ends and the other begins is no seam here: it may be one row in both."""
        days = [dt.date(2024, 2, number) for number in (7, 8, 9)]
        of_day = lines(days[1])
        month = [*lines(days[0]), of_day[0]] if shared == "first" else [of_day[-1], *lines(days[2])]
        bronze = tmp_path / "bronze"
        puts = [("daily", f"{days[1]}", of_day), ("monthly", "2024-02", month)]
        for span, time, rows in reversed(puts) if is_month_first else puts:
            put(bronze, span, "BTCUSDT", time, rows)
            once(Daemon(tmp_path))
        ids = [row[1] for row in held(tmp_path)]
        assert sorted(ids) == sorted({row.split(",")[0] for row in [*of_day, *month]})
        assert is_clean(tmp_path) == ""

    def test_days_and_their_month_issued_again_together(self, tmp_path):
        """Rows that move from the month to a day are lost by nobody."""
        daemon = Daemon(tmp_path / "lake")
        days = [FIRST, FIRST + dt.timedelta(days=1)]
        self.both(daemon, [], days)
        put(daemon.bronze, "daily", "BTCUSDT", str(days[0]), lines(days[0]))
        put(daemon.bronze, "daily", "BTCUSDT", str(days[1]), lines(days[1]))
        put(daemon.bronze, "monthly", "BTCUSDT", "2024-01", [row for one in days for row in lines(one, issue=2)])
        once(daemon)
        assert set(read_manifest(daemon.root)["status"]) == {"superseded", "success"}
        by_file = Counter(str(path).rpartition("/")[2] for *_, path in held(daemon.root))
        assert by_file == {f"BTCUSDT-trades-{one}.zip": ROWS for one in days}

    def test_a_month_that_is_gone_keeps_its_other_days(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        days = [FIRST, FIRST + dt.timedelta(days=1)]
        month = self.both(daemon, days[:1], days)
        month.unlink()
        run(daemon.root, "withdraw", "1")
        once(daemon)
        other = month.parent / "2024-01-01_2024-02-01" / month.name
        other.parent.mkdir()
        other.write_bytes(zipped("BTCUSDT-trades-2024-01", lines(FIRST, issue=4)))
        once(daemon)
        by_day = read_table(daemon.root, "trades").group_by("date", "file_id").len().sort("date").rows()
        assert by_day == [(days[0], 3, ROWS), (days[1], 2, ROWS)]
        assert is_clean(daemon.root) == ""

    def test_a_day_without_rows_is_told_of_the_file_that_has_them(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        self.both(daemon, [], [FIRST, FIRST + dt.timedelta(days=1)])
        for rows in (ROWS, 0):
            put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST, rows=rows))
            once(daemon)
        told = read_manifest(daemon.root)["error"][-1]
        assert f"it has 0 rows and would replace {ROWS} rows of file 2" in told
        assert "`pointline retry 3 --accept`" in told

    def test_a_month_of_which_nothing_is_left_tells_where_its_days_are(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        days = [FIRST, FIRST + dt.timedelta(days=1)]
        self.both(daemon, days, days)
        story = " ".join(run(daemon.root, "explain", "3").stdout.split())
        assert f"It was read: {2 * ROWS} rows" in story
        assert f"{ROWS} rows of {days[0]} were left to file 1" in story
        assert f"{ROWS} rows of {days[1]} were left to file 2" in story

    def test_a_day_that_is_issued_again_with_fewer_rows(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        self.both(daemon, [FIRST], [FIRST, FIRST + dt.timedelta(days=1)])
        put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST, issue=2, rows=ROWS - 5))
        once(daemon)
        (one,) = json.loads(run(daemon.root, "coverage", "--json").stdout)["differing"]
        assert (one["file_id"], one["rows"], one["by"], one["rows_there"]) == (2, ROWS, 3, ROWS - 5)
        story = " ".join(run(daemon.root, "explain", "2").stdout.split())
        assert f"{ROWS} rows of {FIRST} were left to file 3" in story
        assert f"only {ROWS - 5} rows of it" in story


class TestDayThatWasLeft:
    """A daily file leaves the lake: its day comes back from the monthly file, which has it too."""

    def both(self, daemon: Daemon, member: str = "") -> tuple[Path, Path]:
        next_day = FIRST + dt.timedelta(days=1)
        monthly = put(daemon.bronze, "monthly", "BTCUSDT", "2024-01", lines(FIRST) + lines(next_day))
        once(daemon)
        daily = put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST, issue=2), member=member)
        once(daemon)
        assert self.by_file(daemon, FIRST) == {daily.name: ROWS}
        return monthly, daily

    def by_file(self, daemon: Daemon, of: dt.date) -> dict[str, int]:
        rows = read_table(daemon.root, "trades").filter(pl.col("date") == of)
        files = rows.join(read_manifest(daemon.root).select("file_id", "bronze_file_path"), on="file_id")
        return {path.rpartition("/")[2]: rows for path, rows in files["bronze_file_path"].value_counts().iter_rows()}

    def is_whole(self, daemon: Daemon, monthly: Path) -> None:
        """All rows are those of the monthly file, and nothing is left to do."""
        once(daemon)
        for ahead in range(2):
            assert self.by_file(daemon, FIRST + dt.timedelta(days=ahead)) == {monthly.name: ROWS}
        assert is_clean(daemon.root) == ""
        before = read_manifest(daemon.root)
        once(daemon)
        assert read_manifest(daemon.root).equals(before)

    @pytest.mark.parametrize("way", ["stays", "deleted", "refused"])
    def test_withdrawn(self, tmp_path, way):
        daemon = Daemon(tmp_path / "lake")
        monthly, daily = self.both(daemon)
        if way == "deleted":
            daily.unlink()
        elif way == "refused":
            daily.write_bytes(daily.read_bytes()[:-30])
        once(daemon)
        told = run(daemon.root, "withdraw", "2")
        assert told.returncode == 0
        assert f"{ROWS} rows of {FIRST} come back from file 1 ({monthly.relative_to(daemon.bronze)})" in told.stdout
        self.is_whole(daemon, monthly)

    def test_comes_back_again(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        monthly, daily = self.both(daemon)
        for _ in range(2):
            assert run(daemon.root, "withdraw", str(daily.relative_to(daemon.bronze))).returncode == 0
            self.is_whole(daemon, monthly)
            assert run(daemon.root, "retry", str(daily.relative_to(daemon.bronze))).returncode == 0
            once(daemon)
            assert self.by_file(daemon, FIRST) == {daily.name: ROWS}
            assert is_clean(daemon.root) == ""

    @pytest.mark.parametrize("member", ["rows", ""])
    def test_moved_to_another_symbol(self, tmp_path, member):
        """Where nothing in it names a symbol, the file is that of the other one now; else it stays what it is."""
        daemon = Daemon(tmp_path / "lake")
        _, daily = self.both(daemon, member)
        other = daemon.bronze / FOLDER.format(span="daily", symbol="ETHUSDT") / daily.name.replace("BTC", "ETH")
        other.parent.mkdir(parents=True)
        daily.rename(other)
        once(daemon)
        once(daemon)
        if member:
            assert self.by_file(daemon, FIRST) == {other.name: ROWS, "BTCUSDT-trades-2024-01.zip": ROWS}
        else:
            assert self.by_file(daemon, FIRST) == {daily.name: ROWS}
            assert "the symbol in the file is 'BTCUSDT'" in read_manifest(daemon.root)["error"][-1]
        assert is_clean(daemon.root) == ""

    def test_where_the_monthly_file_has_left_bronze(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        monthly, _ = self.both(daemon)
        kept = monthly.read_bytes()
        monthly.unlink()
        told = run(daemon.root, "withdraw", "2")
        assert f"put {monthly.relative_to(daemon.bronze)} back" in " ".join(told.stdout.split())
        once(daemon)
        assert self.by_file(daemon, FIRST) == {}
        told = " ".join(run(daemon.root, "explain", "1").stdout.split())
        assert f"{ROWS} rows of {FIRST} were left to file 2 (" in told
        assert "which is withdrawn; they are read again from this file at the next scan that finds it in bronze" in told
        monthly.write_bytes(kept)
        self.is_whole(daemon, monthly)

    def test_killed_while_it_is_read_again(self, tmp_path):
        """The id is given, and nothing of it is in: the next start goes on with it."""
        daemon = Daemon(tmp_path / "lake")
        monthly, _ = self.both(daemon)
        assert run(daemon.root, "withdraw", "2").returncode == 0
        lake = open_lake(daemon.config)
        service, _ = lake.ingest()
        survey = lake.source.survey()
        again = service.absence.compare(survey, lake.manifest.entries()).regained
        metas = [meta for path in again.values() if (meta := lake.source.look(path))]
        batch, _ = service.begin(metas)
        assert [entry.file_id for entry in batch.entries] == [3]
        self.is_whole(daemon, monthly)
        assert read_manifest(daemon.root).filter(pl.col("status") == "success")["file_id"].to_list() == [3]

    def test_by_the_daemon_that_took_both_in(self, tmp_path):
        """It remembers the content for a while; read again, that is no copy of itself."""
        daemon = Daemon(tmp_path / "lake")
        next_day = FIRST + dt.timedelta(days=1)
        with daemon.running():
            monthly = put(daemon.bronze, "monthly", "BTCUSDT", "2024-01", lines(FIRST) + lines(next_day))
            daemon.wait_for("file.committed")
            put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST, issue=2))
            daemon.wait_for("file.committed", 2)
            assert run(daemon.root, "withdraw", "2").returncode == 0
            daemon.wait_for("file.committed", 3)
        self.is_whole(daemon, monthly)

    def test_a_file_of_one_day_leaves_it_where_months_come_first(self, tmp_path):
        """The file of a day has nothing left then, and gets the day back."""
        daemon = Daemon(tmp_path / "lake")
        (daemon.root / "vendors").mkdir(parents=True)
        (daemon.root / "vendors" / "desk.toml").write_text(MONTHS_FIRST)
        folder = daemon.bronze / "desk"
        folder.mkdir()
        rows = [",".join(line.split(",")[n] for n in (0, 1, 2, 4)) for line in lines(FIRST)]
        text = "".join(f"{row}\n" for row in ("id,px,qty,ms", *rows))
        (folder / f"daily-AB-{FIRST}.csv").write_text(text)
        once(daemon)
        (folder / "monthly-AB-2024-01.csv").write_text(text.replace("100.5", "200.5"))
        once(daemon)
        first = read_manifest(daemon.root).row(0, named=True)
        assert (first["status"], first["rows_written"]) == ("success", 0)
        assert {row[3] for row in held(daemon.root)} == {"desk/monthly-AB-2024-01.csv"}
        assert is_clean(daemon.root) == ""
        assert run(daemon.root, "withdraw", "2").returncode == 0
        once(daemon)
        assert len(held(daemon.root)) == ROWS
        assert is_clean(daemon.root) == ""


class TestCopyOfAMonth:
    """What a browser leaves beside it: the day of its name is no day that it is missing."""

    def test_it_opens_no_gap_and_is_kept_where_it_is_the_only_one(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        monthly = put(
            daemon.bronze, "monthly", "BTCUSDT", "2024-01", lines(FIRST) + lines(FIRST + dt.timedelta(days=1))
        )
        once(daemon)
        shutil.copy(monthly, monthly.with_name(f"{monthly.stem} (1).zip"))
        once(daemon)
        assert read_manifest(daemon.root)["status"].to_list() == ["success", "duplicate"]
        found = json.loads(run(daemon.root, "coverage", "--json").stdout)
        assert found["gaps"] == []
        assert json.loads(run(daemon.root, "explain", "2", "--json").stdout)[0]["next"].endswith("may be removed")
        monthly.unlink()
        once(daemon)
        assert "keep this file" in json.loads(run(daemon.root, "explain", "2", "--json").stdout)[0]["next"]
        shutil.rmtree(daemon.root / "bronze" / "data")
        assert json.loads(run(daemon.root, "explain", "2", "--json").stdout)[0]["next"] == "nothing to do"


class TestThreeTiers:
    """A year leaves a day to a month, which leaves it to the file of the day: the one that has it is compared."""

    FEED = MONTHS_FIRST.replace('["monthly", "daily"]', '["daily", "monthly", "yearly"]').replace(
        "path = [", 'path = ["desk/{span:yearly}-{symbol}-{date:%Y}.csv", '
    )

    def put(self, daemon: Daemon, name: str, *days: list[str]) -> None:
        rows = [",".join(line.split(",")[n] for n in (0, 1, 2, 4)) for day in days for line in day]
        (daemon.bronze / "desk" / name).write_text("".join(f"{row}\n" for row in ("id,px,qty,ms", *rows)))
        once(daemon)

    @pytest.mark.parametrize("rows", [ROWS - 5, ROWS])
    def test_the_file_that_has_the_day_is_compared(self, tmp_path, rows):
        daemon = Daemon(tmp_path / "lake")
        (daemon.root / "vendors").mkdir(parents=True)
        (daemon.root / "vendors" / "desk.toml").write_text(self.FEED)
        (daemon.bronze / "desk").mkdir(parents=True)
        next_day, later = (FIRST + dt.timedelta(days=number) for number in (1, 40))
        self.put(daemon, "yearly-AB-2024.csv", lines(FIRST), lines(next_day), lines(later))
        self.put(daemon, "monthly-AB-2024-01.csv", lines(FIRST, rows=ROWS - 1), lines(next_day))
        self.put(daemon, f"daily-AB-{FIRST}.csv", lines(FIRST, rows=rows))
        left = {1: [later], 2: [next_day], 3: [FIRST]}
        assert {
            file_id: [one["date"] for one in days or [{"date": FIRST}] if one.get("rows") != 0]
            for file_id, days in read_manifest(daemon.root).select("file_id", "days").iter_rows()
        } == left
        found = json.loads(run(daemon.root, "coverage", "--json").stdout)["differing"]
        facts = sorted((one["file_id"], one["by"], one["rows"], one["rows_there"]) for one in found)
        assert facts == ([(1, 3, ROWS, rows), (2, 3, ROWS - 1, rows)] if rows < ROWS - 1 else [])
        year, month = (" ".join(run(daemon.root, "explain", file_id).stdout.split()) for file_id in ("1", "2"))
        assert "has only" not in year
        assert ("has only" in month) == (rows < ROWS - 1)


class TestChecksum:
    def put(self, daemon: Daemon) -> Path:
        return put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST), checksum=True)

    def state(self, daemon: Daemon) -> tuple[str, str | None]:
        return read_manifest(daemon.root).select("status", "checksum").row(-1)

    def test_right(self, tmp_path):
        daemon = Daemon(tmp_path / "lake")
        self.put(daemon)
        once(daemon)
        assert self.state(daemon) == ("success", "ok")

    SPOILT = (lambda text: "0000" + text[4:], lambda text: text.replace("BTC", "ETH"), lambda _: "x", lambda _: "")

    @pytest.mark.parametrize("spoil", SPOILT)
    def test_wrong_is_held_until_a_person_accepts_it(self, tmp_path, spoil):
        daemon = Daemon(tmp_path / "lake")
        beside = self.put(daemon).with_suffix(".zip.CHECKSUM")
        beside.write_text(spoil(beside.read_text()))
        once(daemon)
        assert self.state(daemon) == ("quarantined", "mismatch")
        assert "CHECKSUM" in read_manifest(daemon.root)["error"][0]
        assert run(daemon.root, "retry", "1", "--accept").returncode == 0
        once(daemon)
        assert self.state(daemon) == ("success", "mismatch")
        assert len(held(daemon.root)) == ROWS

    @pytest.mark.parametrize("spoil", SPOILT)
    @pytest.mark.parametrize("is_issued_again", [True, False])
    @pytest.mark.share(2)
    def test_wrong_and_then_right(self, tmp_path, spoil, is_issued_again):
        """Guards that a file waits for its own checksum: scripts fetch the file first, and an old one lies there."""
        daemon = Daemon(tmp_path / "lake")
        if is_issued_again:
            put(daemon.bronze, "daily", "BTCUSDT", str(FIRST), lines(FIRST)[1:], checksum=True)
            once(daemon)
        beside = self.put(daemon).with_suffix(".zip.CHECKSUM")
        right = beside.read_text()
        beside.write_text(spoil(right))
        once(daemon)
        assert self.state(daemon) == ("quarantined", "mismatch")
        beside.write_text(right)
        once(daemon)
        assert self.state(daemon) == ("success", "ok")
        assert len(held(daemon.root)) == ROWS
        assert is_clean(daemon.root) == ""

    @pytest.mark.parametrize("is_right", [True, False])
    def test_after_its_file(self, tmp_path, is_right):
        daemon = Daemon(tmp_path / "lake")
        beside = self.put(daemon).with_suffix(".zip.CHECKSUM")
        text = beside.read_text().rstrip("\n")  # without an end of line, as some are
        beside.unlink()
        once(daemon)
        assert self.state(daemon) == ("success", "missing")
        beside.write_text(text if is_right else "0" * 64)
        after = once(daemon)
        assert self.state(daemon) == ("success", "ok" if is_right else "mismatch")
        assert bool(after.events("file.checksum_mismatch")) is not is_right

    @pytest.mark.parametrize("is_late", [False, True])
    def test_wrong_and_then_removed(self, tmp_path, is_late):
        daemon = Daemon(tmp_path / "lake")
        beside = self.put(daemon).with_suffix(".zip.CHECKSUM")
        beside.unlink()
        if is_late:
            once(daemon)
        beside.write_text("0" * 64)
        once(daemon)
        assert self.state(daemon) == ("success" if is_late else "quarantined", "mismatch")
        beside.unlink()
        once(daemon)
        assert self.state(daemon) == ("success", "missing")
        assert len(held(daemon.root)) == ROWS
        assert is_clean(daemon.root) == ""


def test_days_cut_in_another_zone_fill_two_partitions(tmp_path):
    """A description of a user's own, with days of UTC+8: two files fill one UTC day without overlap."""
    daemon_root = tmp_path / "lake"
    (daemon_root / "vendors").mkdir(parents=True)
    (daemon_root / "vendors" / "east.toml").write_text(EAST)
    daemon = Daemon(daemon_root)
    for number in range(2):
        one = FIRST + dt.timedelta(days=number)
        start_ms = int(dt.datetime.combine(one, dt.time(), dt.timezone(dt.timedelta(hours=8))).timestamp()) * 1000
        path = daemon.bronze / "east" / f"BTC-USDT_{one:%Y%m%d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "at,px,qty,side\n" + "".join(f"{start_ms + hour * 3_600_000},{hour}.5,1,b\n" for hour in range(24))
        )
    assert daemon.once() == 0
    rows = read_table(daemon.root, "trades")
    by_date = dict(rows.group_by("date").len().sort("date").rows())
    assert by_date == {FIRST - dt.timedelta(days=1): 8, FIRST: 24, FIRST + dt.timedelta(days=1): 16}
    assert set(read_manifest(daemon.root)["status"]) == {"success"}
    assert read_manifest(daemon.root)["receive_clock"].to_list() == [False, False]
    assert is_clean(daemon.root) == ""


MAY = 1_714_521_600_000
KLINES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
METRICS = (
    *("create_time", "symbol", "sum_open_interest", "sum_open_interest_value", "count_toptrader_long_short_ratio"),
    *("sum_toptrader_long_short_ratio", "count_long_short_ratio", "sum_taker_long_short_vol_ratio"),
)


@pytest.mark.parametrize(
    ("folder", "name", "header", "row"),
    [
        (
            "data/futures/um/daily/markPriceKlines/BTCUSDT/1m",
            "BTCUSDT-1m-2024-05-01",
            ",".join(KLINES),
            lambda minute: f"{MAY + minute * 60_000},1,2,1,2,0,{MAY + minute * 60_000 + 59_999},0,60,0,0,0",
        ),
        (
            "data/futures/um/daily/metrics/BTCUSDT",
            "BTCUSDT-metrics-2024-05-01",
            ",".join(METRICS),
            lambda minute: f"2024-05-01 00:{minute:02}:00,BTCUSDT,1.5,2.5,1,1,1,1",
        ),
    ],
)
def test_rows_that_the_vendor_repeats_are_in_once(tmp_path, folder, name, header, row):
    """A known fault of the published files (VENDORS 2.5), of tables in which equal rows say nothing."""
    lake = Daemon(tmp_path / "lake")
    path = lake.bronze / folder / f"{name}.csv"
    path.parent.mkdir(parents=True)
    minutes = [*range(20), *range(10, 15)]
    path.write_text("\n".join([header, *(row(minute) for minute in minutes), ""]))
    assert lake.once() == 0
    (file,) = read_manifest(lake.root).iter_rows(named=True)
    assert (file["status"], file["rows_written"]) == ("success", 20)
    assert json.loads(file["warnings"])["rows_left_out"] == 5


@pytest.mark.parametrize("at", ["", "split/"])
def test_a_period_of_databento_split_by_symbol(tmp_path, at):
    """Guards that the beginning of the period is not taken for a part of the dataset's name."""
    lake = Daemon(tmp_path / "lake")
    header = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
    path = lake.bronze / f"{at}glbx-mdp3-20240101-20240105.ohlcv-1d.ESH4.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"2024-01-0{day}T00:00:00.000000000Z,35,1,7,1.0,3.0,0.5,2.0,10,ESH4\n" for day in range(2, 6))
    path.write_text(header + rows)
    assert lake.once() == 0
    (file,) = read_manifest(lake.root).iter_rows(named=True)
    assert (file["exchange"], file["rows_written"]) == ("glbx-mdp3", 4)


OKX = "instrument_name,trade_id,side,price,size,created_time\n"


def okx_day(day: int, hours: int = 24) -> str:
    """A trade an hour of one day as OKX cuts them, UTC+8."""
    begins = int(dt.datetime(2025, 6, day, tzinfo=dt.UTC).timestamp()) * 1000 - 8 * 3_600_000
    return "".join(f"A-USDT-SWAP,{day * 100 + hour},buy,{day},1,{begins + hour * 3_600_000}\n" for hour in range(hours))


def put_okx(bronze: Path, name: str, rows: str) -> None:
    path = bronze / "trades" / f"{name}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}.csv", OKX + rows)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("days", [(3,), (3, 4), (1, 2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize(
    "month", [{1: 24, 2: 24, 4: 24, 5: 24}, {1: 24, 2: 24, 3: 10}, {2: 24, 4: 24}], ids=["a hole", "cut short", "two"]
)
def test_a_month_of_another_zone_that_lacks_rows_of_its_days(tmp_path, month, days, together):
    """Guards that what a path claims is not taken for what the file has: each row that any of them has is in once."""
    lake = Daemon(tmp_path / "lake")
    for day in days:
        put_okx(lake.bronze, f"daily/2025060{day}/A-USDT-SWAP-trades-2025-06-0{day}", okx_day(day))
    if not together:
        lake.once()
    put_okx(lake.bronze, "monthly/202506/A-USDT-SWAP-trades-2025-06", "".join(okx_day(*one) for one in month.items()))
    lake.once()
    there = {day * 100 + hour for day, hours in [*month.items(), *((day, 24) for day in days)] for hour in range(hours)}
    ids = read_table(lake.root, "trades")["id"].cast(pl.Int64).to_list()
    assert (len(ids), set(ids)) == (len(there), there)
    assert run(lake.root, "verify", "--deep").returncode == 0


def test_a_description_that_is_gone_ends_no_scan(tmp_path):
    """Guards that a file which waits for its checksum is left alone when nothing says any more where that would lie."""
    root = tmp_path / "lake"
    (root / "vendors").mkdir(parents=True)
    described = root / "vendors" / "east.toml"
    described.write_text(EAST.replace("columns =", 'companion = "{name}.CHECKSUM"\ncolumns ='))
    daemon = Daemon(root)
    path = daemon.bronze / "east" / f"BTC-USDT_{FIRST:%Y%m%d}.csv"
    path.parent.mkdir(parents=True)
    start_ms = int(dt.datetime.combine(FIRST, dt.time(), dt.UTC).timestamp()) * 1000
    path.write_text(f"at,px,qty,side\n{start_ms},1.5,1,b\n")
    assert daemon.once() == 0
    assert read_manifest(root)["checksum"].to_list() == ["missing"]
    described.unlink()
    assert Daemon(root).once() == 0
    assert read_manifest(root)["status"].to_list() == ["success"]


EAST = """
vendor = "east"

[[feed]]
name = "trades"
table = "trades"
exchange = "east"
path = "east/{symbol}_{date:%Y%m%d}.csv"
columns = ["at", "px", "qty", "side"]
day_zone = "+08:00"

[feed.map]
timestamp = { from = "at", time = "epoch", unit = "ms" }
price = "px"
amount = "qty"
side = { from = "side", words = { b = "buy", s = "sell" } }
"""
