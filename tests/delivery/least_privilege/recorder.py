"""Every request to AWS, seen at the HTTP side, as what IAM is asked: action and resource, keys of KMS included."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.contract.answering import Answer, Answering, Request, Respond, Silence
from tests.delivery.least_privilege.requests import READERS, Needed, Unreadable, arn, service_of
from tests.delivery.templates import ACCOUNT, REGION


class Recorder:
    """Turns requests into what they need."""

    def __init__(self, encrypted: Mapping[str, str], aliases: Mapping[str, str], how_deployed: str = "") -> None:
        """
        Make a recorder.

        Args:
            encrypted: The ARN of the key that a queue, topic, table or bucket is encrypted with, by the thing's ARN.
            aliases: The ARNs of keys, by alias.
            how_deployed: The deployment group's configuration.
        """
        self._encrypted, self._aliases, self._how_deployed = encrypted, aliases, how_deployed

    def needs(self, request: Request, status: int) -> list[Needed]:
        """
        Return what a request needs, and what AWS asks of the same caller besides.

        Args:
            request: As it came.
            status: What was answered: for an object that is not there S3 wants to know whether one may list.

        Raises:
            Unreadable: It is of no kind that we know.
        """
        service = service_of(request)
        if service not in READERS:
            raise Unreadable(f"{request.method} {request.path} of {service} is not known to the recorder; teach it")
        first = READERS[service](request)
        more = self._of_keys(first) + self._of_deployment(first, request)
        if first.action == "s3:GetObject" and status == 404:
            more.append(Needed("s3:ListBucket", first.resource.partition("/")[0]))
        if first.action.startswith("kms:"):
            return [first._replace(resource=self._key(first.resource))]
        return [first, *more]

    def _of_keys(self, needed: Needed) -> list[Needed]:
        """What the service does with its key, it does in the name of whoever asks."""
        service = needed.action.partition(":")[0]
        thing = _thing(needed.resource, service)
        via = (("kms:CallerAccount", ACCOUNT), ("kms:ViaService", f"{service}.{REGION}.amazonaws.com"))
        uses = _KEY_USES.get(needed.action, ())
        return [Needed(f"kms:{use}", self._encrypted[thing], via) for use in uses if thing in self._encrypted]

    def _of_deployment(self, needed: Needed, request: Request) -> list[Needed]:
        """Whoever starts a deployment registers its revision, and reads how it is to be deployed."""
        if needed.action != "codedeploy:CreateDeployment":
            return []
        asked = json.loads(request.body)
        application = arn("codedeploy", f"application:{asked['applicationName']}")
        how = arn("codedeploy", f"deploymentconfig:{asked.get('deploymentConfigName', self._how_deployed)}")
        return [
            Needed("codedeploy:RegisterApplicationRevision", application),
            Needed("codedeploy:GetDeploymentConfig", how),
        ]

    def _key(self, name: str) -> str:
        """Return the ARN of a key by its id, alias or ARN."""
        return self._aliases.get(
            name, name if name.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}"
        )


class Recording(Answering):
    """A server that hands requests on, of every method, and notes what they need while somebody asks for it."""

    def __init__(self, forward: Respond, recorder: Recorder) -> None:
        self._forward, self._recorder = forward, recorder
        self._noted: set[Needed] | None = None
        self._fault: Unreadable | None = None
        super().__init__(self._note_and_forward)

    @contextmanager
    def noting(self) -> Iterator[set[Needed]]:
        """
        Give a set that fills with what is needed meanwhile.

        Raises:
            Unreadable: A request was of no kind that we know.
        """
        noted = set[Needed]()
        self._noted, self._fault = noted, None
        yield noted
        self._noted = None
        if self._fault is not None:
            raise self._fault

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Note nothing meanwhile: somebody else asks."""
        before, self._noted = self._noted, None
        yield
        self._noted = before

    @contextmanager
    def answering(self, respond: Callable[[Request], Answer | None]) -> Iterator[None]:
        """Answer by this function meanwhile, where it does not give None."""
        before = self._forward
        self._forward = lambda request: respond(request) or before(request)
        yield
        self._forward = before

    def _note_and_forward(self, request: Request) -> Answer | Silence:
        answer = self._forward(request)
        if self._noted is not None:
            try:
                self._noted.update(self._recorder.needs(request, answer.status if isinstance(answer, Answer) else 0))
            except Unreadable as error:
                self._fault = error
        return answer

    def _handler(self) -> Any:  # noqa: ANN401  a class
        handler: Any = super()._handler()
        for method in ("GET", "PUT", "HEAD", "DELETE"):
            setattr(handler, f"do_{method}", handler.do_POST)
        return handler


_KEY_USES: Final = {
    "sqs:SendMessage": ("GenerateDataKey", "Decrypt"),
    "sqs:ReceiveMessage": ("Decrypt",),
    "sns:Publish": ("GenerateDataKey", "Decrypt"),
    **{f"dynamodb:{one}": ("Decrypt",) for one in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")},
    "s3:PutObject": ("GenerateDataKey",),
    "s3:GetObject": ("Decrypt",),
    "s3:GetObjectVersion": ("Decrypt",),
}
"""What SQS, SNS, DynamoDB and S3 document that a caller must be allowed on the key; a table's key is asked for it when
DynamoDB has not used it for a while."""


def _thing(resource: str, service: str) -> str:
    """Return the ARN of what is encrypted: of an index its table, of an object its bucket."""
    if service == "dynamodb":
        return resource.partition("/index/")[0]
    return resource.partition("/")[0] if service == "s3" else resource
