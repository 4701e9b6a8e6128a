"""The live page: what it shows of a lake, before and after a restart, and what hostile names can do to it."""

from __future__ import annotations

import datetime as dt
import json
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import polars as pl
import pytest
from pointline_daemon.page import board
from pointline_daemon.page.web import PAGE

from pointline.io.delta.table.repository import DeltaTableRepository
from pointline.tables import ingest_manifest
from pointline.tables.ingest_manifest import Status
from tests.support.observed import Observed, batch_done, file_done
from tests.support.waiting import wait_until

HOSTILE = "<img src=x onerror=alert(1)></script>\u202egnp.csv"
DAY = dt.date(2024, 5, 1)


def row(file_id: int, status: Status = Status.SUCCESS, *, minutes_ago: float = 30, **facts: object) -> dict:
    at_us = int((time.time() - minutes_ago * 60) * 1_000_000)
    landed = status is Status.SUCCESS
    return {
        "file_id": file_id,
        "vendor": "tardis",
        "exchange": "binance",
        "data_type": "trades",
        "symbol": "BTCUSDT",
        "date": DAY,
        "bronze_file_path": f"binance_trades_2024-05-01_{file_id}.csv",
        "file_size_bytes": 1,
        "last_modified_ts": dt.datetime(2024, 5, 2, tzinfo=dt.UTC),
        "status": status.value,
        "attempts": 1,
        "rows_written": 100 if landed else 0,
        "rows_quarantined": 2 if landed else 0,
        "created_at_us": at_us,
        "updated_at_us": at_us,
        "symbols": ["BTCUSDT"] if landed else None,
        **facts,
    }


def lake_of(root: Path, *rows: dict) -> Path:
    table = DeltaTableRepository(root / "silver" / ingest_manifest.NAME, ingest_manifest.SCHEMA)
    table.create()
    table.write_full(pl.DataFrame(rows, schema=ingest_manifest.SCHEMA))
    return root


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def lake(tmp_path) -> Path:
    return lake_of(
        tmp_path,
        row(1),
        row(2, minutes_ago=10),
        row(3, data_type="quotes", minutes_ago=500),
        row(4, Status.QUARANTINED, error="7 of 7 rows are of 2020-03-01, the name says 2024-05-01", minutes_ago=5),
        row(5, Status.FAILED, error="Input/output error", bronze_file_path=HOSTILE, symbol=HOSTILE, minutes_ago=1),
        row(6, Status.GONE, minutes_ago=0),
    )


@pytest.fixture
def observed(lake) -> Observed:
    return Observed(lake)


@pytest.fixture
def port(observed):
    observed.publisher.publish()
    with observed.served() as port:
        assert wait_until(lambda: _answers(port))
        yield port


def _answers(port: int) -> bool:
    try:
        return ask(port, "/healthz")[0] == 200
    except OSError:
        return False


class TestLake:
    """What the ledger knows, though this daemon has done nothing yet."""

    def told(self, port: int) -> dict:
        return json.loads(ask(port, "/lake.json")[1])

    def test_tables(self, port):
        tables = {one["table"]: one for one in self.told(port)["tables"]}
        known = ("files", "rows", "rows_quarantined", "quarantined", "failed", "gone")
        assert [tables["trades"][name] for name in known] == [2, 200, 4, 1, 1, 1]
        assert [tables["quotes"][name] for name in known] == [1, 100, 2, 0, 0, 0]

    def test_files_that_were_refused_and_why(self, port):
        refused = self.told(port)["refused"]
        assert [(one["file_id"], one["status"], one["error"][:6]) for one in refused] == [
            (5, "failed", "Input/"),
            (4, "quarantined", "7 of 7"),
        ]
        assert all(one["next"] for one in refused)

    def test_the_last_files(self, port):
        assert [one["file_id"] for one in self.told(port)["last_files"]] == [5, 4, 2, 1, 3]

    def test_minutes_go_on_where_the_daemon_before_ended(self, observed, port):
        observed.account.add_batch(batch_done(file_done(7, rows=11)))
        minutes = self.told(port)["minutes"]
        assert (sum(minutes["files"]), sum(minutes["rows"])) == (3, 211)
        assert sum(minutes["files"][-9:]) == 1

    def test_many_tables_and_files_are_cut_to_what_a_page_shows(self, tmp_path):
        refused = [row(100 + n, Status.QUARANTINED, error="why", symbol=f"S{n}") for n in range(50)]
        rows = [row(n, data_type=f"t{n % 40}", symbol=f"S{n}") for n in range(1, 81)]
        seen = Observed(lake_of(tmp_path, *rows, *refused)).board.lake()
        assert len(seen["tables"]) == 41
        assert len(seen["refused"]) == board.REFUSED_SHOWN
        assert len(seen["last_files"]) == board.LAST_SHOWN

    def test_a_ledger_that_cannot_be_read_is_said(self, observed, port):
        log = observed.config.paths.silver / "ingest_manifest" / "_delta_log"
        for entry in log.iterdir():
            entry.unlink()
        told = self.told(port)
        assert told["error"]
        assert told["try"]
        assert ask(port, "/coverage")[0] == 200


class TestStory:
    """The text of `pointline explain`, for a file that is clicked on."""

    def test_of_a_file(self, port):
        status, body = ask(port, "/files/5.json")
        told = json.loads(body)
        assert status == 200
        assert told["path"] == HOSTILE
        assert any("Input/output error" in one["what"] for one in told["versions"][0]["story"])
        assert told["next"]

    @pytest.mark.parametrize(("path", "told"), [("/files/99.json", "no file 99"), ("/files/1x.json", "there are /")])
    def test_of_none(self, port, path, told):
        status, body = ask(port, path)
        assert status == 404
        assert told in body


class TestHostileNames:
    """Names of files are text, wherever they are shown."""

    @pytest.mark.parametrize("path", ["/coverage", "/lake.json", "/files/5.json"])
    def test_they_are_no_markup(self, port, path):
        body = ask(port, path)[1]
        assert "onerror" in body
        if path == "/coverage":
            assert "<img" not in body
            assert "\u202e" not in body
        else:
            assert "\u202e" not in body  # JSON in ASCII


class Outline(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


class TestStructure:
    """What a person without a mouse, or without eyes for colours, finds."""

    @pytest.fixture
    def outline(self) -> Outline:
        outline = Outline()
        outline.feed(PAGE.read_text())
        return outline

    def test_landmarks(self, outline):
        for tag in ("header", "main", "footer", "h1", "title"):
            assert len(outline.all(tag)) == 1, tag
        assert outline.all("html") == [{"lang": "en"}]
        assert outline.all("a")[0] == {"class": "skip", "href": "#main"}

    def test_sections_dialogs_and_charts_have_names(self, outline):
        ids = {attributes.get("id") for _, attributes in outline.found}
        for tag in ("section", "dialog"):
            for attributes in outline.all(tag):
                assert attributes["aria-labelledby"] in ids, attributes
        assert [one["role"] for one in outline.all("svg")] == ["img", "img"]
        assert outline.all("progress")[0]["aria-label"]

    def test_news_are_told(self, outline):
        assert [one["aria-live"] for one in outline.all("span") if one.get("role") == "status"] == ["polite"]
        assert [one["id"] for one in outline.all("div") if one.get("role") == "alert"] == ["trouble"]

    def test_each_id_is_there_once(self, outline):
        ids = [attributes["id"] for _, attributes in outline.found if "id" in attributes]
        assert len(ids) == len(set(ids))

    def test_buttons_do_not_send_forms_and_columns_have_heads(self, outline):
        assert {one.get("type") for one in outline.all("button")} == {"button"}
        assert {one["scope"] for one in outline.all("th")} == {"col"}
