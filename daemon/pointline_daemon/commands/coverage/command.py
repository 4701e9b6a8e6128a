"""``pointline coverage``: which days of which symbol are in the lake, as maps and as a list of gaps."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from pointline.config import Config
from pointline.errors import PointlineError, WrongUse
from pointline.io.descriptions import periods
from pointline.io.durable import replace_file
from pointline.io.ledger.reader import scan_ledger
from pointline.phrases import plural, printable
from pointline.services.coverage.asked import GAPS, PAIR, RULE, SERIES, Selection, State
from pointline.services.coverage.days import Coverage, known_sum, survey
from pointline.services.coverage.differing import Differing, differing_days
from pointline.tables import ingest_manifest
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import Status, stands_at
from pointline_daemon.commands.coverage.differing import as_json as differing_as_json
from pointline_daemon.commands.coverage.differing import selected, show_differing
from pointline_daemon.commands.coverage.gaps import show_gaps
from pointline_daemon.commands.coverage.maps import WORDS, make_maps, month_maps, percent, series_in, total
from pointline_daemon.commands.coverage.text import draw_calendars, draw_overview, make_brush, print_wrapped
from pointline_daemon.commands.shared.known import known_exchange, require_file_table, require_symbol
from pointline_daemon.commands.shared.present import bytes_text, is_terminal, print_lines, print_problem
from pointline_daemon.commands.shared.settings import settings_for
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK

CALENDARS: Final = 6
"""More calendars than this are no longer one look: a line per exchange and table says more."""
PICTURE_SYMBOLS: Final = 60
DAYS_IN_LINE: Final = 31


class CoverageOptions(Struct, frozen=True, kw_only=True):
    """The options of the command as they were typed."""

    table: str | None
    exchange: str | None
    symbol: str | None
    first: str | None
    last: str | None
    png: Path | None
    html: Path | None


def show_coverage(lake_root: Path | None, options: CoverageOptions, *, as_json: bool) -> int:
    """Print or draw what the lake covers. It only reads, with or without a daemon."""
    config = settings_for(lake_root)
    wanted = _selection(config, options)
    everything = scan_ledger(config.paths.table(ingest_manifest.NAME))
    ledger = everything.filter(pl.col("data_type") != INSTRUMENTS)  # these are not of a day
    wanted = replace(wanted, exchange=known_exchange(ledger, wanted.exchange))
    require_symbol(ledger, wanted.symbol)
    coverage = survey(ledger, wanted, periods(config.paths.root))
    is_of_days = wanted.first is not None or wanted.last is not None
    hides_undated = is_of_days or not coverage.undated
    if coverage.days.is_empty() and coverage.gaps.is_empty() and hides_undated and wanted != Selection():
        nothing = "no file that is in, or may still come in, matches all options"
        print_problem(nothing, _what_there_is(ledger), as_json=as_json)
        return EXIT_FINDINGS
    written = _write_pictures(coverage, options)
    differing = selected(differing_days(ledger), wanted)
    out = ledger.filter(stands_at(Status.WITHDRAWN), wanted.series(), wanted.days("date"))
    withdrawn = int(out.select(pl.len()).collect().item())
    if as_json:
        _print_json(coverage, wanted, written, differing, withdrawn=withdrawn)
    elif written:
        print_lines([f"wrote {printable(path)} ({bytes_text(Path(path).stat().st_size)})" for path in written])
    else:
        _show(coverage, wanted, lists=_lists_in(everything))
        show_differing(differing)
        if withdrawn:
            files = "1 withdrawn file is" if withdrawn == 1 else f"{withdrawn:,} withdrawn files are"
            step = "`pointline files --status withdrawn` names them, `pointline retry ID` ingests one again"
            print_wrapped(f"{files} not counted: {step}")
    return EXIT_OK


def _lists_in(ledger: pl.LazyFrame) -> int:
    """Return how many files of the ledger tell of instruments."""
    return int(ledger.filter(pl.col("data_type") == INSTRUMENTS).select(pl.len()).collect().item())


def _selection(config: Config, options: CoverageOptions) -> Selection:
    """Raise WrongUse for what cannot be."""
    if options.table == INSTRUMENTS:
        raise WrongUse(
            "files of instruments are not of a day",
            subject=INSTRUMENTS,
            hint="`pointline symbols show` tells what they say",
        )
    if options.table is not None:
        require_file_table(options.table, config)
    if options.png is not None and options.png == options.html:
        raise WrongUse(f"--png and --html name one file, {options.png}", hint="give each a name of its own")
    first, last = parsed_day("--from", options.first), parsed_day("--to", options.last)
    if first is not None and last is not None and first > last:
        raise WrongUse(f"--from {first} is after --to {last}", hint="swap the two")
    return Selection(exchange=options.exchange, table=options.table, symbol=options.symbol, first=first, last=last)


def parsed_day(option: str, text: str | None) -> dt.date | None:
    """Read a day; None where none is given. Raises WrongUse."""
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{option} {text!r} is not a date", subject=text or "", hint="write it as 2024-05-01") from None


def _what_there_is(ledger: pl.LazyFrame) -> str:
    exchanges = ledger.select(pl.col("exchange").unique().sort()).collect()["exchange"].to_list()
    names = ", ".join(exchanges[:10]) + (", ..." if len(exchanges) > 10 else "")
    dated = ledger.filter(pl.col("date") > ingest_manifest.NO_DATE)
    ends = dated.select(pl.col("date").min().alias("first"), pl.col("date").max().alias("last"))
    first, last = ends.collect().row(0)
    days = f", of days from {first} to {last}" if first is not None else ""
    return f"the ledger has files of {names or 'no exchange yet'}{days}; `pointline files` lists them"


def _write_pictures(coverage: Coverage, options: CoverageOptions) -> list[str]:
    written = []
    for path, draw in ((options.html, _html), (options.png, _png)):
        if path is None:
            continue
        content = draw(coverage)
        try:
            if path.is_dir():  # it may have no name of its own: . and /
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            replace_file(path, content, flush=False)
        except OSError as error:
            raise PointlineError(
                f"{path} cannot be written: {error.strerror}",
                subject=str(path),
                hint="name a file in a folder of yours",
            ) from error
        written.append(str(path))
    return written


def _html(coverage: Coverage) -> bytes:
    from pointline_daemon.commands.coverage.html import render_page  # noqa: PLC0415 - only where a picture is wanted

    return render_page(make_maps(coverage, most_symbols=PICTURE_SYMBOLS), coverage.gaps).encode()


def _png(coverage: Coverage) -> bytes:
    from pointline_daemon.commands.coverage.png import render_png  # noqa: PLC0415 - as above

    return render_png(make_maps(coverage, most_symbols=PICTURE_SYMBOLS))


def _show(coverage: Coverage, wanted: Selection, *, lists: int) -> None:
    whose, them = (
        ("whose path names no day is", "it") if coverage.undated == 1 else ("whose paths name no day are", "them")
    )
    undated = f"{plural(coverage.undated, 'file')} {whose} not counted: `pointline files` says what became of {them}"
    if coverage.days.is_empty() and coverage.gaps.is_empty():
        of_symbols = f"{plural(lists, 'file')} of instruments, which are not of a day: `pointline symbols show`"
        none = "no market-data file is in the lake or on its way: `pointline files` says what became of each"
        empty = of_symbols if lists else none
        print_lines([undated if coverage.undated else empty])
        return
    if coverage.days.is_empty():
        print_lines(["no file has rows of these days"])
        show_gaps(coverage.gaps)
        return
    brush = make_brush(all_months=wanted.first is not None or wanted.last is not None)
    pairs = coverage.days.select(PAIR).unique().height
    if min(pairs, series_in(coverage)) <= CALENDARS:
        maps = make_maps(coverage, most_symbols=CALENDARS)
        draw_calendars(maps, brush)
    else:
        dates = coverage.days["date"].unique()
        daily = len(dates) <= DAYS_IN_LINE
        maps = make_maps(coverage, most_symbols=0) if daily else month_maps(coverage)
        draw_overview(maps, brush, unit="day" if daily else "month")
    if is_terminal() and any(one.symbol is None for one in maps):
        narrow = "days" if pairs > CALENDARS else "symbols"
        print_lines([f"to see {narrow}: --exchange, --table, --symbol; --html FILE draws all"])
    whole = total(maps)
    sums = [f"{whole.counts[state]:,} {WORDS.get(state, state.value)}" for state in GAPS if whole.counts[state]]
    head = f"{percent(whole.covered, whole.expected)} of {plural(whole.expected, 'day')} covered"
    print_lines([""])
    print_wrapped(": ".join(filter(None, (head, ", ".join(sums)))))
    if coverage.undated:
        print_wrapped(undated)
    show_gaps(coverage.gaps)


def _print_json(
    coverage: Coverage, wanted: Selection, written: list[str], differing: Sequence[Differing], *, withdrawn: int
) -> None:
    counts = coverage.days.group_by(SERIES).agg(
        *((pl.col("state") == state.value).sum().alias(state.value) for state in State),
        pl.col("is_covered").sum().alias("covered"),
        known_sum(pl.col("rows")),
    )
    never = coverage.gaps.filter(pl.col("file_id").is_null()).group_by(SERIES).agg(pl.col("days").sum())
    series = coverage.spans.join(counts, on=SERIES, how="full", coalesce=True).join(never, on=SERIES, how="left")
    missing = pl.col(State.MISSING.value).fill_null(0) + pl.col("days").fill_null(0)
    series = series.with_columns(
        missing.alias(State.MISSING.value),
        pl.when(pl.col("covered").is_null()).then(0).otherwise("rows").alias("rows"),  # null else: not known
        pl.col("covered", *(state.value for state in State if state is not State.MISSING)).fill_null(0),
    )
    series = series.drop("days").sort(SERIES)
    head = {
        "from": wanted.first,
        "to": wanted.last,
        "rule": RULE,
        "undated_files": coverage.undated,
        "withdrawn_files": withdrawn,
        "differing": differing_as_json(differing),
        "written": written,
    }
    frames = {"series": series, "days": coverage.days.drop("error"), "gaps": coverage.gaps}
    lists = [f'"{name}": {_json_lists(frame)}' for name, frame in frames.items()]
    print_lines([f"{json.dumps(head, default=str)[:-1]}, {', '.join(lists)}}}"])


def _json_lists(frame: pl.DataFrame) -> str:
    """Return a list of objects in ASCII. Polars writes a hundred thousand days several times faster than Python."""
    text = frame.rename({"data_type": "table"}).write_json()
    return text if text.isascii() else json.dumps(json.loads(text))
