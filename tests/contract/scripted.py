"""A service that answers one call after the other by a script, over HTTP, so that every transport can be asked."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from xml.sax.saxutils import escape

from botocore import xform_name

from tests.contract.answering import Answer, Answering, Request, Silence

_SPACE: Final = "http://sns.amazonaws.com/doc/2010-03-31/"


class Script:
    """What is still to be answered. A call that is not the next one is refused, and remembered."""

    def __init__(self, service: Answering) -> None:
        self.url = service.url
        self.surprises: list[str] = []
        self._steps: list[tuple[str, Answer, Mapping[str, Any] | None]] = []
        service.respond = self._respond

    def add_response(self, method: str, reply: Mapping[str, Any], expected: Mapping[str, Any] | None = None) -> None:
        """Answer a call with this; `expected` are the parameters that it must have."""
        body = _xml(reply) if method == "publish_batch" else json.dumps(reply).encode()
        self._steps.append((method, Answer(200, body, {"x-amzn-RequestId": "request-0"}), expected))

    def add_client_error(
        self,
        method: str,
        code: str,
        message: str = "",
        *,
        http_status_code: int = 400,
        expected_params: Mapping[str, Any] | None = None,
        response_meta: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a call with an error of AWS."""
        key = (response_meta or {}).get("RequestId", "request-0")
        if method == "publish_batch":
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            body = f'<ErrorResponse xmlns="{_SPACE}">{error}<RequestId>{key}</RequestId></ErrorResponse>'.encode()
        else:
            body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()
        self._steps.append((method, Answer(http_status_code, body, {"x-amzn-RequestId": key}), expected_params))

    @contextmanager
    def played(self) -> Iterator["Script"]:
        """Nothing but the script is asked for, and all of it, until the end."""
        yield self
        assert [] == self.surprises
        assert [] == [method for method, _, _ in self._steps]

    def _respond(self, request: Request) -> Answer | Silence:
        method = xform_name(request.api.partition(":")[2])
        if not self._steps or self._steps[0][0] != method:
            self.surprises.append(method)
            return Answer(400, b'{"__type": "com.amazonaws#NotInTheScript"}')
        _, answer, expected = self._steps.pop(0)
        if expected is not None and json.loads(request.body) != dict(expected):
            self.surprises.append(f"{method} with other parameters")
        return answer


def _xml(reply: Mapping[str, Any]) -> bytes:
    lists = "".join(f"<{name}>{_members(reply.get(name, []))}</{name}>" for name in ("Successful", "Failed"))
    return (
        f'<PublishBatchResponse xmlns="{_SPACE}"><PublishBatchResult>{lists}</PublishBatchResult>'
        "<ResponseMetadata><RequestId>request-0</RequestId></ResponseMetadata></PublishBatchResponse>"
    ).encode()


def _members(entries: Sequence[Mapping[str, Any]]) -> str:
    return "".join(
        f"<member>{''.join(f'<{k}>{escape(_text(v))}</{k}>' for k, v in entry.items())}</member>" for entry in entries
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
