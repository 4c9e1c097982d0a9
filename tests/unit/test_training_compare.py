"""Two models on the same customers, and the lines that are made of it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from propensity.features import Vector
from tests.bundles import Keys
from tests.challengers import quick_figures
from tests.trained import ROOT
from training.data import Labels
from training.errors import DataError
from training.fairness.groups import categories
from training.gate.compare import COMPARED, Difference, Leads, leads, paired_differences, shift
from training.gate.fairness import fairness, groups_of, rates, selection_ratio
from training.gate.judge import leads_line, no_worse
from training.gate.line import LIMITS, Line, UnknownLimit, limits_with
from training.gate.proof import read_id_key
from training.pack import id_key


@pytest.fixture
def outcomes() -> Labels:
    return (np.arange(400) % 8 == 0).astype(np.int64)


def guesses(outcomes: Labels, noise: float) -> Vector:
    """Return scores that tell takers from others, more or less."""
    chance = np.random.default_rng(0)
    return np.clip(0.1 + 0.7 * outcomes + noise * chance.normal(size=len(outcomes)), 0, 1)


def test_a_difference_is_new_minus_old_and_a_loss_is_a_loss_whatever_the_metric(outcomes: Labels) -> None:
    good, bad = guesses(outcomes, 0.05), guesses(outcomes, 0.5)

    with quick_figures():
        found = {one.name: one for one in paired_differences(outcomes, bad, good, seed=0)}

    assert set(COMPARED) == set(found)
    assert found["accuracy"].difference < 0 < found["log_loss"].difference
    for name in ("accuracy", "average_precision", "log_loss", "brier"):
        assert found[name].loss > 0
        assert found[name].beyond_chance
        assert found[name].low <= found[name].difference <= found[name].high


def test_the_same_scores_differ_in_nothing(outcomes: Labels) -> None:
    scores = guesses(outcomes, 0.3)

    with quick_figures():
        found = paired_differences(outcomes, scores, scores, seed=0)

    assert {(0.0, 0.0, 0.0)} == {(one.difference, one.low, one.high) for one in found}
    assert (0.0, 0.0) == (shift(scores, scores).mean, shift(scores, scores).population_stability_index)


@pytest.mark.parametrize(
    ("new", "low", "high", "passed"),
    [(0.95, -0.04, -0.02, False), (0.95, -0.05, 0.01, True), (0.975, -0.008, -0.002, True), (0.99, 0.0, 0.02, True)],
    ids=["worse", "perhaps by chance", "within the tolerance", "better"],
)
def test_a_loss_fails_where_it_is_large_and_no_chance(new: float, low: float, high: float, *, passed: bool) -> None:
    (line,) = no_worse([Difference("accuracy", new, 0.98, low, high)], LIMITS)

    assert passed == line.passed
    assert ("may be chance" in line.text) == (high > 0 and new < 0.97)


def test_how_far_scores_move_is_counted_in_shares() -> None:
    found = shift(np.array([0.5, 0.5, 0.5, 0.5]), np.array([0.5, 0.53, 0.75, -0.25]))

    assert (0.25, 0.25, 0.0, 0.0, 0.25, 0.25) == found.shares
    assert found.mean == pytest.approx(0.2575)
    assert found.population_stability_index > 0


def test_leads_gained_and_lost_are_counted_with_their_takers() -> None:
    taken = np.array([1, 0, 1, 0, 1])
    new, old = np.array([1, 1, 1, 0, 0], dtype=bool), np.array([1, 0, 0, 1, 1], dtype=bool)

    assert Leads(old=3, new=3, gained=2, gained_takers=1, lost=2, lost_takers=1) == leads(taken, new, old)
    assert leads_line(Leads(10, 20, 10, 0, 0, 0), 2).passed
    assert not leads_line(Leads(10, 21, 11, 0, 0, 0), 2).passed
    assert not leads_line(Leads(10, 4, 0, 0, 6, 0), 2).passed
    assert leads_line(Leads(0, 0, 0, 0, 0, 0), 2).passed


def test_rates_are_told_of_groups_that_are_large_enough() -> None:
    groups = categories(["few"] * 29 + ["a"] * 30 + ["b"] * 60)
    chosen = np.arange(119) % 3 == 0

    found = rates(chosen, groups)

    assert {"a", "b"} == set(found)
    assert pytest.approx(1.0, abs=0.05) == selection_ratio(found)
    assert 1.0 == selection_ratio(rates(np.zeros(119, dtype=bool), groups))
    assert 1.0 == selection_ratio({})


def people(count: int) -> pd.DataFrame:
    numbers = np.arange(count)
    return pd.DataFrame(
        {
            "age": 25.0 + 20 * (numbers % 2),
            "hidden_score": 1.0 + numbers % 4,
            "zip_code": 90000.0 + 1000 * (numbers % 3),
        }
    )


def test_groups_are_by_age_family_size_and_region() -> None:
    found = groups_of(people(600))

    assert ("all ages",) != found["age band"].names
    assert ("1", "2", "3", "4") == found["family size"].names
    assert ("ZIP 90...", "ZIP 91...", "ZIP 92...") == found["region"].names


def judged_fairness(approved_by: str | None = None) -> dict[str, Line]:
    """Judge a NEW that passes young customers over, against an OLD that chooses all alike."""
    outcomes = (np.arange(600) % 8 == 0).astype(np.int64)
    old = np.arange(600) % 10 < 2
    new = old & ((np.arange(600) % 2 == 1) | (np.arange(600) % 30 == 0))
    with quick_figures():
        lines = fairness(people(600), outcomes, new, old, 0.05, approved_by)
    return {line.check: line for line in lines}


def test_one_age_passed_over_fails_and_the_rates_are_shown() -> None:
    found = judged_fairness()["age band"]

    assert not found.passed
    assert "below four fifths; somebody must answer for it: --approve-fairness" in found.text
    assert {"new_rates", "old_rates", "four_fifths"} <= set(found.figures)


def test_somebody_may_answer_for_it_and_is_named() -> None:
    found = judged_fairness("J. Doe, compliance")["age band"]

    assert found.passed
    assert "approved by J. Doe, compliance" in found.text
    assert "J. Doe, compliance" == found.figures["approved_by"]


def test_limits_are_changed_by_name() -> None:
    assert {**LIMITS, "accuracy": 0.002} == limits_with({"accuracy": 0.002})
    with pytest.raises(UnknownLimit, match="accurracy: no such limit; there are accuracy, "):
        limits_with({"accurracy": 0.1})
    with pytest.raises(UnknownLimit, match="a number from 0 on"):
        limits_with({"accuracy": float("nan")})


def test_the_key_of_the_id_hashes_is_a_secret_or_comes_from_a_private_key(keys: Keys, tmp_path: Path) -> None:
    secret, short = tmp_path / "secret", tmp_path / "short"
    secret.write_bytes(b"sixteen bytes and more\n")
    short.write_bytes(b"1234\n")

    assert b"sixteen bytes and more" == read_id_key(secret)
    assert id_key(keys.private) == read_id_key(keys.private)
    with pytest.raises(DataError, match="every ID could be guessed"):
        read_id_key(short)
    with pytest.raises(DataError, match="cannot be read"):
        read_id_key(tmp_path / "gone")


def test_the_document_lists_the_limits_that_there_are() -> None:
    text = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([a-z_0-9]+)` \| ([0-9.]+) \|$", text, re.MULTILINE))

    assert dict(LIMITS) == {name: float(value) for name, value in documented.items()}
