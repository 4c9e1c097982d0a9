"""Opens one service over one of the two transports, and loads only what that one needs."""

from typing import Final

from ports.aws import sides
from ports.aws.endpoints import direct_endpoint, endpoint_of
from ports.aws.sides import Side
from ports.protocols import BadAddress, CountCall, Transport

IN_FLIGHT: Final = {"boto3": 16, "direct": 64}
"""How many calls one port makes at a time: over boto3, whose work holds the GIL, in all; else in each thread."""


def open_side(
    service: str,
    region: str,
    *,
    endpoint: str | None = None,
    transport: Transport = "boto3",
    in_flight: int | None = None,
    on_call: CountCall,
    wait_time_s: int | None = None,
) -> Side:
    """
    Open a service; no call is made.

    Args:
        service: `sqs`, `sns` or `dynamodb`.
        region: Which one.
        endpoint: Where the address itself leads; AWS_ENDPOINT_URL goes before it.
        transport: `boto3` or `direct`.
        in_flight: How many calls to make at a time; None: what suits the transport.
        on_call: Told of every attempt.
        wait_time_s: For a queue: the longest wait of a receive, which may take some seconds longer.

    Raises:
        BadAddress: There is no such transport, or it cannot go to this endpoint.
    """
    if transport not in IN_FLIGHT:
        raise BadAddress(f"{transport!r} is no transport; set LEADLINE_TRANSPORT to boto3 or direct")
    calls = in_flight or IN_FLIGHT[transport]
    if transport == "boto3":
        return _open_sdk(service, region, endpoint, calls, on_call, wait_time_s)
    from ports.aws.direct import DirectSide

    return DirectSide(
        service,
        region,
        direct_endpoint(service, region, endpoint),
        in_flight=calls,
        on_call=on_call,
        rest=lambda: _open_sdk(service, region, endpoint, min(calls, IN_FLIGHT["boto3"]), on_call, wait_time_s),
    )


def _open_sdk(
    service: str, region: str, endpoint: str | None, in_flight: int, on_call: CountCall, wait_time_s: int | None
) -> Side:
    from ports.aws.clients import make_client
    from ports.aws.sdk import SdkSide

    derived = endpoint_of(service, endpoint)
    client = make_client(service, region, derived, on_call, in_flight)
    if wait_time_s is None:
        return SdkSide(client, in_flight=in_flight)
    patience_s = wait_time_s + sides.RECEIVE_MARGIN_S
    receiver = make_client(service, region, derived, on_call, in_flight, patience_s)
    return SdkSide(client, in_flight=in_flight, patient={"ReceiveMessage": receiver})
