"""A service on 127.0.0.1 that answers as it is told: with what AWS would say, with garbage, or not at all."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qs

PATIENCE_S: Final = 60
HTML: Final = b"<html><head><title>Sign in</title></head><body><p>Sign in<br>to go on</p></body></html>"


class Request(NamedTuple):
    """One call: which API (`sqs:ReceiveMessage`), and what was sent."""

    api: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered. `length` is what the header says; by default it is right."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    length: int | None = None


class Silence(NamedTuple):
    """Hang up without a word, at once or after some time."""

    seconds: float = PATIENCE_S


Respond = Callable[[Request], Answer | Silence]


class Answering:
    """An HTTP server in threads of this process. What it answers may be changed at any time."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.calls: Counter[str] = Counter()
        """How many requests there were, by API."""
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """The endpoint for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def away(self) -> Iterator[None]:
        """Meanwhile nobody listens at its address."""
        self._server.shutdown()
        self._server.server_close()
        yield
        self._server = _Server(self._server.server_address, self._handler())
        self.__enter__()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            """Reads a request, and gives what it is told to give."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = dict(self.headers.items())
                request = Request(_api(headers, body), self.command, self.path, headers, body)
                service.calls[request.api] += 1
                answer = service.respond(request)
                if isinstance(answer, Silence):
                    service._over.wait(answer.seconds)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """What is answered, the tests know."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Callers that lose patience hang up, and those that are killed do, too."""


def _api(headers: Mapping[str, str], body: bytes) -> str:
    """Read which API is called: JSON names it in a header, the older form in its body."""
    target = headers.get("X-Amz-Target", "")
    if target:
        service = "sqs" if target.startswith("AmazonSQS") else target.partition("_")[0].lower()
        return f"{service}:{target.rpartition('.')[2]}"
    return "sns:" + parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0]
