"""The canary's inbox: a queue that gets what is published to the canary's topic, shared by all canaries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from ports import Message, Queue
from schemas.lead import Lead

STALE: Final = timedelta(minutes=15)
"""Older than any canary that still runs: a lead of one that was killed."""
_AT_ONCE: Final = 10
_LEASE_S: Final = 30
_GIVE_BACK_S: Final = 1


class Inbox:
    """Takes the leads of one run, and leaves those of others to them."""

    def __init__(self, queue: Queue, prefix: str) -> None:
        """
        Take an inbox.

        Args:
            queue: It.
            prefix: What the ids of this run's events begin with.
        """
        self._queue, self._prefix = queue, prefix
        self._unreadable = 0

    @property
    def hint(self) -> str:
        """Why a lead may not have come, where there is a sign."""
        return " (what came is no lead: is raw message delivery on?)" if self._unreadable else ""

    def take(self, wait_s: float, now: datetime) -> list[Lead]:
        """
        Return this run's leads that have come, and delete them with what killed runs have left.

        Args:
            wait_s: For the first message.
            now: The present, in UTC.

        Raises:
            Unavailable: The inbox did not answer, or refused.
        """
        received = self._queue.receive(_AT_ONCE, wait_s, _LEASE_S)
        read = [(message, _lead(message)) for message in received]
        self._unreadable += sum(lead is None for _, lead in read)
        mine = [(message, lead) for message, lead in read if lead is not None and self._is_mine(lead)]
        left_over = [message for message, lead in read if lead is not None and _is_stale(lead, now)]
        done = [message for message, _ in mine] + left_over
        self._delete(done)
        self._give_back([message for message in received if message not in done])
        return [lead for _, lead in mine]

    def _is_mine(self, lead: Lead) -> bool:
        return lead.data.event_id.startswith(self._prefix)

    def _give_back(self, messages: Sequence[Message]) -> None:
        if messages:
            self._queue.set_visibility([(message, _GIVE_BACK_S) for message in messages])

    def _delete(self, messages: Sequence[Message]) -> None:
        if messages:
            self._queue.delete(messages)  # one that stays is a left-over for a later run


def _is_stale(lead: Lead, now: datetime) -> bool:
    return datetime.fromisoformat(lead.time) < now - STALE


def _lead(message: Message) -> Lead | None:
    try:
        return Lead.model_validate_json(message.body)
    except ValidationError:
        return None
