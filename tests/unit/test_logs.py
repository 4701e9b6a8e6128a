from __future__ import annotations

import errno
import io
import json
import re
import threading
from pathlib import Path

import pytest
import structlog
from pointline_daemon import events
from pointline_daemon.event_fields import FIELDS
from pointline_daemon.logs import configure_logging

FORGED = [
    'a.csv\n{"event":"daemon.stopped"}',
    "a.csv\r\nb",
    "\x1b[2J\x1b[31mred\x07",
    "next\u2028line\u0085para\u2029graph\x0b\x0c\x1c",
    "lone \udc80 surrogate",
    "right\u202eto left",
    'nul\0 quote" back\\slash',
    "key=value level=error",
    "",
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Disk(io.StringIO):
    """A stream that can be full."""

    full = False

    def write(self, text):
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device")
        return super().write(text)


@pytest.fixture(autouse=True)
def restored_structlog():
    yield
    structlog.reset_defaults()


def lines_of(stream):
    text = stream.getvalue()
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


def logged(*, style="json", stream=None, event=events.FILE_COMMITTED, **fields):
    stream = io.StringIO() if stream is None else stream
    configure_logging(style, "info", stream)
    structlog.get_logger().info(event, **fields)
    (line,) = lines_of(stream)
    return line


class TestJson:
    """Every event is one line of strict JSON, whatever the values hold."""

    @pytest.mark.parametrize("text", FORGED)
    def test_forged_values_stay_one_line_and_keep_their_meaning(self, text):
        line = logged(path=text, nested={"in": [text]}, **{f"key {text}": 1})
        assert line.isascii()
        assert line.isprintable()
        record = json.loads(line)
        readable = text.replace("\udc80", "\\udc80")
        assert record["event"] == "file.committed"
        assert record["path"] == readable
        assert record["nested"] == {"in": [readable]}
        assert record[f"key {readable}"] == 1

    def test_forged_event_name(self):
        assert json.loads(logged(event="a\nb"))["event"] == "a\nb"

    def test_values_that_json_cannot_say(self):
        class Hostile:
            def __str__(self):
                raise RuntimeError

        cycle: list[object] = []
        cycle.append(cycle)
        fields = {
            "nan": float("nan"),
            "path": Path("/a/b"),
            "raw": b"\xff\n",
            "hostile": Hostile(),
            "cycle": cycle,
            "huge": 10**5000,
            "keys": {1: None, (2, 3): True},
        }

        def refuse(constant):
            raise AssertionError(constant)

        record = json.loads(logged(**fields), parse_constant=refuse)
        assert record["path"] == "/a/b"
        assert record["nan"] == "nan"
        assert record["hostile"] == "<Hostile>"
        assert record["keys"] == {"1": None, "(2, 3)": True}

    def test_timestamp_level_and_event_come_first(self):
        record = json.loads(logged(rows=5))
        assert list(record) == ["ts", "level", "event", "rows"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["ts"])

    def test_exception_is_one_field(self):
        stream = io.StringIO()
        configure_logging("json", "info", stream)
        try:
            int("first\nsecond")
        except ValueError:
            structlog.get_logger().exception(events.FILE_FAILED, path="a.csv")
        later = OSError("later")
        structlog.get_logger().error(events.FILE_FAILED, exc_info=later)
        structlog.get_logger().error(events.FILE_FAILED, exc_info=(OSError, later, None))
        first, second, third = (json.loads(line) for line in lines_of(stream))
        assert first["exception"].endswith("base 10: 'first\\nsecond'")
        assert first["level"] == "error"
        assert second["exception"] == third["exception"] == "OSError: later"

    def test_level(self):
        stream = io.StringIO()
        configure_logging("json", "warning", stream)
        log = structlog.get_logger()
        log.debug("a.b")
        log.info("a.b")
        log.warning("a.b")
        log.critical("a.b")
        assert [json.loads(line)["level"] for line in lines_of(stream)] == ["warning", "critical"]

    def test_threads_do_not_mix_their_lines(self):
        stream = io.StringIO()
        configure_logging("json", "info", stream)

        def write(number):
            for count in range(200):
                structlog.get_logger().info(events.FILE_COMMITTED, thread=number, count=count, path="x" * 500)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = [json.loads(line) for line in lines_of(stream)]
        assert {(record["thread"], record["count"]) for record in records} == {
            (n, c) for n in range(4) for c in range(200)
        }


class TestPretty:
    """On a terminal an event is one readable line, and a value cannot steer the terminal."""

    @pytest.mark.parametrize("text", FORGED)
    def test_forged_values_stay_one_printable_line(self, text):
        line = logged(style="pretty", path=text, **{f"key{text}": text})
        assert line.isprintable()

    def test_words_are_bare_and_the_rest_is_quoted(self):
        line = logged(style="pretty", path="a/b-c.csv.gz", rows=5, reason="x level=error", none="")
        assert "file.committed" in line
        assert 'path=a/b-c.csv.gz rows=5 reason="x level=error" none=""' in line

    def test_only_our_own_colours(self):
        line = logged(style="pretty", stream=Terminal(), path="\x1b[2J")
        assert "\x1b[32minfo" in line
        assert "\x1b[2J" not in line

    def test_exception_is_one_field(self):
        line = logged(style="pretty", exc_info=ValueError("a\nb"))
        assert 'exception="ValueError: a\\nb"' in line


class TestStream:
    """`auto` is pretty on a terminal, JSON elsewhere; a stream that takes no writes costs lines, not the daemon."""

    def test_auto(self):
        assert json.loads(logged(style="auto"))
        assert "\x1b[" in logged(style="auto", stream=Terminal())

    def test_json_on_request_on_a_terminal(self):
        assert json.loads(logged(style="json", stream=Terminal()))

    def test_standard_output_is_the_default(self, capsys):
        configure_logging("auto", "info")
        structlog.get_logger().info(events.DAEMON_STARTED)
        assert json.loads(capsys.readouterr().out)["event"] == "daemon.started"

    def test_stream_that_knows_ascii_only(self):
        raw = io.BytesIO()
        configure_logging("pretty", "info", io.TextIOWrapper(raw, encoding="ascii"))
        structlog.get_logger().info(events.FILE_COMMITTED, path="größe.csv")
        assert b"gr\\xf6\\xdfe.csv" in raw.getvalue()

    def test_full_disk_costs_lines_and_says_how_many(self):
        stream = Disk()
        configure_logging("json", "info", stream)
        log = structlog.get_logger()
        stream.full = True
        log.info("a.lost")
        log.info("a.lost")
        stream.full = False
        log.info("a.written")
        log.info("a.written")
        first, second = (json.loads(line) for line in lines_of(stream))
        assert first["lost_lines"] == 2
        assert "lost_lines" not in second

    def test_closed_stream(self):
        """Nobody is told, and nobody is disturbed; what comes after a new stream was given is written."""
        stream = io.StringIO()
        configure_logging("json", "info", stream)
        structlog.get_logger().info("a.written")
        assert "a.written" in stream.getvalue()
        stream.close()
        assert structlog.get_logger().info("a.lost") is None
        again = io.StringIO()
        configure_logging("json", "info", again)
        structlog.get_logger().info("b.written")
        assert [json.loads(line)["event"] for line in again.getvalue().splitlines()] == ["b.written"]


class TestEvents:
    """Every event is named `area.what_happened` and documented in one line."""

    def test_catalogue_is_complete(self):
        constants = {name: value for name, value in vars(events).items() if name.isupper() and name != "EVENTS"}
        assert sorted(constants.values()) == sorted(events.EVENTS)
        for name, value in constants.items():
            assert re.fullmatch(r"[a-z]+\.[a-z_]+", value)
            assert name == value.replace(".", "_").upper()
            assert events.EVENTS[value].endswith(".")
            assert events.EVENTS[value].isprintable()
            assert value in FIELDS
