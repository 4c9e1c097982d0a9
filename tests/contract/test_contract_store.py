"""What every store promises, embedded or on DynamoDB."""

import math
from collections.abc import Callable

import pytest

from ports import Put, Store
from schemas.customer import Consent
from schemas.decision import Decision, Reason, StoredDecision

Decide = Callable[..., Decision]
EARLY, LATER, LATEST = (f"2026-01-15T1{hour}:00:00.000000Z" for hour in (0, 1, 2))
NO_LEAD = {"lead": False, "tier": None, "score": 0.1}


def outcomes(puts: list[Put]) -> list[str]:
    return [put.outcome for put in puts]


def test_a_decision_comes_back_bit_for_bit(store: Store, decide: Decide) -> None:
    rich = decide(
        score=0.1 + 0.2,
        threshold=1 / 3,
        consent=Consent(email=True, phone=True),
        reasons=(Reason(code="spend", text="Spends more than most — über 100", direction="raises"),),
    )

    assert [Put("applied", StoredDecision(decision=rich, was_lead=False))] == store.put([rich])

    assert StoredDecision(decision=rich, was_lead=False) == store.get("1")


@pytest.mark.parametrize("score", [0.0, 1.0, 5e-324 * 2**700, math.nextafter(1.0, 0.0), 1e-5, 2 / 3])
def test_every_score_comes_back_bit_for_bit(store: Store, decide: Decide, score: float) -> None:
    store.put([decide(score=score)])

    stored = store.get("1")
    assert stored is not None
    assert score.hex() == stored.decision.score.hex()


def test_a_customer_who_was_never_seen_is_not_there(store: Store) -> None:
    assert store.get("nobody") is None
    assert ([], [], []) == (store.best(10), store.newest(10), list(store.scan()))
    assert [] == store.put([])


def test_a_newer_event_takes_over_and_knows_that_a_lead_was_out(store: Store, decide: Decide) -> None:
    newer = decide(event_id="evt-2", event_time=LATER, **NO_LEAD)

    first, second = store.put([decide()]) + store.put([newer])

    assert first == Put("applied", StoredDecision(decision=decide(), was_lead=False))
    assert second == Put("applied", StoredDecision(decision=newer, was_lead=True))
    assert second.stored == store.get("1")


def test_an_older_event_is_superseded_and_changes_nothing(store: Store, decide: Decide) -> None:
    newer = decide(event_id="evt-2", event_time=LATER)
    store.put([newer])

    (put,) = store.put([decide(**NO_LEAD)])

    assert put == Put("superseded", StoredDecision(decision=newer, was_lead=False))
    assert put.stored == store.get("1")


def test_of_two_events_at_one_time_the_higher_id_is_the_newer_one(store: Store, decide: Decide) -> None:
    assert ["applied", "superseded"] == outcomes(store.put([decide(event_id="b")]) + store.put([decide(event_id="a")]))


def test_an_event_that_comes_again_gets_the_decision_that_was_taken_then(store: Store, decide: Decide) -> None:
    store.put([decide()])

    (put,) = store.put([decide(score=0.2, lead=False, tier=None)])  # a new model thinks otherwise

    assert put == Put("equal", StoredDecision(decision=decide(), was_lead=False))
    assert put.stored == store.get("1")


@pytest.mark.parametrize("time", [EARLY, LATER])
def test_one_event_id_with_other_content_is_a_conflict_whatever_its_time(
    store: Store, decide: Decide, time: str
) -> None:
    store.put([decide()])

    (put,) = store.put([decide(content_sha256="d" * 64, event_time=time)])

    assert put == Put("conflict", StoredDecision(decision=decide(), was_lead=False))
    assert put.stored == store.get("1")


def test_one_event_id_with_a_later_time_and_the_same_content_is_not_applied_twice(store: Store, decide: Decide) -> None:
    store.put([decide()])

    assert ["equal"] == outcomes(store.put([decide(event_time=LATER)]))


def test_a_customer_who_was_ever_a_lead_stays_known_as_one_until_the_withdrawal_is_settled(
    store: Store, decide: Decide
) -> None:
    withdrawn = decide(event_id="evt-2", event_time=LATER, **NO_LEAD)
    store.put([decide()])
    store.put([withdrawn])

    store.settle_withdrawals([withdrawn])

    (put,) = store.put([decide(event_id="evt-3", event_time=LATEST)])
    assert put.stored is not None
    assert put.stored.was_lead is False


def test_an_unsettled_withdrawal_is_made_once_more_at_the_next_event(store: Store, decide: Decide) -> None:
    store.put([decide()])
    store.put([decide(event_id="evt-2", event_time=LATER, **NO_LEAD)])

    (put,) = store.put([decide(event_id="evt-3", event_time=LATEST, **NO_LEAD)])

    assert put.stored is not None
    assert put.stored.was_lead is True


def test_settling_a_withdrawal_does_not_touch_a_newer_decision(store: Store, decide: Decide) -> None:
    withdrawn = decide(event_id="evt-2", event_time=LATER, **NO_LEAD)
    store.put([decide()])
    store.put([withdrawn])
    store.put([decide(event_id="evt-3", event_time=LATEST)])

    store.settle_withdrawals([withdrawn])

    (put,) = store.put([decide(event_id="evt-4", event_time="2026-01-16T00:00:00.000000Z", **NO_LEAD)])
    assert put.stored is not None
    assert put.stored.was_lead is True


def test_settling_leaves_the_decision_that_stands_as_it_is(store: Store, decide: Decide) -> None:
    withdrawn = decide(event_id="evt-2", event_time=LATER, **NO_LEAD)
    store.put([decide()])
    store.put([withdrawn])
    store.settle_withdrawals([withdrawn])

    (put,) = store.put([withdrawn])

    assert put == Put("equal", StoredDecision(decision=withdrawn, was_lead=True))


def test_a_batch_gives_each_decision_its_own_result_in_order(store: Store, decide: Decide) -> None:
    store.put([decide("old", event_id="evt-2", event_time=LATER)])

    puts = store.put([decide("new"), decide("old"), decide("old", event_id="evt-2", event_time=LATER), decide("new")])

    assert ["applied", "superseded", "equal", "equal"] == outcomes(puts)


def test_only_leads_of_the_campaign_are_listed_best_and_newest_first(store: Store, decide: Decide) -> None:
    store.put(
        [
            decide("fair", score=0.6, event_time=LATEST),
            decide("best", score=0.99, event_time=EARLY),
            decide("good", score=0.8, event_time=LATER),
            decide("none", lead=False, tier=None, score=0.4),
            decide("else", score=1.0, campaign="spring"),
        ]
    )

    assert ["best", "good", "fair"] == [stored.decision.customer_id for stored in store.best(10)]
    assert ["fair", "good"] == [stored.decision.customer_id for stored in store.newest(2)]
    assert ([], []) == (store.best(0), store.newest(-1))


def test_a_withdrawn_lead_is_listed_no_more(store: Store, decide: Decide) -> None:
    store.put([decide()])
    store.put([decide(event_id="evt-2", event_time=LATER, **NO_LEAD)])

    assert ([], []) == (store.best(10), store.newest(10))


def test_a_scan_sees_every_customer_once(store: Store, decide: Decide) -> None:
    store.put([decide(str(number), **(NO_LEAD if number % 2 else {})) for number in range(7)])

    assert sorted(map(str, range(7))) == sorted(stored.decision.customer_id for stored in store.scan())
