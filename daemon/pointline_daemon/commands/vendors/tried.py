"""What ``pointline vendors try`` found out about a file, and what is shown of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import islice
from typing import Any

from msgspec import Struct, field

from pointline.phrases import count, plural, printable
from pointline.services.loading.trial import Trial
from pointline.vendors.claim import Claim
from pointline.vendors.paths.nearness import Near
from pointline_daemon.commands.shared.present import Column, print_labelled, print_lines, print_table, time_text

MOST_OTHERS = 4
LONGEST_LINE = 200
MOST_DAYS = 5


class Tried(Struct, kw_only=True):
    """What there is to say of one file. ``problem`` says why nothing of it would get in."""

    file: str
    path: str
    is_elsewhere: bool = False
    """It is not in bronze, and the path is that from the root of the disk."""
    claims: Sequence[Claim] = ()
    others: Sequence[Near] = ()
    reads: dict[str, str] = field(default_factory=dict)
    trial: Trial | None = None
    problem: str = ""
    advice: str = ""


def show(tried: Tried) -> None:
    print_labelled("file      ", tried.file)
    as_if = ", as if it lay so in bronze; --as PATH tries another" if tried.is_elsewhere else ""
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
        others = f"nor {more}" if named else f"any of {more} with similar paths"
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
        print_labelled("times     ", f"{time_of(trial.first_us)} to {time_of(trial.last_us)}")
        print_labelled("days      ", _days(trial))
    for name, number in trial.warnings.items():
        print_labelled("warning   ", f"{name}: {count(number)}")


def _days(trial: Trial) -> str:
    days = sorted(trial.days.items())
    shown = ", ".join(f"{day} ({plural(rows, 'row')})" for day, rows in islice(days, MOST_DAYS))
    return shown if len(days) <= MOST_DAYS else f"{shown} and {len(days) - MOST_DAYS} more"


def time_of(us: int) -> str:
    return time_text(dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us))


def _plain(value: object) -> str:
    if isinstance(value, dt.datetime):
        return time_text(value)
    return "" if value is None else printable(str(value))


def as_json(tried: Tried) -> dict[str, Any]:
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
        "first": None if trial.first_us is None else time_of(trial.first_us),
        "last": None if trial.last_us is None else time_of(trial.last_us),
        "days": {str(day): rows for day, rows in sorted(trial.days.items())},
        "symbols": list(trial.symbols),
        "warnings": dict(trial.warnings),
    }
