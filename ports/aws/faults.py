"""What went wrong in a call to AWS: its code, whether a later try may do, and the way out. Never what was sent."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

BAD_REPLY: Final = "BadReply"
"""Something has answered, but not AWS: a proxy, another server, or half a reply."""
NOT_TRIED: Final = "NotTried"
"""The call was not made, since one beside it has just got no answer."""

_THROTTLED: Final = frozenset(
    {
        "ConditionalRequestConflict",
        "KMS.ThrottlingException",
        "KmsThrottled",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
)
_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NO_CREDENTIALS: Final = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "UnauthorizedSSOTokenError"}
)
_MISSING: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)

_WAYS_OUT: Final = (
    (_DENIED, "allow the action on this resource in the policy of the worker's role"),
    (
        _CREDENTIALS | _NO_CREDENTIALS,
        "check the credentials: AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, or a profile",
    ),
    (_MISSING, "check the address, the account and the region; nothing is created by itself"),
    (
        {BAD_REPLY},
        "it is tried again later; if it stays, check AWS_ENDPOINT_URL and the proxy: something else answers",
    ),
    (
        {"SSLError"},
        "the certificate is of another host, or of no known authority: check AWS_ENDPOINT_URL and AWS_CA_BUNDLE",
    ),
    ({"RequestTimeTooSkewed"}, "set this machine's clock"),
)


class Fault(NamedTuple):
    """A failed call. AWS's own message is left out, since it may repeat what was sent."""

    code: str
    request_id: str
    transient: bool
    by_entry: bool = False
    """Whether the call itself went well, and this one entry of its batch failed."""

    @classmethod
    def of_answer(cls, code: str, request_id: str, status: int) -> Self:
        """Read an error that AWS has answered with."""
        return cls(code, request_id, status >= 500 or status == 429 or code in _THROTTLED)

    @classmethod
    def of_entry(cls, entry: Mapping[str, object], request_id: str) -> Self:
        """Read one entry of the `Failed` list in a batch's reply."""
        code = str(entry.get("Code", "Unknown"))
        return cls(code, request_id, not entry.get("SenderFault", False) or code in _THROTTLED, by_entry=True)

    @property
    def way_out(self) -> str:
        """What somebody can do about it."""
        for codes, way_out in _WAYS_OUT:
            if self.code in codes:
                return way_out
        if self.transient:
            return "it is tried again later; if it stays, check the service's limits, the network and AWS_ENDPOINT_URL"
        return "it will not be different later: look the code up in the service's API reference"


class Failure(NamedTuple):
    """A call that came to nothing."""

    fault: Fault
    silent: bool = False
    """AWS was not reached, or did not answer in time: the next call will hardly fare better."""
    body: Mapping[str, Any] = {}
    """What the error holds besides its code."""


NEVER_TRIED: Final = Failure(Fault(NOT_TRIED, "none", transient=True), silent=True)
