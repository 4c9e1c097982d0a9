"""Botocore's signer, with what is the same for a day kept, and headers that are no e-mail."""

import hmac
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from botocore.signers import RequestSigner

_VERSION: Final = "v4"
_Usual: Any = SigV4Auth
"""Without its types: it would take an `AWSRequest` only."""


class Signable:
    """A request as the signer asks for it: of `AWSRequest` only what can be said without making copies."""

    def __init__(self, params: Mapping[str, Any], body: bytes, context: dict[str, Any]) -> None:
        """
        Take what botocore has serialized.

        Args:
            params: Its dict of the request.
            body: The body as it is sent.
            context: Botocore's notes about the call.
        """
        self.method: str = params["method"]
        self.url: str = params["url"]
        self.headers: Any = dict(params["headers"])
        self.params = None
        self.body, self.context = body, context


class QuickAuth(_Usual):  # type: ignore[misc]  # see there
    """
    Signature version 4, of requests in which each header comes once.

    A test compares it with botocore's own, which it must equal in every byte.
    """

    def headers_to_sign(self, request: Signable) -> dict[str, str]:
        """Return the headers that are signed, by their names in small letters."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = {name: value for name, value in headers.items() if name not in SIGNED_HEADERS_BLACKLIST}
        return {"host": _host(request.url), **signed}

    def canonical_headers(self, headers_to_sign: Mapping[str, str]) -> str:
        """Return them in their order, one a line."""
        return "\n".join([f"{name}:{self._header_value(value)}" for name, value in sorted(headers_to_sign.items())])

    def signature(self, string_to_sign: str, request: Signable) -> str:
        """Return the signature in hexadecimal digits."""
        key = _signing_key(self.credentials.secret_key, self.credential_scope(request))
        return hmac.digest(key, string_to_sign.encode(), "sha256").hex()


def signer_of(request_signer: "RequestSigner", context: Mapping[str, Any]) -> QuickAuth | None:
    """
    Return what signs one call, with credentials that are good now; None: another kind of signature is asked for.

    Raises:
        BotoCoreError: The credentials cannot be had.
    """
    about = context.get("signing") or {}
    if (context.get("auth_type") or request_signer.signature_version) != _VERSION or "request_credentials" in about:
        return None
    service = about.get("signing_name") or request_signer.signing_name
    region = about.get("region") or request_signer.region_name
    usual = request_signer.get_auth_instance(service, region, _VERSION)
    return QuickAuth(usual.credentials, service, region) if type(usual) is SigV4Auth else None


@lru_cache(maxsize=16)
def _host(url: str) -> str:
    """Return the header as botocore writes it."""
    host: str = _Usual(None, "", "").headers_to_sign(AWSRequest("POST", url))["host"]
    return host


@lru_cache(maxsize=16)
def _signing_key(secret: str, scope: str) -> bytes:
    """Return the key for a scope: a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key
