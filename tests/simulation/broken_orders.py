"""Orders of operations that break a promise, each as it is found in the wild: wrappers around what the worker calls."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from ports import Message, Put, Queue, Store, Topic
from propensity.decision import announce
from schemas.decision import Decision, StoredDecision
from schemas.lead import Lead
from simulation.cloud import Cloud
from simulation.process import Ports, Variant
from simulation.store import StoreState
from worker.outcome import Outcome, Settled
from worker.pipeline import Services, process_batch


class WrappedQueue:
    """A queue that does what the real one does."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.url, self.set_visibility, self.send, self.depth = queue.url, queue.set_visibility, queue.send, queue.depth

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        return self._queue.receive(limit, wait_s, visibility_timeout_s)

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        return self._queue.delete(messages)


class DeletesFirst(WrappedQueue):
    """Acknowledges what it has received before anything is done with it."""

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        messages = super().receive(limit, wait_s, visibility_timeout_s)
        super().delete(messages)
        return messages

    def delete(self, messages: Sequence[Message]) -> list[Message]:  # noqa: ARG002  they are gone already
        return []


class WrappedStore:
    """A store that does what the real one does, and knows the table behind it."""

    def __init__(self, store: Store, state: StoreState) -> None:
        self._store, self._state = store, state
        self.get, self.newest, self.best, self.scan = store.get, store.newest, store.best, store.scan

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        return self._store.put(decisions)

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        self._store.settle_withdrawals(decisions)


class PutsPlainly(WrappedStore):
    """Overwrites whatever is there."""

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        puts = zip(decisions, super().put(decisions), strict=True)
        return [self._overwritten(decision) if put.outcome == "superseded" else put for decision, put in puts]

    def _overwritten(self, decision: Decision) -> Put:
        return self._state.overwrite(decision, was_lead=self._state.rows[decision.customer_id].ever_lead)


class PutsOnlyLeads(WrappedStore):
    """Stores leads by the right condition; who is no lead leaves no trace, and a lead that was there is removed."""

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        leads = iter(super().put([decision for decision in decisions if decision.lead]))
        return [next(leads) if decision.lead else self._removed(decision) for decision in decisions]

    def _removed(self, decision: Decision) -> Put:
        row = self._state.rows.get(decision.customer_id)
        if row is not None and row.version > decision.version:
            return Put("superseded", row.stored)
        self._state.rows.pop(decision.customer_id, None)
        return Put("applied", StoredDecision(decision=decision, was_lead=row is not None))


class PassesOverWhatIsStored(WrappedStore):
    """Publishes only what was applied just now: what comes again is taken for done."""

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        return [put._replace(outcome="superseded") if put.outcome == "equal" else put for put in super().put(decisions)]


class DecidesAgain(WrappedStore):
    """Publishes what the model of today decides about an event that was decided before."""

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        return [
            put._replace(stored=StoredDecision(decision=decision, was_lead=put.stored.was_lead))
            if put.outcome == "equal" and put.stored
            else put
            for decision, put in zip(decisions, super().put(decisions), strict=True)
        ]


class PublishesBeforeItStores(WrappedStore):
    """Reads what is there, publishes what should follow, and stores it then."""

    def __init__(self, store: Store, state: StoreState, topic: Topic) -> None:
        super().__init__(store, state)
        self._topic = topic

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        leads = [announce(StoredDecision(decision=d, was_lead=self._was_lead(d))) for d in decisions]
        failed = {lead.id for lead in self._topic.publish([lead for lead in leads if lead is not None])}
        published = [d for d, lead in zip(decisions, leads, strict=True) if lead is None or lead.id not in failed]
        puts = iter(super().put(published))
        return [next(puts) if decision in published else Put("failed", None) for decision in decisions]

    def _was_lead(self, decision: Decision) -> bool:
        row = self._state.rows.get(decision.customer_id)
        return row is not None and row.ever_lead


class SettlesWhateverStands(WrappedStore):
    """Notes a withdrawal without asking whether a newer event has taken over."""

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        stand = [stored.decision for d in decisions if (stored := self.get(d.customer_id)) is not None]
        super().settle_withdrawals(stand)


class IgnoresFailed:
    """Takes a publish for done when the call returns, whatever it says of single entries."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        self._topic.publish(leads)
        return []


class PublishesNothing:
    """A topic for those who have published before."""

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:  # noqa: ARG002  as the protocol has it
        return []


class SettlesBeforeItPublishes:
    """Notes that a withdrawal is out before it is."""

    def __init__(self, topic: Topic, store: Store) -> None:
        self._topic, self._store = topic, store

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        stored = [self._store.get(lead.data.customer_id) for lead in leads if lead.type.endswith("withdrawn.v1")]
        self._store.settle_withdrawals([s.decision for s in stored if s is not None])
        return self._topic.publish(leads)


class MarksFirst:
    """A worker with a table of messages that were seen, in which each is marked before anything is done with it."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def process(
        self,
        messages: Sequence[Message],
        services: Services,
        now: datetime,
        is_held: Callable[[Message], bool],
        settled: Settled,
    ) -> list[Outcome]:
        seen = [message for message in messages if message.id in self._seen]
        self._seen.update(message.id for message in messages)
        new = [message for message in messages if message not in seen]
        return process_batch(new, services, now, is_held, settled) + [Outcome(old, 0, "duplicate") for old in seen]


def _queue(wrap: Callable[[Queue], Queue]) -> Variant:
    return Variant(ports=lambda ports, _: ports._replace(queue=wrap(ports.queue)))


def _store(wrap: Callable[[Store, StoreState], Store]) -> Variant:
    def ports(real: Ports, cloud: Cloud) -> Ports:
        return real if real.store is None else real._replace(store=wrap(real.store, cloud.store))

    return Variant(ports=ports)


def _topic(wrap: Callable[[Topic], Topic]) -> Variant:
    return Variant(ports=lambda real, _: real if real.topic is None else real._replace(topic=wrap(real.topic)))


def _both(wrap: Callable[[Store, Topic, StoreState], tuple[Store, Topic]]) -> Variant:
    def ports(real: Ports, cloud: Cloud) -> Ports:
        if real.store is None or real.topic is None:
            return real
        store, topic = wrap(real.store, real.topic, cloud.store)
        return real._replace(store=store, topic=topic)

    return Variant(ports=ports)


BROKEN: Final[Mapping[str, Callable[[], Variant]]] = {
    "delete first": lambda: _queue(DeletesFirst),
    "ignore Failed[]": lambda: _topic(IgnoresFailed),
    "mark seen, then publish": lambda: Variant(process=MarksFirst().process),
    "plain put": lambda: _store(PutsPlainly),
    "conditional put for leads only": lambda: _store(PutsOnlyLeads),
    "publish only when applied": lambda: _store(PassesOverWhatIsStored),
    "publish, then store": lambda: _both(
        lambda s, t, table: (PublishesBeforeItStores(s, table, t), PublishesNothing())
    ),
    "recompute on redelivery": lambda: _store(DecidesAgain),
    "note a withdrawal, then publish it": lambda: _both(lambda s, t, _: (s, SettlesBeforeItPublishes(t, s))),
    "note a withdrawal whatever stands": lambda: _store(SettlesWhateverStands),
}
"""Makes each of them, anew for every run."""
