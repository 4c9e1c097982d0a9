"""The loop: receive, hand over, acknowledge. One `step` is one batch, so that a test can walk through it."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from ports import Message, Queue
from worker.breaker import WINDOW
from worker.hand import Hand, Kept
from worker.intake import Intake, Surroundings
from worker.lease import Leases
from worker.outcome import Outcome, Settled, fates, working_stages
from worker.settings import Settings
from worker.shared import Shared

log = logging.getLogger(__name__)


class Consumer:
    """A lane: takes messages from the queue, has them processed, and deletes exactly those that are done."""

    def __init__(
        self,
        queue: Queue,
        process: Callable[[Sequence[Message], Settled], list[Outcome]],
        leases: Leases,
        settings: Settings,
        surroundings: Surroundings,
        shared: Shared | None = None,
    ) -> None:
        """
        Put a lane together.

        Args:
            queue: Where messages come from.
            process: Turns messages into outcomes.
            leases: Keeps what is in hand.
            settings: Limits and times.
            surroundings: Time, chance, pause and stop.
            shared: With the other lanes of the worker; None for the only one.
        """
        self._queue = queue
        self._process = process
        self._leases = leases
        self._settings = settings
        self._world = surroundings
        self._shared = shared or Shared(settings, surroundings.clock)
        self._intake = Intake(queue, leases, settings, surroundings, self._shared)
        self._hand = Hand(
            surroundings.clock,
            surroundings.chance,
            lambda stage: self._shared.may_tell(self, stage),
            lambda stage: self._shared.has_told(self, stage),
        )
        self.breaker = self._shared.breaker

    @property
    def received(self) -> int:
        """How many messages were received in all."""
        return self._intake.received

    @property
    def holds(self) -> int:
        """How many messages are kept in hand between two steps."""
        return len(self._hand)

    @property
    def trouble(self) -> str | None:
        """Which service has been away for a while, or None."""
        return self._intake.trouble or self._hand.trouble

    def step(self, most: int | None = None) -> list[Outcome] | None:
        """
        Receive one batch, process it and what is in hand, acknowledge what is done, and keep or give back the rest.

        Args:
            most: Receive no more messages than this.

        Returns:
            The outcome of every event; None where nothing is in hand, and the queue said that there is nothing.
        """
        if (pause_s := self._pause_s()) > 0:
            self._world.pause(min(pause_s, 1.0))
            return []
        with ExitStack() as turn:
            turn.enter_context(self._shared.turn(self))
            if self._world.stopping():
                return []
            fresh = self._intake.gather(self._limit(most), self._wait_s, len(self._hand), self._hand.bytes)
            if not self._is_probing and not self.breaker.is_unsure:
                turn.close()  # the next lane may receive while this one works
            outcomes = self._worked(fresh)
        self._intake.note(len(self._hand), self._hand.bytes)
        self._shared.note_blocked(self, is_blocked=self._hand.is_blocked and bool(self._hand))
        return outcomes

    def _worked(self, fresh: Sequence[Message]) -> list[Outcome] | None:
        """Work on what was received and on what is in hand."""
        if self._world.stopping():
            self._release([(message, 0) for message in fresh])
            return []
        kept = self._hand.take(self._leases.is_held)
        if not fresh and not kept:
            if self._hand:
                self._world.pause(min(self._hand.wait_s(), 1.0))
            return [] if self._intake.is_failing or self._hand else None
        return self._finish(fresh, kept)

    @property
    def _is_probing(self) -> bool:
        """Whether something is wrong, so that one message at a time is tried."""
        return self.breaker.is_open or self._hand.is_blocked

    @property
    def _wait_s(self) -> float:
        return 0.0 if self._hand else float(self._settings.wait_time_s)

    def give_back(self) -> None:
        """Give back what is in hand, since nobody will come back to it."""
        self._release([(message, self._back_off_s(message)) for message in self._hand.empty()])

    def _pause_s(self) -> float:
        """Say how long nothing is to be done: a service is down, or nearly all events were rejected."""
        if self._hand.is_blocked:
            return self._hand.wait_s()
        if self._shared.is_blocked_beside(self) and not self._hand:
            return 1.0
        return min(self.breaker.wait_s(), self._hand.wait_s()) if self._hand else self.breaker.wait_s()

    def _limit(self, most: int | None) -> int:
        """Say how many messages may be received: as a probe one at most, while something is wrong."""
        if self.breaker.wait_s() > 0 or self._shared.is_blocked_beside(self):
            return 0
        batch = WINDOW if self.breaker.is_unsure else self._settings.batch_max_size
        limit = 1 if self._is_probing else max(0, min(batch, self._settings.batch_max_size) - len(self._hand))
        return limit if most is None else min(limit, most)

    def _finish(self, fresh: Sequence[Message], kept: Sequence[Kept]) -> list[Outcome]:
        """Process; delete what is done, keep what a service did not take, and give back the rest."""
        messages = [*(k.message for k in kept if k.stage != "queue"), *fresh]
        outcomes = self._process(messages, {k.message.receipt: k.settled for k in kept}) if messages else []
        self._count_rejects(fresh, messages, outcomes)
        done, failed, left = fates(messages, outcomes)
        done += [k.message for k in kept if k.stage == "queue"]
        undeleted = self._delete(done)
        failed |= dict.fromkeys(undeleted, "queue")
        working = working_stages(outcomes)
        if len(undeleted) < len(done):
            working.add("queue")
        left += self._hand.keep(failed, outcomes, working)
        self._release([(message, self._back_off_s(message)) for message in left])
        return outcomes

    def _count_rejects(
        self, fresh: Sequence[Message], messages: Sequence[Message], outcomes: Sequence[Outcome]
    ) -> None:
        """Let the breaker count each message once, however often it is tried."""
        was_open = self.breaker.is_open
        if len(fresh) < len(messages):
            receipts = {message.receipt for message in fresh}
            outcomes = [outcome for outcome in outcomes if outcome.message.receipt in receipts]
        self.breaker.count(outcomes)
        if self.breaker.is_open and not was_open:
            log.error("nearly all of the last events were rejected: receiving one message a minute until one is good")
        elif was_open and not self.breaker.is_open:
            log.info("an event was good again: receiving as usual")

    def _delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete what is done. Return what could not be deleted, still under its lease."""
        if not messages:
            return []
        with self._leases.ending(messages):
            undeleted = self._queue.delete(messages)
        left = {message.receipt for message in undeleted}
        self._leases.let_go([message for message in messages if message.receipt not in left] if left else messages)
        return undeleted

    def _release(self, timeouts_s: list[tuple[Message, int]]) -> None:
        """Give messages back to the queue, each visible after its seconds."""
        held = [(message, timeout) for message, timeout in timeouts_s if self._leases.is_held(message)]
        self._leases.let_go([message for message, _ in held])
        if held:
            self._queue.set_visibility(held)

    def _back_off_s(self, message: Message) -> int:
        """Full jitter: up to `min(cap, base * 2^(n-1))` seconds after the n-th receive."""
        doublings = min(message.receive_count - 1, 30)
        ceiling = min(self._settings.retry_cap_s, self._settings.retry_base_s * 2**doublings)
        return round(self._world.chance.uniform(0, ceiling))
