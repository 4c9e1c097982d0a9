"""The unfitted classifiers, each made from a seed, with the settings that cross-validation has found."""

from typing import Any

from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier


def logistic_regression(seed: int, class_weight: str | None = None) -> LogisticRegression:
    """Weigh the columns; with `class_weight`, errors on the rarer outcome count for more."""
    return LogisticRegression(max_iter=1000, class_weight=class_weight, random_state=seed)


def svm(seed: int, class_weight: str | None = None) -> SVC:
    """Part by a border with a margin, bent by radial basis functions. It keeps the rows at the border."""
    return SVC(class_weight=class_weight, random_state=seed)


def decision_tree(seed: int, class_weight: str | None = None) -> DecisionTreeClassifier:
    """Prune by cost complexity: leaves that do not pay for themselves go, which lifts average precision most."""
    return DecisionTreeClassifier(criterion="entropy", ccp_alpha=0.002, class_weight=class_weight, random_state=seed)


def random_forest(seed: int, class_weight: str | None = None) -> RandomForestClassifier:
    """Ask 300 trees, each grown on rows and columns drawn by lot."""
    return RandomForestClassifier(300, criterion="entropy", class_weight=class_weight, random_state=seed)


def extra_trees(seed: int) -> ExtraTreesClassifier:
    """Look at every column at each split, and cut it by lot: what is lost to chance is won back over 100 trees."""
    return ExtraTreesClassifier(100, criterion="entropy", max_features=None, max_leaf_nodes=128, random_state=seed)


def gradient_boosting(seed: int) -> GradientBoostingClassifier:
    """Add 300 shallow trees, each fitted on half of the rows to mend what those before it have wrong."""
    return GradientBoostingClassifier(
        n_estimators=300, learning_rate=0.05, max_depth=3, subsample=0.5, random_state=seed
    )


def hist_gradient_boosting(seed: int) -> HistGradientBoostingClassifier:
    """The same on binned columns, with larger trees."""
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=120,
        max_leaf_nodes=31,
        min_samples_leaf=5,
        l2_regularization=1.0,
        random_state=seed,
    )


def vote(seed: int) -> VotingClassifier:
    """Take the mean of two that err differently: trees cut by lot, and trees that mend each other's errors."""
    members = [("extra_trees", extra_trees(seed)), ("gradient_boosting", gradient_boosting(seed))]
    return VotingClassifier(members, voting="soft")


def lightgbm(seed: int) -> Any:  # noqa: ANN401  not installed everywhere
    """Boosting by the package of this name."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=300, learning_rate=0.03, num_leaves=15, verbose=-1, n_jobs=1, random_state=seed)


def xgboost(seed: int) -> Any:  # noqa: ANN401  not installed everywhere
    """Boosting by the package of this name."""
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=300, learning_rate=0.05, max_depth=4, subsample=0.8, n_jobs=1, random_state=seed)


def catboost(seed: int) -> Any:  # noqa: ANN401  not installed everywhere
    """Boosting by the package of this name."""
    from catboost import CatBoostClassifier

    # Without the last one it writes a folder beside whatever it is run from.
    return CatBoostClassifier(
        iterations=600,
        depth=5,
        learning_rate=0.05,
        verbose=False,
        thread_count=1,
        random_seed=seed,
        allow_writing_files=False,
    )
