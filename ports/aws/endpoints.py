"""Where AWS is: the region and the endpoint of a service, from the address or from the environment, as boto3 does."""

import os
import re
from typing import Final
from urllib.parse import urlsplit

from ports.protocols import BadAddress

_URL: Final = re.compile(r"[!-~]+")
_VARIANTS: Final = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


def region_of(named: str | None) -> str:
    """
    Return the region that the address names (calls to another one cannot succeed), else that of the environment.

    Raises:
        BadAddress: Nobody names a region.
    """
    region = named or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _region_of_profile()
    if not region:
        raise BadAddress("AWS_REGION is not set, and the address names no region; set AWS_REGION, such as eu-west-1")
    return region


def endpoint_of(service: str, derived: str | None) -> str | None:
    """Return the endpoint that an address leads to, unless AWS_ENDPOINT_URL[_SERVICE] says it, which the SDK reads."""
    return None if said_endpoint(service) else derived


def said_endpoint(service: str) -> str | None:
    """Return what AWS_ENDPOINT_URL[_SERVICE] says, if anything, and unless AWS is told to ignore that."""
    if _is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return None
    return os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL") or None


def direct_endpoint(service: str, region: str, derived: str | None = None) -> str:
    """
    Return the URL that calls go to without the SDK.

    Args:
        service: `sqs`, `sns`, `dynamodb` or `sts`.
        region: Which one.
        derived: Where the address itself leads.

    Raises:
        BadAddress: That is no URL, or the environment asks for a kind of endpoint that only the SDK knows.
    """
    url = said_endpoint(service) or derived
    if url is None:
        for name in _VARIANTS:
            if _is_true(name):
                raise BadAddress(
                    f"{name} is set, which the direct transport does not know; "
                    f"give AWS_ENDPOINT_URL_{service.upper()}, or set LEADLINE_TRANSPORT=boto3"
                )
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"https://{service}.{region}.{suffix}"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise BadAddress(f"{url!r} is no endpoint of {service} ({error}); give http[s]://HOST[:PORT]") from error
    has_more = parts.query or parts.fragment or "@" in parts.netloc or not _URL.fullmatch(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or has_more:
        raise BadAddress(f"{url!r} is no endpoint of {service}; give http[s]://HOST[:PORT] in AWS_ENDPOINT_URL")
    return url


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() == "true"


def _region_of_profile() -> str | None:
    import boto3  # half a second of CPU: only where nothing else names a region

    return boto3.session.Session().region_name
