"""Proxies: which one leads to a URL, and the tunnel through it. They are spoken to in plain HTTP."""

import base64
import re
import socket
import time
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # no stub

from ports.aws import sides
from ports.aws.direct.http import END_OF_HEAD, MAX_HEAD_BYTES, PORTS

_GRANTED: Final = re.compile(rb"HTTP/1\.[01] 2[0-9][0-9][ \r]")


def proxy_for(url: SplitResult) -> str | None:
    """Return the URL of the proxy that HTTP_PROXY or HTTPS_PROXY names, unless NO_PROXY exempts the host."""
    told: str | None = getproxies_environment().get(url.scheme)
    if not told or proxy_bypass_environment(url.netloc):
        return None
    return told if "://" in told else f"http://{told.removeprefix('//')}"


def through(proxy: str, there: tuple[str, int]) -> socket.socket:
    """
    Return a socket that a proxy has connected.

    Args:
        proxy: Its URL, with user and password if need be.
        there: The host and the port to be connected with.

    Raises:
        OSError: The proxy refuses, takes too long, or is none.
        ValueError: The URL is none of a proxy.
    """
    parts = urlsplit(proxy)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("a proxy is spoken to in plain HTTP")
    sock = socket.create_connection((parts.hostname, parts.port or PORTS["http"]), timeout=sides.CONNECT_TIMEOUT_S)
    try:
        _open_tunnel(sock, _request(parts, *there))
    except BaseException:
        sock.close()
        raise
    return sock


def _open_tunnel(sock: socket.socket, request: bytes) -> None:
    """Ask for a tunnel; the time limit is one for the whole answer, however slowly it comes."""
    sock.sendall(request)
    came, until_s = b"", time.monotonic() + sides.CONNECT_TIMEOUT_S
    while END_OF_HEAD not in came:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("a proxy takes too long")
        sock.settimeout(left_s)
        part = sock.recv(MAX_HEAD_BYTES)
        came += part
        if not part or len(came) > MAX_HEAD_BYTES:
            raise ConnectionError("a proxy does not answer to the end")
    if not _GRANTED.match(came) or not came.endswith(END_OF_HEAD):  # nobody speaks before we do
        raise ConnectionError("a proxy opens no tunnel")
    sock.settimeout(sides.CONNECT_TIMEOUT_S)


def _request(proxy: SplitResult, host: str, port: int) -> bytes:
    there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    who = ""
    if proxy.username is not None:
        named = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        who = f"Proxy-Authorization: Basic {base64.b64encode(named).decode()}\r\n"
    return f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{who}\r\n".encode()
