"""The counting and judging behind the audit, without a disk."""

from __future__ import annotations

import polars as pl
import pytest

from pointline.io.protocols.tables import Part
from pointline.services.audit.ledger.ledger_audit import audit_counts, audit_ledger, audit_quarantine
from pointline.services.audit.ledger.ledger_index import LedgerIndex, with_next
from pointline.services.audit.silver import row_counts
from pointline.services.audit.silver.file_counts import FileCounts
from pointline.services.audit.silver.row_counts import COUNTS, count_rows
from pointline.services.telling.findings import HINTS, Finding
from pointline.tables.ingest_manifest import SCHEMA


class Frames:
    """Parts as lists of row groups, each a list of ``(file_id, file_seq)``."""

    def __init__(self, *parts):
        self._groups = {str(number): groups for number, groups in enumerate(parts)}

    def live_parts(self, partition=None):
        sizes = {path: sum(map(len, groups)) for path, groups in self._groups.items()}
        return [Part(path=path, partition={}, size_bytes=1, rows=rows, stats="{}") for path, rows in sizes.items()]

    def rows_of(self, part, columns=None):
        schema = dict.fromkeys(("file_id", "file_seq"), pl.Int64)
        for group in self._groups[part.path]:
            yield pl.DataFrame(group, schema=schema, orient="row")


def counted(*parts) -> dict[int, tuple[int, int, int]]:
    table = Frames(*parts)
    rows = count_rows(table, table.live_parts())
    assert dict(rows.schema) == COUNTS
    return {row["file_id"]: (row["rows"], row["seq_sum"], row["doubled"]) for row in rows.to_dicts()}


class TestCounts:
    """Numbers that rise prove themselves; any other order is looked at closely."""

    def test_nothing(self):
        assert counted() == {}

    def test_row_groups_and_parts_in_any_order(self):
        assert counted([[(1, 3), (1, 4)], [(2, 1)]], [[(1, 1), (1, 2), (2, 2)]]) == {1: (4, 10, 0), 2: (2, 3, 0)}

    @pytest.mark.parametrize(
        "parts",
        [
            [[[(1, 1), (1, 1), (1, 2)]]],
            [[[(1, 1), (1, 2)], [(1, 2)]]],
            [[[(1, 1), (1, 2)]], [[(1, 1)]]],
            [[[(1, 1), (1, 9)], [(1, 2), (1, 9)]]],
        ],
    )
    def test_a_doubled_row_anywhere(self, parts):
        assert counted(*parts)[1][2] == 1

    def test_sorted_by_something_else_is_no_doubling(self, monkeypatch):
        monkeypatch.setattr(row_counts, "MOST_ROWS_AT_ONCE", 2)
        assert counted([[(1, 3), (2, 2), (1, 1)], [(1, 2), (2, 1)]]) == {1: (3, 6, 0), 2: (2, 3, 0)}


def entry(file_id: int, **facts) -> dict:
    known = {"status": "success", "data_type": "trades", "exchange": "binance", "bronze_file_path": f"{file_id}.csv"}
    known["symbol"] = "BTCUSDT"
    counts = {"rows_read": 3, "rows_written": 3, "rows_quarantined": 0}
    return {"file_id": file_id, **known, **counts, **facts}


def ledger(*entries: dict) -> pl.DataFrame:
    rows = pl.DataFrame(list(entries), schema_overrides={"superseded_by": pl.Int64()})
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in rows.columns]
    return rows.with_columns(missing).with_columns(date=pl.date(2024, 5, 1)).select(list(SCHEMA))


def rows(file_id: int, *seqs: int, table: str = "trades") -> dict:
    low, high, doubled = min(seqs), max(seqs), len(seqs) - len(set(seqs))
    place = {"table": table, "exchange": "binance", "date": "2024-05-01"}
    counts = {"rows": len(seqs), "seq_sum": sum(seqs), "seq_min": low, "seq_max": high, "doubled": doubled}
    return {"file_id": file_id, **counts, **place}


def kinds(findings) -> list[str]:
    found = list(findings)
    assert all(isinstance(one, Finding) and HINTS[one.kind] for one in found)
    return [one.kind for one in found]


def silver(book: pl.DataFrame, *held: dict, aside=None) -> list[str]:
    schema = {**COUNTS, "table": pl.String(), "exchange": pl.String(), "date": pl.String()}
    found = pl.DataFrame(list(held), schema=schema)
    counts = None if aside is None else pl.DataFrame(aside).select(*COUNTS)
    return kinds(audit_counts(book, book, found, counts, ["trades", "quotes"]))


def in_runs(book: pl.DataFrame, *held: dict) -> list[str]:
    """What is found where the ledger comes row by row."""
    found = FileCounts()
    for one in held:
        found.add(pl.DataFrame([one]).select(*COUNTS), one["table"], one["exchange"], one["date"])
    runs = with_next(book.iter_slices(1))
    return sorted(
        one for run, until in runs for one in kinds(audit_counts(run, run, found.take_before(until), None, ["trades"]))
    )


class TestRuns:
    """An audit that reads the ledger in runs finds what one of all of it does."""

    @pytest.mark.parametrize("ids", [(), (5,), (2, 5, 8)])
    def test_what_is_found(self, ids):
        book = ledger(*map(entry, ids)) if ids else ledger(entry(1)).clear()
        held = [rows(one, 1, 2) for one in range(1, 11)]
        assert in_runs(book, *held) == sorted(silver(book, *held))
        assert len(silver(book, *held)) == 10

    def test_links_reach_over_runs(self):
        book = ledger(entry(1, status="superseded", superseded_by=3), entry(2, status="duplicate", superseded_by=1))
        book = pl.concat([book, ledger(entry(3), entry(4, status="duplicate", superseded_by=9))])
        index = LedgerIndex(book.iter_slices(1))
        found = [kind for run in book.iter_slices(1) for kind in kinds(audit_ledger(run, index))]
        assert found == ["duplicate_of_nothing", "manifest_link"]
        assert index.status_of(pl.Series([3, 9, None])).to_list() == ["success", None, None]


class TestSilver:
    """Every success has exactly its rows; no row is without a success."""

    def test_exact(self):
        assert silver(ledger(entry(1)), rows(1, 1, 2, 3)) == []

    def test_with_a_row_set_aside(self):
        book = ledger(entry(1, rows_written=2, rows_quarantined=1))
        assert silver(book, rows(1, 1, 3), aside=[rows(1, 2)]) == []
        assert silver(book, rows(1, 1, 2), aside=[rows(1, 2)]) == ["rows_misnumbered"]

    def test_an_empty_file(self):
        assert silver(ledger(entry(1, rows_read=0, rows_written=0))) == []

    @pytest.mark.parametrize(
        ("held", "kind"),
        [
            ([], "rows_missing"),
            ([rows(1, 1, 2)], "rows_missing"),
            ([rows(1, 1, 2, 3, 4)], "rows_extra"),
            ([rows(1, 1, 2, 3, 3)], "rows_doubled"),
            ([rows(1, 0, 2, 4)], "rows_misnumbered"),
            ([rows(1, 1, 2, 4)], "rows_misnumbered"),
        ],
    )
    def test_not_its_rows(self, held, kind):
        assert silver(ledger(entry(1)), *held) == [kind]

    @pytest.mark.parametrize(
        ("facts", "held", "aside", "kind"),
        [
            ({"rows_written": 2, "rows_quarantined": 1}, rows(1, 1, 2, 3), None, "rows_extra"),
            ({"rows_read": 4, "rows_written": 4}, rows(1, 1, 3, 3, 3), None, "rows_doubled"),
            ({"rows_written": 2, "rows_quarantined": 1}, rows(1, 0, 3), rows(1, 3), "rows_misnumbered"),
            ({"rows_written": 2, "rows_quarantined": 1}, rows(1, 1, 4), rows(1, 1), "rows_misnumbered"),
            ({"rows_written": 2, "rows_quarantined": 1}, rows(1, 1, 2), rows(1, 2), "rows_misnumbered"),
        ],
        ids=["rows", "doubled", "lowest", "highest", "sum"],
    )
    def test_each_number_tells_by_itself(self, facts, held, aside, kind):
        """All the other numbers are right."""
        assert silver(ledger(entry(1, **facts)), held, aside=None if aside is None else [aside]) == [kind]

    def test_in_another_table(self):
        assert silver(ledger(entry(1)), rows(1, 1, 2, 3), rows(1, 1, table="quotes")) == ["rows_misplaced"]

    @pytest.mark.parametrize("status", ["pending", "failed", "quarantined", "superseded", "duplicate"])
    def test_without_a_success(self, status):
        assert silver(ledger(entry(1, status=status)), rows(1, 1)) == ["rows_without_success"]

    def test_of_no_file(self):
        assert silver(ledger(entry(1)), rows(1, 1, 2, 3), rows(2, 1)) == ["rows_without_success"]

    def test_what_is_in_flight_is_left_out(self):
        book = ledger(entry(1))
        found = pl.DataFrame([rows(1, 1)])
        assert kinds(audit_counts(book.clear(), book, found, None, ["trades"])) == []


class TestLedger:
    """The ledger must agree with itself."""

    @pytest.mark.parametrize(
        ("facts", "kind"),
        [
            ({"rows_read": 4}, "manifest_counts"),
            ({"status": "done"}, "manifest_fact"),
            ({"status": "superseded", "superseded_by": 9}, "manifest_link"),
            ({"status": "duplicate"}, "manifest_link"),
        ],
    )
    def test_damage(self, facts, kind):
        book = ledger(entry(1, **facts))
        assert kinds(audit_ledger(book, LedgerIndex([book]))) == [kind]

    def test_an_id_twice(self):
        book = ledger(entry(1), entry(1))
        assert kinds(audit_ledger(book, LedgerIndex([book]))) == ["manifest_doubled"]

    def test_sound(self):
        book = ledger(entry(1, status="superseded", superseded_by=2), entry(2))
        assert kinds(audit_ledger(book, LedgerIndex([book]))) == []

    @pytest.mark.parametrize(
        ("facts", "is_said"),
        [
            ({}, True),
            ({"warnings": '{"accepted":1}'}, False),
            ({"checksum": "ok"}, False),
            ({"status": "failed"}, False),
        ],
    )
    def test_a_checksum_that_came_late(self, facts, is_said):
        book = ledger(entry(1, **{"checksum": "mismatch", **facts}))
        assert ("checksum_differs" in kinds(audit_ledger(book, LedgerIndex([book])))) is is_said

    def test_quarantine(self):
        book = ledger(entry(1, rows_written=2, rows_quarantined=1))

        def aside(*held: dict) -> list[str]:
            return kinds(audit_quarantine(book, book, pl.DataFrame(list(held), schema=COUNTS)))

        def only(row: dict) -> dict:
            return {name: row[name] for name in COUNTS}

        assert aside(only(rows(1, 2))) == []
        assert aside() == ["quarantine_missing"]
        assert aside(only(rows(1, 2, 3))) == ["quarantine_extra"]
        assert aside(only(rows(1, 2)), only(rows(7, 1))) == ["quarantine_extra"]
