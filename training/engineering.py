"""Engineered features for linear models: bends in amounts, a column for each grade, and the products of two."""

from collections.abc import Sequence
from typing import Any, Final

from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, SplineTransformer

from training.columns import bounds

_KNOTS: Final = 12
_MOST_GRADES: Final = 4


def engineering_steps(names: Sequence[str]) -> list[tuple[str, Any]]:
    """
    Return the unfitted steps of a pipeline that come before scaling, for a matrix of these columns.

    Amounts become piecewise linear (splines of degree 1), grades of more than two values one column each, flags stay;
    then every product of two is added, since the loan goes to high spend *and* a higher level. All of it is
    scikit-learn's own, so that the worker needs no code for it.
    """
    amounts = [column for column, name in enumerate(names) if not is_graded(name)]
    grades = [column for column, name in enumerate(names) if is_graded(name) and bounds(name).maximum > 1]
    columns = ColumnTransformer(
        [
            ("amounts", SplineTransformer(_KNOTS, degree=1, extrapolation="linear"), amounts),
            ("grades", OneHotEncoder(drop="first", sparse_output=False, handle_unknown="ignore"), grades),
        ],
        remainder="passthrough",
    )
    return [("columns", columns), ("products", PolynomialFeatures(2, interaction_only=True, include_bias=False))]


def is_graded(name: str) -> bool:
    """Tell flags and small grades, of which no mean may be invented, from amounts."""
    limits = bounds(name)
    return limits.whole and limits.maximum <= _MOST_GRADES
