"""A queue as SQS is: leases, receipts, receive counts, dead letters; and, with faults, copies in any order."""

import heapq
from collections.abc import Callable, Sequence
from typing import Final

from ports import Depth, Message, Unavailable
from simulation.link import Link
from simulation.world import World

_MAX_BODY_BYTES: Final = 1024 * 1024
_COMES_BACK_WITHIN_S: Final = 120.0


class Box:
    """One message as the queue holds it."""

    __slots__ = ("body", "id", "receipt", "receive_count", "visible_at")

    def __init__(self, message_id: str, body: bytes, visible_at: float) -> None:
        self.id, self.body, self.visible_at = message_id, body, visible_at
        self.receive_count = 0
        self.receipt = ""


class QueueState:
    """What lies in a queue, whoever looks at it."""

    def __init__(
        self, world: World, name: str, *, max_receive_count: int = 20, dead_letters: "QueueState | None" = None
    ) -> None:
        self.world, self.url = world, f"simulated:///{name}"
        self.boxes: dict[str, Box] = {}
        self.on_send: Callable[[str, bytes], None] = lambda _id, _body: None
        self.on_delete: Callable[[Box], None] = lambda _box: None
        self._max_receive_count, self._dead_letters = max_receive_count, dead_letters
        self._sent = 0
        self._later: list[tuple[float, int, str]] = []
        self._turns = 0
        self._ready: dict[str, Box] = {}

    def add(self, body: bytes, visible_at: float) -> str:
        """Put a message on the queue under a new id."""
        self._sent += 1
        box = Box(f"m{self._sent}", body, visible_at)
        self._take_in(box)
        self.on_send(box.id, body)
        return box.id

    def hide(self, box: Box, visible_at: float) -> None:
        """Make a message visible at that time and not before."""
        self._turns += 1
        box.visible_at = visible_at
        self._ready.pop(box.id, None)
        heapq.heappush(self._later, (visible_at, self._turns, box.id))

    def visible(self) -> list[Box]:
        """Return what can be received now, what has waited longest first."""
        while self._later and self._later[0][0] <= self.world.now:
            at, _, message_id = heapq.heappop(self._later)
            if (box := self.boxes.get(message_id)) is not None and box.visible_at == at:
                self._ready[box.id] = box
        return list(self._ready.values())

    def next_at(self) -> float:
        """Return when the next message becomes visible, if nothing changes; infinity on an empty queue."""
        while self._later:
            at, _, message_id = self._later[0]
            if (box := self.boxes.get(message_id)) is not None and box.visible_at == at:
                return at
            heapq.heappop(self._later)
        return float("inf")

    def hand_out(self, box: Box, timeout_s: float, *, stays_visible: bool) -> Message | None:
        """Lease a message, or move it to the dead letters, if it was received too often."""
        box.receive_count += 1
        if self._dead_letters is not None and box.receive_count > self._max_receive_count:
            self.remove(box)
            self._dead_letters.bury(box)
            self.world.found["dead-lettered"] += 1
            return None
        box.receipt = f"{box.id}/{box.receive_count}"
        if not stays_visible:
            self.hide(box, self.world.now + timeout_s)
        return Message(box.id, box.receipt, box.body, box.receive_count)

    def remove(self, box: Box) -> None:
        """Take a message off the queue."""
        del self.boxes[box.id]
        self._ready.pop(box.id, None)

    def bury(self, box: Box) -> None:
        """Take in a dead letter, under the id that it had."""
        self._take_in(Box(box.id, box.body, self.world.now))

    def come_back(self, message: Message, visible_at: float) -> None:
        """Let a deleted message be there again, as if one of the queue's servers had not heard of it."""
        if message.id not in self.boxes:
            box = Box(message.id, message.body, visible_at)
            box.receive_count, box.receipt = message.receive_count, message.receipt
            self._take_in(box)

    def _take_in(self, box: Box) -> None:
        self.boxes[box.id] = box
        self.hide(box, box.visible_at)


class SimulatedQueue:
    """A queue as one process sees it."""

    def __init__(self, link: Link, state: QueueState) -> None:
        self._link, self._state = link, state

    @property
    def url(self) -> str:
        """The address that the queue was opened by."""
        return self._state.url

    def receive(self, limit: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        """
        Return up to `limit` messages; wait up to `wait_s` for the first.

        Raises:
            Unavailable: By fault: with `reply_lost`, messages are leased and nobody knows.
        """
        link, state = self._link, self._state
        if limit < 0:
            link.world.fail(f"{link.name} asks for {limit} messages")
        fault = link.begin("receive", limit)
        kind = None if fault is None else fault.kind
        deadline = link.world.now + wait_s
        boxes = state.visible()[:limit] if kind != "reordered" else self._shuffled(limit)
        while not boxes and link.world.now < deadline:
            link.wait(max(0.001, min(deadline, state.next_at()) - link.world.now))
            boxes = state.visible()[:limit]
        if kind == "refused" or (fault is not None and kind == "killed" and fault.cut == 0):
            boxes = []
        twice = kind == "delivered_twice"
        handed = [state.hand_out(box, visibility_timeout_s, stays_visible=twice) for box in boxes]
        messages = [message for message in handed if message is not None]
        link.world.note(link.name, "receive", kind or "", messages)
        if kind == "killed":
            link.die()
        if kind in ("refused", "reply_lost"):
            raise Unavailable(f"queue {state.url} does not answer")
        return messages

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete messages. A stale receipt is refused."""
        if not messages:
            return []
        state, world = self._state, self._link.world
        done = self._link.each("delete", messages, self._delete)
        if self._link.last_fault == "came_back":
            for message in messages:
                state.come_back(message, world.now + world.chance.random() * _COMES_BACK_WITHIN_S)
        return [m for m, gone in zip(messages, done, strict=True) if not gone and (gone is None or m.id in state.boxes)]

    def set_visibility(self, timeouts_s: Sequence[tuple[Message, int]]) -> list[Message]:
        """Make each message visible after its seconds. A stale receipt means that the lease is lost."""
        done = self._link.each("set_visibility", timeouts_s, self._set_visibility) if timeouts_s else []
        return [message for (message, _), taken in zip(timeouts_s, done, strict=True) if taken is False]

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Put messages on the queue. Return their ids, None where a body is empty or over 1 MiB."""
        return self._link.each("send", bodies, self._send) if bodies else []

    def depth(self) -> Depth:
        """Count the messages."""
        visible = len(self._state.visible())
        return Depth(visible, len(self._state.boxes) - visible)

    def _shuffled(self, limit: int) -> list[Box]:
        boxes, chance = self._state.visible(), self._link.world.chance
        return chance.sample(boxes, min(len(boxes), chance.randint(0, limit)))

    def _delete(self, message: Message) -> bool:
        box = self._state.boxes.get(message.id)
        if box is None or box.receipt != message.receipt:
            return False
        self._state.on_delete(box)
        self._state.remove(box)
        return True

    def _set_visibility(self, timeout: tuple[Message, int]) -> bool:
        message, timeout_s = timeout
        box = self._state.boxes.get(message.id)
        if box is None or box.receipt != message.receipt:
            return False
        self._state.hide(box, self._link.world.now + timeout_s)
        return True

    def _send(self, body: bytes) -> str | None:
        return self._state.add(body, self._link.world.now) if 0 < len(body) <= _MAX_BODY_BYTES else None
