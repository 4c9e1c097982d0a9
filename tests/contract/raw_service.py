"""Services that speak to whoever connects as they are told, byte for byte, with or without TLS."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Talk = Callable[[socket.socket], object]
"""What is done with a connection: what it writes is heard, and when it returns, the connection is closed."""


class Listening:
    """Listens on 127.0.0.1, and talks in a thread for each connection."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self.connections, self._talk, self._tls = 0, talk, tls
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The same as a URL."""
        return f"http://127.0.0.1:{self.port}" if self._tls is None else f"https://localhost:{self.port}"

    def shrink_buffers(self) -> None:
        """Let the system take only a little for connections to come, as long as it is not read."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                self._talk(connection)


class RawService(Listening):
    """Each connection gets one request read and one answer written, then it is closed."""

    def __init__(self, write: Talk, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._answer, tls)
        self.write, self.requests = write, 0

    def _answer(self, connection: socket.socket) -> None:
        if read_request(connection):
            self.requests += 1
            self.write(connection)


def read_request(connection: socket.socket) -> bytes:
    """Return the next request, or nothing where there is none."""
    request = b""
    while b"\r\n\r\n" not in request or not _is_whole(request):
        part = connection.recv(65536)
        if not part:
            return b""
        request += part
    return request


def _is_whole(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2]) for line in head.lower().splitlines() if line.startswith(b"content-length:")
    ]
    return len(body) >= (lengths[0] if lengths else 0)
