"""How each call that the worker makes over and over is written and read."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ports.aws.direct.answers import Parse, json_parser
from ports.aws.direct.forms import FORM_TYPE, parse_publish, publish_form, publish_opening
from ports.aws.direct.signing import Header
from ports.aws.sides import Common, Request
from ports.protocols import Message

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


class _Attributes(msgspec.Struct, gc=False):
    ApproximateReceiveCount: int


class _Message(msgspec.Struct, gc=False):
    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: _Attributes


class _Received(msgspec.Struct, gc=False):
    Messages: list[_Message] | None = None


_received: Final = msgspec.json.Decoder(_Received, strict=False).decode  # a number in a text is one
_checked: Final = json_parser(Messages=list)
_parse_entries: Final = json_parser(Successful=list, Failed=list)


def parse_received(body: bytes) -> Mapping[str, Any]:
    """
    Read the reply to ReceiveMessage: its messages as the port has them.

    Raises:
        ValueError: It is none.
    """
    try:
        found = _received(body).Messages
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not found:
        return _checked(body)
    new = tuple.__new__  # the named tuple's own is a function in Python, which takes longer than all the rest of this
    return {
        "Messages": [
            new(Message, (m.MessageId, m.ReceiptHandle, m.Body.encode(), m.Attributes.ApproximateReceiveCount))
            for m in found
        ]
    }


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
