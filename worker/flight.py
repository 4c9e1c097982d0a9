"""The canary's events on their way: sent, worked off by a real worker, and sent again where another was quicker."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Final, NamedTuple

from ports import Unavailable, open_queue, open_store
from schemas.manifest import Manifest
from worker.golden import Golden, Probe, probe
from worker.outcome import Outcome
from worker.service import Worker
from worker.settings import Settings

WAIT_S: Final = 2
"""A long poll: long enough for SQS to ask all of its servers, short beside a deadline."""
PAUSE_S: Final = 0.2


class World(NamedTuple):
    """What a canary needs of the world: a clock and a pause, in seconds, and the date."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Flight:
    """The events of one run."""

    def __init__(self, settings: Settings, deadline_s: float, world: World) -> None:
        """
        Prepare a run.

        Args:
            settings: A worker's, for the canary's lane.
            deadline_s: All must be done by then, counted from now.
            world: Clock, pause and date.

        Raises:
            BadAddress: A URL names nothing that can be opened.
        """
        self._settings, self._world, self._deadline_s = settings, world, deadline_s
        self._queue = open_queue(settings.queue or "")
        self._store = open_store(settings.store, campaign=settings.campaign)
        self._end = world.clock() + deadline_s
        self._outcomes: dict[str, Outcome] = {}
        self.prefix = f"canary-{secrets.token_hex(8)}-"
        """What the ids of the run's events begin with."""

    @property
    def left_s(self) -> float:
        """How long it is until the deadline."""
        return self._end - self._world.clock()

    def done(self, golden: Sequence[Golden], manifest: Manifest) -> list[tuple[Probe, Outcome]]:
        """
        Send an event of each row, and have a real worker do them; once more where another canary's worker was quicker.

        Raises:
            Unavailable: A service is away, or they were not done in time; also where the table keeps a newer row, which
                no further attempt can overtake while this clock is behind the one that made it.
        """
        stopping = threading.Event()
        alarm = threading.Timer(self._deadline_s, stopping.set)
        alarm.daemon = True
        alarm.start()
        wait_s = min(WAIT_S, self._settings.wait_time_s)
        lane = self._settings.model_copy(update={"http_port": 0, "wait_time_s": wait_s})
        try:
            with Worker(lane, stopping=stopping) as worker:
                attempts = count(1)
                probes = self._sent(golden, manifest, next(attempts))
                while not self._work(worker, probes, stopping):
                    self._pause(stopping)
                    probes = self._sent(golden, manifest, next(attempts))
        finally:
            alarm.cancel()
        return [(one, self._outcomes[message_id]) for message_id, one in probes.items()]

    def _pause(self, stopping: threading.Event) -> None:
        """Wait a moment before a further attempt, if there is time for one."""
        if stopping.is_set() or self.left_s <= 0:
            raise Unavailable(
                f"the golden events were not done within {self._deadline_s:g} s: the table holds a newer row; is a "
                "clock wrong?"
            )
        self._world.sleep(PAUSE_S)

    def _sent(self, golden: Sequence[Golden], manifest: Manifest, attempt: int) -> dict[str, Probe]:
        """Send an event of each row. Return them by the ids of their messages."""
        names = [f"{self.prefix}{attempt}-{one.number}" for one in golden]
        probes = [
            probe(one, manifest, self._settings, name, self._world.now())
            for one, name in zip(golden, names, strict=True)
        ]
        sent = dict(zip(self._queue.send([one.body for one in probes]), probes, strict=True))
        taken = {message_id: one for message_id, one in sent.items() if message_id is not None}
        if len(taken) < len(golden):
            raise Unavailable(f"{self._settings.queue} did not take the golden events; the log says why")
        return taken

    def _work(self, worker: Worker, probes: dict[str, Probe], stopping: threading.Event) -> bool:
        """Let the worker work until it has done the events. Return False where another worker has taken one."""
        trouble = "the queue did not give them back"
        while True:
            try:
                worker.run(once=True, tell=self._note)
            except Unavailable as error:
                trouble = str(error)
            found = {name: self._outcomes[name] for name in probes if name in self._outcomes}
            final = [one for one in found.values() if one.kind != "retried" or one.reason is not None]
            if any(one.kind == "superseded" for one in final):
                return False
            if len(final) == len(probes):
                return True
            if any(self.is_stored(one) for name, one in probes.items() if name not in found):
                return False
            if stopping.is_set() or self.left_s <= 0:
                stages = sorted({one.failed_at for one in found.values() if one.failed_at is not None})
                trouble = f"{' and '.join(stages)} did not take them" if stages else trouble
                raise Unavailable(f"the golden events were not done within {self._deadline_s:g} s: {trouble}")
            self._world.sleep(PAUSE_S)

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        self._outcomes.update({outcome.message.id: outcome for outcome in outcomes})

    def is_stored(self, one: Probe) -> bool:
        """Tell whether the store holds an event, or a newer one of the same row, by a canary beside this one."""
        stored = None if self._store is None else self._store.get(one.expected.customer_id)
        return stored is not None and stored.decision.version >= one.expected.version
