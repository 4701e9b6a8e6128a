"""What a feed cannot mean, though it is written as the language has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pointline.parse.feed import IN_USE, is_reserved
from pointline.vendors.decoded import check_beside, check_decoder, column_lists
from pointline.vendors.language import FeedText
from pointline.vendors.paths.template import PathTemplate
from pointline.vendors.paths.time_of_path import SPANS, Span
from pointline.vendors.targets.constants import PLACE
from pointline.vendors.targets.times import is_timed_by_path, needs_day
from pointline.vendors.values import zone_of

EXCHANGE = re.compile(r"[a-z0-9][a-z0-9._-]*")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SLACK = re.compile(r"(\d+)(us|ms|s|m|h)")
MOST_SKIPPED = 100
PARQUET = re.compile(r"[.{|]parquet[^/]*$", re.IGNORECASE)
PLAIN = 'a1,;|"\t\n'


def contradictions(text: FeedText, paths: Sequence[PathTemplate]) -> Iterator[str]:
    """Yield what is wrong with a feed, each in words."""
    yield from _check_names(text)
    yield from check_decoder(text)
    yield from _check_encoding(text.encoding)
    yield from check_beside(text)
    try:
        zone_of(text.day_zone)
    except ValueError as error:
        yield f"day_zone: {error}"
    if text.day_slack and not SLACK.fullmatch(text.day_slack):
        yield f"day_slack {text.day_slack!r} is not a time such as 500ms, 1s, 5m"
    yield from _check_lines(text, paths)
    if not text.exchange and "exchange" not in text.map:
        yield "it names no exchange"
    if text.exchange and not EXCHANGE.fullmatch(PLACE.sub("x", text.exchange)):
        yield (
            f"exchange {text.exchange!r} is no id: lower-case letters, digits, '.', '_' and '-', such as "
            "binance-futures; any such word is right where Tardis has none"
        )
    if text.companion and not {"{name}", "{stem}"} & set(re.findall(r"\{[a-z]*\}", text.companion)):
        yield f"companion {text.companion!r} names one file for all: write {{name}} or {{stem}} in it"
    if text.prefer and not any("span" in path.fields or SPANS.get(path.span) in text.prefer for path in paths):
        yield "prefer orders the values of a field {span}, or daily, monthly and yearly files: no path is of any"
    for path in paths:
        if "symbol" not in path.fields and not text.group and "symbol" not in text.map:
            yield f"{path.text!r} has no {{symbol}}, nor do the rows name one: say group = true, or map symbol"
    yield from _check_times(text, paths)


def _check_encoding(encoding: str) -> Iterator[str]:
    """Separators and digits have to be the bytes that they are in ASCII."""
    try:
        is_read = PLAIN.encode(encoding) == PLAIN.encode()
    except (LookupError, UnicodeError):
        is_read = False
    if not is_read:
        yield f"encoding: {encoding!r} is not known, or writes ASCII otherwise; write utf-8, gbk or latin-1, say"


def _check_lines(text: FeedText, paths: Sequence[PathTemplate]) -> Iterator[str]:
    """How lines are found and cut into cells."""
    places = set(re.findall(r"\{[^{}]*\}", text.trailer))
    if odd := sorted(places - {"{rows}", "{named}"}):
        yield f"trailer: {odd[0]} is none of {{rows}} and {{named}}, which stands for anything that the file's name has"
    elif places and "{rows}" not in places:
        yield "trailer: {named} is for a last line that counts the rows, with {rows} in it"
    if len(text.separator) != 1 or text.separator in '"\r\n':
        yield f"separator {text.separator!r} is not one character that may stand between cells"
    if text.decimal == text.separator and not text.quote:
        yield "decimal: a comma cannot be both in numbers and between cells that no quotes protect"
    if not 0 <= text.skip <= MOST_SKIPPED:
        yield f"skip is {text.skip}: it is the number of lines before the header, or the first row: 0 to {MOST_SKIPPED}"
    all_of_lines = {
        "skip": text.skip,
        "header_cut": text.header_cut,
        "decimal": text.decimal != ".",
        "separator": text.separator != ",",
        "quote": not text.quote,
        "trailer": text.trailer,
    }
    of_lines = [name for name, said in all_of_lines.items() if said]
    if of_lines and (odd := [one.text for one in paths if PARQUET.search(one.text)]):
        yield f"{of_lines[0]} is of lines of text, and {odd[0]!r} is of Parquet: give it a feed of its own"


def _check_times(text: FeedText, paths: Sequence[PathTemplate]) -> Iterator[str]:
    """A time without a date needs a path that names the day."""
    dayless = [path.text for path in paths if path.span not in (Span.DAY, Span.HOUR) or path.has_last]
    for name, one in text.map.items():
        if dayless and not isinstance(one, str) and needs_day(one):
            yield f"map.{name}: the time has no date, and {dayless[0]!r} names no single day"
    timeless = [path.text for path in paths if path.span is Span.NONE]
    if timeless and is_timed_by_path(text):
        yield f"a time since start counts from the time of the path, and {timeless[0]!r} names none"


def _check_names(text: FeedText) -> Iterator[str]:
    if text.steps and "interval" not in text.map:
        yield "steps are those of bars: map interval"
    try:
        re.compile(text.member)
    except re.error as error:
        yield f"member {text.member!r} is not a pattern: {error}"
    if not NAME.fullmatch(text.name):
        yield f"its name {text.name!r} is not made of letters, digits, '.', '_' and '-'"
    if text.header != "required" and (alike := _alike(column_lists(text))):
        yield (
            f"columns has two lists of {alike} names, and a file without a header says by their number which it is: "
            "give the feed of one of them a path of its own"
        )
    for names in column_lists(text):
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            yield f"columns names {', '.join(twice)} twice: each column needs a name of its own"
        for name in filter(is_reserved, names):
            yield f"columns: {IN_USE.format(name)}, and say in aliases how the header has it"


def _alike(lists: Sequence[Sequence[str]]) -> int:
    """Return how many names two lists have; 0 where no two have as many."""
    lengths = [len(names) for names in lists]
    return next((length for length in lengths if lengths.count(length) > 1), 0)
