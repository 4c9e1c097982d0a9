"""A role for a web identity: one call to STS, which needs no keys."""

import os
import threading
from typing import Final

from ports.aws import sides
from ports.aws.direct import answers
from ports.aws.direct.credentials import Credentials, Keys, NoKeys, failed, find_credentials
from ports.aws.direct.forms import FORM_TYPE, assume_role_form, parse_role
from ports.aws.direct.lines import Answer, Lines
from ports.aws.endpoints import direct_endpoint
from ports.aws.faults import Failure
from ports.aws.sides import Result
from ports.protocols import BadAddress, CountCall

_API: Final = "sts:AssumeRoleWithWebIdentity"

_Key = tuple[str, frozenset[tuple[str, str]]]
_lock: Final = threading.Lock()
_shared: Final[dict[_Key, Credentials]] = {}


def shared_credentials(region: str, on_call: CountCall) -> Credentials:
    """Return who we are by the environment: the same for queue, store and topic, so that STS is asked once for all."""
    key = region, frozenset((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    with _lock:
        if key not in _shared:
            _shared.clear()
            _shared[key] = find_credentials(RoleTrader(region, on_call))
        return _shared[key]


class RoleTrader:
    """Trades tokens for keys. One attempt: whoever needs the keys tries again."""

    def __init__(self, region: str, on_call: CountCall) -> None:
        self._region, self._on_call = region, on_call

    def __call__(self, role: str, session: str, token: str) -> Keys:
        """
        Return new keys.

        Raises:
            NoKeys: STS did not answer, or refused.
        """
        try:
            url = direct_endpoint("sts", self._region)
        except BadAddress as error:
            raise failed("CredentialRetrievalError") from error

        def read(answer: Answer) -> tuple[Result, bool]:
            return answers.read(answer, parse_role), False

        [result] = Lines(url).exchange(
            [assume_role_form(role, session, token)],
            lambda _: f"Content-Type: {FORM_TYPE}\r\n".encode(),
            read,
            at_most=1,
            timeout_s=sides.READ_TIMEOUT_S,
        )
        if result is None or isinstance(result, Failure):
            self._on_call(_API, "NotTried" if result is None else result.fault.code)
            raise failed("CredentialRetrievalError") if result is None else NoKeys(result)
        self._on_call(_API, "ok")
        keys: Keys = result.body["keys"]
        return keys
