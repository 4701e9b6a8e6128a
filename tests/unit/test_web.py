"""The metrics port: who is answered, with what, and what slow, hostile or too many clients can do to it."""

from __future__ import annotations

import json
import re
import socket
import time
from http.client import HTTPConnection, HTTPResponse

import pytest
from pointline_daemon import events
from pointline_daemon.condition.account import UNKNOWN
from pointline_daemon.logs import configure_logging
from pointline_daemon.page import web
from pointline_daemon.page.metrics import METRICS
from prometheus_client.parser import text_string_to_metric_families

from pointline.tables.ingest_manifest import Status
from tests.support.observed import Observed, batch_done, file_done, free_port, served
from tests.support.waiting import wait_until

PATHS = ("/", "/state.json", "/lake.json", "/coverage", "/metrics", "/healthz")
HOSTILE = "<img src=x onerror=alert(1)></script>\u2028\n.csv"


@pytest.fixture
def observed(tmp_path):
    observed = Observed(tmp_path)
    observed.publisher.publish()
    return observed


@pytest.fixture
def port(observed):
    with observed.served() as port:
        assert wait_until(lambda: is_open(port))
        yield port


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def samples(port: int) -> dict[tuple[str, ...], float]:
    """Every sample by name and the values of its labels."""
    families = text_string_to_metric_families(ask(port, "/metrics")[1].decode())
    return {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


class TestAnswers:
    """Four paths, to read."""

    @pytest.mark.parametrize("path", PATHS)
    def test_head_is_get_without_a_body(self, port, path):
        whole, body = ask(port, path)
        head, nothing = ask(port, path, "HEAD")
        assert (whole.status, head.status) == (200, 200)
        assert body
        assert not nothing
        assert head.getheader("Content-Type") == whole.getheader("Content-Type")

    @pytest.mark.parametrize("path", ["/../etc/passwd", "/state", "http://evil.example/metrics", "/%00", "/metrics/"])
    def test_there_is_nothing_else(self, port, path):
        assert ask(port, path)[0].status in {403, 404}

    def test_a_query_does_no_harm(self, port):
        assert ask(port, "/healthz?x=1")[0].status == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
    def test_nothing_can_be_changed(self, port, method):
        answer, _ = ask(port, "/metrics", method)
        assert answer.status == 405
        assert answer.getheader("Allow") == "GET, HEAD"

    def test_nothing_of_a_request_comes_back(self, port):
        for path in (f"/{'x' * 50}", "/<b>"):
            assert b"xxx" not in ask(port, path)[1]
            assert b"<b>" not in ask(port, path)[1]
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"GET <b>bold</b> nonsense HTTP/9\r\n\r\n")
            assert b"bold" not in raw.recv(10_000)

    def test_every_answer_forbids_scripts_and_frames(self, port):
        for path in (*PATHS, "/nowhere"):
            policy = ask(port, path)[0].getheader("Content-Security-Policy")
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]

    def test_the_page_needs_nothing_from_elsewhere(self, port):
        page = ask(port, "/")[1].decode()
        assert not re.findall(r"https?:|src=|url\(|@import|innerHTML|insertAdjacent|document\.write|eval\(", page)
        links = set(re.findall(r'href="([^"]*)"', page))
        assert links == {"#main", "data:,", "state.json", "lake.json", "metrics", "healthz"}
        for link in links - {"#main", "data:,"}:
            assert ask(port, f"/{link}")[0].status == 200


class TestHost:
    """A web page whose name resolves to this machine (DNS rebinding) says its own name."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:9000", "[::1]:1"])
    def test_this_machine(self, port, host):
        assert ask(port, "/healthz", Host=host)[0].status == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "evil@localhost", "0.0.0.0", "", "a:b:c"]
    )
    def test_another(self, port, host):
        for path in PATHS:
            answer, body = ask(port, path, Host=host)
            assert answer.status == 403
            assert b"pointline" not in body

    @pytest.mark.parametrize("lines", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
    def test_none_or_two(self, port, lines):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"GET /metrics HTTP/1.1\r\n" + lines + b"\r\n")
            assert b" 403 " in raw.recv(10_000)

    def test_other_machines_do_not_reach_it(self, port):
        addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
        for address in addresses - {"127.0.0.1"}:
            with socket.socket() as probe:
                assert probe.connect_ex((address, port)) != 0


class TestHealth:
    """200 where files get in, else 503 and why."""

    @pytest.mark.parametrize(
        ("state", "status", "word"),
        [
            ({}, 200, "healthy"),
            ({"maintenance": "vacuum trades: busy"}, 200, "troubled"),
            ({"paused": True}, 503, "paused"),
            ({"stuck": {"rescan": "bronze is gone"}}, 503, "troubled"),
            ({"machine": {"disk_full": True}}, 503, "troubled"),
        ],
    )
    def test_status(self, observed, port, state, status, word):
        observed.state = state
        observed.publisher.latest = {}
        observed.publisher.publish()
        answer, body = ask(port, "/healthz")
        found = json.loads(body)
        assert (answer.status, found["health"]) == (status, word)
        assert bool(found["reason"]) == (word != "healthy")
        assert samples(port)["pointline_healthy",] == (status == 200)

    def test_a_supervisor_that_hangs_is_not_healthy(self, observed, port):
        observed.publisher.latest = {**observed.publisher.latest, "at": time.time() - 1000}
        answer, body = ask(port, "/healthz")
        assert answer.status == 503
        assert "no sign of life" in json.loads(body)["reason"]

    def test_before_the_first_look(self, tmp_path):
        with Observed(tmp_path).served() as port:
            assert wait_until(lambda: is_open(port))
            assert ask(port, "/healthz")[0].status == 503


class TestMetrics:
    """What Prometheus gets."""

    def test_what_was_counted(self, observed, port):
        observed.account.add_batch(
            batch_done(file_done(set_aside=3), file_done(2, seconds=9.0), missing=3, seconds=0.3)
        )
        observed.flow.troubled("commit", "cannot be written")
        found = samples(port)
        assert found["pointline_files_total", "success", "trades"] == 2
        assert found["pointline_rows_written_total", "trades"] == 200
        assert found["pointline_rows_quarantined_total", "missing", "trades"] == 3
        assert found["pointline_retries_total", "commit"] == 1
        assert found["pointline_commit_seconds_bucket", "0.25"] == 0
        assert found["pointline_commit_seconds_bucket", "0.5"] == 1
        assert found["pointline_drop_to_queryable_seconds_bucket", "0.25"] == 1
        assert found["pointline_drop_to_queryable_seconds_bucket", "+Inf"] == 2
        assert found["pointline_drop_to_queryable_seconds_count",] == 2
        assert found["pointline_last_success_age_seconds",] < 60

    def test_counts_begin_at_nothing(self, port):
        """Prometheus sees no increase in a series that begins at 1."""
        found = samples(port)
        assert all(found["pointline_files_total", status.value, "trades"] == 0 for status in Status)
        assert found["pointline_rows_written_total", "quotes"] == 0

    def test_names_of_files_make_no_labels(self, observed, port):
        observed.account.add_batch(
            batch_done(*(file_done(n, table=f"t{n}", path=HOSTILE, status=Status.QUARANTINED) for n in range(40)))
        )
        found = samples(port)
        assert found["pointline_files_total", "quarantined", UNKNOWN] == 40
        assert not any("t1" in key or HOSTILE in key for key in found)

    def test_only_what_is_documented(self, observed, port):
        observed.account.add_batch(batch_done(file_done(set_aside=1), missing=1))
        text = ask(port, "/metrics")[1].decode()
        named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        assert named <= METRICS.keys()


class TestState:
    """What the page shows."""

    def test_hostile_names_arrive_as_text(self, observed, port):
        observed.account.add_batch(batch_done(file_done(path=HOSTILE)))
        observed.state = {**observed.state, **observed.account.recent()}
        observed.publisher.latest = {}
        observed.publisher.publish()
        answer, body = ask(port, "/state.json")
        assert answer.getheader("Content-Type") == "application/json"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert json.loads(body)["last_files"][0]["path"] == HOSTILE


class TestClients:
    """Slow, silent and too many clients."""

    def test_those_that_trickle_are_cut(self, observed, monkeypatch):
        """Guards cut_slow: a byte now and then keeps the time limit of a single read from ever being reached."""
        monkeypatch.setattr(web, "DEADLINE_SECONDS", 0.5)
        monkeypatch.setattr(web, "LOOK_SECONDS", 0.05)
        with observed.served() as port:
            assert wait_until(lambda: is_open(port))
            with socket.create_connection(("127.0.0.1", port)) as slow:
                started = time.monotonic()

                def is_cut() -> bool:
                    try:
                        slow.sendall(b"x")
                        slow.settimeout(0.02)
                        return slow.recv(10) == b""
                    except TimeoutError:
                        return False
                    except OSError:
                        return True

                assert wait_until(is_cut, 5)
                assert time.monotonic() - started < 3

    def test_too_many_are_turned_away_and_the_rest_served(self, observed, monkeypatch):
        monkeypatch.setattr(web, "DEADLINE_SECONDS", 1.0)
        monkeypatch.setattr(web, "LOOK_SECONDS", 0.05)
        with observed.served() as port:
            assert wait_until(lambda: is_open(port))
            held = [socket.create_connection(("127.0.0.1", port)) for _ in range(web.MOST_CONNECTIONS)]
            assert wait_until(lambda: ask(port, "/healthz")[0].status == 503)
            assert wait_until(lambda: ask(port, "/healthz")[0].status == 200, 10)  # those held were cut
            for one in held:
                one.close()

    def test_stopping_does_not_wait_for_them(self, observed):
        with observed.served() as port:
            assert wait_until(lambda: is_open(port))
            held = socket.create_connection(("127.0.0.1", port))
            ask(port, "/healthz")
            started = time.monotonic()
        assert time.monotonic() - started < 2
        held.close()


def test_a_port_that_is_taken_is_said_once_and_opened_when_it_is_free(observed, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "REBIND_SECONDS", 0.01)
    tries, server = [], web._Server
    monkeypatch.setattr(web, "_Server", lambda *args: tries.append(args) or server(*args))
    log = tmp_path / "log"
    with log.open("w") as stream:
        configure_logging("json", "info", stream)
        port = free_port()
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", port))
            holder.listen()
            with served(port, observed):
                assert wait_until(lambda: observed.publisher.has_trouble("metrics"))
                assert wait_until(lambda: len(tries) > 3)
                holder.close()
                assert wait_until(lambda: events.METRICS_STARTED in log.read_text())
                assert ask(port, "/healthz")[0].status == 200
    said = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in said] == [events.METRICS_FAILED, events.METRICS_STARTED]
    assert str(port) in said[0]["error"]
    assert said[0]["hint"]
    assert not observed.publisher.has_trouble("metrics")
