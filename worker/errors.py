"""The two kinds of error that an event can meet."""

from typing import Final, NamedTuple


class Fault(NamedTuple):
    """One thing that is wrong with an event. It never quotes a value: values are customer data."""

    reason: str
    pointer: str
    repair: str


REASONS: Final = {
    "bad_id": "an id is empty, too long, or holds control characters",
    "bad_time": "the time is not RFC 3339 with a zone, or finer than a microsecond",
    "duplicate_key": "a JSON object names one key twice",
    "empty": "the message is an empty array",
    "event_id_conflict": "one event id came with two different contents",
    "future_event": "the time is more than five minutes ahead",
    "missing_field": "a field that is needed is missing",
    "not_an_event": "the JSON is neither an event nor an array of events",
    "not_finite": "a number is NaN or infinite",
    "not_json": "the body is not JSON in UTF-8",
    "out_of_bounds": "a value is outside of its bounds",
    "too_deep": "the JSON is nested deeper than 64 levels",
    "too_large": "the message is larger than 1 MiB",
    "too_many_events": "the message packs more than 1,000 events",
    "unknown_type": "the type or version of the event is not one that Leadline reads",
    "wrong_type": "a value has the wrong JSON type",
}
"""Every reason code under which an event can be set aside, in plain words."""


class WorkerError(Exception):
    """Base of every error that the worker raises on purpose."""


class StartError(WorkerError):
    """The worker cannot start where it is."""


class Reject(WorkerError):
    """The event can never succeed: quarantine it now, with the reason."""

    def __init__(self, *faults: Fault, event_id: str | None = None, body: bytes | None = None) -> None:
        """
        Say what is wrong.

        Args:
            faults: At least one; the first gives the reason.
            event_id: The event's id, where it could be read.
            body: The event alone as JSON, where its message holds others as well.
        """
        super().__init__("; ".join(f"{fault.pointer or 'the message'}: {fault.repair}" for fault in faults))
        self.faults = faults
        self.event_id = event_id
        self.body = body

    @property
    def reason(self) -> str:
        """The reason code of the first fault: a key of `REASONS`."""
        return self.faults[0].reason
