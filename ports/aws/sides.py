"""One small interface over the two ways to AWS: boto3, and sockets. A request is what boto3's method would take."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from ports.aws.faults import BAD_REPLY, Failure, Fault

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 10
RECEIVE_MARGIN_S: Final = 5
"""How much longer than its own wait a receive may take."""

UNREADABLE: Final = (AttributeError, LookupError, TypeError, ValueError)
"""What reading a reply raises that lacks something, or holds it in another form."""


class Common:
    """The parameters that many requests share; to be kept, since it is encoded once."""

    def __init__(self, **params: object) -> None:
        self.params: Final[Mapping[str, Any]] = params

    @cached_property
    def opening(self) -> bytes:
        """The JSON object of these parameters, left open."""
        return json.dumps(self.params).encode()[:-1]


class Request(NamedTuple):
    """The parameters of one call: what it shares with others, and its own."""

    common: Common
    params: Mapping[str, Any]


class Reply(NamedTuple):
    """What AWS has answered."""

    body: Mapping[str, Any]
    request_id: Callable[[], str]
    """Reads it when it is asked for: hardly ever."""


Result = Reply | Failure


class Side(Protocol):
    """One service, reached in one way, from any number of threads."""

    @property
    def service(self) -> str:
        """Its name: `sqs`, `dynamodb`, `sns`."""

    @property
    def in_flight(self) -> int:
        """How many calls one `attempt` makes at a time."""

    def attempt(self, operation: str, requests: Sequence[Request], *, patience_s: float) -> list[Result]:
        """
        Make each call once, several at a time, and return the results in order.

        Once one has got no answer, or was put off only after `patience_s`, those that wait are not made.
        """

    def beside(self) -> "Side":
        """Return another side of the same, whose calls wait for none of this one's."""


def read_json(text: bytes) -> Any:  # noqa: ANN401  whatever JSON holds
    """
    Read JSON.

    Raises:
        ValueError: It is none, or nested too deep.
    """
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def gives_up(failure: Failure, seconds: float, patience_s: float) -> bool:
    """Tell whether calls beside this one had better not be begun."""
    return failure.silent or (failure.fault.transient and seconds > patience_s)


def not_a_reply(request_id: str = "none") -> Failure:
    """Return the failure of a call that something else than AWS has answered."""
    return Failure(Fault(BAD_REPLY, request_id, transient=True))
