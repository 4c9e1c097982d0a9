"""One event at a time: the next is sent when the one before is published and deleted, and a long poll is parked."""

import asyncio
import random
import time
from collections.abc import Sequence

from benchmarks.bench.stub.sqs import StubQueue

_PAUSE_S = (0.005, 0.03)


class OneByOne:
    """Sends events one by one, and notes how long each takes to reach the topic."""

    def __init__(self, queue: StubQueue, bodies: Sequence[str], seed: int = 0) -> None:
        self._queue, self._left = queue, list(reversed(bodies))
        self._chance = random.Random(seed)  # noqa: S311  no secret
        self._sent_at: float | None = None
        self._is_planned = False
        self.latencies_s: list[float] = []

    @property
    def finished(self) -> bool:
        """Whether all are sent, published and deleted."""
        return not self._left and self._sent_at is None and not self._queue.undeleted

    def parked(self) -> None:
        """Send the next in a moment, since somebody waits for it."""
        if self._left and not self._is_planned:
            self._is_planned = True
            asyncio.get_running_loop().call_later(self._chance.uniform(*_PAUSE_S), self._send)

    def published(self, _body: bytes) -> None:
        """Note that the lead has come."""
        if self._sent_at is not None:
            self.latencies_s.append(time.monotonic() - self._sent_at)
            self._sent_at = None

    def _send(self) -> None:
        self._is_planned = False
        if self._sent_at is not None or self._queue.undeleted or not self._queue.parked:
            return  # the next long poll tries again
        self._sent_at = time.monotonic()
        self._queue.put(self._left.pop())
