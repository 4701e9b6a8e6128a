"""The metrics port: a few pages on the loopback interface, to read and nothing else.

Off unless ``metrics.port`` is set. Connections are few, each has a deadline, and only requests that name this machine
are answered: a web page that had its own name resolve to 127.0.0.1 (DNS rebinding) names another.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any

import structlog
from msgspec import Struct

from pointline_daemon import events
from pointline_daemon.condition.health import Health
from pointline_daemon.condition.state import StatePublisher
from pointline_daemon.page.board import Board
from pointline_daemon.page.metrics import Metrics

ADDRESS = "127.0.0.1"
LOOK_SECONDS = 0.5
"""Between two looks at connections that may be too slow; without a connection nothing is looked at."""
REBIND_SECONDS = 15.0
MOST_CONNECTIONS = 8
SILENCE_SECONDS = 5.0
DEADLINE_SECONDS = 10.0
HOSTS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
HTML = "text/html; charset=utf-8"
PAGE = Path(__file__).with_name("page.html")
STORY = re.compile(r"/files/(\d{1,18})\.json")
PLACES = "/, /state.json, /lake.json, /files/ID.json, /coverage, /metrics and /healthz"
BUSY = b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

log = structlog.get_logger()


class Answer(Struct, frozen=True, kw_only=True):
    """What a path answers with."""

    body: bytes
    content_type: str
    status: HTTPStatus = HTTPStatus.OK


class WebServer:
    """Serves the page, what it shows, ``/metrics`` and ``/healthz`` until told to stop."""

    def __init__(self, port: int, *, state: StatePublisher, metrics: Metrics, board: Board) -> None:
        self._port = port
        self._board = board
        self._state = state
        page, self._policy = _read_page()
        self._answers: Mapping[str, Callable[[], Answer]] = {
            "/": lambda: Answer(body=page, content_type=HTML),
            "/state.json": self._answer_state,
            "/lake.json": lambda: _as_json(HTTPStatus.OK, board.lake()),
            "/coverage": lambda: Answer(body=board.coverage().encode(), content_type=HTML),
            "/metrics": lambda: Answer(body=metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8"),
            "/healthz": self._answer_health,
        }
        self._waker, self._woken = socket.socketpair()

    def run(self, stopping: threading.Event) -> None:
        """Body of the thread. A port that is taken is said once and tried again; nothing else waits for it."""
        with self._woken:
            self._run(stopping)

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                server = _Server(self._port, self._answer, self._policy)
            except OSError as error:
                self._say_taken(error)
                stopping.wait(REBIND_SECONDS)
                continue
            self._state.trouble("metrics", None)
            log.info(events.METRICS_STARTED, url=f"http://{ADDRESS}:{self._port}/")
            with server:
                self._serve(server, stopping)

    def wake(self) -> None:
        """Let the thread look at its stop event."""
        with suppress(OSError), self._waker:  # it ends only once
            self._waker.send(b"x")

    def _serve(self, server: _Server, stopping: threading.Event) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(server, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not stopping.is_set():
                ready = selector.select(LOOK_SECONDS if server.is_serving else None)
                if any(key.fileobj is server for key, _ in ready):
                    server.handle_request()
                server.cut_slow()

    def _say_taken(self, error: OSError) -> None:
        if self._state.has_trouble("metrics"):
            return
        trouble = f"port {self._port} cannot be opened: {error.strerror or error}"
        self._state.trouble("metrics", trouble)
        log.error(events.METRICS_FAILED, error=trouble, hint="free the port, or set metrics.port to another one")

    def _answer(self, path: str) -> Answer | None:
        if asked := STORY.fullmatch(path):
            story = self._board.story(int(asked[1]))
            return _as_json(HTTPStatus.NOT_FOUND if "error" in story else HTTPStatus.OK, story)
        answer = self._answers.get(path)
        return None if answer is None else answer()

    def _answer_health(self) -> Answer:
        health = self._state.health()
        return _as_json(HTTPStatus.OK if health.serves else HTTPStatus.SERVICE_UNAVAILABLE, _as_facts(health))

    def _answer_state(self) -> Answer:
        health = self._state.health()
        facts = {**_as_facts(health), "try": health.next_step}
        return _as_json(HTTPStatus.OK, {**facts, **self._state.latest, "now": time.time()})


def _as_facts(health: Health) -> dict[str, object]:
    return {"health": health.word, "reason": health.reason, "serves": health.serves}


def _as_json(status: HTTPStatus, value: dict[str, object]) -> Answer:
    return Answer(body=json.dumps(value).encode() + b"\n", content_type="application/json", status=status)


def _read_page() -> tuple[bytes, str]:
    """Return the page and the policy that lets its own script run and no other."""
    page = PAGE.read_bytes()
    script = page.partition(b"<script>")[2].partition(b"</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


class _Server(TCPServer):
    """Accepts connections and hands each to one of a few threads."""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, answer: Callable[[str], Answer | None], policy: str) -> None:
        self.answer = answer
        self.policy = policy
        self._lock = threading.Lock()
        self._deadlines: dict[socket.socket, float] = {}
        self._pool = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="metrics")
        super().__init__((ADDRESS, port), _Handler)
        self.timeout = 0  # it is asked when somebody is there

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        with self._lock:
            is_busy = len(self._deadlines) >= MOST_CONNECTIONS
            if not is_busy:
                self._deadlines[request] = time.monotonic() + DEADLINE_SECONDS
        if is_busy:
            with suppress(OSError):
                request.sendall(BUSY)
            self.shutdown_request(request)
            return
        self._pool.submit(self._serve, request, client_address).add_done_callback(_report)

    @property
    def is_serving(self) -> bool:
        """Somebody is connected."""
        return bool(self._deadlines)

    def cut_slow(self, *, all_of_them: bool = False) -> None:
        """End the connections whose time is up, however busily they trickle."""
        now = time.monotonic()
        with self._lock:
            late = [request for request, deadline in self._deadlines.items() if all_of_them or now > deadline]
        for request in late:
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def server_close(self) -> None:
        super().server_close()
        self.cut_slow(all_of_them=True)
        self._pool.shutdown()

    def _serve(self, request: socket.socket, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # the client left, or was too slow
        finally:
            with self._lock:
                del self._deadlines[request]
            self.shutdown_request(request)


def _report(served: Future[None]) -> None:
    error = served.exception()
    if error is not None:
        log.error(events.METRICS_FAILED, error=repr(error), hint="report it", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """One request. Nothing of it is logged, and nothing of it comes back in the answer."""

    timeout = SILENCE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not HOSTS.fullmatch(hosts[0].strip()):
            self.send_error(HTTPStatus.FORBIDDEN, "this port answers to 127.0.0.1 and localhost alone")
            return
        answer = self.server.answer(self.path.partition("?")[0])
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND, f"there are {PLACES}")
            return
        self._send(answer)

    do_HEAD = do_GET  # noqa: N815 - as inherited

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every other method is refused by its absence from this class."""
        if not name.startswith("do_"):
            raise AttributeError(name)
        return lambda: self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, "nothing can be changed here")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        status = HTTPStatus(code)
        text = message if message and self.command and code != HTTPStatus.BAD_REQUEST else status.phrase
        self._send(Answer(body=f"{text}\n".encode(), content_type="text/plain; charset=utf-8", status=status))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in (
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", self.server.policy),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "pointline"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        pass
