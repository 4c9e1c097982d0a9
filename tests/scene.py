"""A worker's services on files, events to put into them, and services that fail."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ports import Message, Put, Store, Topic, create_queue, open_queue, open_store, open_topic
from propensity.bundle import Bundle
from schemas.decision import Decision, StoredDecision
from schemas.lead import Lead
from tests.bundles import policy
from tests.helpers import BEFORE, NOW, cloud_event, leads_in, message
from worker.outcome import Outcome
from worker.pipeline import Services, process_batch
from worker.quarantine import Quarantined, read_record


class Scene(NamedTuple):
    """A worker's services on the files of a folder."""

    services: Services
    folder: Path

    @property
    def leads(self) -> list[tuple[str, str]]:
        """Return customer and kind of each lead that is out, in order."""
        return [(lead.data.customer_id, lead.type.split(".")[2]) for lead in self.published]

    @property
    def published(self) -> list[Lead]:
        """Return each lead that is out, in order."""
        return leads_in(self.folder / "leads.jsonl")

    @property
    def stored(self) -> dict[str, StoredDecision]:
        """Return what is stored, by customer."""
        store = open_store(f"sqlite:///{self.folder}/store.db")
        return {} if store is None else {stored.decision.customer_id: stored for stored in store.scan()}

    def quarantined(self) -> list[Quarantined]:
        """Take what was set aside."""
        records = open_queue(f"sqlite:///{self.folder}/quarantine.db").receive(1000, 0, 60)
        return [read_record(record.body) for record in records]

    def but(self, **changes: Any) -> "Scene":  # noqa: ANN401  any service, good or bad
        """Return the same scene with other services."""
        return self._replace(services=self.services._replace(**changes))

    def process(self, *messages: Message, held: Callable[[Message], bool] = lambda _: True) -> dict[str, list[str]]:
        """Process a batch, and say what became of each message's events, in order."""
        outcomes = sorted(process_batch(messages, self.services, NOW, held), key=lambda outcome: outcome.position)
        return {m.id: [_said(outcome) for outcome in outcomes if outcome.message == m] for m in messages}


def _said(outcome: Outcome) -> str:
    return outcome.kind if outcome.reason is None else f"{outcome.kind} {outcome.reason}"


def make_scene(folder: Path, bundle: Bundle) -> Scene:
    """Set up services on empty files."""
    services = Services(
        bundle=bundle,
        policy=policy(),
        store=open_store(f"sqlite:///{folder}/store.db"),
        topic=open_topic(f"file:///{folder}/leads.jsonl"),
        quarantine=create_queue(f"sqlite:///{folder}/quarantine.db"),
        queue_url="sqlite:///queue.db",
    )
    return Scene(services, folder)


def event(name: str, spend: float = 180, time: str = BEFORE, customer_id: str | None = None, **changes: Any) -> Message:  # noqa: ANN401  any JSON
    """Return a message of one event, by default of a customer of the same name, who is a lead."""
    who = name if customer_id is None else customer_id
    return message(cloud_event(f"evt-{name}", time, customer_id=who, highest_spend=spend, **changes), name)


class HalfTopic:
    """Refuses the leads of some customers, and passes the others on."""

    def __init__(self, topic: Topic | None, refused: set[str]) -> None:
        self._topic, self._refused = topic, refused

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Return those that are refused."""
        assert self._topic is not None
        self._topic.publish([lead for lead in leads if lead.data.customer_id not in self._refused])
        return [lead for lead in leads if lead.data.customer_id in self._refused]


class HalfStore:
    """Fails for some customers, is a good store for the others, and writes down what it is told is settled."""

    def __init__(self, store: Store | None, refused: set[str]) -> None:
        assert store is not None
        self._store, self._refused = store, refused
        self.settled: list[str] = []

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        """Store what is not refused."""
        return [Put("failed", None) if d.customer_id in self._refused else self._store.put([d])[0] for d in decisions]

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        """Pass it on."""
        self.settled += [decision.customer_id for decision in decisions]
        self._store.settle_withdrawals(decisions)


class Broken:
    """Any service or model, of which every call fails in a way that nobody foresaw."""

    n_features_in_ = 9

    def fail(self, *_: object) -> None:
        """Fail."""
        raise RuntimeError("nobody foresaw this")

    put = publish = send = predict_proba = settle_withdrawals = fail


class FullQueue:
    """A queue that takes nothing."""

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Take nothing."""
        return [None] * len(bodies)
