"""Whether the store holds something newer than what was set aside."""

from collections.abc import Callable
from datetime import datetime

from ports import Store
from propensity.decision import Case
from schemas.decision import version_of
from worker.decode import decode
from worker.errors import Reject


def superseded_by(store: Store | None, now: Callable[[], datetime]) -> Callable[[bytes], bool]:
    """
    Return a function that tells whether the store holds a newer event for every customer of a message.

    An event that the store holds itself does not count: it may have been stored and not been published, and only a
    worker can make that good. What cannot be read is a worker's to judge as well. The function raises Unavailable
    where the store does not answer.
    """
    if store is None:
        return lambda _: False
    return lambda body: all(_has_newer(store, event) for event in _events(body, now()))


def _events(body: bytes, now: datetime) -> list[Case | Reject]:
    """Read a message; one that cannot be read at all is one reject."""
    try:
        return decode(body, (), now)
    except Reject as reject:
        return [reject]


def _has_newer(store: Store, event: Case | Reject) -> bool:
    """Ask as a worker's update does: one event id with two contents is a conflict, whichever is newer."""
    if isinstance(event, Reject):
        return False
    stored = store.get(event.customer.customer_id)
    if stored is None or stored.decision.event_id == event.event_id:
        return False
    return stored.decision.version > version_of(event.event_time, event.event_id)
