"""What is said of a lead, and what never is."""

import re
from typing import Any

import numpy as np
import pytest

from propensity.features import FEATURES, OPTIONAL
from propensity.reasons import MOST, WORDS, Wording
from schemas.manifest import Baseline, Feature
from tests.bundles import likely_above, manifest_of

NAMES = ("highest_spend", "level", "age", "fixed_deposit_account", "zip_code")


def wording(names: tuple[str, ...] = NAMES) -> Wording:
    features = tuple(Feature(name=name, minimum=0, maximum=200) for name in names)
    spend = Baseline(name="highest_spend", edges=(40.0, 64.0, 100.0), shares=(0.3, 0.2, 0.3, 0.2))
    level = Baseline(name="level", edges=(2.0, 3.0), shares=(0.4, 0.3, 0.3))
    flag = Baseline(name="fixed_deposit_account", edges=(1.0,), shares=(0.94, 0.06))
    changes = {"features": features, "baseline": (spend, level, flag)}
    return Wording(manifest_of(likely_above(100)).model_copy(update=changes))


def said(attributions: list[float], row: list[float], names: tuple[str, ...] = NAMES) -> list[tuple[str, str]]:
    [reasons] = wording(names).reasons(np.array([attributions]), np.array([row]))
    return [(reason.code, reason.direction) for reason in reasons]


def test_what_weighs_most_comes_first_with_its_direction() -> None:
    assert said([0.5, -0.3, 0, 0.1, 0], [180, 1, 40, 1, 0]) == [
        ("highest_spend_high", "raises"),
        ("level_low", "lowers"),
        ("fixed_deposit_account_high", "raises"),
    ]


@pytest.mark.parametrize(("spend", "code"), [(63.9, "highest_spend_low"), (64.0, "highest_spend_high")])
def test_high_is_what_is_above_the_middle_of_the_training_rows(spend: float, code: str) -> None:
    assert said([0.5, 0, 0, 0, 0], [spend, 1, 1, 0, 0]) == [(code, "raises")]


def test_a_column_that_never_varied_in_training_harms_nobody() -> None:
    """It has no edges to be parted by; what is said of the others stays."""
    flat = Baseline(name="internet_banking", edges=(), shares=(1.0,))
    spend = Baseline(name="highest_spend", edges=(64.0,), shares=(0.5, 0.5))
    features = tuple(Feature(name=one.name, minimum=0, maximum=200) for one in (flat, spend))
    manifest = manifest_of(likely_above(100)).model_copy(update={"features": features, "baseline": (flat, spend)})

    [reasons] = Wording(manifest).reasons(np.array([[0.0, 0.5]]), np.array([[0.0, 180.0]]))

    assert [("highest_spend_high", "raises")] == [(reason.code, reason.direction) for reason in reasons]


def test_age_and_place_are_never_spoken_of_however_much_they_weigh() -> None:
    assert said([0.1, 0, 0.9, 0, -0.9], [180, 1, 40, 0, 91107]) == [("highest_spend_high", "raises")]
    assert said([0, 0, 0.9, 0, -0.9], [180, 1, 40, 0, 91107]) == []
    assert not set(WORDS) & set(OPTIONAL)
    every = " ".join(text for texts in WORDS.values() for text in texts)
    assert not re.search(r"\b(age|old|young|years|zip|place|region|address|since)\b", every, re.IGNORECASE)


def test_no_word_has_a_number_in_it() -> None:
    assert not re.search(r"\d", str(WORDS))


def test_every_usual_field_has_words_of_its_own() -> None:
    assert set(WORDS) == set(FEATURES)
    texts = [text for pair in WORDS.values() for text in pair]
    assert len(texts) == len(set(texts))


def test_there_are_at_most_three_and_what_hardly_weighs_is_left_out() -> None:
    names = ("highest_spend", "level", "mortgage", "security")
    assert len(said([0.4, 0.3, 0.2, 0.1], [1, 1, 1, 1], names)) == MOST
    assert said([0.97, 0.03, 0, 0], [1, 1, 1, 1], names) == [("highest_spend_low", "raises")]
    assert said([0, 0, 0, 0], [1, 1, 1, 1], names) == []


def test_rows_are_told_apart_and_equal_rows_get_equal_reasons() -> None:
    found: Any = wording().reasons(
        np.array([[1.0, 0, 0, 0, 0], [0, -1.0, 0, 0, 0], [1.0, 0, 0, 0, 0]]), np.ones((3, 5))
    )
    assert [[reason.code for reason in reasons] for reasons in found] == [
        ["highest_spend_low"], ["level_low"], ["highest_spend_low"],
    ]  # fmt: skip
    assert found[0][0] is found[2][0], "made once, since a pydantic model takes long to make"
    assert wording().reasons(np.empty((0, 5)), np.empty((0, 5))) == []
