"""
The trust boundary: bytes from the queue become events, or a `Reject` that says what is wrong and how to mend it.

A message holds one event or an array of events, as CloudEvents 1.0 or in the plain form, by itself or inside an SNS or
EventBridge envelope. Each event stands for itself: a bad one among a thousand is rejected alone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from propensity.decision import Case
from propensity.features import missing_feature
from schemas.event import MAX_EVENT_ID_BYTES, PLAIN_SOURCE, CustomerUpdated, PlainCustomerUpdated, utc_text
from worker.errors import Fault, Reject
from worker.faults import faults_of
from worker.parse import Json, check_rules, parse
from worker.quick import reader

MAX_AHEAD: Final = timedelta(minutes=5)


def decode(body: bytes, needed: Sequence[str], now: datetime) -> list[Case | Reject]:
    """Read the events of one message; see `Decoder`."""
    return [*Decoder(needed, now).decode(body)]


class Decoder:
    """Reads the messages of one batch."""

    def __init__(self, needed: Sequence[str], now: datetime) -> None:
        """
        Say what is wanted.

        Args:
            needed: The fields that the model uses: an event that lacks one is rejected.
            now: The present, in UTC: no event may lie more than five minutes ahead.
        """
        self._needed = needed
        self._latest = utc_text(now + MAX_AHEAD)
        self._reader = reader(tuple(needed))

    def decode_usual(self, bodies: Sequence[bytes]) -> list[Case] | None:
        """Read messages that hold one good event each; None where any of them is to be decoded by itself."""
        return self._reader.read_all(bodies, self._latest)

    def decode(self, body: bytes) -> Sequence[Case | Reject]:
        """
        Read the events of one message.

        Args:
            body: The message as it came.

        Returns:
            For each event, in order, what there is to decide on, or why it cannot be.

        Raises:
            Reject: The message as a whole cannot be read.
        """
        usual = self._reader.read(body, self._latest)
        return self._carefully(body) if usual is None else usual

    def _carefully(self, body: bytes) -> list[Case | Reject]:
        elements, texts = parse(body)
        cases = [_case_or_reject(element, self._needed, self._latest) for element in elements]
        for case, text in zip(cases, texts, strict=False):
            if isinstance(case, Reject):
                case.body = text.encode()
        return cases


def _case_or_reject(element: Json, needed: Sequence[str], latest: str) -> Case | Reject:
    try:
        check_rules(element)
        return _case(_validated(element), needed, latest)
    except Reject as reject:
        return reject.with_traceback(None)  # which holds the event, and may be one of a thousand


def _case(event: CustomerUpdated | PlainCustomerUpdated, needed: Sequence[str], latest: str) -> Case:
    if isinstance(event, CustomerUpdated):
        case, data = Case(event.id, event.time, event.source, event.data.known), "/data"
    else:
        case, data = Case(event.event_id, event.event_time, PLAIN_SOURCE, event.known), ""
    fault = _fault(case, needed, latest)
    if fault is None:
        return case
    where = f"{data}/{fault.pointer}" if fault.reason == "missing_field" else "/time" if data else "/event_time"
    raise Reject(fault._replace(pointer=where), event_id=case.event_id)


def _fault(case: Case, needed: Sequence[str], latest: str) -> Fault | None:
    """Say what is wrong with a valid event; the pointer of a missing field is only its name."""
    if case.event_time > latest:
        return Fault("future_event", "", "set the producer's clock; at most 5 minutes ahead")
    missing = missing_feature(case.customer, needed)
    if missing is not None:
        return Fault("missing_field", missing, "add the field; the model that is served uses it")
    return None


def _validated(element: Json) -> CustomerUpdated | PlainCustomerUpdated:
    if not isinstance(element, dict):
        raise Reject(Fault("not_an_event", "", "send a JSON object: a CloudEvent, or the plain form"))
    kind: type[CustomerUpdated | PlainCustomerUpdated] = PlainCustomerUpdated
    if "specversion" in element or "data" in element:
        kind = CustomerUpdated
    try:
        return kind.model_validate(element)
    except ValidationError as error:
        faults = faults_of(error)
    name = element.get("id" if kind is CustomerUpdated else "event_id")
    readable = isinstance(name, str) and len(name) <= MAX_EVENT_ID_BYTES
    raise Reject(*faults, event_id=name if readable else None)  # out here it does not keep the error, and so the values
