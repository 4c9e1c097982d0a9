"""A service that writes what it is told to the socket, byte for byte, with or without TLS."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Write = Callable[[socket.socket], object]


class RawService:
    """Listens on 127.0.0.1; each connection gets one request read and one answer written, then it is closed."""

    def __init__(self, write: Write, tls: ssl.SSLContext | None = None) -> None:
        self.write, self.requests, self._tls = write, 0, tls
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

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
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                request = b""
                while b"\r\n\r\n" not in request or not _is_whole(request):
                    part = connection.recv(65536)
                    if not part:
                        return
                    request += part
                self.requests += 1
                self.write(connection)


def _is_whole(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2]) for line in head.lower().splitlines() if line.startswith(b"content-length:")
    ]
    return len(body) >= (lengths[0] if lengths else 0)
