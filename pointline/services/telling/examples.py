"""The examples inside a description: each is read as a file of its path, and has to give the rows that it names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Self

import polars as pl

from pointline.errors import PointlineError, Rejected
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.parse import text_path
from pointline.parse.feed import Dialect
from pointline.parse.text_path import COMMAS
from pointline.phrases import BLANK_HINT, BLANK_START, plural
from pointline.services.loading.trial import Terms, Trial, try_file
from pointline.vendors.claim import Claim
from pointline.vendors.describe import Description, Vendor
from pointline.vendors.feeds import Feeds
from pointline.vendors.language import ExampleText


class ExampleContent:
    """The lines of an example, as if a file held them."""

    content_hash = ""
    warnings: Mapping[str, int] = MappingProxyType({})
    says: Mapping[str, str] = MappingProxyType({})

    def __init__(self, lines: list[str], dialect: Dialect = COMMAS, beside: list[str] | None = None) -> None:
        own = {*range(dialect.skip + 1), *([len(lines) - 1] if dialect.trailer else [])}
        first, *rest = [
            line.encode(dialect.encoding if place in own else "utf-8") for place, line in enumerate(lines)
        ] or [b""]
        self._first = first
        self._rest = b"".join(line + b"\n" for line in rest)
        self._beside = beside
        self._skipped = 0

    @property
    def is_packed(self) -> bool:
        """Lines of an example are not."""
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """There is nothing to close."""

    def first_line(self, _member: str = "", _decoder: str = "", skip: int = 0, _separator: str = ",") -> bytes:
        """Return the first line that counts."""
        while self._skipped < skip:
            self._first, _, self._rest = self._rest.partition(b"\n")
            self._skipped += 1
        if not self._first and self._rest.strip():
            raise Rejected(f"example: {BLANK_START}", subject="example", hint=BLANK_HINT)
        return self._first

    def header(self) -> tuple[str, ...]:
        """Return the cells of the first line."""
        return tuple(text_path.split_cells(text_path.readable(self._first))) if self._first else ()

    def blocks(self, wanted: Mapping[str, str] | None = None) -> Iterator[bytes]:  # noqa: ARG002 - nothing is left out
        """Yield the other lines."""
        if self._rest:
            yield self._rest

    def lines(self, _member: str = "") -> Iterator[bytes]:
        """Yield all lines."""
        yield self.whole()

    def beside(self, _path: str) -> ExampleContent | None:
        """Return the lines of the other file."""
        return ExampleContent(self._beside) if self._beside else None

    def whole(self) -> bytes:
        """Return all lines."""
        return self._first + b"\n" + self._rest


def check_examples(vendor: Vendor, feeds: Feeds) -> tuple[int, list[str]]:
    """Return how many examples a vendor's description has, and what is wrong with them.

    ``feeds`` are all that a lake with the description would have.
    """
    count, found = 0, []
    for one in vendor.descriptions:
        for number, example in enumerate(one.text.example, 1):
            count += 1
            place = f"{vendor.where}: feed {one.feed.name}, example {number}"
            found += [f"{place}: {problem}" for problem in _problems(one, example, feeds)]
    return count, found


def _problems(one: Description, example: ExampleText, feeds: Feeds) -> Iterator[str]:
    claims = feeds.claims(example.path)
    claim = next((claim for claim in claims if claim.description.name == one.name), None)
    if claim is None:
        yield f"the path {example.path!r} is none of this feed{_after(_why_not(one, example.path))}"
        return
    if len(claims) > 1:
        names = " and ".join(sorted(claim.description.name for claim in claims))
        yield f"{names} both claim the path {example.path!r}: change the path of one of them"
        return
    if claim.problem:
        yield f"the path {example.path!r} cannot be right: {claim.problem}"
        return
    content = ExampleContent(example.lines, one.feed.dialect, example.beside)
    try:
        trial = try_file(_meta(claim, example), content, Terms(feeds=feeds, checks={}), shown=None)
    except PointlineError as error:
        yield str(error)
        return
    yield from _differences(trial, example)


def _meta(claim: Claim, example: ExampleText) -> BronzeFileMetadata:
    feed = claim.description.feed
    return BronzeFileMetadata(
        exchange=claim.exchange,
        data_type=feed.table.name,
        symbol=claim.symbol,
        date=claim.date,
        bronze_file_path=example.path,
        file_size_bytes=0,
        last_modified_ts=0,
        vendor=feed.vendor,
        feed=claim.feed,
        receive_clock=feed.has_receive_clock,
    )


def _differences(trial: Trial, example: ExampleText) -> Iterator[str]:
    said = trial.refusal or trial.remark
    if trial.rows.height != len(example.rows):
        given, told = (plural(count, "row") for count in (trial.rows.height, len(example.rows)))
        yield f"its lines give {given}, it says {told}{_after(said)}"
        return
    for row, wanted in zip(trial.rows.iter_rows(named=True), example.rows, strict=True):
        for column, value in wanted.items():
            if column not in row:
                names = ", ".join(name for name in row if name != "file_seq")
                yield f"row {row['file_seq']}: there is no column {column!r}; there are {names}"
            elif not _is_same(row[column], value, trial.rows.schema[column]):
                yield f"row {row['file_seq']}: {column} is {_shown(row[column])}, it says {_shown(value)}"


def _why_not(one: Description, path: str) -> str:
    """Say what of a path does not fit, by the template that it fits most of."""
    folder, _, name = path.rpartition("/")
    misses = [template.miss(folder, name) for template in one.paths]
    why = max(misses, key=lambda miss: miss.near).why if misses else ""
    packed = path.endswith((".gz", ".zst")) and any(template.text.endswith(".csv") for template in one.paths)
    return f"{why}; .csv is csv.gz and csv.zst too if it is written .{{csv}}" if packed else why


def _after(said: str) -> str:
    return f": {said}" if said else ""


def _is_same(found: object, said: object, dtype: pl.DataType) -> bool:
    if said == "" and isinstance(said, str):
        return found is None
    if dtype == pl.Datetime:
        return found == _time(said)
    if isinstance(found, list):
        return isinstance(said, list) and [_number(one) for one in said] == found
    if isinstance(found, bool) or isinstance(said, bool):
        return found is said
    return found == said


def _number(said: object) -> object:
    """A number of a list, or nothing where it is written as an empty text; what is neither is no number of a list."""
    if said == "":
        return None
    return float(said) if isinstance(said, int | float) else said


def _time(said: object) -> dt.datetime | None:
    """A time without a zone is UTC."""
    try:
        time = dt.datetime.fromisoformat(said) if isinstance(said, str) else said
    except ValueError:
        return None
    if not isinstance(time, dt.datetime):
        return None
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)


def _shown(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return "nothing" if value is None or value == "" else repr(value)
