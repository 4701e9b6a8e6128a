"""``pointline vendors try``: which feed a file is of and why no other, and what would become of its rows."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pointline.config import Config
from pointline.errors import PointlineError, Rejected, WrongUse
from pointline.io.bronze.paths.foreign import why_ignored
from pointline.io.bronze.paths.unrecognised import Unrecognised, describe_foreign
from pointline.io.bronze.spelled_path import written_path
from pointline.io.content.containers import shown_bytes
from pointline.io.content.one_file import OneFile
from pointline.parse.text_path import readable
from pointline.phrases import CR_ENDS, CR_HINT, LEAVE_ONE_OUT
from pointline.services.loading.trial import try_file
from pointline.tables.dim_symbol import INSTRUMENTS
from pointline.tables.ingest_manifest import NO_DATE
from pointline.vendors.claim import Claim, name_of, series_of
from pointline.vendors.drafts.skeleton import decoder_of, skeleton
from pointline.vendors.feeds import Feeds
from pointline.vendors.language import JSON
from pointline.vendors.paths.nearness import nearest
from pointline_daemon.commands.shared.present import (
    print_json,
    print_lines,
    print_problem,
)
from pointline_daemon.commands.shared.settings import READING, settings_with_or_without, warn
from pointline_daemon.commands.vendors.check import read_beside
from pointline_daemon.commands.vendors.tried import Tried, show, time_of
from pointline_daemon.commands.vendors.tried import as_json as as_json_of
from pointline_daemon.exit_codes import EXIT_FINDINGS, EXIT_OK
from pointline_daemon.opening.bronze_access import (
    layout_with,
    make_feeds,
    make_terms,
    open_lines,
    open_one,
    whose_first_line,
)

FIRST_LINES = 20
TARDIS = "the layout of Tardis: its columns are those of the table"


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
        print_json([as_json_of(one) for one in tried])
    else:
        for position, one in enumerate(tried):
            print_lines([""] * bool(position))
            show(one)
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
    tried.is_elsewhere = tried.path == _elsewhere(file)
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
                tried.advice = whose_first_line(config, feeds, tried.path, file) or look.advice
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
    if path is None and tried.is_elsewhere:
        tried.problem, tried.advice = (said.replace(tried.path, str(file)) for said in (tried.problem, tried.advice))
    return tried


def _unread(look: Unrecognised) -> str:
    return f"{look.reason}; it may be {look.looks_like.removeprefix('perhaps ')}" if look.looks_like else look.reason


def _covered(claim: Claim) -> str:
    return f"{time_of(claim.period[0])} up to {time_of(claim.period[1])}"


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
