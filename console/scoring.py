"""Score the customers of a request with the worker's own code: its decoder, the one matrix, the one decision."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from console.parts import Parts
from propensity.decision import Case, decide
from propensity.features import matrix_from_customers
from propensity.scoring import score
from schemas.decision import Decision
from schemas.event import utc_text
from worker.decode import decode
from worker.errors import Reject
from worker.parse import Json, check_rules, parse

_MARKS_OF_AN_EVENT: Final = frozenset({"specversion", "data", "event_id", "event_time"})


def score_customers(body: bytes, parts: Parts, now: datetime) -> list[Decision | Reject]:
    """
    Score every customer of a body.

    Args:
        body: JSON: one customer or an array of at most 1,000; each an event, as a worker reads it, or its `data` alone.
        parts: With the model and the rules.
        now: The present, in UTC.

    Returns:
        For each customer, in order, the decision, or what is wrong with it.

    Raises:
        Reject: The body as a whole cannot be read.
    """
    found = _cases(body, parts.bundle.feature_names, now)
    cases = [case for case in found if isinstance(case, Case)]
    matrix = matrix_from_customers([case.customer for case in cases], parts.bundle.feature_names)
    scores = score(parts.bundle.model, matrix)
    decisions = iter(decide(cases, scores, parts.policy, parts.bundle.reasons(matrix)))
    return [case if isinstance(case, Reject) else next(decisions) for case in found]


def _cases(body: bytes, needed: Sequence[str], now: datetime) -> list[Case | Reject]:
    """Decode the events as a worker does, and what is no event but the data of one as the event that it would be."""
    found = decode(body, needed, now)
    for index, element in enumerate(parse(body).elements):
        if isinstance(element, dict) and _MARKS_OF_AN_EVENT.isdisjoint(element):
            found[index] = _case_of_data(element, index, needed, now)
    return found


def _case_of_data(data: dict[str, Json], index: int, needed: Sequence[str], now: datetime) -> Case | Reject:
    try:
        check_rules(data)  # what holds no marker can be written again
        event = {"event_id": f"request-{index}", "event_time": utc_text(now), **data}
        (case,) = decode(json.dumps(event).encode(), needed, now)
    except Reject as reject:
        return reject.with_traceback(None)  # which holds the customer
    return case
