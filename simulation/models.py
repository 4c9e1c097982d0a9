"""Three models that disagree about some customers, so that a change of model shows in the decisions."""

import hashlib
from functools import cache
from typing import Final

import numpy as np

from propensity.bundle import Bundle
from propensity.decision import Policy
from propensity.features import Matrix
from schemas.decision import ModelId
from schemas.manifest import Economics, Feature, GoldenRow, Manifest, Tiers, TrainingData
from simulation.events import Planted

CAMPAIGN: Final = "spring"
FEATURES: Final = ("highest_spend", "level")
TIERS: Final = Tiers(a=0.9, b=0.7)
_CENTRES: Final = (100.0, 80.0, 130.0)
_THRESHOLDS: Final = (0.5, 0.6, 0.5)


class SpendModel:
    """Says that who spends more is more likely to take the loan. A real classifier, and cheap."""

    n_features_in_ = len(FEATURES)

    def __init__(self, centre: float) -> None:
        self._centre = centre

    def predict_proba(self, X: Matrix, /) -> Matrix:  # noqa: N803  scikit-learn's own name
        """Return shape (n, 2): the probability of each class."""
        likely = np.clip(0.5 + (X[:, 0] - self._centre) / 200 + (X[:, 1] - 2) / 50, 0.0, 1.0)
        return np.column_stack([1 - likely, likely])


@cache
def models() -> list[tuple[Bundle, Policy]]:
    """Return the models in the order of their releases, each with the rules that came with it."""
    return [_model(number) for number in range(len(_CENTRES))]


def expected(event: Planted, number: int) -> tuple[float, bool]:
    """Return the score and the decision that a model must come to, worked out without the worker's code."""
    score = min(max(0.5 + (event.highest_spend - _CENTRES[number]) / 200 + (event.level - 2) / 50, 0.0), 1.0)
    return score, score >= _THRESHOLDS[number] and event.may_be_offered


def opinions(event: Planted) -> set[bool]:
    """Return whether the event makes a lead, as the models have it: one answer, or both."""
    return {expected(event, number)[1] for number in range(len(_CENTRES))}


def _model(number: int) -> tuple[Bundle, Policy]:
    digest = hashlib.sha256(f"model {number}".encode()).hexdigest()
    manifest = Manifest(
        name="simulated",
        version=str(number + 1),
        created_at="2026-01-01T00:00:00Z",
        candidate="SpendModel",
        parameters={},
        tolerance=0.0,
        files={"model.pkl": digest},
        libraries={},
        features=tuple(Feature(name=name, minimum=0, maximum=1000) for name in FEATURES),
        threshold=_THRESHOLDS[number],
        tiers=TIERS,
        economics=Economics(rule="even_odds"),
        metrics=(),
        training=TrainingData(sha256="0" * 64, rows=1, takers=1, id_hashes=()),
        baseline=(),
        golden=(GoldenRow(row=(0.0, 1.0), score=0.0),),
    )
    identity = ModelId(name=manifest.name, version=manifest.version, sha256=digest)
    policy = Policy(identity, manifest.threshold, TIERS, CAMPAIGN, require_consent=False, lead_ttl_days=30)
    return Bundle(SpendModel(_CENTRES[number]), manifest), policy
