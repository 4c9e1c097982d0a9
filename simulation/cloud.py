"""The services of one seed, what was put on the queue, and what must hold whenever a message is deleted."""

import json
from collections.abc import Sequence
from typing import Final, Literal

from simulation.events import Planted, Sent
from simulation.models import opinions
from simulation.queue import Box, QueueState
from simulation.store import StoreState
from simulation.topic import TopicState
from simulation.world import World

Mode = Literal["store and topic", "store only", "topic only"]
MODES: Final[Sequence[Mode]] = ("store and topic", "store and topic", "store and topic", "store only", "topic only")


class Cloud:
    """Queue, dead letters, quarantine, store and topic. Each message knows the events that were put into it."""

    def __init__(self, world: World, mode: Mode, max_receive_count: int) -> None:
        self.world, self.mode = world, mode
        self.dead_letters = QueueState(world, "dead")
        self.queue = QueueState(world, "events", max_receive_count=max_receive_count, dead_letters=self.dead_letters)
        self.quarantine = QueueState(world, "quarantine")
        self.store = StoreState()
        self.topic = TopicState()
        self.contents: dict[str, tuple[Planted, ...]] = {}
        self.set_aside: dict[tuple[str, int], str] = {}
        self.queue.on_delete = self._check_done
        self.quarantine.on_send = self._note_record

    def send(self, message: Sent) -> None:
        """Put a message on the queue."""
        self.contents[self.queue.add(message.body, message.at)] = message.events

    def redrive(self) -> int:
        """Put every dead letter back on the queue, under a new id, as SQS does. Return how many there were."""
        dead = list(self.dead_letters.boxes.values())
        for box in dead:
            self.dead_letters.remove(box)
            self.send(Sent(self.world.now, box.body, self.contents[box.id]))
        return len(dead)

    def _note_record(self, _: str, body: bytes) -> None:
        record = json.loads(body)
        self.set_aside[record["message_id"], record["index"]] = record["reason"]

    def _check_done(self, box: Box) -> None:
        """A message may be deleted only when each of its events is stored or older, and published, or set aside."""
        for index, event in enumerate(self.contents[box.id]):
            if (box.id, index) not in self.set_aside and not self._is_done(event):
                self.world.fail(f"message {box.id} is deleted before its event {event.event_id} is done")

    def _is_done(self, event: Planted) -> bool:
        said = (event.customer_id, event.event_id) in self.topic.said
        if event.reason is not None:
            return False
        if self.mode == "topic only":
            return said or False in opinions(event)
        row = self.store.rows.get(event.customer_id)
        if row is None:
            return False
        decision = row.stored.decision
        if (decision.event_time, decision.event_id) != event.version:
            return (decision.event_time, decision.event_id) > event.version
        return said or self.mode == "store only" or not (decision.lead or row.stored.was_lead)
