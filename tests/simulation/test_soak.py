"""A worker that lives long does not grow, and if it did, that would be seen."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

import simulation.soak
from leadline.verbs.simulate import simulate
from ports import Message
from simulation.soak import Sample, slope_bytes, soak
from worker.outcome import Outcome
from worker.pipeline import process_batch

MIB = 2**20


def test_thousands_of_events_come_to_every_outcome_and_leave_no_memory_behind() -> None:
    """In a few thousand there is some noise; `make soak` takes a million, and asks for a fifth of this slope."""
    told: list[int] = []
    life = soak(10_000, 5_000, told.append)

    assert {"applied", "duplicate", "quarantined", "retried"} <= life.outcomes.keys()
    assert sum(told) >= 15_000
    assert {1} == {sample.threads - life.busy[0].threads + 1 for sample in (*life.busy, *life.idle)}
    assert slope_bytes(life.idle, per=100_000) < MIB


def test_a_worker_that_keeps_what_it_has_done_is_seen_to_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    def process(messages: Sequence[Message], *rest: Any) -> list[Outcome]:  # noqa: ANN401  passed on
        kept.extend(message.body * 80 for message in messages)
        return process_batch(messages, *rest)

    monkeypatch.setattr(simulation.soak, "process_batch", process)
    life = soak(10_000, 100)

    assert slope_bytes(life.busy, per=100_000) > 50 * MIB


def test_a_slope_is_that_of_a_line_after_the_warm_up() -> None:
    samples = [Sample(done, 5 * done + 1000 * (done == 1), 1) for done in (1, 100, 200, 300)]

    assert 50.0 == pytest.approx(slope_bytes(samples, per=10))


@pytest.mark.soak
def test_after_a_million_events_and_a_million_empty_receives_nothing_has_grown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 0 == simulate(["--soak", "--json"], standalone_mode=False)
    assert not json.loads(capsys.readouterr().out.splitlines()[-1])["grows"]
