"""
What a queue, a store and a topic promise, and how they fail.

One call takes as many items as there are; a port splits them as its service wants it and keeps the calls in flight that
it needs. Failures of single items come back as results, since a neighbour must not suffer from them. Only what leaves
nothing to return raises: `Unavailable`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

from schemas.decision import Decision, StoredDecision
from schemas.lead import Lead

CountCall = Callable[[str, str], object]
"""Told of every call to a service: which API, and with what result."""


Transport = Literal["boto3", "direct"]
"""How calls to AWS are made: by the SDK, or straight over sockets."""


def not_counted(_api: str, _result: str) -> None:
    """Count nothing."""


class PortError(Exception):
    """Base of what a port raises."""


class Unavailable(PortError):
    """The service cannot do it now; a later try may."""


class BadAddress(PortError):
    """The URL names nothing that can be opened."""


class BadBundle(PortError):
    """The address is good, but what lies there is no model bundle."""


class AlreadyThere(PortError):
    """An object of this name exists, and was to be put only if there is none."""


class Message(NamedTuple):
    """One message in hand, under its lease."""

    id: str
    receipt: str
    body: bytes
    receive_count: int


class SigningKey(Protocol):
    """A key whose private half stays where it is."""

    def sign(self, message: bytes, /) -> bytes:
        """
        Return the signature: ECDSA P-256 over SHA-256, DER.

        Raises:
            Unavailable: The service did not answer, or refused.
        """

    def public_pem(self) -> bytes:
        """
        Return the public half as PEM.

        Raises:
            BadAddress: It is a key of another kind.
            Unavailable: The service did not answer, or refused.
        """


class Depth(NamedTuple):
    """How many messages wait, and how many are in somebody's hands. Approximate on SQS."""

    visible: int
    in_flight: int


class Put(NamedTuple):
    """
    What became of one decision in the store.

    `applied`: it is the newest now. `equal`: this event was stored before; `stored` is what was decided then.
    `superseded`: a newer event was stored before. `conflict`: this event id was stored before with other content.
    `failed`: not known to be stored; try again.
    """

    outcome: Literal["applied", "equal", "superseded", "conflict", "failed"]
    stored: StoredDecision | None


class Queue(Protocol):
    """A queue with leases: what is received is invisible until it is deleted or its visibility timeout ends."""

    @property
    def url(self) -> str:
        """The address that the queue was opened by."""

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        """
        Return up to `limit` messages; wait up to `wait_s` for the first.

        Raises:
            Unavailable: The queue did not answer, or refused.
        """

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages that are done. Return those that are not known to be deleted."""

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        """
        Make each message visible after its seconds, counted from now. Return those whose lease is lost.

        A call that failed for now (throttled, locked, no answer) loses no lease: it is logged, to be made again.
        """

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Put messages on the queue. Return their ids in order, None for one that was not taken."""

    def depth(self) -> Depth:
        """
        Count the messages.

        Raises:
            Unavailable: The queue did not answer, or refused.
        """


class Store(Protocol):
    """The newest decision for each customer."""

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        """
        Store each decision unless the store holds the same event or a newer one for its customer.

        One conditional update each; it sets `was_lead` to the row's `ever_lead` of before. Results are in order.
        """

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        """Note that withdrawals were published: `ever_lead = false` where the version is still this decision's."""

    def get(self, customer_id: str) -> StoredDecision | None:
        """Return what is stored for one customer."""

    def newest(self, limit: int) -> list[StoredDecision]:
        """Return the leads with the newest events, newest first."""

    def best(self, limit: int) -> list[StoredDecision]:
        """Return the leads with the highest scores, best first."""

    def scan(self) -> Iterator[StoredDecision]:
        """Go through all that is stored, in no order."""


class Topic(Protocol):
    """What marketing subscribes to."""

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Publish leads. Return those that are not known to be published."""


class Object(NamedTuple):
    """An object as it was read, with what names this content of it and no other."""

    content: bytes
    etag: str
    version: str | None


class Listed(NamedTuple):
    """An object in a listing: size in bytes, and when it was put."""

    key: str
    size: int
    modified: datetime


class Objects(Protocol):
    """A bucket of whole objects."""

    @property
    def bucket(self) -> str:
        """Its name."""

    def put(self, key: str, content: bytes, *, once: bool = False) -> str | None:
        """
        Put an object, whole or not at all. Return the version that it became, where versions are kept.

        Raises:
            AlreadyThere: With `once`: there is one of this name.
            Unavailable: The service did not answer, or refused.
        """

    def get(self, key: str, *, max_bytes: int) -> Object | None:
        """
        Return an object, or None where there is none.

        Raises:
            BadBundle: It is larger than `max_bytes`.
            Unavailable: The service did not answer, or refused.
        """

    def list(self, prefix: str) -> Iterator[Listed]:
        """
        Go through the objects whose names begin with a prefix, in the order of their names.

        Raises:
            Unavailable: The service did not answer, or refused.
        """

    def existed(self, key: str) -> bool:
        """
        Tell whether there is an object of this name, or was one that has been deleted.

        Raises:
            Unavailable: The service did not answer, or refused.
        """


class Revision(NamedTuple):
    """What is deployed: an archive, and the tag of the content that it must still have."""

    bucket: str
    key: str
    etag: str


class Deployment(NamedTuple):
    """How far a deployment is: CodeDeploy's own word, why it failed, and which deployment puts the old one back."""

    status: str
    reason: str
    rollback: str | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.status in DEPLOYMENT_ENDS


DEPLOYMENT_ENDS: Final = frozenset({"Succeeded", "Failed", "Stopped"})


class Hook(NamedTuple):
    """One step of a deployment on one instance; `log` is the end of what its script said."""

    name: str
    status: str
    log: str


class Deployments(Protocol):
    """A place that revisions are deployed to, one at a time."""

    def start(self, revision: Revision, description: str) -> str:
        """
        Start a deployment, and return its id.

        Raises:
            BadAddress: There is no such place.
            Unavailable: Another deployment runs, or the service did not answer, or refused.
        """

    def state(self, deployment: str) -> Deployment:
        """
        Tell how far a deployment is.

        Raises:
            Unavailable: The service did not answer, or refused.
        """

    def hooks(self, deployment: str) -> Sequence[Hook]:
        """
        Return the steps of a deployment, in order.

        Raises:
            Unavailable: The service did not answer, or refused.
        """


def put_result(decision: Decision, current: StoredDecision) -> Put:
    """Say why the condition of `Store.put` did not hold, from the row that stands in the way."""
    stored = current.decision
    if stored.event_id == decision.event_id:
        same = stored.content_sha256 == decision.content_sha256
        return Put("equal" if same else "conflict", current)
    return Put("superseded", current)
