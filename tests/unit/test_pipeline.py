"""`process_batch` on the embedded ports: what becomes of good, bad, stale, double and contradicting events."""

from pathlib import Path
from typing import Final

import pytest

from propensity.bundle import Bundle
from tests.bundles import policy
from tests.helpers import BEFORE, LATER, cloud_event, message, plain_event
from tests.scene import Scene, event, make_scene

LATEST: Final = "2026-01-15T11:30:00Z"


@pytest.fixture
def scene(bundle: Bundle, tmp_path: Path) -> Scene:
    """Set up a worker whose model is sure of those who spend more than 100, on empty files."""
    return make_scene(tmp_path, bundle)


def test_a_malformed_message_does_not_harm_its_neighbours(scene: Scene) -> None:
    """The good events are applied and published, the bad one quarantined with its reason."""
    said = scene.process(event("a"), message(b"{", "b"), event("c", 20))
    assert said == {"a": ["applied"], "b": ["quarantined not_json"], "c": ["applied"]}
    assert scene.leads == [("a", "created")]
    assert [(r.message_id, r.reason, r.body) for r in scene.quarantined()] == [("b", "not_json", b"{")]
    assert scene.stored.keys() == {"a", "c"}


def test_a_record_says_which_event_of_which_message_of_which_queue_it_holds(scene: Scene) -> None:
    scene.process(message([plain_event(), plain_event("evt-bad", level=7)], "pack"))
    [record] = scene.quarantined()
    assert (record.queue, record.message_id, record.index) == (scene.services.queue_url, "pack", 1)


def test_every_customer_is_stored_and_only_leads_are_published(scene: Scene) -> None:
    scene.process(event("a", 99), event("b", 101))
    assert {who: (s.decision.lead, s.decision.tier) for who, s in scene.stored.items()} == {
        "a": (False, None),
        "b": (True, "A"),
    }
    assert scene.leads == [("b", "created")]


def test_no_messages_come_to_nothing(scene: Scene) -> None:
    assert scene.process() == {}


def test_a_duplicate_is_published_again_the_same_to_the_byte_and_stored_once(scene: Scene) -> None:
    assert scene.process(event("a")) == {"a": ["applied"]}
    assert scene.process(event("a")._replace(receive_count=2)) == {"a": ["duplicate"]}
    first, second = (scene.folder / "leads.jsonl").read_bytes().splitlines()
    assert first == second
    assert len(scene.stored) == 1


def test_a_duplicate_in_one_batch_is_one_lead_by_its_id(scene: Scene) -> None:
    twin = event("a")._replace(id="twin", receipt="twin")
    assert scene.process(event("a"), twin) == {"a": ["applied"], "twin": ["duplicate"]}
    assert len({lead.id for lead in scene.published}) == 1


def test_a_redelivery_is_told_as_it_was_stored_whatever_has_changed_since(scene: Scene) -> None:
    scene.process(event("a"))
    changed = scene.but(policy=policy(campaign="autumn", require_consent=True)._replace(lead_ttl_days=1))
    assert changed.process(event("a")) == {"a": ["duplicate"]}
    first, second = (scene.folder / "leads.jsonl").read_bytes().splitlines()
    assert first == second


def test_a_stale_event_changes_nothing_and_is_not_published(scene: Scene) -> None:
    scene.process(event("new", 20, LATER, customer_id="a"))
    assert scene.process(event("old", 180, BEFORE, customer_id="a")) == {"old": ["superseded"]}
    assert scene.leads == []
    assert scene.stored["a"].decision.event_id == "evt-new"


def test_of_two_events_of_one_customer_in_a_batch_the_newer_stands(scene: Scene) -> None:
    said = scene.process(event("1", 180, BEFORE, "a"), event("2", 190, LATER, "a"))
    assert said == {"1": ["applied"], "2": ["applied"]}
    assert scene.leads == [("a", "created"), ("a", "updated")]
    said = scene.process(event("4", 20, LATEST, "a"), event("3", 180, "2026-01-15T11:15:00Z", "a"))
    assert said == {"4": ["applied"], "3": ["superseded"]}
    assert scene.leads[2:] == [("a", "withdrawn")]
    assert scene.stored["a"].decision.event_id == "evt-4"


def test_at_one_time_the_greater_event_id_is_the_newer(scene: Scene) -> None:
    assert scene.process(event("b", customer_id="x"), event("a", customer_id="x")) == {
        "b": ["applied"],
        "a": ["superseded"],
    }


def test_one_event_id_with_two_contents_in_a_batch_lets_the_first_stand(scene: Scene) -> None:
    other = event("a", 190)._replace(id="other", receipt="other")
    assert scene.process(event("a"), other, event("b")) == {
        "a": ["applied"],
        "other": ["quarantined event_id_conflict"],
        "b": ["applied"],
    }
    assert sorted(scene.leads) == [("a", "created"), ("b", "created")]
    [record] = scene.quarantined()
    assert (record.message_id, record.event_id) == ("other", "evt-a")


def test_without_a_store_two_contents_in_a_batch_are_found_all_the_same(scene: Scene) -> None:
    other = event("a", 190)._replace(id="other", receipt="other")
    assert scene.but(store=None).process(event("a"), other) == {
        "a": ["applied"],
        "other": ["quarantined event_id_conflict"],
    }
    assert scene.leads == [("a", "created")]


def test_one_event_id_with_other_content_than_was_stored_is_set_aside(scene: Scene) -> None:
    scene.process(event("a"))
    for time in (BEFORE, LATER):
        again = event("a", 20, time)._replace(id=f"at {time}")
        assert scene.process(again) == {f"at {time}": ["quarantined event_id_conflict"]}
    assert scene.leads == [("a", "created")]
    assert scene.stored["a"].decision.lead


def test_two_customers_may_have_events_of_one_id(scene: Scene) -> None:
    same = [message(plain_event("evt-1", customer_id=who, highest_spend=180), who) for who in ("a", "b")]
    assert scene.process(*same) == {"a": ["applied"], "b": ["applied"]}
    assert len({lead.id for lead in scene.published}) == 2


@pytest.mark.parametrize("change", [{"spend": 20}, {"consent": {"email": False}}, {"loan_on_card": 1}], ids=str)
def test_a_lead_is_created_updated_withdrawn_and_created_anew(scene: Scene, change: dict[str, float]) -> None:
    scene.process(event("1", customer_id="a", consent={"sms": True}))
    scene.process(event("2", 190, LATER, "a"))
    scene.process(event("3", time="2026-01-15T11:10:00Z", customer_id="a", **change))
    scene.process(event("4", 20, "2026-01-15T11:20:00Z", customer_id="a"))
    scene.process(event("5", time=LATEST, customer_id="a"))
    assert [kind for _, kind in scene.leads] == ["created", "updated", "withdrawn", "created"]
    assert len({lead.data.lead_id for lead in scene.published}) == 1
    assert len({lead.id for lead in scene.published}) == 4


def test_a_pack_has_an_outcome_for_each_event_and_a_bad_one_is_set_aside_alone(scene: Scene) -> None:
    good = [cloud_event(f"evt-{who}", customer_id=who, highest_spend=180) for who in ("a", "b")]
    packed = message([good[0], plain_event("evt-bad", level=7), good[1]], "pack")
    assert scene.process(packed) == {"pack": ["applied", "quarantined out_of_bounds", "applied"]}
    [record] = scene.quarantined()
    assert (record.index, record.event_id) == (1, "evt-bad")
    assert b"evt-a" not in record.body
    assert scene.process(packed) == {"pack": ["duplicate", "quarantined out_of_bounds", "duplicate"]}
    assert scene.quarantined()[0].key == record.key


def test_without_a_topic_all_is_stored(scene: Scene) -> None:
    alone = scene.but(topic=None)
    assert alone.process(event("a"), event("b", 20)) == {"a": ["applied"], "b": ["applied"]}
    assert alone.process(event("a")) == {"a": ["duplicate"]}
    assert scene.stored.keys() == {"a", "b"}
    assert scene.leads == []


def test_without_a_store_all_leads_are_created_and_stale_events_are_not_known(scene: Scene) -> None:
    alone = scene.but(store=None)
    said = alone.process(event("1", 180, LATER, "a"), event("2", 190, BEFORE, "a"), event("3", 20, LATEST, "a"))
    assert said == {"1": ["applied"], "2": ["applied"], "3": ["applied"]}
    assert alone.process(event("1", 180, LATER, "a")) == {"1": ["applied"]}
    assert scene.leads == [("a", "created")] * 3
    assert len({lead.id for lead in scene.published}) == 2
    assert scene.stored == {}


def test_a_conflicting_copy_before_its_redelivery_does_not_hide_a_stored_lead(scene: Scene) -> None:
    """The state after a crash between storing and publishing; then a wrong copy and the right one in one batch."""
    scene.but(topic=None).process(event("a"))
    wrong = event("a", 20)._replace(id="wrong", receipt="wrong")

    said = scene.process(wrong, event("a"))

    assert said == {"wrong": ["quarantined event_id_conflict"], "a": ["duplicate"]}
    assert scene.leads == [("a", "created")]
