"""The text path: a block of CSV taken apart line by line to find the rows at fault. Slower than the parser, and exact.

A row is what stands between two line feeds, or more where a quoted cell holds a line feed. It is quarantined with its
original line when it has the wrong number of cells, bytes that are not text, or a cell that cannot be typed, and when
it breaks a rule (``rules``).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from pointline.parse.feed import CUT, Dialect, Feed, cut_of
from pointline.parse.json_lines import BROKEN
from pointline.parse.rules import Belonging, rules
from pointline.tables.schema import ROUNDED, Kind

MOST_LINES_OF_A_ROW = 64
COMMAS = Dialect()
NO_VERDICT = pl.lit(None, pl.Struct({"rule": pl.String(), "column": pl.String()}))

FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
"""What the fast path's parser takes for a flag; both paths have to agree."""

BAD_SCHEMA: dict[str, pl.DataType] = {
    "row": pl.Int64(),
    "rule": pl.String(),
    "column": pl.String(),
    "raw": pl.String(),
}


def parse(
    feed: Feed, header: Sequence[str], data: bytes, belonging: Belonging, left: Counter[str] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return ``(good, bad)``: columns of the feed's table with ``row``, and ``row, rule, column, raw`` of other rows.

    ``row`` is the 0-based position in ``data``, which holds whole lines without the header. Every row is in exactly
    one of the two frames, but for those that a feed passes over; ``left`` counts values of these.
    """
    records = split_records(data, len(header), feed.dialect)
    cells, broken = _cells(records, header, feed.dialect)
    typed = _typed(feed, cells, header).with_columns(_word(name).alias(f"{name}:word") for name in feed.where)
    untyped = [
        _verdict("unknown_value" if column.kind is Kind.CHOICE else "unparseable", column.name, failed)
        for column in feed.columns
        if column.kind is not Kind.TEXT
        for failed in [pl.col(f"{column.name}:text").is_not_null() & pl.col(column.name).is_null()]
    ]
    untyped += [_verdict("unknown_value", name, unknown) for name, unknown in feed.unknown_words("{}:word").items()]
    typed = feed.completed(typed.with_columns(pl.coalesce([*untyped, NO_VERDICT]).alias("untyped")))
    rows = _mapped(feed, _of_the_table(feed, typed, left), belonging)
    judging = rules(feed.table, belonging, rows, names_units=feed.targets is None)
    verdicts = [_verdict(rule.name, rule.column, rule.broken) for rule in judging]
    judged = rows.with_columns(pl.coalesce(["untyped", "unmapped", *verdicts]).alias("verdict"))
    good = judged.filter(pl.col("verdict").is_null()).select("row", *feed.table.raw_schema, *({CUT} & {*rows.columns}))
    set_aside = judged.filter(pl.col("verdict").is_not_null()).select(
        "row", *(pl.col("verdict").struct.field(name) for name in ("rule", "column"))
    )
    bad = pl.concat([broken, set_aside]).sort("row")
    mark = BROKEN if feed.dialect.is_decoded else b""
    raw = pl.Series("raw", [readable(records[row].removeprefix(mark)) for row in bad["row"]], dtype=pl.String)
    return good, bad.with_columns(raw).select(list(BAD_SCHEMA))


def _of_the_table(feed: Feed, typed: pl.DataFrame, left: Counter[str] | None) -> pl.DataFrame:
    """Leave out the rows that the feed passes over, among those that could be typed."""
    if feed.is_plain:
        return typed
    is_typed = pl.col("untyped").is_null()
    broken = typed.filter(~is_typed)
    for name, values in feed.where.items():
        word = pl.col(f"{name}:word")
        is_other = word.is_in(feed.leave_out[name]) if name in feed.leave_out else ~word.is_in(values)
        if left is not None and name not in feed.leave_out:
            others = broken.filter(is_other).group_by(word).len()
            left.update({f"{name}={one}": rows for one, rows in others.iter_rows()})
        broken = broken.filter(~is_other)
    return pl.concat([feed.rows_of(typed.filter(is_typed), left), broken]).sort("row")


def _word(name: str) -> pl.Expr:
    """Return what a cell says that ``where`` is asked of: as it is once typed, or as it is written."""
    return pl.coalesce(pl.col(name).cast(pl.String), pl.col(f"{name}:text")).fill_null("")


def _mapped(feed: Feed, typed: pl.DataFrame, belonging: Belonging) -> pl.DataFrame:
    """Return the columns of the table, with ``unmapped``, the verdict on cells that say nothing that fits one."""
    targets = feed.tell(belonging)
    if not targets:
        return typed.with_columns(NO_VERDICT.alias("unmapped"))
    values = {one.name: f"{one.name}:value" for one in targets}
    rows = typed.with_columns(one.value.alias(values[one.name]) for one in targets)
    unmapped = [
        _verdict(rule, one.sources[0], one.failed & where)
        for one in targets
        if one.sources
        for rule, where in (*one.clocks.items(), (one.rule, pl.lit(value=True)))
    ]
    return rows.select(
        "row",
        "untyped",
        pl.coalesce([*unmapped, NO_VERDICT]).alias("unmapped"),
        *(pl.col(value).alias(name) for name, value in values.items()),
        *cut_of(targets, typed),
    )


def split_records(data: bytes, cells: int, dialect: Dialect = COMMAS) -> list[bytes]:
    """Split whole lines into rows, without their line ends.

    A line feed inside a quoted cell does not end a row; but a quote that never closes must not swallow the rows after
    it, so lines are joined only where that gives a row of the right number of cells.
    """
    lines = data.removesuffix(b"\n").split(b"\n")
    if b'"' not in data or not dialect.is_quoted or dialect.is_decoded:
        return [line.removesuffix(b"\r") for line in lines]
    return [b"\n".join(lines[start:end]).removesuffix(b"\r") for start, end, _ in _spans(lines, cells, dialect)]


def split_open_row(data: bytes, cells: int, dialect: Dialect = COMMAS) -> tuple[bytes, bytes]:
    """Split whole lines before a row at their end of which more lines may follow: it has a quote that is still open."""
    place = len(data) - 1
    for _ in range(MOST_LINES_OF_A_ROW):
        place = data.rfind(b"\n", 0, max(place, 0))
    last = data[place + 1 :]
    if b'"' not in last or all(line.count(b'"') % 2 == 0 for line in last.split(b"\n")):
        return data, b""  # nearly always: the lines before do not matter
    lines = data.removesuffix(b"\n").split(b"\n")
    for start, _, is_open in _spans(lines, cells, dialect):
        if is_open:
            cut = sum(map(len, lines[:start])) + start
            return data[:cut], data[cut:]
    return data, b""


def _spans(lines: list[bytes], cells: int, dialect: Dialect) -> Iterator[tuple[int, int, bool]]:
    """Yield the first line of each row, the line after it, and whether the quote in it may close further on."""
    at = 0
    while at < len(lines):
        end = _end_of_quoted_row(lines, at, cells, dialect) if lines[at].count(b'"') % 2 else at + 1
        yield at, end or at + 1, end is None
        at = end or at + 1


def _end_of_quoted_row(lines: list[bytes], start: int, cells: int, dialect: Dialect) -> int | None:
    """Return the line after a row; None where there are too few lines to tell."""
    quotes = 0
    for end in range(start + 1, min(start + MOST_LINES_OF_A_ROW, len(lines)) + 1):
        quotes += lines[end - 1].count(b'"')
        if quotes % 2 == 0:
            joined = split_cells(readable(b"\n".join(lines[start:end]).removesuffix(b"\r")), dialect)
            return end if len(joined) == cells else start + 1
    return start + 1 if len(lines) >= start + MOST_LINES_OF_A_ROW else None


def readable(line: bytes) -> str:
    """Return the line as text; bytes that are not UTF-8 are written as backslash escapes."""
    return line.decode("utf-8", "backslashreplace")


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def split_cells(line: str, dialect: Dialect = COMMAS) -> list[str]:
    """Return the cells of one row; none where its quoting is broken."""
    if not dialect.is_quoted:
        return line.split(dialect.separator)
    try:
        rows = list(csv.reader([line], strict=True, delimiter=dialect.separator, skipinitialspace=dialect.is_trimmed))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 else []


def _cells(records: list[bytes], header: Sequence[str], dialect: Dialect) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return ``row, field_0, ...`` of rows with the right number of cells, and ``row, rule, column`` of the rest."""
    width = len(header)
    lines = pl.DataFrame({"line": pl.Series([_decoded(record) for record in records], dtype=pl.String)}).select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        pl.col("line"),
        (pl.lit(dialect.is_quoted) & pl.col("line").str.contains('"', literal=True))
        .fill_null(value=False)
        .alias("quoted"),
        pl.col("line").str.contains("\0", literal=True).fill_null(value=False).alias("nul"),
        pl.col("line").str.count_matches(dialect.separator, literal=True).alias("separators"),
        pl.col("line").str.starts_with("\r").fill_null(value=False).alias("turned"),
        pl.Series("marked", [dialect.is_decoded and record.startswith(BROKEN) for record in records], dtype=pl.Boolean),
    )

    lines_as_meant = lines.filter(~pl.col("nul"), ~pl.col("turned"))
    plain = lines_as_meant.filter(~pl.col("quoted"), ~pl.col("marked"), pl.col("separators") == width - 1)
    cells = _split_plain(plain, width, dialect.separator)
    quoted = lines_as_meant.filter(~pl.col("marked"), pl.col("quoted"))
    rows = [(row, split_cells(line, dialect)) for row, line in quoted.select("row", "line").iter_rows()]
    fitting = [(row, *found) for row, found in rows if len(found) == width]
    if fitting:
        cells = pl.concat([cells, pl.DataFrame(fitting, schema=cells.schema, orient="row")]).sort("row")
    rule = (
        pl.when("marked")
        .then(pl.lit("broken_line"))
        .when("nul")
        .then(pl.lit("nul_byte"))
        .when("turned")  # line ends the wrong way round, LF CR: the CR belongs to nothing
        .then(pl.lit("invisible_character"))
        .when(pl.col("line").is_null())
        .then(pl.lit("not_utf8"))
        .otherwise(pl.lit("ragged"))
    )
    broken = lines.join(cells, on="row", how="anti").select("row", rule.alias("rule"), pl.lit("").alias("column"))
    return cells, broken


def _split_plain(lines: pl.DataFrame, width: int, separator: str) -> pl.DataFrame:
    names = [f"field_{i}" for i in range(width)]
    if width == 1:
        return lines.select("row", pl.col("line").alias(names[0]))
    parts = lines["line"].str.split_exact(separator, width - 1).struct.rename_fields(names)
    return pl.DataFrame([lines["row"], *parts.struct.unnest().get_columns()])


def _typed(feed: Feed, cells: pl.DataFrame, header: Sequence[str]) -> pl.DataFrame:
    """Type the known columns; ``<name>:text`` keeps what stood there, null where the cell is empty."""
    texts = cells.select(
        "row",
        *(
            _text(f"field_{header.index(name)}", is_trimmed=feed.dialect.is_trimmed).alias(f"{name}:text")
            for name in feed.raw_schema
        ),
    )
    has_comma = feed.dialect.has_decimal_comma
    seconds = {column.name for column in feed.columns if column.kind is Kind.SECONDS}
    return texts.with_columns(
        _cast(name, dtype, has_comma=has_comma, is_time=name in seconds) for name, dtype in feed.raw_schema.items()
    )


def _text(name: str, *, is_trimmed: bool) -> pl.Expr:
    text = pl.col(name).str.strip_chars(" ") if is_trimmed else pl.col(name)
    return pl.when(text != "").then(text)


def _cast(name: str, dtype: pl.DataType, *, has_comma: bool, is_time: bool) -> pl.Expr:
    text = pl.col(f"{name}:text")
    if dtype == pl.Boolean:
        return text.replace_strict(FLAGS, default=None, return_dtype=pl.Boolean).alias(name)
    if dtype.is_numeric():
        text = text.str.strip_chars_start(" ")
        text = with_point(text) if has_comma and dtype.is_float() else text
        text = unrounded(text) if is_time else text
    return text.cast(dtype, strict=False).alias(name)


def unrounded(text: pl.Expr) -> pl.Expr:
    """Return times without those that a spreadsheet has rounded."""
    return pl.when(~text.str.contains(ROUNDED)).then(text)


def with_point(text: pl.Expr) -> pl.Expr:
    """Return numbers that are written with a decimal comma as they are with a point; what has a point is none then."""
    return text.str.replace_many({",": ".", ".": ","})


def _verdict(rule: str, column: str, broken: pl.Expr) -> pl.Expr:
    return pl.when(broken).then(pl.struct(pl.lit(rule).alias("rule"), pl.lit(column).alias("column")))
