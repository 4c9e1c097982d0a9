"""What a batch has come to: which events are passed over, who is guilty, which service works."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ports import Message
from propensity.bundle import Bundle
from propensity.features import Matrix
from schemas.event import MAX_MESSAGE_BYTES
from tests.helpers import LATER, NOW, cloud_event, encoded, message, plain_event, rejected
from tests.scene import FullQueue, HalfStore, HalfTopic, Scene, event, make_scene
from worker.outcome import fates, working_stages
from worker.pipeline import process_batch
from worker.quarantine import quarantine_record

GUILTY = 666.0


@pytest.fixture
def scene(bundle: Bundle, tmp_path: Path) -> Scene:
    """Set up a worker whose model is sure of those who spend more than 100, on empty files."""
    return make_scene(tmp_path, bundle)


class Touchy:
    """A model that fails on one row, and on every batch that holds it."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401  any classifier
        self._model, self.n_features_in_ = model, model.n_features_in_

    def predict_proba(self, X: Matrix, /) -> Matrix:  # noqa: N803  scikit-learn's own name
        """Score, or fail."""
        if np.any(GUILTY == X):
            raise ValueError("not this one")
        scores: Matrix = self._model.predict_proba(X)
        return scores


class Greedy:
    """A quarantine that takes all, and remembers it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def send(self, bodies: Sequence[bytes]) -> list[str | None]:
        """Take them."""
        self.taken += bodies
        return [str(number) for number in range(len(bodies))]


def test_events_that_are_settled_are_passed_over_and_their_message_is_done_with_the_others(scene: Scene) -> None:
    pack = message([cloud_event(f"evt-{who}", customer_id=who, highest_spend=180) for who in "abc"], "pack")
    outcomes = process_batch([pack, event("d")], scene.services, NOW, lambda _: True, {pack.receipt: {0, 2}})
    assert [(o.message.id, o.position, o.kind) for o in outcomes] == [
        ("pack", 1, "applied"),
        ("d", 0, "applied"),
    ]
    assert fates([pack, event("d")], outcomes).done == [pack, event("d")]
    assert sorted(who for who, _ in scene.leads) == ["b", "d"]


@pytest.mark.parametrize("place", range(8))
def test_one_event_that_nobody_foresaw_harms_no_other_of_its_batch(
    scene: Scene, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"c{number}" for number in range(8)]
    batch = [event(name, GUILTY if number == place else 180) for number, name in enumerate(names)]
    touchy = scene.but(bundle=scene.services.bundle._replace(model=Touchy(scene.services.bundle.model)))
    said = touchy.process(*batch)
    assert {name for name, kinds in said.items() if kinds == ["retried"]} == {names[place]}
    assert {who for who, _ in scene.leads} == {*names} - {names[place]}
    assert [record.message for record in caplog.records] == [
        f"message {names[place]}, event 0: failed unforeseen; it goes back"
    ]


def test_a_conflict_within_halves_of_a_failing_batch_is_set_aside_all_the_same(scene: Scene) -> None:
    scene.process(event("a"), event("z"))
    touchy = scene.but(bundle=scene.services.bundle._replace(model=Touchy(scene.services.bundle.model)))
    batch = [event("a", 170), event("b"), event("guilty", GUILTY), event("z", 170)]
    assert touchy.process(*batch) == {
        "a": ["quarantined event_id_conflict"],
        "b": ["applied"],
        "guilty": ["retried"],
        "z": ["quarantined event_id_conflict"],
    }
    assert {record.event_id for record in scene.quarantined()} == {"evt-a", "evt-z"}


def test_a_message_whose_lease_is_lost_is_not_published_when_its_batch_is_halved(scene: Scene) -> None:
    touchy = scene.but(bundle=scene.services.bundle._replace(model=Touchy(scene.services.bundle.model)))
    said = touchy.process(event("a"), event("guilty", GUILTY), event("b"), held=lambda message: message.id != "a")
    assert said == {"a": ["retried"], "guilty": ["retried"], "b": ["applied"]}
    assert scene.leads == [("b", "created")]


def test_without_a_store_a_conflict_in_a_batch_harms_no_event_behind_it(scene: Scene) -> None:
    said = scene.but(store=None).process(event("a"), event("a", 170)._replace(id="again"), event("b"))
    assert said == {"a": ["applied"], "again": ["quarantined event_id_conflict"], "b": ["applied"]}
    assert [record.event_id for record in scene.quarantined()] == ["evt-a"]


@pytest.mark.parametrize(
    ("changes", "batch", "works", "fails"),
    [
        ({}, ["lead"], {"store", "topic"}, {}),
        ({}, ["other"], {"store"}, {}),
        ({}, ["bad"], {"quarantine"}, {}),
        ({"topic": "lead"}, ["lead"], {"store"}, {"lead": "topic"}),
        ({"topic": "lead"}, ["lead", "other"], {"store"}, {"lead": "topic"}),
        ({"topic": "lead"}, ["lead", "second"], {"store", "topic"}, {"lead": "topic"}),
        ({"store": "lead"}, ["lead"], set(), {"lead": "store"}),
        ({"store": "lead"}, ["lead", "bad"], {"quarantine"}, {"lead": "store"}),
        ({"quarantine": "all"}, ["bad", "other"], {"store"}, {"bad": "quarantine"}),
    ],
)
def test_a_service_works_when_it_has_taken_something_of_its_own(
    scene: Scene, changes: dict[str, str], batch: list[str], works: set[str], fails: dict[str, str]
) -> None:
    messages = {
        "lead": event("lead"),
        "second": event("second"),
        "other": event("other", 20),
        "bad": message(b"{", "bad"),
    }
    services: dict[str, Any] = {
        "topic": HalfTopic(scene.services.topic, {changes.get("topic", "")}),
        "store": HalfStore(scene.services.store, {changes.get("store", "")}),
        "quarantine": FullQueue() if "quarantine" in changes else scene.services.quarantine,
    }
    sent = [messages[name] for name in batch]
    outcomes = process_batch(sent, scene.but(**services).services, NOW, lambda _: True)
    assert working_stages(outcomes) == works
    assert {m.id: stage for m, stage in fates(sent, outcomes).failed.items()} == fails


def test_a_store_that_knows_of_a_newer_event_works(scene: Scene) -> None:
    scene.process(event("new", 20, LATER, customer_id="a"))
    outcomes = process_batch([event("old", customer_id="a")], scene.services, NOW, lambda _: True)
    assert [outcome.kind for outcome in outcomes] == ["superseded"]
    assert working_stages(outcomes) == {"store"}


def test_a_lost_lease_is_no_fault_of_a_service_and_its_message_is_not_kept(scene: Scene) -> None:
    outcomes = process_batch([event("a")], scene.services, NOW, lambda _: False)
    assert fates([event("a")], outcomes) == ([], {}, [event("a")])
    assert working_stages(outcomes) == set()


def test_a_pack_with_one_event_that_is_left_goes_back_whatever_else_failed(scene: Scene) -> None:
    """Nothing is gained by keeping it: it must come again anyway."""
    pack = message([plain_event("a", customer_id="a", highest_spend=180), 7], "pack")
    services = scene.but(quarantine=None, topic=HalfTopic(scene.services.topic, {"a"})).services
    outcomes = process_batch([pack], services, NOW, lambda _: True)
    assert {outcome.failed_at for outcome in outcomes} == {"topic", None}
    assert fates([pack], outcomes).left == [pack]


def test_a_record_that_no_message_can_hold_is_not_tried_and_its_neighbour_is_set_aside(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    noise = random.Random(0).randbytes(900_000)  # noqa: S311  what cannot be compressed
    greedy: Any = Greedy()
    large, small = Message("large", "r1", noise, 1), message(b"{", "small")
    outcomes = process_batch([large, small], scene.but(quarantine=greedy).services, NOW, lambda _: True)
    found = fates([large, small], outcomes)
    assert (found.done, found.failed, found.left) == ([small], {}, [large])
    assert [json.loads(body)["message_id"] for body in greedy.taken] == ["small"]
    assert "message large, event 0: left for the dead-letter queue as not_json" in caplog.text


@pytest.mark.parametrize(("longer", "fate"), [(0, "done"), (1, "left")])
def test_a_record_may_be_as_large_as_a_message_and_not_a_byte_more(scene: Scene, longer: int, fate: str) -> None:
    noise = random.Random(0).randbytes(700_000)  # noqa: S311  what cannot be compressed
    usual = quarantine_record(scene.services.queue_url, Message("", "r", noise, 1), 0, rejected(noise), NOW)
    large = Message("m" * (MAX_MESSAGE_BYTES - len(usual) + longer), "r", noise, 1)
    outcomes = process_batch([large], scene.but(quarantine=Greedy()).services, NOW, lambda _: True)
    assert getattr(fates([large], outcomes), fate) == [large]


def test_consent_is_stored_with_the_decision_and_sent_with_the_lead(scene: Scene) -> None:
    scene.process(event("a", consent={"email": True, "sms": False}))
    consent = scene.stored["a"].decision.consent
    assert consent is not None
    assert (consent.email, consent.sms, consent.phone) == (True, False, False)
    assert scene.published[0].data.consent == consent


def test_the_ids_of_a_lead_are_the_ones_that_subscribers_have_seen_for_ever(scene: Scene) -> None:
    """They are a contract: another way to make them would double every lead that is out."""
    scene.process(event("a"))
    [lead] = scene.published
    assert (lead.id, lead.data.lead_id) == (
        "f0de89836f78bc1676259687d1b70ee5",
        "51f8862f7b2aac2a77de0058f5f38c78",
    )


def test_a_fault_names_the_way_out_and_never_a_key_that_may_be_customer_data(scene: Scene) -> None:
    secret = encoded(plain_event()).replace(b'"age": 25', b'"Jane Doe 4711": NaN')
    known = encoded(cloud_event()).replace(b"1.6", b"NaN")
    scene.process(message(secret, "secret"), message(known, "known"))
    faults = {record.message_id: record.faults[0] for record in scene.quarantined()}
    repair = "send a finite number, or leave the field out"
    assert faults["secret"] == {"reason": "not_finite", "pointer": "/?", "repair": repair}
    assert faults["known"] == {"reason": "not_finite", "pointer": "/data/monthly_average_spend", "repair": repair}
