"""Makes clients of boto3 whose every call is watched."""

from typing import Any

import boto3

from ports.aws.replies import watch_calls
from ports.aws.sdk import config
from ports.aws.sdk_short import shorten
from ports.protocols import CountCall


def make_client(
    service: str,
    region: str,
    endpoint: str | None,
    on_call: CountCall,
    in_flight: int,
    read_timeout_s: float | None = None,
) -> Any:  # noqa: ANN401  boto3 has a type for each service
    """
    Make a client.

    Args:
        service: Its name.
        region: Which one.
        endpoint: Where it is, or None for where the SDK knows it to be.
        on_call: Told of every call.
        in_flight: How many calls are made at a time.
        read_timeout_s: How long to wait for a reply; None: the usual time.
    """
    settings = config(in_flight, read_timeout_s)
    client = boto3.client(service, region_name=region, endpoint_url=endpoint, config=settings)  # type: ignore[call-overload]
    watch_calls(client, on_call)
    shorten(client)
    return client
