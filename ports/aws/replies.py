"""Every call to AWS is counted, and what answers it is looked at: the page of a proxy is no reply."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ports.aws.sdk import AwsError, BadReply
from ports.aws.sdk_short import READ
from ports.aws.sides import read_json
from ports.protocols import CountCall

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel

_FORMS: Final[Mapping[str, type]] = {"list": list, "map": dict, "structure": dict}


def watch_calls(client: "BaseClient", on_call: CountCall) -> None:
    """
    Tell of every attempt that a client makes, and let one that something else than AWS has answered raise `BadReply`.

    Botocore takes an empty body, HTML, half a reply, or an object of another kind for a JSON reply in which everything
    is absent: an empty queue. On other garbage it raises whatever its parser stumbles over; and where an error names no
    code, it gives the HTTP status for one.

    Args:
        client: A client of boto3.
        on_call: Told of the API (`sqs:ReceiveMessage`) and of the result: `ok`, AWS's error code, or the name of the
            error that kept AWS from answering.
    """

    def answered(
        event_name: str,
        http_response: "AWSResponse",
        parsed: Mapping[str, Any],
        model: "OperationModel",
        context: Mapping[str, Any],
        **_: object,
    ) -> None:
        read = context.get(READ)
        code = "ok" if read is not None else str(parsed.get("Error", {}).get("Code", "ok"))
        is_bad = code.isdigit() if code != "ok" else not _is_reply(http_response, model, read)
        on_call(_api(event_name), BadReply.__name__ if is_bad else code)
        if is_bad:
            raise BadReply

    def not_answered(event_name: str, exception: Exception, **_: object) -> None:
        is_known = isinstance(exception, AwsError)
        on_call(_api(event_name), type(exception).__name__ if is_known else BadReply.__name__)
        if not is_known:
            raise BadReply from exception

    client.meta.events.register("after-call", answered)
    client.meta.events.register("after-call-error", not_answered)


@contextmanager
def reading() -> Iterator[None]:
    """
    Read a reply within: what it lacks, or holds in another form, is its fault.

    Raises:
        BadReply: It cannot be read.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadReply from error


def _api(event_name: str) -> str:
    """Botocore names its events after the call: `after-call.sqs.ReceiveMessage`."""
    return ":".join(event_name.split(".")[1:])


def _is_reply(response: "AWSResponse", model: "OperationModel", read: Mapping[str, Any] | None) -> bool:
    """Tell a reply in JSON from anything else: an object with nothing in it, or with something that belongs there."""
    if model.service_model.resolved_protocol != "json" or model.output_shape is None:
        return True
    try:
        whole = read_json(response.content) if read is None else read
        held = {name: value for name, value in whole.items() if value is not None}
    except (AttributeError, ValueError):
        return False
    known = {name: member for name, member in model.output_shape.members.items() if name in held}
    in_form = all(isinstance(held[name], _FORMS.get(member.type_name, object)) for name, member in known.items())
    return in_form and (bool(known) or not held)
