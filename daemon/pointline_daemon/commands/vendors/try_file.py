"""``pointline vendors try``: which feed a file is of and why no other, and what would become of its rows."""

from __future__ import annotations

import csv
import datetime as dt
import os
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from pointline.config import Config
from pointline.errors import PointlineError, Rejected, WrongUse
from pointline.io.bronze.foreign import why_ignored
from pointline.io.bronze.looks_like import TRY_TELLS
from pointline.io.bronze.spelled_path import written_path
from pointline.io.bronze.unrecognised import MORE, Unrecognised, describe_foreign
from pointline.io.content.containers import shown_bytes
from pointline.io.content.one_file import OneFile
from pointline.parse.text_path import readable
from pointline.phrases import CR_ENDS, CR_HINT, LEAVE_ONE_OUT, count, plural, printable
from pointline.services.loading.trial import Trial, try_file
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import NO_DATE
from pointline.vendors.feeds import Claim, Feeds, name_of, series_of
from pointline.vendors.language import JSON
from pointline.vendors.paths.nearness import Near, nearest
from pointline.vendors.skeleton import decoder_of, skeleton
from pointline_daemon.commands.shared.present import (
    Column,
    print_json,
    print_labelled,
    print_lines,
    print_problem,
    print_table,
    time_text,
)
from pointline_daemon.commands.shared.settings import READING, settings_with_or_without, warn
from pointline_daemon.commands.vendors.check import read_beside
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.opening.bronze_access import (
    layout_with,
    make_feeds,
    make_terms,
    open_lines,
    open_one,
    whose_first_line,
)

MOST_OTHERS = 4
LONGEST_LINE = 200
FIRST_LINES = 20
MOST_DAYS = 5
TARDIS = "the layout of Tardis: its columns are those of the table"


class Tried(Struct, kw_only=True):
    """What there is to say of one file. ``problem`` says why nothing of it would get in."""

    file: str
    path: str
    claims: Sequence[Claim] = ()
    others: Sequence[Near] = ()
    reads: dict[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    problem: str = ""
    advice: str = ""


def try_files(
    lake_root: Path | None, files: Sequence[Path], *, vendor_file: Path | None, path: str | None, as_json: bool
) -> int:
    """Read files as the ingest would, and say what would become of them. Exit code 1 where one is refused."""
    config = settings_with_or_without(lake_root, needs=("bronze", "checks", *READING))
    if path is not None and len(files) > 1:
        raise WrongUse("--as gives the path of one file", hint="try the files one by one")
    if vendor_file is None:
        feeds = make_feeds(config, on_problem=warn)
    else:
        found = read_beside(config, vendor_file)
        if found.vendor.problems:
            for problem in found.vendor.problems:
                print_problem(
                    problem, f"`pointline vendors check {vendor_file}` says when it is valid", as_json=as_json
                )
            return EXIT_FINDINGS
        feeds = found.feeds
    for file in files:
        OneFile(file).version()
    tried = [_try(config, feeds, file, path) for file in files]
    if as_json:
        print_json([_as_json(one) for one in tried])
    else:
        for position, one in enumerate(tried):
            print_lines([""] * bool(position))
            _show(one)
    return EXIT_FINDINGS if any(one.problem for one in tried) else EXIT_OK


def begin_description(
    lake_root: Path | None, files: Sequence[Path], path: str | None, *, vendor_file: Path | None, as_json: bool
) -> int:
    """Print the beginning of a description of files such as this one."""
    file, *more = files
    if more:
        raise WrongUse("--new begins a description with one file", hint="name the one that has the most columns")
    if as_json or vendor_file is not None:
        other = "--json" if vendor_file is None else "--vendor-file"
        raise WrongUse(
            f"--new prints a TOML file to complete, and {other} is for one that is there", hint=LEAVE_ONE_OUT
        )
    config = settings_with_or_without(lake_root, needs=READING)
    named = path or _path_of(config, file)
    decoder = decoder_of(named)
    lines = _first_lines(config, file, named, decoder)
    is_in_bronze = named != _elsewhere(file)
    try:
        begun = skeleton(named if path or is_in_bronze else file.name, lines, decoder)
    except csv.Error as error:
        raise _no_lines(file, f"cannot be cut into cells ({error})", lines[0].encode()) from error
    except (ValueError, RecursionError) as error:
        raise _no_lines(file, f"has a line that is no object of JSON ({error})", lines[0].encode()) from error
    sys.stdout.write(begun)
    return EXIT_OK


def _try(config: Config, feeds: Feeds, file: Path, path: str | None) -> Tried:
    tried = Tried(file=str(file), path=path or _path_of(config, file))
    layout = layout_with(config, feeds)
    tried.claims = feeds.claims(tried.path)
    claimed = {claim.description.vendor for claim in tried.claims}
    described = [one for vendor in feeds.vendors for one in vendor.descriptions]
    near = nearest([one for one in described if not claimed or one.vendor in claimed], tried.path)
    tried.others = near if tried.claims else [one for one in near if one.is_near]
    try:
        meta, reader = open_one(config, feeds, file, tried.path)
        if meta is None:
            ignored = why_ignored(tried.path, layout)
            look = describe_foreign(tried.path, feeds)
            tried.problem = f"it is left alone: {ignored}" if ignored else _unread(look)
            if ignored:
                tried.advice = "give the path that it will have in bronze: --as PATH"
            else:
                advice = look.advice.removesuffix(MORE).replace(TRY_TELLS, "")
                tried.advice = whose_first_line(config, feeds, tried.path, file) or advice
            return tried
        vendor, name = meta.vendor, name_of(meta.feed)
        how = f"{vendor}/{name}" if name else TARDIS
        series = series_of(meta.feed)
        tried.reads = {"feed": how, "table": meta.data_type, "exchange": meta.exchange, "symbol": meta.symbol}
        tried.reads |= {"series": series} if series else {}
        claim = next((one for one in tried.claims if one.feed == meta.feed), None)
        if claim is None or claim.date != NO_DATE:
            tried.reads |= {"covers": _covered(claim) if claim is not None else str(meta.date)}
        if meta.problem is not None:
            tried.problem = meta.problem
        elif meta.data_type == INSTRUMENTS:
            tried.problem = "it is a list of symbols, not of rows"
            tried.advice = f"`pointline symbols update --dry-run {file}` shows what it would change"
        else:
            with reader.open(meta) as content:
                tried.trial = try_file(meta, content, make_terms(config, feeds))
            tried.problem, tried.advice = tried.trial.refusal, tried.trial.advice
    except PointlineError as error:
        tried.problem, tried.advice = str(error), error.hint
    if path is None and tried.path == _elsewhere(file):
        tried.problem, tried.advice = (said.replace(tried.path, str(file)) for said in (tried.problem, tried.advice))
    return tried


def _unread(look: Unrecognised) -> str:
    return f"{look.reason}; it looks like {look.looks_like}" if look.looks_like else look.reason


def _covered(claim: Claim) -> str:
    return f"{_time(claim.period[0])} up to {_time(claim.period[1])}"


def _path_of(config: Config, file: Path) -> str:
    """The path below bronze; of a file elsewhere all of it, the end of which is what descriptions look at."""
    full, bronze = os.path.realpath(file), os.path.realpath(config.paths.bronze)
    inside = full.startswith(f"{bronze}/")
    return written_path(full.removeprefix(f"{bronze}/")) if inside else _elsewhere(file)


def _elsewhere(file: Path) -> str:
    """The path of a file that is not in bronze, as if all were below it."""
    return written_path(os.path.abspath(file).lstrip("/"))  # noqa: PTH100 - a link keeps its name


def _first_lines(config: Config, file: Path, path: str, decoder: str) -> list[str]:
    content = open_lines(config, file, path)
    with content:
        if decoder == JSON:
            first, _, block = next(content.lines(), b"").lstrip().partition(b"\n")
        else:
            first = content.first_line(decoder=decoder) or ",".join(content.header()).encode()
            block = next(content.blocks(), b"") if first else b""
        if not first:
            raise Rejected(f"{file} has no lines", subject=str(file), hint="begin with a file that has rows")
    if b"\r" in first and not block:
        raise Rejected(f"{file}: {CR_ENDS}", subject=str(file), hint=CR_HINT)
    lines = [line for line in (first, *block.split(b"\n", FIRST_LINES)[:FIRST_LINES]) if line.strip()]
    if any(b"\0" in line for line in lines):
        raise _no_lines(file, "is no text", first)
    return [readable(line) for line in lines]


def _no_lines(file: Path, why: str, first: bytes) -> Rejected:
    return Rejected(
        f"{file} {why}: it begins with {shown_bytes(first)}",
        subject=str(file),
        hint="look at the file: descriptions are of text with a row on each line, of Parquet, and of what a decoder "
        "reads",
    )


# ---- how it is shown


def _show(tried: Tried) -> None:
    print_labelled("file      ", tried.file)
    as_if = ", as if it lay so in bronze; --as PATH tries another" if tried.path == _elsewhere(Path(tried.file)) else ""
    print_labelled("path      ", f"{tried.path}{as_if}")
    for label, said in tried.reads.items():
        print_labelled(f"{label:<10}", said)
    if len(tried.claims) > 1:
        print_labelled("claimed   ", " and ".join(claim.description.name for claim in tried.claims))
    is_plain = bool(tried.reads) and not tried.claims and not tried.problem  # a layout has it: nobody asks for others
    named = [] if is_plain else [one for one in tried.others if one.is_like][:MOST_OTHERS]
    for one in named:
        print_labelled("not       ", f"{one.description.name}: {one.miss.why}")
    if rest := 0 if is_plain else len(tried.others) - len(named):
        more = plural(rest, "more feed" if named else "feed")
        others = f"nor {more}" if named else f"any of {more} whose files lie or are called similarly"
        print_labelled("          " if named else "not       ", f"{others}; --json names them")
    if tried.trial is not None:
        _show_trial(tried.trial)
    if tried.problem:
        print_labelled("refused   ", tried.problem)
        if tried.advice:
            print_labelled("try       ", tried.advice)


def _show_header(trial: Trial) -> None:
    header = printable(trial.separator.join(trial.header))
    named_by = f"the decoder {trial.decoder}" if trial.decoder else "the description"
    if header:
        print_labelled("header    ", header if trial.has_header else f"{header} (by {named_by}: the file has none)")
    elif trial.first_line:
        print_labelled("line 1    ", printable(trial.first_line[:LONGEST_LINE]))
    elif not trial.refusal:
        print_labelled("header    ", "none: the file is empty")


def _show_trial(trial: Trial) -> None:
    _show_header(trial)
    if trial.lines:
        print_lines(["", *(printable(line) for line in trial.lines), ""])
    if not trial.rows.is_empty():
        columns = [Column(title=name) for name in trial.rows.columns]
        print_table(columns, [[_plain(value) for value in row] for row in trial.rows.iter_rows()])
        print_lines([""])
    if trial.first_us is None and not trial.rows_read:
        print_lines([] if trial.first_line else ["rows      none"])
        return
    bad = trial.rows_read - trial.rows_kept
    print_labelled("rows      ", f"{count(trial.rows_read)} read, {count(trial.rows_kept)} fit, {count(bad)} do not")
    for (rule, column), rows in trial.quarantined.items():
        print_labelled("          ", f"{count(rows)} x {rule}{f' ({column})' if column else ''}")
    if trial.remark:
        print_labelled("          ", trial.remark)
    if trial.first_us is not None and trial.last_us is not None:
        print_labelled("times     ", f"{_time(trial.first_us)} to {_time(trial.last_us)}")
        print_labelled("days      ", _days(trial))
    for name, number in trial.warnings.items():
        print_labelled("warning   ", f"{name}: {count(number)}")


def _days(trial: Trial) -> str:
    days = sorted(trial.days.items())
    shown = ", ".join(f"{day} ({plural(rows, 'row')})" for day, rows in islice(days, MOST_DAYS))
    return shown if len(days) <= MOST_DAYS else f"{shown} and {len(days) - MOST_DAYS} more"


def _time(us: int) -> str:
    return time_text(dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us))


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime):
        return time_text(value)
    return "" if value is None else printable(str(value))


def _as_json(tried: Tried) -> dict[str, Any]:
    trial = tried.trial
    facts: dict[str, Any] = {
        "file": tried.file,
        "path": tried.path,
        "claimed_by": [claim.description.name for claim in tried.claims],
        "not_by": [one.as_json() for one in tried.others],
        **({"read_as": tried.reads} if tried.reads else {}),
        "refused": tried.problem or None,
        "try": tried.advice or None,
    }
    if trial is None:
        return facts
    quarantined = [{"rule": rule, "column": column, "rows": rows} for (rule, column), rows in trial.quarantined.items()]
    return {
        **facts,
        "header": list(trial.header),
        "has_header": trial.has_header,
        "first_line": trial.first_line or None,
        "decoder": trial.decoder or None,
        "lines": trial.lines,
        "rows": trial.rows.to_dicts(),
        "rows_read": trial.rows_read,
        "rows_fit": trial.rows_kept,
        "quarantined": quarantined,
        "first": None if trial.first_us is None else _time(trial.first_us),
        "last": None if trial.last_us is None else _time(trial.last_us),
        "days": {str(day): rows for day, rows in sorted(trial.days.items())},
        "symbols": list(trial.symbols),
        "warnings": dict(trial.warnings),
    }
