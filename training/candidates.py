"""The models that are compared, by name: the seed's six, each plain and with resampling inside the folds."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from training.errors import UnknownCandidate
from training.resampling import RESAMPLINGS, Resampling

Grid = Mapping[str, Sequence[Any]]


class Candidate(NamedTuple):
    """
    One way to make a model.

    Attributes:
        name: As `--candidates` takes it: a model, and after a plus sign how its training rows are resampled.
        title: As the report prints it.
        model: Makes the unfitted classifier from a seed.
        resampling: One of `RESAMPLINGS`, or None.
        scaled: Whether the columns are brought to one scale first.
        narrow: Whether it is fitted on the columns that a small tree uses (`fitting.earning_columns`), or on all.
        grid: Settings of the classifier to search among, by cross-validation within the training rows.
        calibrated: Whether its decision values are turned into probabilities by a sigmoid (Platt), fitted on
            training rows that were held out.
    """

    name: str
    title: str
    model: Callable[[int], Any]
    resampling: Resampling | None = None
    scaled: bool = False
    narrow: bool = True
    grid: Grid = MappingProxyType({})
    calibrated: bool = False


def _logistic_regression(seed: int) -> LogisticRegression:
    return LogisticRegression(max_iter=1000, random_state=seed)


def _weighted_logistic_regression(seed: int) -> LogisticRegression:
    return LogisticRegression(max_iter=1000, class_weight="balanced", random_state=seed)


def _naive_bayes(_seed: int) -> GaussianNB:
    return GaussianNB()


def _svm(seed: int) -> SVC:
    return SVC(random_state=seed)


def _decision_tree(seed: int) -> DecisionTreeClassifier:
    """Prune by cost complexity: leaves that do not pay for themselves go, which lifts average precision most."""
    return DecisionTreeClassifier(criterion="entropy", ccp_alpha=0.002, random_state=seed)


def _random_forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(300, criterion="entropy", random_state=seed)


_SVM_GRID: Final[Grid] = {"C": (1, 10), "gamma": (0.1, 0.3)}
_PLAIN: Final = (
    # The logistic regressions lose by having fewer columns; all the others gain.
    Candidate("logistic_regression", "Logistic regression", _logistic_regression, scaled=True, narrow=False),
    Candidate(
        "weighted_logistic_regression",
        "Weighted logistic regression",
        _weighted_logistic_regression,
        scaled=True,
        narrow=False,
    ),
    Candidate("naive_bayes", "Gaussian naive Bayes", _naive_bayes),
    Candidate("svm", "Support vector machine", _svm, scaled=True, grid=_SVM_GRID, calibrated=True),
    Candidate("decision_tree", "Decision tree", _decision_tree),
    Candidate("random_forest", "Random forest", _random_forest),
)


def _resampled(plain: Candidate, resampling: Resampling) -> Candidate:
    # SMOTE looks for neighbours, so its columns want one scale whatever the model.
    return plain._replace(
        name=f"{plain.name}+{resampling}",
        title=f"{plain.title}, {RESAMPLINGS[resampling]}",
        resampling=resampling,
        scaled=plain.scaled or resampling == "smote",
    )


CANDIDATES: Final[Mapping[str, Candidate]] = {
    candidate.name: candidate
    for plain in _PLAIN
    for candidate in (plain, *(_resampled(plain, resampling) for resampling in RESAMPLINGS))
}
DEMO: Final = ("logistic_regression", "decision_tree", "random_forest")
"""The narrow list: enough to see a comparison, in seconds."""


def choose(names: Sequence[str] | None) -> tuple[Candidate, ...]:
    """
    Return the candidates of these names, each once, in their order; None: all.

    Raises:
        UnknownCandidate: With the names that there are.
    """
    if names is None:
        return tuple(CANDIDATES.values())
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown or not names:
        raise UnknownCandidate(
            f"{', '.join(unknown) or 'an empty list'}: no such candidate; there are {', '.join(CANDIDATES)}"
        )
    return tuple(CANDIDATES[name] for name in dict.fromkeys(names))
