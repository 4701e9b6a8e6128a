"""Times that are written in a format of ``strptime``: which formats can be read, and how.

Chrono, by which Polars reads, lets a field of digits be shorter than it is. Where another one follows without a letter
between them the digits would move from the one to the other: ``930`` by ``%H%M`` is 93 hours, ``100`` is 10:00. Such
fields have to be whole here. ``%-H``, ``%-d`` or another such letter at the beginning of them stands for one without
its zeros: by ``%-H%M%S`` the whole number 93000 is 09:30:00, and 5 is five seconds after midnight.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import cache

import polars as pl
from msgspec import Struct

from pointline.vendors.values import EPOCH, Clock, epoch, from_wall

DATES = ("%Y", "%-Y", "%y", "%F", "%D")
"""What a format has that says which day it is."""
DIRECTIVE = re.compile(r"%[-_0]?(?:\.?\d*)?([A-Za-z+%])")
FRACTION, FRACTIONS = re.compile(r"%\.?(\d+)f"), ("3", "6", "9")
NOT_READ = {
    "Z": "%Z is the name of a zone, which is not read: write %z for an offset, or the name as it is and say the zone",
    "+": "%+ is not read: write it out, as %Y-%m-%dT%H:%M:%S%.f%z",
    "s": '%s is an epoch: write time = "epoch" or time = "seconds"',
}
"""What ``strptime`` passes over, or takes for a time on the wall."""
SHORT_FOR = {"%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%T": "%H:%M:%S", "%R": "%H:%M"}
WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3}
"""How many digits a field has."""
ITEM = re.compile(r"%(?P<flag>[-_0]?)(?P<fraction>\.?[0-9]*)(?P<letter>[A-Za-z+%])|(?P<blank>\s+)|(?P<literal>.)")


class Fields(Struct, frozen=True, kw_only=True):
    """How texts of a format have to look so that each of their digits is in its own field."""

    pattern: str
    """What a whole text matches."""
    length: int = 0
    """How long every text is that is not filled with blanks; 0 where they differ. That tells as much, in less time."""
    to_fill: tuple[str, str, int, str] | None = None
    """The pattern of a text whose digits lack their zeros: what is before them, they, how many they are, the rest."""


class _Item(Struct, frozen=True):
    pattern: str
    width: int = 0
    """Of digits; 0 for what is none."""
    whole: str = ""
    """What it matches beside other digits."""
    length: int = 0
    """Of what is no digit; 0 where that differs."""
    may_lack_zeros: bool = False
    letter: str = ""


def is_dated(format_: str) -> bool:
    """Tell whether a format says of which day a time is."""
    return format_ == EPOCH or any(letters in format_ for letters in DATES)


@cache
def is_all_digits(format_: str) -> bool:
    """Tell whether texts of a format are whole numbers."""
    return all(item.width for item in _items(format_))


@cache
def check_format(format_: str) -> None:
    """Raise ValueError for a format in which no time can be read."""
    if format_ == EPOCH:
        return
    if "%f" in format_:
        raise ValueError(
            f"{format_!r}: %f is the nanoseconds; write %.f for a fraction with its point, %3f for 3 digits"
        )
    if (digits := FRACTION.search(format_)) and digits[1] not in FRACTIONS:
        raise ValueError(
            f"{format_!r}: {digits[0]} is not known: write %.f for any fraction, %3f, %6f or %9f for digits"
        )
    if wrong := [letter for letter in DIRECTIVE.findall(format_) if letter in NOT_READ]:
        raise ValueError(f"{format_!r}: {NOT_READ[wrong[0]]}")
    if "%I" in format_ and "%p" not in format_.lower():
        raise ValueError(f"{format_!r}: %I is an hour of a clock of twelve: write %p for AM or PM too, or %H")
    how = format_ if is_dated(format_) else f"%Y-%m-%d {format_}"
    moment = pl.DataFrame({"x": [dt.datetime(2024, 5, 13, 14, 15, 16)]}).lazy()  # noqa: DTZ001 - a clock on the wall
    text = pl.col("x").dt.replace_time_zone("UTC").dt.strftime(how)
    try:
        read = moment.select(_moments(text, how)).collect().item()
    except pl.exceptions.PolarsError:
        read = None
    if read is None:
        raise ValueError(f"no time can be read by the format {format_!r}: it has to say a whole date, or none")


def written(columns: Sequence[str], formats: Sequence[str], clock: Clock, unit: str, day: dt.date) -> pl.Expr:
    """Microseconds from text, tried in each format of ``strptime``; several columns are joined by a blank.

    ``clock`` is the one on the wall; an offset in the text is taken instead of it where a format has ``%z``.
    A format without a date is of ``day``. The format ``epoch`` stands for an integer epoch in ``unit``.
    """
    text = pl.col(columns[0]) if len(columns) == 1 else pl.concat_str([pl.col(one) for one in columns], separator=" ")
    return pl.coalesce([_written(text, format_, clock, unit, day) for format_ in formats])


def _written(text: pl.Expr, format_: str, clock: Clock, unit: str, day: dt.date) -> pl.Expr:
    if format_ == EPOCH:
        return epoch(text.cast(pl.Int64, strict=False), unit)
    if not is_dated(format_):
        text, format_ = pl.concat_str([pl.lit(f"{day} "), text]), f"%Y-%m-%d {format_}"
    moments = _moments(text, format_)
    if "%z" in format_:
        return moments.dt.timestamp("us")
    return from_wall(moments, Clock("UTC") if _ends_in_utc(format_) else clock)


def _moments(text: pl.Expr, format_: str) -> pl.Expr:
    """Return what a clock shows, or moments where the text has an offset; null where a text is not of the format."""
    kind = pl.Datetime("us", "UTC") if "%z" in format_ else pl.Datetime("us")
    fields = fields_of(format_)
    if fields is not None and fields.to_fill is not None:
        before, digits, width, behind = fields.to_fill
        found = [text.str.extract(f"^({before})({digits})({behind})$", group) for group in (1, 2, 3)]
        text = pl.concat_str(found[0], found[1].str.zfill(width), found[2])
    moments = text.str.strptime(kind, format_.replace("%-", "%"), strict=False)
    if (sixty := _second_sixty(format_)) is not None:
        moments = pl.when(~text.str.contains(sixty)).then(moments)
    if fields is None:
        return moments
    is_whole = text.str.contains(fields.pattern)
    if fields.length:
        is_whole = (text.str.len_bytes() == fields.length) & ~text.str.contains("  ", literal=True)
    return pl.when(is_whole).then(moments)


@cache
def fields_of(format_: str) -> Fields | None:
    """Return how texts have to look; None where no field of digits follows another one."""
    items = list(_items(format_))
    runs = list(_runs(items))
    if not any(len(run) > 1 for run in runs):
        return None
    shape = f"^{_shape(runs)}$"
    lacking = [place for place, run in enumerate(runs) if len(run) > 1 and run[0].may_lack_zeros]
    if not lacking:
        lengths = [item.width or item.length for run in runs for item in run if len(run) > 1 or not item.width]
        is_fixed = 0 not in lengths and len(lengths) == len(items)
        return Fields(pattern=shape, length=sum(lengths) if is_fixed else 0)
    place, width = lacking[0], sum(item.width for item in runs[lacking[0]])
    around = _shape(runs[:place]), _shape(runs[place + 1 :])
    return Fields(pattern=shape, to_fill=(around[0], f"[0-9]{{1,{width}}}", width, around[1]))


@cache
def _second_sixty(format_: str) -> str | None:
    """Return what finds a second 60, which chrono takes for the beginning of the next minute; None without seconds."""
    items = list(_items(format_))
    place = next((at for at, item in enumerate(items) if item.letter == "S"), None)
    if place is None:
        return None
    before, behind = items[:place], items[place + 1 :]
    if before and before[-1].whole and before[-1].length == 1 and not (behind and behind[0].width):
        return f"{before[-1].whole}60(?:[^0-9]|$)"  # most times: a colon, and no digits after it
    shape = "".join(one.whole or one.pattern for one in before), "".join(one.whole or one.pattern for one in behind)
    return f"^{shape[0]}60{shape[1]}$"


def _shape(runs: Sequence[Sequence[_Item]]) -> str:
    return "".join(item.whole if len(run) > 1 else item.pattern for run in runs for item in run)


def _items(format_: str) -> Iterator[_Item]:
    for short, long in SHORT_FOR.items():
        format_ = format_.replace(short, long)
    for found in ITEM.finditer(format_):
        fraction, letter, literal = found["fraction"], found["letter"], found["literal"]
        if found["blank"]:
            yield _Item(r"\s*", length=int(found["blank"] == " "))
        elif literal:
            yield _Item(re.escape(literal), int(literal.isdigit()), re.escape(literal), len(literal.encode()))
        elif letter == "f" and fraction.isdigit():
            yield _Item(f"[0-9]{{{fraction}}}", int(fraction), f"[0-9]{{{fraction}}}")
        elif letter in WIDTHS:
            whole = f"[0-9]{{{WIDTHS[letter]}}}"
            yield _Item(r"\s*[0-9]+", WIDTHS[letter], whole, may_lack_zeros=found["flag"] == "-", letter=letter)
        else:
            yield _Item(".*?")


def _runs(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    """Yield items of digits that follow one another together, others alone."""
    run: list[_Item] = []
    for item in items:
        if run and not (item.width and run[-1].width):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _ends_in_utc(format_: str) -> bool:
    """Tell whether times end in a Z that stands for UTC: a letter of its own."""
    return re.search(r"(?:^|[^A-Za-z])Z$", DIRECTIVE.sub("0", format_)) is not None
