"""``pointline demo``: a lake with generated data, filled by a real daemon before one's eyes. Needs no network."""

from __future__ import annotations

import io
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from pointline.config import LakePaths, load_config
from pointline.errors import PointlineError, WrongUse
from pointline.phrases import LEAVE_ONE_OUT
from pointline.reading import scan
from pointline_daemon import events
from pointline_daemon.commands.demo.binance import BinanceFile, binance_files
from pointline_daemon.commands.demo.daemon import DemoDaemon
from pointline_daemon.commands.demo.examples import write_examples
from pointline_daemon.commands.demo.instruments import InstrumentsFile, instruments_files
from pointline_daemon.commands.demo.lake import DemoFile, UnusableFolderError, demo_files, prepare_folder
from pointline_daemon.commands.demo.view import Arrivals
from pointline_daemon.commands.run import keep_lake
from pointline_daemon.commands.shared.present import print_lines, print_problem
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK

EXAMPLES = "pointline-examples"
PATIENCE_SECONDS = 20.0
SHOWN = 12
LINE_SHOWN = 26
LANDED = {events.FILE_COMMITTED, events.FILE_QUARANTINED, events.FILE_FAILED, events.FILE_DUPLICATE}
QUERY = """\
pointline.scan("trades", lake_root=lake)
  .group_by("exchange", "symbol", "date")
  .agg(
      vwap=(pl.col("price") * pl.col("amount")).sum() / pl.col("amount").sum(),
      trades=pl.len(),
  )"""


AnyFile = DemoFile | BinanceFile | InstrumentsFile


def _tardis_files(run: int) -> Iterator[AnyFile]:
    yield from instruments_files(run)
    yield from demo_files(run)


FILES: dict[str, Callable[[int], Iterator[AnyFile]]] = {"tardis": _tardis_files, "binance": binance_files}
"""What arrives, by vendor."""


def run_demo(directory: Path | None, vendor: str = "tardis") -> int:
    """Run the demonstration in a folder and return the exit code."""
    try:
        lake, runs = prepare_folder(directory)
    except UnusableFolderError as error:
        hint = "name a folder that is empty or does not exist yet: `pointline demo DIR`"
        raise WrongUse(str(error), subject=str(directory or ""), hint=hint) from error
    paths = LakePaths(lake)
    files = list(FILES[vendor](runs))
    try:
        print_lines([f"a lake in {lake}, a daemon watching its bronze folder, {len(files)} generated files", ""])
        with DemoDaemon(lake, lake / "daemon.log") as daemon:
            arrivals = Arrivals(Counter(file.table for file in files))
            _let_arrive(files, paths.bronze, daemon, arrivals)
            code = daemon.stop()
    except KeyboardInterrupt:
        print_lines(["", "interrupted; the daemon has ended, what arrived stays in the lake"])
        return EXIT_INTERRUPTED
    print_lines(
        ["", arrivals.summary(), f"then SIGTERM: the daemon finished what it had and ended with exit code {code}"]
    )
    if code:
        print_problem(f"the daemon ended with exit code {code}", f"look into {lake / 'daemon.log'}")
        return EXIT_FINDINGS
    _show_result(paths)
    _show_next_steps(lake, vendor)
    return EXIT_OK


def make_examples(directory: Path | None, vendor: str) -> int:
    """Make the lake of the help topics in a folder that is empty or new, and return the exit code."""
    if vendor != "tardis":
        raise WrongUse("--examples makes one lake, and --vendor is for the other demonstration", hint=LEAVE_ONE_OUT)
    home = (directory or Path(EXAMPLES)).expanduser()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        hint = "name a folder that is empty or does not exist yet: `pointline demo --examples DIR`"
        raise WrongUse(f"{home} is there already", subject=str(home), hint=hint)
    config = load_config(home.absolute() / "lake")  # refuses what lies inside another lake
    home.mkdir(parents=True, exist_ok=True)
    lake = write_examples(home.resolve())
    keep_lake(config, once=True, stream=io.StringIO())
    print_lines([f"the lake of the examples is in {lake}: `export LAKE_ROOT={shlex.quote(str(lake))}`"])
    return EXIT_OK


def _let_arrive(files: Sequence[AnyFile], bronze: Path, daemon: DemoDaemon, arrivals: Arrivals) -> None:
    """Drop the files one by one and show each when the daemon says that it is in."""
    dropped_at: dict[str, float] = {}
    with arrivals:
        for file in files:
            file.write(bronze)
            dropped_at[file.path] = time.monotonic()
            _take(daemon, arrivals, dropped_at, seconds=0.0)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while dropped_at and time.monotonic() < deadline:
            if _take(daemon, arrivals, dropped_at, seconds=0.1):
                deadline = time.monotonic() + PATIENCE_SECONDS
    if dropped_at:
        raise PointlineError(
            f"{len(dropped_at)} files did not arrive within {PATIENCE_SECONDS:.0f} s, such as {min(dropped_at)}",
            hint=f"look into {bronze.parent / 'daemon.log'}",
        )


def _take(daemon: DemoDaemon, arrivals: Arrivals, dropped_at: dict[str, float], *, seconds: float) -> bool:
    """Show what has come in, waiting that long for something. Tells whether anything did."""
    waiting = len(dropped_at)
    for read_at, event in daemon.events_within(seconds):
        if event.get("event") in LANDED and event.get("path") in dropped_at:
            arrivals.add(event, (read_at - dropped_at.pop(event["path"])) * 1000)
    return len(dropped_at) < waiting


def _show_result(paths: LakePaths) -> None:
    trades = scan("trades", lake_root=paths.root)
    price, amount = pl.col("price"), pl.col("amount")
    vwap = (
        trades.group_by("exchange", "symbol", "date")
        .agg(vwap=((price * amount).sum() / amount.sum()).round(2), trades=pl.len())
        .sort("exchange", "symbol", "date")
        .collect()
    )
    shown = f" (the last {SHOWN} of {vwap.height})" if vwap.height > SHOWN else ""
    print_lines(["", f"The volume-weighted price per symbol and day, by Polars from the Delta table{shown}:", ""])
    print_lines([f"  {line}" for line in QUERY.splitlines()])
    print_lines(["", *_as_text(vwap.tail(SHOWN)), ""])
    set_aside = (
        scan("quarantine", lake_root=paths.root)
        .sort("file_id", "file_seq")
        .tail(5)
        .select("file_seq", "rule", "column", pl.col("raw").str.head(LINE_SHOWN) + "...")
        .collect()
    )
    if set_aside.height:
        print_lines(["One file had 5 bad lines of 100. The 95 are in; the 5 are in silver/quarantine:", ""])
        print_lines(_as_text(set_aside))
    if paths.table("bars").exists() and (bars := _bars_by_file(paths)).height:
        print_lines(
            [
                "The file of the month has the bars of its days again. Each is in once, from the daily file:",
                "",
            ]
        )
        print_lines(_as_text(bars))


def _bars_by_file(paths: LakePaths) -> pl.DataFrame:
    files = scan("ingest_manifest", lake_root=paths.root).select("file_id", "bronze_file_path")
    bars = scan("bars", lake_root=paths.root).join(files, on="file_id")
    name = pl.col("bronze_file_path").str.split("/").list.last()
    return bars.group_by("date", file=name).agg(bars=pl.len()).sort("file", "date").collect().tail(8)


def _as_text(frame: pl.DataFrame) -> list[str]:
    with pl.Config(
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_rows=20,
        tbl_cols=10,
        tbl_width_chars=80,
        fmt_str_lengths=40,
        thousands_separator=",",
    ):
        return str(frame).splitlines()


def _show_next_steps(lake: Path, vendor: str) -> None:
    command = "pointline" if shutil.which("pointline") else shlex.quote(sys.argv[0])
    if not Path(sys.argv[0]).name.startswith("pointline"):
        command = f"{shlex.quote(sys.executable)} -m pointline_daemon"
    root = shlex.quote(str(lake))
    print_lines(
        [
            "",
            "What to try next:",
            "",
            f"  export LAKE_ROOT={root}",
            f"  {command} status                # files and health (down: no daemon runs)",
            f"  {command} files --table trades  # every file of trades and what became of it",
            *_more_steps(command, vendor, root),
        ]
    )


def _more_steps(command: str, vendor: str, root: str) -> list[str]:
    if vendor != "tardis":
        return [f"  {command} vendors show {vendor}   # what is read of this vendor"]
    return [
        f"  {command} run                   # watch bronze; then, in another terminal:",
        f"  mkdir {root}/bronze/again",
        f"  cp {root}/bronze/*SOLUSDT.csv.gz {root}/bronze/again/  # a duplicate: nothing is doubled",
    ]
