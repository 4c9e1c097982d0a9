"""Connections to one service: straight or through a proxy, over TLS or not."""

import os
import socket
import ssl
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ports.aws import sides
from ports.aws.direct.http import PORTS, host_of
from ports.aws.direct.proxies import proxy_for, through

_CERTIFICATES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class NotConnected(Exception):
    """There is no connection; the text is what boto3 calls the same."""


class Way:
    """How one URL is reached: straight, or through a tunnel that a proxy opens, for HTTP as for HTTPS."""

    def __init__(self, url: str) -> None:
        """
        Look at the environment: AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE, HTTP_PROXY, HTTPS_PROXY, NO_PROXY.

        Args:
            url: Where all calls go.
        """
        self._url = urlsplit(url)
        self._opening = (
            f"POST {self._url.path or '/'} HTTP/1.1\r\nHost: {host_of(self._url)}\r\nUser-Agent: leadline\r\n"
        ).encode()
        self._proxy = proxy_for(self._url)
        self._authority = certificates() if self._url.scheme == "https" else None

    def request(self, headers: bytes, body: bytes) -> bytes:
        """Return what is sent: a POST with these lines of the header, each with its end."""
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self._opening, headers, len(body), body)

    def connect(self) -> socket.socket:
        """
        Return a connected socket that does not block.

        Raises:
            NotConnected: There is no way, or the other side is not who it should be.
        """
        try:
            context = _context(self._authority) if self._url.scheme == "https" else None
        except OSError as error:
            raise NotConnected("SSLError") from error  # the certificates cannot be read
        try:
            return self._connected(context)
        except (OSError, ValueError) as error:
            raise NotConnected(self._name_of(error)) from error

    def _connected(self, context: ssl.SSLContext | None) -> socket.socket:
        there = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        if self._proxy is None:
            sock = socket.create_connection(there, timeout=sides.CONNECT_TIMEOUT_S)
        else:
            sock = through(self._proxy, there)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if context is not None:
                sock = context.wrap_socket(sock, server_hostname=self._url.hostname)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _name_of(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLError):
            return "SSLError"
        if isinstance(error, TimeoutError):
            return "ConnectTimeoutError"
        return "EndpointConnectionError" if self._proxy is None else "ProxyConnectionError"


@lru_cache(maxsize=4)
def _context(authority: str | None) -> ssl.SSLContext:
    """Return what checks certificates and host names; read once, since there are hundreds of certificates."""
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["http/1.1"])
    return context


def certificates() -> str | None:
    """Return the file of those who vouch for certificates, as boto3 is told, else the system's, else botocore's."""
    told = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return told or next((path for path in (*_CERTIFICATES, _of_botocore()) if path and Path(path).is_file()), None)


def _of_botocore() -> str | None:
    """Find the file that botocore brings along, without loading it."""
    spec = find_spec("botocore")
    return None if spec is None or spec.origin is None else str(Path(spec.origin).with_name("cacert.pem"))
