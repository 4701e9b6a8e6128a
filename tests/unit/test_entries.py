"""Entries of a log by our own hand: what delta-rs reads of them, and what of the log is known meanwhile."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable, Field, Schema

from pointline.errors import CommitConflict, LakeDamaged
from pointline.io.delta_log import entries
from pointline.io.delta_log.entries import (
    APP_ID,
    DeltaLog,
    change_of_parts,
    commit_info,
    entry_name,
    table_of,
    upgrade_of,
)
from pointline.io.protocols import Part

SCHEMA = Schema([Field("file_id", "long")])
PART = Part(path="exchange=a/part %1.parquet", partition={"exchange": "a"}, size_bytes=7, rows=2, stats="{}")


@pytest.fixture
def log(tmp_path) -> DeltaLog:
    folder = tmp_path / "t" / "_delta_log"
    folder.mkdir(parents=True)
    log = DeltaLog(folder, version=-1, last_batch=-1)
    log.append(table_of(SCHEMA.to_json(), [], {"delta.appendOnly": "false"}, reader=1, writer=2), batch=None)
    return log


def actions_in(log: DeltaLog, version: int) -> list[dict]:
    return [json.loads(line) for line in log.entry(version).read_bytes().splitlines()]


def folder_of(log: DeltaLog) -> Path:
    return log.entry(0).parent


def test_who_catches_up_knows_what_the_writer_knows(log):
    """Guards ``last_batch``, on which it stands whether a batch is in; an older number later does not take it back."""
    behind = DeltaLog(folder_of(log), version=-1, last_batch=-1)
    beside = DeltaLog(folder_of(log), version=0, last_batch=-1)
    for version, (batch, last) in enumerate([(None, -1), (4, 4), (None, 4), (5, 5)], 1):
        log.append([commit_info("WRITE", {}, {})], batch=batch)
        beside.catch_up()
        assert [(one.version, one.last_batch) for one in (log, beside)] == [(version, last)] * 2
        assert DeltaTable(folder_of(log).parent).version() == version
    assert DeltaTable(folder_of(log).parent).transaction_version(APP_ID) == 5
    others = [{"txn": {"appId": "another", "version": 99}}, {"txn": {"appId": APP_ID, "version": 3}}]
    (folder_of(log) / entry_name(5)).write_text("\n".join(map(json.dumps, others)))
    for one in (log, behind):
        one.catch_up()
        assert (one.version, one.last_batch) == (5, 5)
    with pytest.raises(CommitConflict):
        beside.append([], batch=None)
    assert (beside.version, beside.last_batch) == (4, 5)


@pytest.mark.parametrize("more", [0, 1])
def test_behind_a_gap_nothing_is_written(log, more):
    for _ in range(more):
        log.append([commit_info("WRITE", {}, {})], batch=None)
    log.entry(log.version).unlink()
    with pytest.raises(LakeDamaged, match=f"{more}.json, the newest entry of the log of t, is gone"):
        log.append([], batch=None)
    assert not log.entry(more + 1).exists()


def test_the_whole_entry_is_flushed_before_it_has_its_name(log, monkeypatch):
    flushed, fsync = [], os.fsync

    def flush(descriptor: int) -> None:
        flushed.append((os.fstat(descriptor).st_size, log.entry(log.version + 1).exists()))
        fsync(descriptor)

    monkeypatch.setattr(entries.os, "fsync", flush)
    log.append([commit_info("WRITE", {}, {})], batch=None)
    assert flushed[0] == (log.entry(log.version).stat().st_size, False)
    assert [path.name for path in folder_of(log).iterdir() if path.suffix != ".json"] == []


def test_times_are_milliseconds(log):
    info, _, made = actions_in(log, 0)
    now = time.time() * 1000
    for told in (info["commitInfo"]["timestamp"], made["metaData"]["createdTime"]):
        assert now - 60_000 < told <= now


@pytest.mark.parametrize("data_change", [True, False])
def test_what_a_commit_says_of_parts(log, data_change):
    told = change_of_parts(
        add=[PART, PART], remove=[PART], metadata={"pointline_batch": 3}, data_change=data_change, now_ms=5
    )
    log.append(told, batch=3)
    info, add, _, remove, txn = actions_in(log, 1)
    said = {"pointline_batch": 3, "pointline_added": 2, "pointline_removed": 1}
    assert info["commitInfo"].items() >= {"operation": "WRITE" if data_change else "OPTIMIZE", **said}.items()
    shared = {"path": "exchange=a/part%20%251.parquet", "partitionValues": {"exchange": "a"}, "size": 7}
    shared["dataChange"] = data_change
    assert add == {"add": {**shared, "modificationTime": 5, "stats": "{}"}}
    assert remove == {"remove": {**shared, "deletionTimestamp": 5, "extendedFileMetadata": True}}
    assert txn == {"txn": {"appId": APP_ID, "version": 3}}


def test_an_upgrade_leaves_the_rest_as_it_is(log):
    path = folder_of(log).parent
    before = DeltaTable(path).metadata()
    more = Schema([*SCHEMA.fields, Field("word", "string")])
    log.append(upgrade_of(before, more.to_json(), ["word"], {"pointline.format": "2"}), batch=None)
    after = DeltaTable(path)
    assert [field.name for field in after.schema().fields] == ["file_id", "word"]
    assert after.metadata().configuration == {"delta.appendOnly": "false", "pointline.format": "2"}
    facts = [(one.id, one.name, one.created_time, one.partition_columns) for one in (before, after.metadata())]
    assert facts[0] == facts[1]
