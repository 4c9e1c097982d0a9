"""Where the demo runs: embedded, in files of one folder; or through SQS, SNS and DynamoDB on a local moto."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from leadline.browse import browse
from leadline.demo.audit import Found
from ports import Queue, create_queue, open_queue, open_store
from schemas.lead import Lead
from worker.quarantine import read_record


class Place(NamedTuple):
    """The addresses that a worker is given, and how to read what its topic holds."""

    queue: str
    quarantine: str
    dlq: str
    store: str
    topic: str
    read_leads: Callable[[], list[Lead]]
    calls_in_flight: int = 1
    """moto loses count of messages when calls come side by side; the embedded ports make one call anyway."""

    def open(self, url: str) -> Queue:
        """Open one of the place's queues."""
        return open_queue(url, in_flight=self.calls_in_flight)


def embedded(folder: Path) -> Place:
    """Make the queues in a folder; the files of store and topic come with their first use."""
    queue, quarantine, dlq = (f"sqlite:///{folder / name}.db" for name in ("queue", "quarantine", "dlq"))
    create_queue(dlq)
    create_queue(quarantine)
    create_queue(queue, dead_letters=dlq)
    leads = folder / "leads.jsonl"
    return Place(
        queue=queue,
        quarantine=quarantine,
        dlq=dlq,
        store=f"sqlite:///{folder / 'store.db'}",
        topic=f"file:///{leads}",
        read_leads=lambda: [Lead.model_validate_json(line) for line in _lines(leads)],
    )


def _lines(file: Path) -> list[bytes]:
    """Return the lines of the topic's file, which comes with its first lead."""
    return file.read_bytes().splitlines() if file.exists() else []


@contextmanager
def local_aws() -> Iterator[Place]:
    """Start a moto server in this process and make what a worker needs; a queue is subscribed to the topic."""
    from ports.aws.local import serve_moto

    with serve_moto() as made:
        subscriber = open_queue(made.subscriber, in_flight=1)
        yield Place(
            queue=made.queue,
            quarantine=made.quarantine,
            dlq=made.dlq,
            store=made.store,
            topic=made.topic,
            read_leads=lambda: [Lead.model_validate_json(message.body) for message in browse(subscriber)],
        )


def look(place: Place) -> Found:
    """Read what store, topic, quarantine and queues hold now."""
    store = open_store(place.store)
    rows = () if store is None else store.scan()
    queues = [place.open(place.queue), place.open(place.dlq)]
    return Found(
        stored={row.decision.customer_id: row for row in rows},
        leads=place.read_leads(),
        quarantined=[read_record(message.body) for message in browse(place.open(place.quarantine))],
        left_on_queues={message.id for queue in queues for message in browse(queue)},
    )
