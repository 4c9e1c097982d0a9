"""The models that are compared, by name: the usual six in several variants, what goes beyond, and three to order."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from training import classifiers
from training.errors import UnknownCandidate
from training.resampling import RESAMPLINGS, Resampling

Grid = Mapping[str, Sequence[Any]]
_NO_GRID: Final[Grid] = MappingProxyType({})


class Candidate(NamedTuple):
    """
    One way to make a model.

    Attributes:
        name: As `--candidates` takes it: a model, and after a plus sign how its training rows are resampled.
        title: As the report prints it.
        model: Makes the unfitted classifier from a seed.
        is_usual: Whether it is one of the six that everybody would try; the others must be better than these.
        resampling: One of `RESAMPLINGS`, or None.
        scaled: Whether the columns are brought to one scale first.
        engineered: Whether it is fitted on engineered features (`training.engineering`).
        narrow: Whether it is fitted on the columns that a small tree uses (`fitting.earning_columns`), or on all.
        grid: Settings of the classifier to search among, by cross-validation within the training rows.
        thorough_grid: The same for a thorough comparison, where it is wider.
        calibrated: Whether its decision values are turned into probabilities by a sigmoid (Platt), fitted on
            training rows that were held out. A sigmoid keeps the order and makes no ties.
        package: What must be installed for it, beyond what training needs anyway. A worker does not load such a model.
    """

    name: str
    title: str
    model: Callable[[int], Any]
    is_usual: bool = True
    resampling: Resampling | None = None
    scaled: bool = False
    engineered: bool = False
    narrow: bool = True
    grid: Grid = _NO_GRID
    thorough_grid: Grid = _NO_GRID
    calibrated: bool = False
    package: str | None = None


_WEIGHTED: Final = "balanced"
_SVM_GRID: Final[Grid] = {"C": (1, 10), "gamma": (0.1, 0.3)}
_SVM_THOROUGH: Final[Grid] = {"C": (1, 3, 10, 30), "gamma": (0.03, 0.1, 0.3)}
_TREE_THOROUGH: Final[Grid] = {"ccp_alpha": (0.0005, 0.001, 0.002, 0.004)}
_FOREST_THOROUGH: Final[Grid] = {"max_features": (2, 3), "min_samples_leaf": (1, 2)}
_BOOSTING_THOROUGH: Final[Grid] = {"max_depth": (3, 4), "learning_rate": (0.03, 0.05)}

_SIX: Final = (
    # The logistic regressions lose by having fewer columns; all the others gain.
    Candidate("logistic_regression", "Logistic regression", classifiers.logistic_regression, scaled=True, narrow=False),
    Candidate(
        "weighted_logistic_regression",
        "Weighted logistic regression",
        lambda seed: classifiers.logistic_regression(seed, _WEIGHTED),
        scaled=True,
        narrow=False,
    ),
    Candidate("naive_bayes", "Gaussian naive Bayes", lambda _: GaussianNB()),
    Candidate(
        "svm",
        "Support vector machine",
        classifiers.svm,
        scaled=True,
        grid=_SVM_GRID,
        thorough_grid=_SVM_THOROUGH,
        calibrated=True,
    ),
    Candidate("decision_tree", "Decision tree", classifiers.decision_tree, thorough_grid=_TREE_THOROUGH),
    Candidate("random_forest", "Random forest", classifiers.random_forest, thorough_grid=_FOREST_THOROUGH),
)
_WEIGHTED_ONES: Final = tuple(
    plain._replace(name=f"weighted_{plain.name}", title=f"{plain.title}, weighted", model=model)
    for plain, model in (
        (_SIX[3], lambda seed: classifiers.svm(seed, _WEIGHTED)),
        (_SIX[4], lambda seed: classifiers.decision_tree(seed, _WEIGHTED)),
        (_SIX[5], lambda seed: classifiers.random_forest(seed, _WEIGHTED)),
    )
)
_BEYOND: Final = (
    Candidate(
        "engineered_logistic_regression",
        "Logistic regression, engineered features",
        lambda seed: LogisticRegression(C=0.1, max_iter=2000, random_state=seed),
        is_usual=False,
        scaled=True,
        engineered=True,
    ),
    Candidate("extra_trees", "Extra trees", classifiers.extra_trees, is_usual=False, thorough_grid=_FOREST_THOROUGH),
    Candidate(
        "gradient_boosting",
        "Gradient boosting",
        classifiers.gradient_boosting,
        is_usual=False,
        thorough_grid=_BOOSTING_THOROUGH,
    ),
    Candidate(
        "hist_gradient_boosting", "Histogram gradient boosting", classifiers.hist_gradient_boosting, is_usual=False
    ),
    Candidate("vote", "Vote of extra trees and gradient boosting", classifiers.vote, is_usual=False),
)
_TO_ORDER: Final = (
    Candidate("lightgbm", "LightGBM", classifiers.lightgbm, is_usual=False, package="lightgbm"),
    Candidate("xgboost", "XGBoost", classifiers.xgboost, is_usual=False, package="xgboost"),
    Candidate("catboost", "CatBoost", classifiers.catboost, is_usual=False, package="catboost"),
)


def _resampled(plain: Candidate, resampling: Resampling) -> Candidate:
    # SMOTE looks for neighbours, so its columns want one scale whatever the model.
    return plain._replace(
        name=f"{plain.name}+{resampling}",
        title=f"{plain.title}, {RESAMPLINGS[resampling]}",
        resampling=resampling,
        thorough_grid=_NO_GRID,
        scaled=plain.scaled or resampling == "smote",
    )


CANDIDATES: Final[Mapping[str, Candidate]] = {
    candidate.name: candidate
    for candidate in (
        *(one for plain in _SIX for one in (plain, *(_resampled(plain, how) for how in RESAMPLINGS))),
        *_WEIGHTED_ONES,
        *_BEYOND,
    )
}
"""What is compared unless somebody names others."""

TO_ORDER: Final[Mapping[str, Candidate]] = {candidate.name: candidate for candidate in _TO_ORDER}
"""What is compared only when it is named, and installed."""

DEMO: Final = ("logistic_regression", "decision_tree", "random_forest")
"""The narrow list: enough to see a comparison, in seconds."""


def choose(names: Sequence[str] | None) -> tuple[Candidate, ...]:
    """
    Return the candidates of these names, each once, in their order; None: all of `CANDIDATES`.

    Raises:
        UnknownCandidate: With the names that there are, or what must be installed.
    """
    if names is None:
        return tuple(CANDIDATES.values())
    every = {**CANDIDATES, **TO_ORDER}
    unknown = [name for name in names if name not in every]
    if unknown or not names:
        raise UnknownCandidate(
            f"{', '.join(unknown) or 'an empty list'}: no such candidate; there are {', '.join(every)}"
        )
    chosen = tuple(every[name] for name in dict.fromkeys(names))
    if missing := [one.package for one in chosen if one.package is not None and find_spec(one.package) is None]:
        raise UnknownCandidate(f"{', '.join(missing)}: not installed; pip install {' '.join(missing)}, or leave it out")
    return chosen
