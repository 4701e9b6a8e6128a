"""What Prometheus gets: the account and the live state in its text format, looked up when it asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import accumulate
from typing import Any, Final

import polars as pl
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pointline.tables.ingest_manifest import Status, stands_at
from pointline_daemon.condition.account import Account, Counts, Histogram
from pointline_daemon.condition.health import NO_EVENTS
from pointline_daemon.condition.state import StatePublisher
from pointline_daemon.process.flow import Flow

Values = dict[tuple[str, ...], float] | Counter[tuple[str, ...]]
"""By the values of the labels."""

METRICS: Final[dict[str, str]] = {
    "pointline_info": "1, with the version as a label.",
    "pointline_healthy": "1 where /healthz says 200, else 0.",
    "pointline_watching": "1 while bronze is watched, 0 while scans alone find files.",
    "pointline_paused": "1 while ingest waits for room on the disk.",
    "pointline_start_time_seconds": "When the process started, since the epoch.",
    "pointline_ledger_files": "File versions in the ledger, by table and status.",
    "pointline_files_total": "Files that came out of a batch since the start, by table and status.",
    "pointline_rows_written_total": "Rows that went into silver since the start, by table.",
    "pointline_bytes_total": "Bytes of input dealt with since the start, by table.",
    "pointline_rows_quarantined_total": "Rows quarantined since the start, by table and rule.",
    "pointline_retries_total": "Steps that failed and were tried again since the start, by step.",
    "pointline_queue_depth": "Paths waiting to be looked at.",
    "pointline_files_in_flight": "Files that are being loaded or committed.",
    "pointline_bytes_in_flight": "Bytes of these files.",
    "pointline_files_unfinished": "Files whose size or mtime changed within ingest.settle_seconds.",
    "pointline_unrecognised_files": "Files in bronze that fit no layout, and links that are not followed.",
    "pointline_files_to_retry": "Files that wait to be tried again.",
    "pointline_commit_seconds": "How long it took to commit a batch (histogram).",
    "pointline_drop_to_queryable_seconds": "From a file's arrival, or last write, until its rows are seen (histogram).",
    "pointline_last_success_age_seconds": "Since a file last got in, before the start or after it.",
    "pointline_last_rescan_age_seconds": "Since bronze was last compared with the ledger.",
    "pointline_partitions_waiting": "Partitions that changed, and that maintenance still has to look at.",
    "pointline_compactions_total": "Compactions since the start, by table.",
    "pointline_vacuumed_files_total": "Files removed because no version needs them, since the start, by table.",
    "pointline_checkpoints_total": "Logs checkpointed since the start, by table.",
    "pointline_live_bytes": "Size of the data files that readers need, by table.",
    "pointline_dead_bytes": "Size of the data files that no version needs and the vacuum removes, by table.",
    "pointline_disk_free_bytes": "Free on the lake's disk.",
    "pointline_disk_total_bytes": "Size of the lake's disk.",
    "pointline_resident_memory_bytes": "Memory this process holds.",
}
LIVE: Final = {
    "pointline_queue_depth": "queued",
    "pointline_files_in_flight": "in_flight",
    "pointline_bytes_in_flight": "in_flight_bytes",
    "pointline_files_unfinished": "unfinished",
    "pointline_files_to_retry": "scheduled",
    "pointline_partitions_waiting": "partitions_waiting",
    "pointline_paused": "paused",
    "pointline_start_time_seconds": "started_at",
}
MACHINE: Final = {
    "pointline_disk_free_bytes": "disk_free_bytes",
    "pointline_disk_total_bytes": "disk_total_bytes",
    "pointline_resident_memory_bytes": "rss_bytes",
}
SPACE: Final = {"pointline_live_bytes": "live_bytes", "pointline_dead_bytes": "dead_bytes"}


class Metrics(Collector):
    """Collects when asked. ``ledger`` returns the ledger in memory without waiting, or None.

    The registry is its own: nothing is registered for the whole process.
    """

    def __init__(
        self, *, state: StatePublisher, account: Account, flow: Flow, ledger: Callable[[], pl.DataFrame | None]
    ) -> None:
        self._state = state
        self._account = account
        self._flow = flow
        self._ledger = ledger
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def render(self) -> bytes:
        """Return the text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _gauge("pointline_info", {(version("pointline"),): 1}, ["version"])
        yield _gauge("pointline_healthy", {(): self._state.health().serves})
        yield _gauge("pointline_watching", {(): not self._state.has_trouble(NO_EVENTS)})
        yield from self._collect_state(self._state.latest)
        yield from self._collect_ledger()
        yield from self._account.read(lambda counts: list(self._collect_counts(counts)))
        yield _counter("pointline_retries_total", {(step,): n for step, n in self._flow.retries.items()}, ["step"])

    def _collect_state(self, state: Mapping[str, Any]) -> Iterator[Metric]:
        for names, values in ((LIVE, state), (MACHINE, state.get("machine") or {})):
            for metric, name in names.items():
                if values.get(name) is not None:
                    yield _gauge(metric, {(): values[name]})
        for metric, name in SPACE.items():
            if sizes := state.get("tables"):
                yield _gauge(metric, {(table,): size[name] for table, size in sizes.items()}, ["table"])
        if state.get("unrecognised"):
            yield _gauge("pointline_unrecognised_files", {(): state["unrecognised"]["files"]})
        if state.get("scanned_at"):
            yield _gauge("pointline_last_rescan_age_seconds", {(): max(0.0, time.time() - state["scanned_at"])})

    def _collect_ledger(self) -> Iterator[Metric]:
        entries = self._ledger()
        newest = self._account.read(lambda counts: counts.last_success_at)
        if entries is not None:
            files: Values = {}
            for table, status, number in entries.group_by("data_type", "status").len().iter_rows():
                key = (self._account.known(table), str(status))
                files[key] = files.get(key, 0) + number
            yield _gauge("pointline_ledger_files", self._by_status(files), ["table", "status"])
            last = entries.filter(stands_at(Status.SUCCESS))["updated_at_us"].max()
            newest = max(newest, last / 1_000_000 if isinstance(last, int) else 0.0)
        if newest:
            yield _gauge("pointline_last_success_age_seconds", {(): max(0.0, time.time() - newest)})

    def _collect_counts(self, counts: Counts) -> Iterator[Metric]:
        yield _counter("pointline_files_total", self._by_status(counts.files), ["table", "status"])
        for metric, values in (
            ("pointline_rows_written_total", counts.rows),
            ("pointline_bytes_total", counts.bytes),
            ("pointline_compactions_total", counts.compactions),
            ("pointline_vacuumed_files_total", counts.vacuumed_files),
            ("pointline_checkpoints_total", counts.checkpoints),
        ):
            none_yet: Values = {(table,): 0.0 for table in self._account.tables}
            yield _counter(metric, {**none_yet, **values}, ["table"])
        yield _counter("pointline_rows_quarantined_total", counts.set_aside, ["table", "rule"])
        yield _histogram("pointline_commit_seconds", counts.commit_seconds)
        yield _histogram("pointline_drop_to_queryable_seconds", counts.queryable_seconds)

    def _by_status(self, values: Values) -> Values:
        """Fill in what did not occur yet: a count that begins at 1 has not increased for Prometheus."""
        none_yet: Values = {(table, status.value): 0.0 for table in self._account.tables for status in Status}
        return {**none_yet, **values}


def _gauge(name: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    metric = GaugeMetricFamily(name, METRICS[name], labels=labels)
    for key, value in sorted(values.items()):
        metric.add_metric(key, float(value))
    return metric


def _counter(name: str, values: Values, labels: Sequence[str]) -> Metric:
    metric = CounterMetricFamily(name, METRICS[name], labels=labels)
    for key, value in sorted(values.items()):
        metric.add_metric(key, float(value))
    return metric


def _histogram(name: str, histogram: Histogram) -> Metric:
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    metric = HistogramMetricFamily(name, METRICS[name])
    metric.add_metric([], buckets=buckets, sum_value=histogram.total)
    return metric
