"""Read a queue without taking anything from it."""

from collections.abc import Iterator
from typing import Final

from ports import Message, Queue

_VISIBILITY_TIMEOUT_S: Final = 60
_AT_ONCE: Final = 100
_WAIT_S: Final = 1.0  # a short poll of SQS asks some of its servers only, and may find nothing


def browse(queue: Queue) -> Iterator[Message]:
    """
    Go through the messages of a queue that nobody else holds; each is given back at the end.

    Raises:
        Unavailable: The queue did not answer, or refused.
    """
    seen: list[Message] = []
    try:
        while received := queue.receive(_AT_ONCE, _WAIT_S, _VISIBILITY_TIMEOUT_S):
            seen += received
            yield from received
    finally:
        queue.set_visibility([(message, 0) for message in seen])
