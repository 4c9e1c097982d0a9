"""
The short way through a client of boto3, for the few calls that a worker makes over and over.

Botocore's client, endpoint rules, serializers, HTTP session and parsers of XML and errors do their work as
ever. What is left out stands between them: copies of the request, a look at retries that the client does not make,
headers that only tell of them, and a walk through each reply in JSON, which is read as it comes (as over `direct`).
"""

from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSPreparedRequest
from botocore.endpoint import convert_to_response_dict
from botocore.hooks import first_non_none_response
from botocore.httpsession import URLLib3Session
from botocore.parsers import create_parser

from ports.aws.quoting import form
from ports.aws.sdk import BadReply
from ports.aws.sdk_lines import quicken
from ports.aws.sdk_signing import Signable, signer_of
from ports.aws.sides import read_json

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel
    from botocore.signers import RequestSigner

READ: Final = "leadline.read"
"""Where in a call's context the JSON of its reply is, if it went the short way."""

_SHORT: Final = frozenset(
    {
        "ChangeMessageVisibilityBatch",
        "DeleteMessageBatch",
        "PublishBatch",
        "ReceiveMessage",
        "SendMessageBatch",
        "UpdateItem",
    }
)
_REQUEST_IDS: Final = ("x-amzn-requestid", "x-amz-request-id")
_FIRST_ERROR: Final = 300


def shorten(client: "BaseClient") -> None:
    """
    Let the calls that a worker makes over and over go the short way, unless this client is set up in an unusual manner.

    Args:
        client: A client of boto3 that makes no retries of its own.
    """
    # A private name, but there is no other way to the session that has the client's proxies, certificates and timeouts.
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    if type(session) is URLLib3Session and not getattr(client.meta.config, "auth_scheme_preference", None):
        quicken(session)
        events: Any = client.meta.events
        events.register_last("before-call", ShortWay(client, session).call)


class ShortWay:
    """Sends a request that botocore has built, and reads the reply: `before-call` may return one in place of a call."""

    def __init__(self, client: "BaseClient", session: URLLib3Session) -> None:
        """
        Take a client.

        Args:
            client: Whose calls to make.
            session: Its HTTP session.
        """
        self._events: Any = client.meta.events
        self._session = session
        self._service_id = client.meta.service_model.service_id.hyphenize()
        self._parser: Any = create_parser(client.meta.service_model.resolved_protocol)
        self._is_json = client.meta.service_model.resolved_protocol == "json"

    def call(
        self,
        model: "OperationModel",
        params: dict[str, Any],
        request_signer: "RequestSigner",
        context: dict[str, Any],
        **_: object,
    ) -> "tuple[AWSResponse, dict[str, Any]] | None":
        """Make a call and return its reply as it is and as it reads; None: it must go botocore's own way."""
        if model.name not in _SHORT or model.http_checksum or params["query_string"]:
            return None
        try:
            signer = signer_of(request_signer, context)
            if signer is None:
                return None
            body = params["body"]
            request = Signable(params, form(body) if isinstance(body, dict) else body, context)
            signer.add_auth(request)
            response = self._send(model, request)
            return response, self._read(response, model, context)
        except Exception as error:
            self._events.emit(f"after-call-error.{self._service_id}.{model.name}", exception=error, context=context)
            raise

    def _send(self, model: "OperationModel", request: Signable) -> "AWSResponse":
        headers: Any = {name: value.encode() for name, value in request.headers.items()}
        prepared = AWSPreparedRequest(request.method, request.url, headers, request.body, stream_output=False)
        answers = self._events.emit(f"before-send.{self._service_id}.{model.name}", request=prepared)
        answer = first_non_none_response(answers)
        return self._session.send(prepared) if answer is None else answer

    def _read(self, response: "AWSResponse", model: "OperationModel", context: dict[str, Any]) -> dict[str, Any]:
        if not self._is_json or response.status_code >= _FIRST_ERROR:
            return self._parsed(response, model)
        read = read_json(response.content)
        if not isinstance(read, dict):
            raise BadReply
        context[READ] = read
        headers, members = response.headers, model.output_shape.members if model.output_shape else {}
        known = {name: value for name, value in read.items() if name in members and value is not None}
        request_id = next((headers[name] for name in _REQUEST_IDS if name in headers), "unknown")
        return {**known, "ResponseMetadata": {"RequestId": request_id, "HTTPStatusCode": response.status_code}}

    def _parsed(self, response: "AWSResponse", model: "OperationModel") -> dict[str, Any]:
        """Let botocore read the reply; what an error holds besides its code stands in a second shape."""
        about = convert_to_response_dict(response, model)
        parsed: dict[str, Any] = self._parser.parse(about, model.output_shape)
        code = parsed.get("Error", {}).get("Code") if response.status_code >= _FIRST_ERROR else None
        if code is not None and (shape := model.service_model.shape_for_error_code(code)) is not None:
            parsed.update(self._parser.parse(about, shape))
        return parsed
