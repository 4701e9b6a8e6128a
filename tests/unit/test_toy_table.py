"""A new event table is one new module and nothing else."""

from __future__ import annotations

import datetime as dt
import sys

import polars as pl
import pytest

from pointline.io.bronze.folder import FolderBronzeSource
from pointline.io.bronze.paths.layout import Layout
from pointline.io.content.decode import Limits
from pointline.io.content.file_reader import FileReader
from pointline.io.delta.event_table import DeltaEventTable, DeltaQuarantine
from pointline.io.ledger.manifest import DeltaManifest
from pointline.io.protocols.file_version import BronzeFileMetadata
from pointline.services.files.claims import Claims
from pointline.services.files.place.decide import Policy
from pointline.services.ingest.effects import IngestService
from pointline.services.loading.load import Loader
from pointline.services.symbols.changes import Symbols
from pointline.tables import registry
from pointline.vendors.feeds import Feeds
from tests.support.fakes import (
    MemoryBronze,
    MemoryEventTable,
    MemoryManifest,
    MemoryObservations,
    MemoryQuarantine,
    MemorySymbolTable,
)

MODULE = '''
"""``auctions``: a table that nothing else has heard of."""

from pointline.tables.checks import nonpositive_price
from pointline.tables.schema import COMMON, EventTable, choice, number

TABLE = EventTable(
    name="auctions",
    columns=(*COMMON, choice("phase", "open", "close", required=True), number("price", required=True)),
    checks=(nonpositive_price(),),
)
'''
CSV = (
    b"exchange,symbol,timestamp,local_timestamp,phase,price\n"
    b"xetra,SAP,1714550400000000,1714550400000100,open,170.5\n"
    b"xetra,SAP,1714550401000000,1714550401000100,lunch,171\n"
    b"xetra,SAP,1714582800000000,1714582800000100,close,-1\n"
)
NAME = "xetra_auctions_2024-05-01_SAP.csv"


@pytest.fixture
def tables(tmp_path, monkeypatch):
    package = f"toy_tables_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "auctions.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield registry.discover([str(folder)], package)
    for name in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[name]


def ingest(tables, *, manifest, quarantine, repositories, reader, meta) -> None:
    """Steps 1 to 4 for one file."""
    claims = Claims()
    service = IngestService(
        manifest=manifest,
        quarantine=quarantine,
        repositories=repositories,
        symbols=Symbols(
            observations=MemoryObservations(),
            table=MemorySymbolTable(),
            manifest=manifest,
            max_missing_share=0.25,
            clock=lambda: 1_714_600_000_000_000,
        ),
        reader=reader,
        claims=claims,
        policy=Policy(),
        age_us=lambda stamp_us: 1_714_600_000_000_000 - stamp_us,
    )
    loader = Loader(feeds=Feeds(tables), repositories=repositories, reader=reader, claims=claims, checks={})
    batch, _ = service.begin([meta])
    service.commit(batch, [loader.load(group) for group in batch.groups])


def check(silver: pl.DataFrame, quarantine: pl.DataFrame, entries: pl.DataFrame) -> None:
    rows = silver.sort("file_seq").select("exchange", "phase", "price", "date", "file_id", "file_seq").rows()
    day = dt.date(2024, 5, 1)
    assert rows == [("xetra", "open", 170.5, day, 1, 1), ("xetra", "close", -1.0, day, 1, 3)]
    assert quarantine.select("file_seq", "rule", "column").rows() == [(2, "unknown_value", "phase")]
    assert entries["status"].to_list() == ["success"]


class TestOneModule:
    """Registry, path, layout, ingest and storage pick the table up."""

    def test_it_is_found(self, tables):
        assert list(tables) == ["auctions"]
        assert Layout((), (), tables).recognise(NAME).data_type == "auctions"

    def test_with_everything_in_memory(self, tables):
        reader, manifest, quarantine = MemoryBronze(), MemoryManifest(), MemoryQuarantine()
        repositories = {name: MemoryEventTable(table) for name, table in tables.items()}
        meta = BronzeFileMetadata(
            exchange="xetra",
            data_type="auctions",
            symbol="SAP",
            date=dt.date(2024, 5, 1),
            bronze_file_path=NAME,
            file_size_bytes=0,
            last_modified_ts=1,
        )
        ingest(
            tables,
            manifest=manifest,
            quarantine=quarantine,
            repositories=repositories,
            reader=reader,
            meta=reader.drop(meta, CSV),
        )
        check(repositories["auctions"].read_all(), quarantine.read_all(), manifest.entries())

    def test_with_real_adapters(self, tables, tmp_path):
        bronze, silver = tmp_path / "bronze", tmp_path / "silver"
        bronze.mkdir()
        (bronze / NAME).write_bytes(CSV)
        source = FolderBronzeSource(bronze, Layout((), (), tables), on_trouble=lambda _path, _error: None)
        limits = Limits(max_expansion_ratio=200, max_line_bytes=1 << 20)
        reader = FileReader(source, limits)
        manifest = DeltaManifest(silver / "ingest_manifest", lambda: 1_714_600_000_000_000)
        quarantine = DeltaQuarantine(silver / "quarantine")
        repositories = {name: DeltaEventTable(silver / name, table) for name, table in tables.items()}
        for repository in (manifest.repository, quarantine, *repositories.values()):
            repository.create()
        ingest(
            tables,
            manifest=manifest,
            quarantine=quarantine,
            repositories=repositories,
            reader=reader,
            meta=source.look(NAME),
        )
        check(repositories["auctions"].read_all(), quarantine.read_all(), manifest.entries())
