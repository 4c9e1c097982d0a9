"""How training rows are balanced, inside the folds only: imbalanced-learn's samplers by name."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from imblearn.over_sampling import SMOTENC, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

from training.engineering import is_graded

Resampling = str

RESAMPLINGS: Final[Mapping[Resampling, str]] = {
    "smote": "SMOTENC",
    "oversampling": "oversampling",
    "undersampling": "undersampling",
}


def sampler(resampling: Resampling, names: Sequence[str], seed: int) -> Any:  # noqa: ANN401  imblearn is untyped
    """Return the unfitted sampler for a matrix of these columns."""
    if resampling == "oversampling":
        return RandomOverSampler(random_state=seed)
    if resampling == "undersampling":
        return RandomUnderSampler(random_state=seed)
    categorical = [column for column, name in enumerate(names) if is_graded(name)]
    return SMOTENC(categorical, random_state=seed)
