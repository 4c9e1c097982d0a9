"""A whole worker: every part built by the settings and handed to the others. The one place that wires."""

import logging
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from ports import (
    CALLS_IN_FLIGHT,
    PATIENCE_S,
    CountCall,
    Message,
    Queue,
    Transport,
    fetch_bundle,
    open_queue,
    open_store,
    open_topic,
)
from propensity.bundle import Bundle, load
from worker.consumer import Consumer
from worker.errors import StartError
from worker.health import Health, serve_health
from worker.intake import Surroundings
from worker.lanes import Lanes
from worker.lease import Leases
from worker.metrics import Metrics
from worker.outcome import Outcome, Settled
from worker.pipeline import Services, process_batch
from worker.policy import policy_of
from worker.settings import Settings
from worker.shared import Shared

LANES: Final = 4
"""How many batches are worked on at a time."""
_CALLS_OF_A_STEP: Final = 6
"""Store, publish, settle withdrawals, quarantine, delete, give back."""

log = logging.getLogger(__name__)


class Calls(NamedTuple):
    """How the ports make their calls to AWS."""

    in_flight: int | None
    on_call: CountCall
    transport: Transport


class Worker(AbstractContextManager["Worker"]):
    """A worker with all its parts; within `with`, its leases are kept and its probes answered."""

    def __init__(
        self,
        settings: Settings,
        calls_in_flight: int | None = CALLS_IN_FLIGHT,
        stopping: threading.Event | None = None,
    ) -> None:
        """
        Open what the settings name.

        Args:
            settings: Checked to be enough for a worker.
            calls_in_flight: How many calls each port makes to AWS at a time; None: what suits the transport.
            stopping: Set by whoever wants it to stop, as `stop` does.

        Raises:
            StartError: The port of the probes is taken.
            BundleError: The bundle is refused.
            BadAddress: A URL names nothing that can be opened.
            BadKey: The public key cannot be used.
            Unavailable: A service cannot be reached.
        """
        bundle = _bundle(settings)
        self.metrics = Metrics(bundle.manifest.id)
        calls = Calls(calls_in_flight, self.metrics.count_call, settings.transport)
        queue = open_queue(settings.queue or "", wait_time_s=settings.wait_time_s, **calls._asdict())
        self._services = _services(settings, bundle, queue, calls)
        self._stopping = stopping or threading.Event()
        self.finished = threading.Event()
        self._leases = Leases(queue, settings.visibility_timeout_s, time.monotonic, self.metrics.lease_lost.inc)
        self._health = Health(_stall_after_s(settings), time.monotonic)
        self._lanes = self._built_lanes(queue, settings)
        self._telling = threading.Lock()
        try:
            self._probes = serve_health(settings.http_port, self._health, self.metrics.registry, bundle.manifest.id)
        except OSError as error:
            raise StartError(
                f"LEADLINE_HTTP_PORT is {settings.http_port}: {error.strerror}; give another, or 0 for any free one"
            ) from error

    def __enter__(self) -> Self:
        threading.Thread(target=self._leases.keep, args=(self.finished,), name="leases", daemon=True).start()
        self._health.ready()
        log.info(
            "model %s %s is served; probes on port %d",
            self._services.policy.model.name,
            self._services.policy.model.version,
            self._probes.server_port,
        )
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.finished.set()
        self._probes.shutdown()
        self._probes.server_close()

    def stop(self) -> None:
        """Receive no more, finish what is in hand, and return from `run`."""
        self._stopping.set()
        self._health.not_ready("draining")

    def run(
        self,
        *,
        once: bool = False,
        max_messages: int | None = None,
        tell: Callable[[list[Outcome]], None] | None = None,
    ) -> None:
        """
        Work until `stop` is called.

        Args:
            once: Return when the queue gives nothing more, or nearly all of it is rejected.
            max_messages: Return after so many messages.
            tell: Called with the outcomes of each batch.

        Raises:
            Unavailable: With `once`: a service is away.
        """
        self._health.rest_all()

        def note(lane: Consumer, outcomes: list[Outcome] | None) -> None:
            self._health.beat(lane)
            self._tell_readiness()
            if outcomes:
                self.metrics.count(outcomes, datetime.now(UTC))
                if tell is not None:
                    with self._telling:
                        tell(outcomes)

        try:
            self._lanes.run(note, once=once, max_messages=max_messages)
        finally:
            self._health.rest_all()

    def _tell_readiness(self) -> None:
        """A stop says for itself that nothing is taken any more."""
        if self._stopping.is_set():
            return
        if self._lanes.is_breaker_open:
            self._health.not_ready("nearly all of the last events were rejected")
        elif self._lanes.trouble:
            self._health.not_ready(self._lanes.trouble)
        else:
            self._health.ready()

    def _built_lanes(self, queue: Queue, settings: Settings) -> Lanes:
        shared = Shared(settings, time.monotonic, self._health.rest, self._health.beat)
        chance = random.Random()  # noqa: S311  jitter
        surroundings = Surroundings(time.monotonic, self._stopping.wait, chance, self._stopping.is_set)
        number = LANES if _is_all_on_aws(settings) else 1
        lanes = [Consumer(queue, self._process, self._leases, settings, surroundings, shared) for _ in range(number)]
        return Lanes(lanes, self._stopping)

    def _process(self, messages: Sequence[Message], settled: Settled) -> list[Outcome]:
        return process_batch(messages, self._services, datetime.now(UTC), self._leases.is_held, settled)


def _bundle(settings: Settings) -> Bundle:
    public_key = None if settings.allow_unsigned else settings.public_key
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:
        return load(fetch_bundle(settings.model or "", Path(folder)), public_key, settings.scorer)


def _services(settings: Settings, bundle: Bundle, queue: Queue, calls: Calls) -> Services:
    return Services(
        bundle=bundle,
        policy=policy_of(settings, bundle.manifest),
        store=open_store(settings.store, campaign=settings.campaign, **calls._asdict()),
        topic=open_topic(settings.topic, **calls._asdict()),
        quarantine=None if settings.quarantine is None else open_queue(settings.quarantine, **calls._asdict()),
        queue_url=queue.url,
    )


def _is_all_on_aws(settings: Settings) -> bool:
    """An embedded service takes one call at a time: for it, one lane does as much as several."""
    places = (settings.queue or "", settings.store, settings.topic)
    return not any(place.startswith(("sqlite:", "file:", "-")) for place in places)


def _stall_after_s(settings: Settings) -> float:
    """A step may take one long poll, and in an outage the patience of each call that follows it; not more."""
    return settings.wait_time_s + 5.0 + _CALLS_OF_A_STEP * PATIENCE_S
