"""`/livez`, `/readyz`, `/metrics` and `/version` for the kubelet and for Prometheus."""

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from schemas.decision import ModelId


class Health:
    """What the loop says of itself: that each of its lanes moves, and whether it takes work."""

    def __init__(self, stall_after_s: float, clock: Callable[[], float]) -> None:
        self._stall_after_s = stall_after_s
        self._clock = clock
        self._beats: dict[object, float] = {None: clock()}
        self._unready: str | None = "starting"

    def beat(self, lane: object = None) -> None:
        """Note that the loop has come round, or one lane of it."""
        self._beats[lane] = self._clock()

    def rest(self, lane: object = None) -> None:
        """Note that a lane has nothing to do: it waits for its turn, however long that takes."""
        self._beats.pop(lane, None)

    def rest_all(self) -> None:
        """Note that the loop has ended."""
        self._beats.clear()

    def ready(self) -> None:
        """Take work from now on."""
        self._unready = None

    def not_ready(self, why: str) -> None:
        """Take no work, and say why."""
        self._unready = why

    @property
    def stalled(self) -> str | None:
        """Why the process should be restarted, or None."""
        now = self._clock()
        still_s = now - min(self._beats.copy().values(), default=now)
        return f"the loop has stood still for {still_s:.0f} s" if still_s > self._stall_after_s else None

    @property
    def unready(self) -> str | None:
        """Why no work is taken, or None."""
        return self._unready


def serve_health(port: int, health: Health, registry: CollectorRegistry, model: ModelId) -> ThreadingHTTPServer:
    """
    Answer on all interfaces, as the kubelet asks from outside the pod, in threads of its own.

    Args:
        port: TCP port; 0 is any free one (`server_port` of what is returned).
        health: Asked for each probe.
        registry: What `/metrics` shows.
        model: What `/version` shows.

    Raises:
        OSError: The port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        def do_GET(self) -> None:
            status, kind, body = _answer(self.path, health, registry, model)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Probes come every few seconds: they are not worth a line."""

    server = _Server(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, but do not ask the DNS for this host's name, which may take seconds, and which nothing shows."""
        TCPServer.server_bind(self)
        self.server_port = self.server_address[1]


def _answer(path: str, health: Health, registry: CollectorRegistry, model: ModelId) -> tuple[HTTPStatus, str, bytes]:
    if path == "/livez":
        return _probe(health.stalled)
    if path == "/readyz":
        return _probe(health.unready or health.stalled)
    if path == "/metrics":
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)
    if path == "/version":
        return HTTPStatus.OK, "application/json", json.dumps({"model": model.model_dump()}).encode()
    return HTTPStatus.NOT_FOUND, "text/plain", b"there are /livez, /readyz, /metrics and /version\n"


def _probe(fault: str | None) -> tuple[HTTPStatus, str, bytes]:
    if fault is None:
        return HTTPStatus.OK, "text/plain", b"ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{fault}\n".encode()
