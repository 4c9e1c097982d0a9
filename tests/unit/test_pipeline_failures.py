"""`process_batch` when a service fails: what is not done stays on the queue, and nothing else does."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from ports import Message, Put
from propensity.bundle import Bundle
from tests.helpers import LATER, NOW, cloud_event, encoded, message, plain_event
from tests.scene import Broken, FullQueue, HalfStore, HalfTopic, Scene, event, make_scene
from worker.outcome import fates
from worker.pipeline import process_batch

CANARY: Final = "canary-4711"
TEN: Final = tuple("abcdefghij")


@pytest.fixture
def scene(bundle: Bundle, tmp_path: Path) -> Scene:
    """Set up a worker whose model is sure of those who spend more than 100, on empty files."""
    return make_scene(tmp_path, bundle)


def done(scene: Scene, *messages: Message) -> list[str]:
    """Return the ids of the messages that may be deleted after a batch."""
    outcomes = process_batch(messages, scene.services, NOW, lambda _: True)
    found = fates(messages, outcomes)
    assert Counter([*found.done, *found.failed, *found.left]) == Counter(messages)
    return [m.id for m in found.done]


class Forgetful:
    """A queue that says of the first message only that it was taken."""

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Answer for too few."""
        return ["id"][: len(bodies)]


def test_of_ten_leads_of_which_the_topic_refuses_one_nine_are_done(scene: Scene) -> None:
    refusing = scene.but(topic=HalfTopic(scene.services.topic, {"c"}))
    assert done(refusing, *(event(name) for name in TEN)) == [name for name in TEN if name != "c"]
    assert scene.process(event("c")) == {"c": ["duplicate"]}
    assert sorted(who for who, _ in scene.leads) == list(TEN)


def test_a_decision_that_is_not_stored_is_not_published(scene: Scene) -> None:
    failing = scene.but(store=HalfStore(scene.services.store, {"c"}))
    assert done(failing, *(event(name) for name in TEN)) == [name for name in TEN if name != "c"]
    assert "c" not in dict(scene.leads)
    assert scene.process(event("c")) == {"c": ["applied"]}


def test_a_store_that_answers_for_fewer_decisions_than_it_was_given_is_not_believed(scene: Scene) -> None:
    class Forgetful:
        def put(self, _: object) -> list[Put]:
            return []

    assert scene.but(store=Forgetful()).process(event("a"), event("b")) == {"a": ["retried"], "b": ["retried"]}
    assert scene.leads == []


def test_a_withdrawal_is_settled_only_when_it_is_out(scene: Scene) -> None:
    for who in ("a", "b"):
        scene.process(event(f"{who}1", customer_id=who))
    store = HalfStore(scene.services.store, set())
    gone = [event(f"{who}2", 20, LATER, who) for who in ("a", "b")]
    refusing = scene.but(store=store, topic=HalfTopic(scene.services.topic, {"b"}))
    assert refusing.process(*gone) == {"a2": ["applied"], "b2": ["retried"]}
    assert store.settled == ["a"]
    assert scene.but(store=store).process(gone[1]) == {"b2": ["duplicate"]}
    assert store.settled == ["a", "b"]
    assert scene.leads[2:] == [("a", "withdrawn"), ("b", "withdrawn")]


def test_without_a_topic_no_withdrawal_counts_as_told(scene: Scene) -> None:
    scene.process(event("1", customer_id="a"))
    store = HalfStore(scene.services.store, set())
    scene.but(topic=None, store=store).process(event("2", 20, LATER, "a"))
    assert store.settled == []


@pytest.mark.parametrize("service", ["store", "topic", "bundle"])
def test_what_nobody_foresaw_sends_everything_back_but_what_was_set_aside(
    scene: Scene, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken: Any = Broken()
    if service == "bundle":
        broken = scene.services.bundle._replace(model=broken)
    said = scene.but(**{service: broken}).process(event("a"), message(b"{", "b"), message([plain_event(), 7], "pack"))
    assert said == {"a": ["retried"], "b": ["quarantined not_json"], "pack": ["retried", "quarantined not_an_event"]}
    assert scene.leads == []
    assert "nobody foresaw this" in caplog.text
    assert "Traceback" in caplog.text


def test_a_message_that_cannot_be_decoded_for_a_reason_of_ours_goes_back(scene: Scene) -> None:
    """A bundle that asks for what no customer has is refused when it is loaded; this one never was."""
    bundle = scene.services.bundle
    asks_too_much = [bundle.manifest.features[0].model_copy(update={"name": "shoe_size"})]
    strange = bundle._replace(manifest=bundle.manifest.model_copy(update={"features": asks_too_much}))
    assert scene.but(bundle=strange).process(event("a"), message(b"{", "b")) == {
        "a": ["retried"],
        "b": ["quarantined not_json"],
    }


@pytest.mark.parametrize("quarantine", [None, FullQueue(), Broken()], ids=["none", "full", "broken"])
def test_what_cannot_be_set_aside_stays_on_the_queue_and_its_neighbours_go(scene: Scene, quarantine: object) -> None:
    assert done(scene.but(quarantine=quarantine), event("a"), message(b"{", "b"), event("c")) == ["a", "c"]
    assert len(scene.leads) == 2


def test_a_quarantine_that_answers_for_fewer_records_than_it_was_given_is_not_believed(scene: Scene) -> None:
    """Which of them it has is not known, so both are set aside again, under the same keys; the good event is done."""
    said = scene.but(quarantine=Forgetful()).process(message(b"{", "x"), message(b"}", "y"), event("a"))
    assert said == {"x": ["retried not_json"], "y": ["retried not_json"], "a": ["applied"]}


def test_a_quarantine_that_is_broken_is_not_asked_while_all_events_are_good(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    assert scene.but(quarantine=Broken()).process(event("a")) == {"a": ["applied"]}
    assert caplog.records == []


def test_a_message_whose_lease_is_lost_is_neither_published_nor_done(scene: Scene) -> None:
    said = scene.process(event("a"), event("b"), held=lambda message: message.id != "a")
    assert said == {"a": ["retried"], "b": ["applied"]}
    assert scene.leads == [("b", "created")]
    assert scene.process(event("a")) == {"a": ["duplicate"]}
    assert len(scene.leads) == 2


def test_a_pack_is_done_when_all_of_its_events_are(scene: Scene) -> None:
    packed = message([cloud_event(f"evt-{who}", customer_id=who, highest_spend=180) for who in ("a", "b", "c")], "pack")
    assert done(scene.but(topic=HalfTopic(scene.services.topic, {"b"})), packed, event("x")) == ["x"]
    assert done(scene.but(store=HalfStore(scene.services.store, {"c"})), packed) == []
    assert done(scene, packed) == ["pack"]
    assert {who for who, _ in scene.leads} == {"a", "b", "c", "x"}


def test_a_message_of_which_nothing_is_known_is_not_done() -> None:
    assert fates([event("a")], []) == ([], {}, [event("a")])


def test_no_line_of_the_log_quotes_a_customer(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    private: dict[str, Any] = {"customer_id": CANARY, "nickname": CANARY, "highest_spend": 4711.4711}
    batch = [
        message(cloud_event("evt-1", **private), "a"),
        message(cloud_event("evt-1", **{**private, "age": 26}), "conflict"),
        message(cloud_event("evt-2", **{**private, "age": CANARY}), "wrong type"),
        message(cloud_event("evt-3", **{**private, "level": ...}), "missing"),
        message(encoded(cloud_event("evt-4", **private))[:-9], "cut off"),
        message([cloud_event("evt-5", **private), CANARY], "pack"),
    ]
    for scenery in (scene, scene.but(store=Broken()), scene.but(topic=Broken()), scene.but(quarantine=FullQueue())):
        scenery.process(*batch)
    assert "set aside as" in caplog.text
    assert "canary" not in caplog.text
    assert "4711" not in caplog.text
