"""
The way back to the main queue: receive under a lease, filter, send, and only then delete.

A kill at any point loses nothing: what was sent and not deleted is sent once more by the next run, and a worker knows
an event by its id. What does not go is given back at the end, so that nothing is received twice in a run.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from leadline.browse import MAX_HELD, Holding
from leadline.setaside import Item, Read, refuse_wrong_queue
from ports import Message, Queue, Unavailable

_AT_ONCE: Final = 100
_GIVE_UP_AFTER: Final = 3  # sends in a row of which nothing was taken
_LONGEST_SLEEP_S: Final = 1.0


class Wish(NamedTuple):
    """What is to be redriven, and how: at most `rate` messages a second, at most `limit` in all."""

    matches: Callable[[Item], bool]
    is_superseded: Callable[[bytes], bool]
    rate: float | None = None
    limit: int | None = None
    dry_run: bool = False


class World(NamedTuple):
    """What a redrive needs of the world: time, a pause, and whether it is to stop."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    stopping: Callable[[], object] = lambda: None


class Redriven(NamedTuple):
    """
    How many came to what; in a dry run, how many would have come to it.

    `redriven` were sent. `superseded` were taken away, since the store holds a newer event. `copies` of these two were
    taken away with them. `failed` were not taken by the main queue. `came_back` were sent by this run and set aside
    again meanwhile; they are left, or it would never end. `undeleted` are done, but not known to be deleted here.
    `not_matching` and `foreign` (no such thing as this queue holds) were left. `trouble` says why it ended early.
    """

    redriven: int
    superseded: int
    copies: int
    failed: int
    came_back: int
    undeleted: int
    not_matching: int
    foreign: int
    trouble: str | None


class Redrive:
    """One run over what was set aside."""

    def __init__(self, aside: Queue, main: Queue, read: Read, wish: Wish, world: World) -> None:
        self._aside, self._main, self._read, self._wish, self._world = aside, main, read, wish, world
        self._holding = Holding(aside, world.clock)
        self._count: Counter[str] = Counter()
        self._held: defaultdict[bytes, list[str]] = defaultdict(list)  # message ids, by what copies share
        self._done: set[bytes] = set()
        self._sent: set[str] = set()  # the ids that the main queue gave
        self._undeleted: list[str] = []
        self._foreign: list[str] = []
        self._send_next_at = world.clock()
        self._refusals = 0
        self._trouble: str | None = None

    def run(self, tell: Callable[[int], object] = lambda _: None) -> Redriven:
        """
        Go through the queue until it gives nothing new, the limit is reached, or it is to stop.

        Args:
            tell: Told how many more messages were dealt with.

        Raises:
            Failed: The queue holds something else.
        """
        try:
            while self._goes_on() and (received := self._holding.receive(_AT_ONCE)):
                self._take(received)
                self._holding.keep()
                tell(len(received))
            self._refuse_wrong_queue(at_end=True)
        except Unavailable as error:
            self._trouble = str(error)
        finally:
            self._undeleted = self._holding.delete(self._undeleted)
            self._holding.give_back()
        self._count.update(undeleted=len(self._undeleted), foreign=len(self._foreign))
        counts = {name: self._count[name] for name in Redriven._fields if name != "trouble"}
        return Redriven(**counts, trouble=self._trouble)

    def _goes_on(self) -> bool:
        """Tell whether more is to be received."""
        if self._holding.is_full and self._trouble is None:
            self._trouble = f"{MAX_HELD:,} messages that stay are held; a queue gives no more at a time"
        return not self._is_over() and self._room() != 0

    def _is_over(self) -> bool:
        return self._trouble is not None or bool(self._world.stopping())

    def _room(self) -> int | None:
        """Say how many more may be sent."""
        return None if self._wish.limit is None else self._wish.limit - self._count["redriven"]

    def _take(self, received: Sequence[Message]) -> None:
        """Decide on each message. What is neither sent nor taken away is held until the end."""
        wanted: dict[bytes, bytes] = {}
        copies: list[str] = []
        for item in self._items(received):
            if item.same in self._done:
                copies.append(item.message_id)
                continue
            self._held[item.same].append(item.message_id)
            if item.origin in self._sent:
                self._count["came_back"] += 1
            elif self._wish.matches(item):
                wanted[item.same] = item.body
            else:
                self._count["not_matching"] += 1
        self._count["copies"] += len(copies)
        self._delete(copies)
        superseded = self._superseded(wanted)
        self._take_away(superseded, "superseded")
        self._send_all([(same, body) for same, body in wanted.items() if same not in self._done][: self._room()])

    def _items(self, received: Sequence[Message]) -> list[Item]:
        """Read the messages; those of another kind are left."""
        items = []
        for message in received:
            try:
                items.append(self._read(message))
            except ValueError as error:
                self._foreign.append(f"{message.id}: {error}")
        if not items:
            self._refuse_wrong_queue()
        return items

    def _refuse_wrong_queue(self, *, at_end: bool = False) -> None:
        is_found = bool(self._held or self._done)
        refuse_wrong_queue(self._aside, self._foreign, is_found=is_found, at_end=at_end)

    def _superseded(self, wanted: Mapping[bytes, bytes]) -> list[bytes]:
        """Ask the store about each message. It may hold a thousand events: leases and a stop must not wait for all."""
        found = []
        for same, body in wanted.items():
            if self._is_over():
                break
            if self._wish.is_superseded(body):
                found.append(same)
            self._holding.keep()
        return found

    def _send_all(self, wanted: Sequence[tuple[bytes, bytes]]) -> None:
        """Send in small parts, so that the rate is kept and a stop is heard."""
        rate = self._wish.rate
        at_once = _AT_ONCE if rate is None else max(1, min(_AT_ONCE, int(rate / 10)))
        for start in range(0, len(wanted), at_once):
            self._wait_for_turn()
            if self._is_over():
                return
            self._send(wanted[start : start + at_once])

    def _wait_for_turn(self) -> None:
        """Wait until the rate allows the next part. What was missed while nothing could be sent is not caught up."""
        while not self._is_over() and (left_s := self._send_next_at - self._world.clock()) > 0:
            self._world.sleep(min(left_s, _LONGEST_SLEEP_S))
            self._holding.keep()

    def _send(self, part: Sequence[tuple[bytes, bytes]]) -> None:
        """Send, and take away what the main queue has acknowledged."""
        if self._wish.dry_run:
            self._take_away([same for same, _ in part], "redriven")
            return
        if self._wish.rate is not None:
            self._send_next_at = max(self._send_next_at, self._world.clock()) + len(part) / self._wish.rate
        ids = self._main.send([body for _, body in part])
        self._sent.update(message_id for message_id in ids if message_id is not None)
        sent = [same for (same, _), message_id in zip(part, ids, strict=True) if message_id is not None]
        self._take_away(sent, "redriven")
        self._count["failed"] += len(part) - len(sent)
        self._refusals = 0 if sent else self._refusals + 1
        if self._refusals >= _GIVE_UP_AFTER:
            self._trouble = f"{self._main.url} takes nothing; see the log line above for why"

    def _take_away(self, done: Sequence[bytes], outcome: str) -> None:
        """Delete all copies of what is done."""
        ids = [message_id for same in done for message_id in self._held.pop(same)]
        self._done.update(done)
        self._count[outcome] += len(done)
        self._count["copies"] += len(ids) - len(done)
        self._delete(ids)

    def _delete(self, ids: Sequence[str]) -> None:
        if not self._wish.dry_run:
            self._undeleted += self._holding.delete(ids)
