"""Who may ask, and what a browser may do with the answer."""

import base64
import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from flask import Response, request
from werkzeug.datastructures import Authorization

from console.errors import Refused
from console.settings import LOOPBACK

OPEN: Final = frozenset({"probes.livez", "probes.readyz", "probes.version"})
"""What anybody may ask: the load balancer does."""

_BEARER: Final = 'Bearer realm="leadline"'
_BASIC: Final = 'Basic realm="leadline", charset="UTF-8"'


class Guard:
    """Lets nobody in without the token; where there is none, only who calls this machine by one of its own names."""

    def __init__(self, token: str | None) -> None:
        self._digest = None if token is None else _digest(token)

    def check(self) -> None:
        """
        Look at the request; for `before_request`, so that it also stands before paths that do not exist.

        Raises:
            Refused: 401 without the token; 421 under a name that is not this machine's.
        """
        if request.endpoint in OPEN:
            return
        if self._digest is None:
            _check_host(request.environ.get("HTTP_HOST", ""))
        elif not self._is_known(request.authorization, self._digest):
            raise Refused(
                401,
                "not_authorized",
                "give the console's token: for /api as `Authorization: Bearer TOKEN`, for pages as the password of any "
                "user",
                headers={"WWW-Authenticate": _BEARER if is_api() else _BASIC},
            )

    @staticmethod
    def _is_known(given: Authorization | None, digest: bytes) -> bool:
        """Compare digests, so that neither time nor length tells anything of the token."""
        if given is None:
            return False
        secret = given.token if given.type == "bearer" else None
        if given.type == "basic" and not is_api():
            secret = given.password
        return secret is not None and hmac.compare_digest(_digest(secret), digest)


def is_api() -> bool:
    """Tell whether the request is a program's, which is answered in JSON."""
    return request.path.startswith("/api/")


def style_policy(style: str) -> str:
    """Return the Content-Security-Policy of our pages: nothing but this one style, and forms to ourselves."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; sandbox"
)
"""The report comes with the bundle: it may look as it likes, and do nothing."""


def protect(response: Response, policy: str) -> Response:
    """Set the headers that hold for every answer; a policy that stands in it already is kept."""
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


def _check_host(host: str) -> None:
    """Without a token, a foreign name is a page elsewhere that had this machine's address given to its name."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in LOOPBACK:
        raise Refused(
            421,
            "wrong_host",
            "without a token the console answers to 127.0.0.1, [::1] and localhost only; set "
            "LEADLINE_CONSOLE_TOKEN_FILE to be reached by another name",
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
