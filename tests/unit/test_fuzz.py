"""Malformed messages of every kind that we could think of: each becomes events, or a reject with a reason."""

from collections import Counter

import pytest

from tests.fuzz import judge
from tests.malformed import giants, mutants
from worker.errors import REASONS


@pytest.mark.parametrize("count", [pytest.param(3_000, id="short"), pytest.param(100_000, marks=pytest.mark.soak)])
def test_a_mutated_message_becomes_events_or_a_reject_that_gives_a_reason_and_no_value(count: int) -> None:
    """The mutations are good enough to reach nearly every reason, and to let some events through."""
    reasons: Counter[str] = Counter()
    for kind, body in mutants(count, seed=2):
        verdict = judge(body)
        assert verdict.broken is None, (kind, body)
        reasons.update(verdict.reasons)

    assert reasons.keys() >= {*REASONS, ""} - {"event_id_conflict", "too_large"}


def test_the_worst_messages_of_their_kind_are_judged_alike_at_every_size() -> None:
    """At a mebibyte they are timed by `python -m tests.fuzz`; here they are smaller."""
    verdicts = [(kind, judge(body)) for kind, body in giants(64 * 1024)]

    assert [] == [(kind, verdict.broken) for kind, verdict in verdicts if verdict.broken is not None]
    assert all(verdict.reasons for _, verdict in verdicts)
