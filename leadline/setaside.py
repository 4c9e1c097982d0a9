"""What was set aside, in either queue: records of the quarantine, and dead letters; read as one kind of thing."""

import hashlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from leadline.browse import browse
from leadline.output import Failed
from ports import Message, Queue

MANY: Final = "(several)"
"""The source of a message whose events come from more than one."""
_ENVELOPES: Final = 2  # as deep as a worker looks
_MANY_FOREIGN: Final = 100


class Item(NamedTuple):
    """One event or message that was set aside."""

    key: str
    """What `show` takes."""
    message_id: str
    origin: str
    """The id of the message that it was on the main queue."""
    reason: str
    at: str | None
    """When it was set aside, as RFC 3339; a dead letter does not say."""
    body: bytes
    """What the main queue gets back: one event, or a whole message."""
    same: bytes
    """A digest that copies share: redriven once, they are all done."""
    record: dict[str, Any]
    """All of it but the body, as JSON shows it: no customer data."""

    @property
    def day(self) -> str:
        """The day on which it was set aside."""
        return "unknown" if self.at is None else self.at[:10]

    @property
    def source(self) -> str:
        """Which producer sent it, as far as the body says; `plain` for an event without an envelope."""
        return source_of(self.body)


Read = Callable[[Message], Item]
"""Reads a message; raises ValueError where it is not of this kind."""


class Kind(NamedTuple):
    """One of the two queues of what was set aside."""

    setting: str
    """The field of the settings that names the queue."""
    what: str
    """What one of them is called."""
    reasons: Mapping[str, str]
    has_times: bool
    reader: Callable[[], Read]
    columns: tuple[str, ...]
    row: Callable[[Item], tuple[str, ...]]
    story: Callable[[Item], list[str]]


def read_all(queue: Queue, read: Read, skipped: list[str]) -> Generator[Item]:
    """
    Go through what was set aside; a copy that a crash left behind bears the same key, and is passed over.

    Args:
        queue: The quarantine, or the dead-letter queue.
        read: Reads one message.
        skipped: Gets the ids of messages that are of another kind.

    Raises:
        Failed: There is nothing but messages of another kind.
        Unavailable: The queue did not answer, or refused.
    """
    seen: set[str] = set()
    with closing(browse(queue)) as messages:
        for message in messages:
            try:
                item = read(message)
            except ValueError as error:
                skipped.append(f"{message.id}: {error}")
                refuse_wrong_queue(queue, skipped, is_found=bool(seen))
                continue
            if item.key not in seen:
                seen.add(item.key)
                yield item
    refuse_wrong_queue(queue, skipped, is_found=bool(seen), at_end=True)


def refuse_wrong_queue(queue: Queue, foreign: Sequence[str], *, is_found: bool, at_end: bool = False) -> None:
    """
    Refuse a queue that seems to hold something else: not at its first message, which may be a stray.

    Args:
        queue: What is read.
        foreign: What was found that is of another kind.
        is_found: Whether anything of the right kind was found.
        at_end: Whether all has been read.

    Raises:
        Failed: Nothing is as it should be, of a hundred messages or of all.
    """
    if foreign and not is_found and (at_end or len(foreign) >= _MANY_FOREIGN):
        raise Failed(f"{queue.url}, message {foreign[0]}; is it the right queue? Nothing was taken from it")


def digest(*parts: bytes) -> bytes:
    """Return a digest of the parts, each with its length."""
    content = hashlib.sha256()
    for part in parts:
        content.update(len(part).to_bytes(8) + part)
    return content.digest()[:16]


def source_of(body: bytes) -> str:
    """Return the CloudEvents source of a body's events, without believing that it has one."""
    try:
        content = json.loads(body)
        for _ in range(_ENVELOPES):
            content = _unwrapped(content)
    except (ValueError, RecursionError):
        return "unreadable"
    events = content if isinstance(content, list) else [content]
    sources = {_source(event) for event in events} or {"unknown"}
    return sources.pop() if len(sources) == 1 else MANY


def printable(text: object) -> str:
    """Return a producer's text so that it moves no cursor and breaks no encoding."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def _unwrapped(content: Any) -> Any:  # noqa: ANN401  JSON can be anything
    """Take the content out of an SNS notification or an EventBridge event, if it is in one."""
    if not isinstance(content, dict):
        return content
    if content.get("Type") == "Notification" and isinstance(content.get("Message"), str):
        return json.loads(content["Message"])
    return content["detail"] if "detail-type" in content and "detail" in content else content


def _source(event: object) -> str:
    if not isinstance(event, dict):
        return "unknown"
    if "specversion" not in event and "event_id" in event:
        return "plain"
    source = event.get("source")
    return printable(source[:100]) if isinstance(source, str) else "unknown"
