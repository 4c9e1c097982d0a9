"""What went wrong in a call to AWS: its code, whether a later try may do, and the way out. Never what was sent."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

AwsError: Final = (ClientError, BotoCoreError)
"""All that a call raises on purpose."""
NO_ANSWER: Final = (NoConnection, HTTPClientError)
"""AWS was not reached, or did not answer in time."""


class BadReply(BotoCoreError):
    """Something has answered, but not AWS: a proxy, another server, or half a reply."""

    fmt = "the answer is no reply of AWS"


class NotTried(BotoCoreError):
    """The call was not made, since one beside it has just got no answer."""

    fmt = "the service does not answer"


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


class Fault(NamedTuple):
    """A failed call. AWS's own message is left out, since it may repeat what was sent."""

    code: str
    request_id: str
    transient: bool
    by_entry: bool = False
    """Whether the call itself went well, and this one entry of its batch failed."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Read the error of a call."""
        if isinstance(error, ClientError):
            about = error.response.get("ResponseMetadata", {})
            status = about.get("HTTPStatusCode", 0)
            code = error.response.get("Error", {}).get("Code", "Unknown")
            return cls(code, about.get("RequestId", "unknown"), status >= 500 or status == 429 or code in _THROTTLED)
        return cls(type(error).__name__, "none", isinstance(error, (*NO_ANSWER, BadReply, NotTried)))

    @classmethod
    def of_entry(cls, entry: Mapping[str, object], request_id: str) -> Self:
        """Read one entry of the `Failed` list in a batch's reply."""
        code = str(entry.get("Code", "Unknown"))
        return cls(code, request_id, not entry.get("SenderFault", False) or code in _THROTTLED, by_entry=True)

    @property
    def way_out(self) -> str:
        """What somebody can do about it."""
        if self.code in _DENIED:
            return "allow the action on this resource in the policy of the worker's role"
        if self.code in _CREDENTIALS or self.code in {"NoCredentialsError", "CredentialRetrievalError"}:
            return "check the credentials: AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, or a profile"
        if self.code in _MISSING:
            return "check the address, the account and the region; nothing is created by itself"
        if self.code == BadReply.__name__:
            return "it is tried again later; if it stays, check AWS_ENDPOINT_URL and the proxy: something else answers"
        if self.transient:
            return "it is tried again later; if it stays, check the service's limits, the network and AWS_ENDPOINT_URL"
        return "it will not be different later: look the code up in the service's API reference"
