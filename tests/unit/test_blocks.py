"""A file in many blocks gives what the same file gives in one, whatever is wrong with one of its rows."""

from __future__ import annotations

import pytest
from pointline_daemon.samples import Sample, csv_bytes, sample_frame

from pointline.services.files.claims import Claims
from pointline.tables.registry import event_tables
from tests.support.loading import DAY, Bench, blocks_of

TABLES = sorted(event_tables())
ROWS = 90


def lines_of(table: str) -> list[bytes]:
    sample = Sample(exchange="binance", data_type=table, symbol="BTCUSDT", date=DAY, rows=ROWS)
    return csv_bytes(sample_frame(sample)).splitlines(keepends=True)


def spoil(header: bytes, line: bytes, kind: str) -> bytes:
    names = header.strip().split(b",")
    cells = line.strip().split(b",")
    match kind:
        case "bad time":
            cells[names.index(b"timestamp")] = b"x"
        case "bad last cell":
            cells[-1] = b"zzz"
        case "opened quote":
            cells[1] = b'"' + cells[1]
        case "a cell more":
            cells.append(b"7")
        case "a cell less":
            cells.pop()
        case "quoted":
            cells[1] = b'"' + cells[1] + b'"'
        case "NUL":
            cells[1] += b"\0"
        case "not UTF-8":
            cells[1] += b"\xff"
    return b",".join(cells) + b"\n"


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, {}, Claims())


def facts(found) -> tuple[object, ...]:
    outcome, silver, aside = found
    return outcome, silver.to_dict(as_series=False), aside.to_dict(as_series=False)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "kind",
    ["bad time", "bad last cell", "opened quote", "a cell more", "a cell less", "quoted", "NUL", "not UTF-8"],
)
@pytest.mark.share(8)
def test_one_row_at_fault(bench, table, kind):
    header, *rows = lines_of(table)
    size = sum(map(len, rows)) // 6
    border = next(place for place in range(ROWS) if sum(map(len, rows[:place])) >= size)
    for place in (0, border - 1, border, border + 1, ROWS // 2, ROWS - 1):
        lines = [*rows[:place], spoil(header, rows[place], kind), *rows[place + 1 :]]
        meta = bench.put(header + b"".join(lines), table=table)
        bench.claims = Claims()
        whole = facts(bench.load_one(meta))
        bench.claims = Claims()
        with blocks_of(size):
            in_blocks = facts(bench.load_one(meta))
        assert in_blocks == whole
        assert whole[0].status == "success", whole[0].error
        assert (whole[0].rows_written, whole[0].rows_quarantined) == ((ROWS, 0) if kind == "quoted" else (ROWS - 1, 1))
