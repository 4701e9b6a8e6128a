"""The command line. Commands import what they need when they run: ``pointline --help`` must answer at once."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from enum import StrEnum
from errno import EIO, ENOSPC
from pathlib import Path
from typing import Annotated, Final, NoReturn, cast

import typer

from pointline_daemon import completion
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_USAGE, exit_code_of

app = typer.Typer(
    name="pointline",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Show or check the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
symbols_app = typer.Typer(help="Show or update the symbols: what they were, and when.", no_args_is_help=True)
app.add_typer(symbols_app, name="symbols")
vendors_app = typer.Typer(help="List, show, try and check the descriptions of vendors.", no_args_is_help=True)
app.add_typer(vendors_app, name="vendors")
service_app = typer.Typer(help="Run the daemon as a service of systemd or launchd.", no_args_is_help=True)
app.add_typer(service_app, name="service")


class Retriable(StrEnum):
    """Statuses that `retry` puts back."""

    FAILED = "failed"
    QUARANTINED = "quarantined"


class DemoVendor(StrEnum):
    """Whose files `demo` makes."""

    TARDIS = "tardis"
    BINANCE = "binance"


class ServiceManager(StrEnum):
    """What `service` writes units for."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"


TYPING_ERROR: Final = typer.BadParameter.__mro__[2]
"""What the command line itself complains with: an option, a command or a value of a kind that does not exist."""

LakeRoot = Annotated[
    Path | None, typer.Option("--lake-root", help="The lake's folder. Default: the environment variable LAKE_ROOT.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command(epilog="Example: LAKE_ROOT=~/lake pointline run --once")
def run(
    *,
    lake_root: LakeRoot = None,
    once: Annotated[bool, typer.Option("--once", help="Ingest the files that are in bronze now, then exit.")] = False,
) -> None:
    """Watch bronze and ingest its files into silver until stopped."""
    from pointline_daemon.lean_imports import import_structlog
    from pointline_daemon.memory import keep_freed_memory

    keep_freed_memory()
    import_structlog()
    from pointline_daemon.commands.run import run_lake

    raise typer.Exit(run_lake(lake_root, once=once))


@app.command(epilog="Example: pointline demo /tmp/demo-lake, or: pointline demo --vendor binance")
def demo(
    directory: Annotated[Path | None, typer.Argument(help="The folder of the lake.")] = None,
    *,
    vendor: Annotated[DemoVendor, typer.Option(help="The vendor whose files are generated.")] = DemoVendor.TARDIS,
) -> None:
    """Make a lake with generated data, watch it fill, and see what came out."""
    from pointline_daemon.commands.demo.command import run_demo

    raise typer.Exit(run_demo(directory, vendor.value))


@app.command(epilog="Example: pointline status --watch, or: pointline status --json | jq .files")
def status(
    *,
    lake_root: LakeRoot = None,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh the status in place until Ctrl-C.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 0 where the health is healthy or degraded, else 1.")
    ] = False,
    json: Json = False,
) -> None:
    """Show health, files by table and status, what is in flight, the last commits and errors."""
    from pointline_daemon.commands.status import show_status

    if check:
        from pointline_daemon.commands.status import check_status

        raise typer.Exit(check_status(lake_root, watch=watch, as_json=json))
    if watch:
        from pointline_daemon.commands.watch import watch as refresh

        raise typer.Exit(refresh(lambda: show_status(lake_root, as_json=json), as_json=json))
    raise typer.Exit(show_status(lake_root, as_json=json))


@app.command(epilog="Example: pointline files --status quarantined, or: pointline files --unrecognised")
def files(
    *,
    lake_root: LakeRoot = None,
    status: Annotated[
        str | None, typer.Option(autocompletion=completion.statuses, help="Only files of this status.")
    ] = None,
    table: Annotated[
        str | None, typer.Option(autocompletion=completion.file_tables, help="Only files of this table.")
    ] = None,
    exchange: Annotated[
        str | None, typer.Option(autocompletion=completion.exchanges, help="Only files of this exchange.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(autocompletion=completion.symbols, help="Only files of this symbol.")
    ] = None,
    unrecognised: Annotated[
        bool, typer.Option("--unrecognised", help="List the files in bronze that are not read: why, and what to do.")
    ] = False,
    last: Annotated[int | None, typer.Option(help="Number of files, newest first; 0 for all. Default: 50.")] = None,
    json: Json = False,
) -> None:
    """List the ledger: every file version with its status, rows and error."""
    from pointline_daemon.commands.files.listing import list_files

    raise typer.Exit(
        list_files(
            lake_root,
            status=status,
            table=table,
            exchange=exchange,
            symbol=symbol,
            last=last,
            as_json=json,
            unrecognised=unrecognised,
        )
    )


@app.command(epilog="Example: pointline explain 17, or: pointline explain deribit_trades_2024-05-01_BTC.csv.gz")
def explain(
    targets: Annotated[
        list[str],
        typer.Argument(autocompletion=completion.files, metavar="PATH|FILE_ID ...", help="Files, in bronze or not."),
    ],
    *,
    lake_root: LakeRoot = None,
    json: Json = False,
) -> None:
    """Explain a file: what happened to it, why, and what to do next."""
    from pointline_daemon.commands.files.explain import explain as tell

    raise typer.Exit(tell(lake_root, targets, as_json=json))


@app.command(epilog="Example: pointline trace trades 14 3")
def trace(
    table: Annotated[
        str, typer.Argument(autocompletion=completion.event_tables, help="The table of the row, such as trades.")
    ],
    file_id: Annotated[int, typer.Argument(autocompletion=completion.file_ids, help="Its file_id.")],
    file_seq: Annotated[int, typer.Argument(help="Its file_seq, counted from 1.")],
    *,
    lake_root: LakeRoot = None,
    json: Json = False,
) -> None:
    """Show a silver row and the original line in bronze that it came from."""
    from pointline_daemon.commands.files.trace import trace as trace_row

    raise typer.Exit(trace_row(lake_root, table, file_id, file_seq, as_json=json))


@app.command(epilog="Example: pointline quarantine 17 --csv > bad.csv, or: pointline quarantine --rule ragged")
def quarantine(
    targets: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=completion.files, metavar="[PATH|FILE_ID ...]", help="Only rows of these files."),
    ] = None,
    *,
    lake_root: LakeRoot = None,
    rule: Annotated[
        str | None,
        typer.Option(autocompletion=completion.rules, help="Only rows that broke this rule, such as ragged."),
    ] = None,
    last: Annotated[int | None, typer.Option(help="Number of groups or lines; 0 for all. Default: 20.")] = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print all rows as CSV, with ' before what would be a formula.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="With --csv: cells as they are, formulas and control characters too.")
    ] = False,
    json: Json = False,
) -> None:
    """Show quarantined rows by file and rule; with a file or a rule, their original lines."""
    from pointline_daemon.commands.files.quarantine import show_quarantine

    raise typer.Exit(show_quarantine(lake_root, targets or [], rule=rule, last=last, as_csv=csv, raw=raw, as_json=json))


@app.command(epilog="Example: pointline retry --status failed, or: pointline retry 17 --accept")
def retry(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=completion.files,
            metavar="[PATH|FILE_ID ...]",
            help="File ids, or paths of files or folders in bronze.",
        ),
    ] = None,
    *,
    lake_root: LakeRoot = None,
    status: Annotated[Retriable | None, typer.Option(help="Files of this status.")] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.rules, help="Files with rows that broke this rule, or whose error names it."
        ),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Ingest them despite many bad rows, or fewer rows than they replace.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which files.")] = False,
    json: Json = False,
) -> None:
    """Try failed, quarantined or withdrawn files again, under the same ids."""
    from pointline.tables.ingest_manifest import Status
    from pointline_daemon.commands.files.retry import retry as put_back

    chosen = None if status is None else Status(status.value)
    options = {"dry_run": dry_run, "as_json": json, "accept": accept}
    raise typer.Exit(put_back(lake_root, targets or [], status=chosen, rule=rule, **options))


@app.command(epilog="Example: pointline withdraw 17 --dry-run, or: pointline withdraw binance/2024-05-01")
def withdraw(
    targets: Annotated[
        list[str],
        typer.Argument(
            autocompletion=completion.files,
            metavar="PATH|FILE_ID ...",
            help="File ids, or paths of files or folders in bronze.",
        ),
    ],
    *,
    lake_root: LakeRoot = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which files.")] = False,
    json: Json = False,
) -> None:
    """Remove the rows of files from silver and quarantine; the files stay in bronze."""
    from pointline_daemon.commands.files.withdraw import withdraw as take_out

    raise typer.Exit(take_out(lake_root, targets, dry_run=dry_run, as_json=json))


@app.command(epilog="Example: pointline coverage --exchange deribit --from 2024-05-01 --html coverage.html")
def coverage(
    *,
    lake_root: LakeRoot = None,
    table: Annotated[str | None, typer.Option(autocompletion=completion.event_tables, help="Only this table.")] = None,
    exchange: Annotated[
        str | None, typer.Option(autocompletion=completion.exchanges, help="Only this exchange.")
    ] = None,
    symbol: Annotated[str | None, typer.Option(autocompletion=completion.symbols, help="Only this symbol.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Up to this day.")] = None,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the maps as a PNG picture; Pillow draws it.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the maps as one web page.")] = None,
    json: Json = False,
) -> None:
    """Map which days of which symbol are in the lake, and list the gaps."""
    from pointline_daemon.commands.coverage.command import CoverageOptions, show_coverage

    chosen = CoverageOptions(table=table, exchange=exchange, symbol=symbol, first=first, last=last, png=png, html=html)
    raise typer.Exit(show_coverage(lake_root, chosen, as_json=json))


@app.command(epilog="Example: pointline maintain --dry-run, or: pointline maintain --compact --table trades")
def maintain(
    *,
    lake_root: LakeRoot = None,
    compact: Annotated[bool, typer.Option("--compact", help="Only compact and checkpoint.")] = False,
    vacuum: Annotated[bool, typer.Option("--vacuum", help="Only remove data files that no version needs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    table: Annotated[str | None, typer.Option(autocompletion=completion.all_tables, help="Only this table.")] = None,
    partition: Annotated[
        str | None, typer.Option(autocompletion=completion.partitions, help="Only this partition, as exchange/date.")
    ] = None,
    retention_hours: Annotated[
        float | None,
        typer.Option(min=0, help="Hours to keep data files that no version needs, at least 1. Default: the setting."),
    ] = None,
    below_floor: Annotated[
        bool, typer.Option("--below-floor", help="Allow less than 1 hour; only while nothing reads or writes the lake.")
    ] = False,
    json: Json = False,
) -> None:
    """Run maintenance now: compact small files, checkpoint logs, vacuum."""
    from pointline_daemon.commands.lake.maintain import maintain as run_pass
    from pointline_daemon.opening.requests import Maintain

    request = Maintain(
        compact=compact or not vacuum,
        vacuum=vacuum or not compact,
        dry_run=dry_run,
        table=table,
        partition=partition,
        retention_hours=retention_hours,
        below_floor=below_floor,
    )
    raise typer.Exit(run_pass(lake_root, request, as_json=json))


@app.command(epilog="Example: pointline verify --deep --json | jq .findings")
def verify(
    *,
    lake_root: LakeRoot = None,
    data: Annotated[bool, typer.Option("--data", help="Read every data file whole; bronze is not needed.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read bronze again and compare every value; includes --data.")
    ] = False,
    json: Json = False,
) -> None:
    """Audit the lake: compare bronze, ledger and silver. Exit code 1 with findings."""
    from pointline_daemon.commands.lake.verify import verify_lake

    raise typer.Exit(verify_lake(lake_root, data=data, deep=deep, as_json=json))


@app.command(epilog="Example: pointline repair --dry-run, or: pointline repair --table trades")
def repair(
    *,
    lake_root: LakeRoot = None,
    table: Annotated[str | None, typer.Option(autocompletion=completion.all_tables, help="Only this table.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is wrong and what would be done.")] = False,
    json: Json = False,
) -> None:
    """Repair ledger and tables: what is lost or damaged is ingested again from bronze."""
    from pointline_daemon.commands.lake.repair import repair as make_whole

    raise typer.Exit(make_whole(lake_root, table=table, dry_run=dry_run, as_json=json))


@app.command(epilog="Example: pointline doctor --fix")
def doctor(
    *,
    lake_root: LakeRoot = None,
    fix: Annotated[bool, typer.Option("--fix", help="Fix what can be fixed safely, and say what was done.")] = False,
    json: Json = False,
) -> None:
    """Check the machine and the files of the lake. Exit code 1 with findings."""
    from pointline_daemon.commands.lake.doctor import examine

    raise typer.Exit(examine(lake_root, fix=fix, as_json=json))


@config_app.command("show", epilog="Example: pointline config show --json")
def config_show(*, lake_root: LakeRoot = None, json: Json = False) -> None:
    """Show every setting, its value and where it came from."""
    from pointline_daemon.commands.config import show

    raise typer.Exit(show(lake_root, as_json=json))


@config_app.command("check", epilog="Example: pointline config check && pointline run")
def config_check(*, lake_root: LakeRoot = None, json: Json = False) -> None:
    """Check the settings; name all problems at once."""
    from pointline_daemon.commands.config import check

    raise typer.Exit(check(lake_root, as_json=json))


@symbols_app.command(
    "update",
    epilog="Example: pointline symbols update listed.csv --snapshot --effective-at 2024-05-01 --exchange okx --dry-run",
)
def symbols_update(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Tardis instruments or Binance exchangeInfo as JSON, CSV or Parquet.")
    ],
    *,
    lake_root: LakeRoot = None,
    snapshot: Annotated[
        bool,
        typer.Option(
            "--snapshot",
            help="The file lists all symbols of its exchange: others are delisted. An exchangeInfo always does.",
        ),
    ] = False,
    effective_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The time from which the file is valid, where it does not say: 2024-05-01, UTC."
        ),
    ] = None,
    exchange: Annotated[
        str, typer.Option(autocompletion=completion.exchanges, help="The exchange, where the file does not say.")
    ] = "",
    insist: Annotated[
        bool,
        typer.Option(
            "--insist", help="Accept a snapshot that lacks many symbols, or a new exchange named like a known one."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    json: Json = False,
) -> None:
    """Update dim_symbol from a file, and show the changes."""
    from pointline_daemon.commands.symbols.update import Source, update

    source = Source(file=file, snapshot=snapshot, effective_at=effective_at, exchange=exchange)
    raise typer.Exit(update(lake_root, source, insist=insist, dry_run=dry_run, as_json=json))


@symbols_app.command("show", epilog="Example: pointline symbols show BTCUSDT, or: ... show --at 2024-05-01")
def symbols_show(
    symbol: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.described_symbols,
            metavar="[SYMBOL]",
            help="Show all versions of this symbol. Default: the version of now of each symbol.",
        ),
    ] = None,
    *,
    lake_root: LakeRoot = None,
    exchange: Annotated[
        str | None, typer.Option(autocompletion=completion.described_exchanges, help="Only this exchange.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Show the versions valid at this time, as 2024-05-01T12:00, UTC.")
    ] = None,
    json: Json = False,
) -> None:
    """Show symbols as they are, or as they were at a time."""
    from pointline_daemon.commands.symbols.show import show as show_symbols

    raise typer.Exit(show_symbols(lake_root, symbol, exchange=exchange, at=at, as_json=json))


@vendors_app.command("list", epilog="Example: pointline vendors list")
def vendors_list(*, lake_root: LakeRoot = None, json: Json = False) -> None:
    """List the vendors whose files are read: those that ship, and those in the lake's folder vendors."""
    from pointline_daemon.commands.vendors.command import list_vendors

    raise typer.Exit(list_vendors(lake_root, as_json=json))


@vendors_app.command(
    "show", epilog="Example: pointline vendors show binance, or: pointline vendors show binance --toml > mine.toml"
)
def vendors_show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="VENDOR", autocompletion=completion.vendors, help="A name from `pointline vendors list`."
        ),
    ],
    *,
    lake_root: LakeRoot = None,
    toml: Annotated[bool, typer.Option("--toml", help="Print the description's TOML.")] = False,
    json: Json = False,
) -> None:
    """Show a vendor's feeds: paths, table, and what each column becomes."""
    from pointline_daemon.commands.vendors.command import show_vendor

    raise typer.Exit(show_vendor(lake_root, name, as_toml=toml, as_json=json))


@vendors_app.command(
    "try",
    epilog="Example: pointline vendors try BTCUSDT-trades-2024-01-02.zip "
    "--as data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-02.zip",
)
def vendors_try(
    files: Annotated[list[Path], typer.Argument(metavar="FILE ...", help="Files, in bronze or not.")],
    *,
    lake_root: LakeRoot = None,
    vendor_file: Annotated[
        Path | None, typer.Option("--vendor-file", metavar="FILE.toml", help="Use this description too.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--as", metavar="PATH", help="The path below bronze that the file would have.")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Print the beginning of a description of such files, for you to complete.")
    ] = False,
    json: Json = False,
) -> None:
    """Show which feed a file belongs to, why no other, and what its rows would become. Changes nothing."""
    from pointline_daemon.commands.vendors.try_file import begin_description, try_files

    if new:
        raise typer.Exit(begin_description(lake_root, files, path, vendor_file=vendor_file, as_json=json))
    raise typer.Exit(try_files(lake_root, files, vendor_file=vendor_file, path=path, as_json=json))


@vendors_app.command("check", epilog="Example: pointline vendors check mine.toml && mv mine.toml ~/lake/vendors/")
def vendors_check(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="A description, in the lake or not.")],
    *,
    lake_root: LakeRoot = None,
    json: Json = False,
) -> None:
    """Check a description: name all problems, and read its examples. Exit code 1 with findings."""
    from pointline_daemon.commands.vendors.check import check_description

    raise typer.Exit(check_description(lake_root, file, as_json=json))


@vendors_app.command("help", epilog="Example: pointline vendors help | less")
def vendors_help() -> None:
    """Print the reference of descriptions: every key, with examples."""
    from pointline_daemon.commands.vendors.command import show_language

    raise typer.Exit(show_language())


def _topic_names(incomplete: str) -> list[str]:
    from pointline_daemon.commands.help import topic_names

    return topic_names(incomplete)


@app.command("help", epilog="Example: pointline help getting-started, or: pointline help settings | less")
def show_topic(
    topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", autocompletion=_topic_names, help="Default: list the topics.")
    ] = None,
) -> None:
    """Print the documentation: first steps, operation, reference, troubleshooting."""
    from pointline_daemon.commands.help import show_help

    named = [one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands]
    raise typer.Exit(show_help(topic, [*named, *(one.name or "" for one in app.registered_groups)]))


User = Annotated[bool, typer.Option("--user", help="A service for your user alone, without root.")]
Instances = Annotated[
    bool,
    typer.Option(
        "--instances", help="One unit for several lakes: pointline@NAME runs the lake NAME in the folder of this one."
    ),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Also overwrite a unit that was changed by hand, or is that of another lake.")
]
Print = Annotated[bool, typer.Option("--print", help="Only show what would be done.")]
Manager = Annotated[ServiceManager | None, typer.Option(help="Default: this machine's own.")]
Into = Annotated[Path | None, typer.Option("--into", hidden=True)]


@service_app.command(
    "install", epilog="Example: sudo /opt/pointline/bin/pointline service install --lake-root /srv/lake"
)
def service_install(
    *,
    lake_root: LakeRoot = None,
    user: User = False,
    instances: Instances = False,
    replace: Replace = False,
    only_print: Print = False,
    manager: Manager = None,
    into: Into = None,
) -> None:
    """Write the unit with this lake, this command and the lake's owner filled in; say what to run next."""
    from pointline_daemon.commands.service.command import install
    from pointline_daemon.commands.service.unit import ServiceOptions

    named = manager.value if manager else None
    options = ServiceOptions(user=user, instances=instances, manager=named, into=into, replace=replace)
    raise typer.Exit(install(lake_root, options, only_print=only_print))


@service_app.command("uninstall", epilog="Example: pointline service uninstall --user")
def service_uninstall(
    *,
    user: User = False,
    instances: Instances = False,
    only_print: Print = False,
    manager: Manager = None,
    into: Into = None,
) -> None:
    """Remove the unit. The lake and its settings stay."""
    from pointline_daemon.commands.service.command import uninstall
    from pointline_daemon.commands.service.unit import ServiceOptions

    named = manager.value if manager else None
    options = ServiceOptions(user=user, instances=instances, manager=named, into=into)
    raise typer.Exit(uninstall(options, only_print=only_print))


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        from importlib.metadata import version

        print(f"pointline {version('pointline')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the program an error was raised; works with every command.")
    ] = False,
) -> None:
    """Turn a folder of market-data files into Delta tables, each file exactly once."""


def main() -> None:
    """Entry point: turn every failure into one line what and one line what to try."""
    gc.disable()  # while modules are imported; a command that stays switches it on again
    _open_streams()
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        code = app(prog_name="pointline", standalone_mode=False)
    except SystemExit as leaving:
        code = leaving.code
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except BaseException as error:  # a panic of a Rust library is no Exception
        if debug and not isinstance(error, TYPING_ERROR):
            raise
        try:
            code = _explain(error)
        except OSError as unsaid:  # a full disk behind `--json > file`
            code = EXIT_FINDINGS
            with suppress(OSError):
                print(f"error: the answer cannot be written: {unsaid.strerror}", file=sys.stderr)
    _leave(code if isinstance(code, int) else int(bool(code)))


def _open_streams() -> None:
    """Have standard input, output and error lead nowhere where they are closed: to print is no error then.

    Else the next file that is opened is in their place, and printed into.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with suppress(OSError):
                os.fstat(number)
                continue
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for the whole life


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter apart, which costs a quarter of a second; everything is on disk by now."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _explain(error: BaseException) -> int:
    from pointline.errors import PointlineError

    try:
        from pointline.io.translate import from_os_error, lost_data_file, one_line
        from pointline_daemon.commands.shared.present import print_error, print_problem
    except ImportError:  # the process became a user who may not read the program
        print(f"error: {error}\ntry:   {getattr(error, 'hint', '')}", file=sys.stderr)
        return exit_code_of(error) if isinstance(error, PointlineError) else EXIT_FINDINGS

    as_json = "--json" in sys.argv
    if not isinstance(error, PointlineError) and (lost := lost_data_file(error)) is not None:
        error = lost
    elif isinstance(error, OSError) and error.filename is not None:
        error = from_os_error(error, str(error.filename))
    elif isinstance(error, TYPING_ERROR):
        return _explain_typing(cast("typer.BadParameter", error), as_json=as_json)
    if isinstance(error, OSError) and error.filename is None and error.errno in {ENOSPC, EIO}:
        print_problem(f"the answer cannot be written: {error.strerror}", "write it to another place", as_json=as_json)
        return EXIT_FINDINGS
    if not isinstance(error, PointlineError):
        print_problem(one_line(error), "run it again with --debug and report what it says", as_json=as_json)
        return EXIT_FINDINGS
    return print_error(error, as_json=as_json)


def _explain_typing(error: typer.BadParameter, *, as_json: bool) -> int:
    """Say what is wrong with a command line, in the shape of all errors; a command group by itself shows its help."""
    from pointline_daemon.commands.shared.present import print_lines, print_problem

    what = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print_lines([what])
        return EXIT_USAGE
    named = error.ctx.command_path if error.ctx is not None else "pointline"
    what = f"{what[:1].lower()}{what[1:]}"
    print_problem(what, f"`{named} --help` shows what there is", as_json=as_json)
    return EXIT_USAGE
