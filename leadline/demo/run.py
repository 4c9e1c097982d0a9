"""The demo itself: plan, send, work, audit."""

import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from leadline.demo.audit import Audit, audit
from leadline.demo.places import Place, look
from leadline.demo.plan import Plan, Planned
from leadline.output import Failed, progress_console
from ports import open_store
from schemas.decision import StoredDecision
from worker.outcome import Outcome
from worker.service import Worker
from worker.settings import Settings

_AT_ONCE: Final = 500
_BEST: Final = 10


class Ran(NamedTuple):
    """What a run of the demo came to."""

    audit: Audit
    best: list[StoredDecision]
    events_per_second: float


def run(plan: Plan, place: Place, bundle: Path, public_key: Path) -> Ran:
    """Send the plan's messages, run a worker until the queue is empty, and look at what is there then."""
    sent = send(plan, place)
    seconds = work(plan, place, bundle, public_key)
    store = open_store(place.store)
    return Ran(
        audit=audit(sent, look(place)),
        best=[] if store is None else store.best(_BEST),
        events_per_second=len(plan.messages) / seconds,
    )


def send(plan: Plan, place: Place) -> Mapping[str, Planned]:
    """
    Put every message on the queue, in order.

    Returns:
        The messages by the ids that the queue gave them.

    Raises:
        Failed: The queue did not take one.
    """
    queue, sent = place.open(place.queue), dict[str, Planned]()
    messages = iter(plan.messages)
    with _progress() as progress:
        bar = progress.add_task("queueing events", total=len(plan.messages))
        while chunk := list(islice(messages, _AT_ONCE)):
            for message_id, planned in zip(queue.send([m.body for m in chunk]), chunk, strict=True):
                if message_id is None:
                    raise Failed(f"{place.queue} did not take event {planned.event_id}; see the log line above for why")
                sent[message_id] = planned
            progress.advance(bar, len(chunk))
    return sent


def work(plan: Plan, place: Place, bundle: Path, public_key: Path) -> float:
    """Run a worker until the queue is empty. Return the seconds that it worked."""
    settings = Settings(
        queue=place.queue,
        quarantine=place.quarantine,
        dlq=place.dlq,
        store=place.store,
        topic=place.topic,
        model=str(bundle),
        public_key=public_key,
        wait_time_s=1,
        http_port=0,
    )
    with Worker(settings, place.calls_in_flight) as worker, _progress() as progress:
        bar = progress.add_task("scoring events", total=len(plan.messages))

        def tell(outcomes: list[Outcome]) -> None:
            progress.advance(bar, sum(outcome.kind != "retried" for outcome in outcomes))

        started = time.perf_counter()
        while sum(place.open(place.queue).depth()):
            worker.run(once=True, tell=tell)
        return time.perf_counter() - started


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=progress_console())
