"""What urllib3's connections do for each call of a client, done with less work; what goes over the line is the same."""

import http.client
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from botocore.httpsession import URLLib3Session


def quicken(session: URLLib3Session) -> None:
    """
    Let a session's connections, other than those through a proxy, be found and used with less work.

    The pool of connections to a URL is looked up once, not at each call: clients here are never closed.
    """
    manager = getattr(session, "_manager", None)  # a private name: where it is gone, all is done as ever
    if manager is None:
        return
    look_up = manager.connection_from_url

    @lru_cache(maxsize=8)
    def connection_from_url(url: str) -> Any:  # noqa: ANN401  a pool of urllib3
        pool = look_up(url)
        pool.ConnectionCls = _QUICK.get(pool.ConnectionCls, pool.ConnectionCls)
        return pool

    manager.connection_from_url = connection_from_url


class _Quick:
    """A connection that sends head and body in one piece."""

    _body: bytes | None = None

    def request(
        self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None, **options: object
    ) -> None:
        """Send a request; a body in bytes goes with its head."""
        self._body = body if isinstance(body, bytes) and not options.get("chunked") else None
        if self._body is not None:
            body = None
            headers = {"Content-Length": str(len(self._body)), **(headers or {})}
        super().request(method, url, body, headers, **options)  # type: ignore[misc]  # a mixin

    def endheaders(self, message_body: Any = None, **options: Any) -> None:  # noqa: ANN401  as in http.client
        """Send what there is."""
        body, self._body = self._body, None
        super().endheaders(body if message_body is None else message_body, **options)  # type: ignore[misc]  # a mixin

    def putheader(self, header: str, *values: str) -> None:
        """Add a header; urllib3 would first look whether it is meant to be left out."""
        http.client.HTTPConnection.putheader(self, header, *values)  # type: ignore[arg-type]  # a mixin


_QUICK: Final[Mapping[type, type]] = {
    usual: type(usual.__name__, (_Quick, usual), {}) for usual in (AWSHTTPConnection, AWSHTTPSConnection)
}
