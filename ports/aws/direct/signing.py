"""AWS Signature Version 4 for one endpoint: what stays the same for a second is written once for that second."""

import hmac
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from ports.aws.direct.credentials import Keys, failed
from ports.aws.direct.http import host_of

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SPELT: Final = {
    "content-type": "Content-Type",
    "x-amz-date": "X-Amz-Date",
    "x-amz-security-token": "X-Amz-Security-Token",
    "x-amz-target": "X-Amz-Target",
}
"""As botocore spells them, for servers that go by that."""

_SHORT_BYTES: Final = 1024
"""A body that may come again, and is worth keeping for that."""

Header = tuple[str, str]
"""A name in small letters, and its value."""


class _Prepared(NamedTuple):
    """All of a signature but the body."""

    second: int
    keys: Keys
    lines: bytes
    canonical: bytes
    signature: hmac.HMAC
    """Of all that is signed before the digest of the body."""
    signing_key: bytes
    authorization: bytes


class _Signed(NamedTuple):
    """A body, and the lines that were made for it."""

    body: bytes
    prepared: _Prepared
    lines: bytes


class Signer:
    """Signs the requests of one kind: POST to one URL, with the same headers."""

    def __init__(self, url: str, service: str, region: str, headers: Sequence[Header]) -> None:
        """
        Take an endpoint.

        Args:
            url: Where the requests go.
            service: Its signing name.
            region: Which one.
            headers: What is sent besides `host`, `x-amz-date` and `x-amz-security-token`.
        """
        parts = urlsplit(url)
        self._host = host_of(parts)
        self._path = quote(parts.path or "/", safe="/-_.~")
        self._service, self._region, self._headers = service, region, list(headers)
        self._prepared: _Prepared | None = None
        self._last: _Signed | None = None

    def sign(self, body: bytes, keys: Keys, now_s: float) -> bytes:
        """
        Return the lines of the header: the signature, the date, the token, and those that are sent anyway.

        Args:
            body: What is sent.
            keys: Who sends it.
            now_s: Seconds since the epoch, as the service's own clock says.

        Raises:
            NoKeys: The keys hold what no key holds, such as the end of a line.
        """
        prepared, last = self._prepared, self._last
        if prepared is None or prepared.second != int(now_s) or prepared.keys is not keys:
            prepared = self._prepared = self._prepare(keys, int(now_s), prepared)
        elif last is not None and last.body == body and last.prepared is prepared:
            return last.lines  # a receive is the same over and over
        canonical = sha256(prepared.canonical + sha256(body).hexdigest().encode()).hexdigest()
        signature = prepared.signature.copy()
        signature.update(canonical.encode())
        lines = prepared.authorization + signature.hexdigest().encode() + prepared.lines
        if len(body) <= _SHORT_BYTES:
            self._last = _Signed(body, prepared, lines)
        return lines

    def _prepare(self, keys: Keys, second: int, before: _Prepared | None) -> _Prepared:
        if not (keys.access + (keys.token or "")).isprintable():
            raise failed("CredentialRetrievalError")  # a line of their own would become one of the header
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        token = [("x-amz-security-token", keys.token)] if keys.token else []
        headers = sorted([*self._headers, ("host", self._host), ("x-amz-date", date), *token])
        names = ";".join(name for name, _ in headers)
        scope = f"{date[:8]}/{self._region}/{self._service}/aws4_request"
        canonical = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in headers)
        to_sign = f"{_ALGORITHM}\n{date}\n{scope}\n".encode()
        same_day = before is not None and before.keys is keys and before.second // 86400 == second // 86400
        signing_key = (
            before.signing_key if before is not None and same_day else self._signing_key(keys.secret, date[:8])
        )
        return _Prepared(
            second,
            keys,
            "".join(
                ["\r\n", *(f"{_SPELT.get(name, name)}: {value}\r\n" for name, value in headers if name != "host")]
            ).encode(),
            f"POST\n{self._path}\n\n{canonical}\n{names}\n".encode(),
            hmac.new(signing_key, to_sign, "sha256"),
            signing_key,
            f"Authorization: {_ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature=".encode(),
        )

    def _signing_key(self, secret: str, day: str) -> bytes:
        key = f"AWS4{secret}".encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key
