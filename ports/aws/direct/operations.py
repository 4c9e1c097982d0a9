"""How each call that the worker makes over and over is written and read."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from typing_extensions import TypedDict

from ports.aws.direct.answers import Parse, json_parser
from ports.aws.direct.forms import FORM_TYPE, parse_publish, publish_form, publish_opening
from ports.aws.direct.signing import Header
from ports.aws.sides import Common, Request

_JSON: Final = ("content-type", "application/x-amz-json-1.0")


class Operation(NamedTuple):
    """One call: its headers, how its body is written, how the reply is read."""

    headers: tuple[Header, ...]
    write: Callable[[Request], bytes]
    parse: Parse


def write_json(request: Request) -> bytes:
    """Write the parameters as JSON; those that many share were written before."""
    return request.common.opening + b"," + msgspec.json.encode(request.params)[1:]


def write_publish(request: Request) -> bytes:
    """Write a PublishBatch."""
    return publish_form(_opening(request.common), request.params["PublishBatchRequestEntries"])


def _opening(common: Common) -> bytes:
    return publish_opening(common.params["TopicArn"])


def _sqs(name: str, parse: Parse) -> Operation:
    return Operation((_JSON, ("x-amz-target", f"AmazonSQS.{name}"), ("x-amzn-query-mode", "true")), write_json, parse)


_UPDATE_FORMS: Final[Mapping[str, Any]] = {"Attributes": dict, "ConsumedCapacity": dict, "ItemCollectionMetrics": dict}


class _Message(TypedDict):
    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: dict[str, str]


class _Received(TypedDict, total=False):
    Messages: list[_Message] | None


_received: Final = msgspec.json.Decoder(_Received).decode
_checked: Final = json_parser(Messages=list)
_parse_entries: Final = json_parser(Successful=list, Failed=list)


def parse_received(body: bytes) -> Mapping[str, Any]:
    """
    Read the reply to ReceiveMessage: of each message only what is used.

    Raises:
        ValueError: It is none.
    """
    try:
        found = _received(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return found if found.get("Messages") else _checked(body)


OPERATIONS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "sqs": {
        "ReceiveMessage": _sqs("ReceiveMessage", parse_received),
        "DeleteMessageBatch": _sqs("DeleteMessageBatch", _parse_entries),
        "ChangeMessageVisibilityBatch": _sqs("ChangeMessageVisibilityBatch", _parse_entries),
        "SendMessageBatch": _sqs("SendMessageBatch", _parse_entries),
    },
    "dynamodb": {
        "UpdateItem": Operation(
            (_JSON, ("x-amz-target", "DynamoDB_20120810.UpdateItem")), write_json, json_parser(**_UPDATE_FORMS)
        ),
    },
    "sns": {"PublishBatch": Operation((("content-type", FORM_TYPE),), write_publish, parse_publish)},
}
"""What goes straight over sockets; all else is rare, and goes over boto3."""
