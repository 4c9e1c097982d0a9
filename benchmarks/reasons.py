"""
How often a lead's first reason is the one that SHAP would give: offline, on the real customers.

    pip install shap
    python benchmarks/reasons.py [--model build/model] [--leads 100] [--json]

SHAP's own values are reckoned for every lead: TreeExplainer along the paths of each tree. A vote's are the mean of its
members': of forests in probability as it is; of boosting in log-odds, brought to the scale of a probability at the
lead. The reasons come from the compiled model, by what each column adds to a leaf: no Shapley value of the row, and a
thousandth of the time.
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np

from leadline.sample import sample_customers
from propensity.bundle import Bundle, load
from propensity.features import Matrix, matrix_from_customers
from propensity.scoring import score
from schemas.customer import Customer

_CUSTOMERS: Final = 5000
_BATCH: Final = 100


def main() -> None:
    """Compare, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("build/model"), help="a bundle that is compiled")
    parser.add_argument("--leads", type=int, default=_CUSTOMERS, help="how many leads at most")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = compared(arguments.model, arguments.leads)
    print(
        json.dumps(result) if arguments.json else "\n".join(f"{name:20} {value:8.3f}" for name, value in result.items())
    )


def compared(folder: Path, most: int) -> dict[str, float]:
    """
    Return how many leads there are, the share on which both agree, and what a lead's reasons cost.

    `commonest` is the share of SHAP's commonest column, which naming it always would reach; `agreement_elsewhere` is
    that of the other leads.
    """
    pickled, compiled = load(folder, None, "pickle"), load(folder, None, "compiled")
    customers = [Customer.model_validate(one).known for one in sample_customers(_CUSTOMERS)]
    rows = matrix_from_customers(customers, compiled.feature_names)
    leads = rows[score(compiled.model, rows) >= compiled.manifest.threshold][:most]
    ours = np.array([reasons[0].code.rpartition("_")[0] if reasons else "" for reasons in compiled.reasons(leads)])
    theirs = np.array(compiled.feature_names)[np.abs(shap_values(pickled.model, leads)).argmax(axis=1)]
    agree, is_commonest = ours == theirs, theirs == Counter(theirs.tolist()).most_common(1)[0][0]
    return {
        "leads": len(leads),
        "agreement": float(agree.mean()),
        "commonest": float(is_commonest.mean()),
        "agreement_elsewhere": float(agree[~is_commonest].mean()),
        "us_a_lead": cost_us(compiled, leads),
    }


def cost_us(bundle: Bundle, leads: Matrix) -> float:
    """Return what the reasons of one lead of a hundred take: the best of many tries, in microseconds."""
    batch = leads[np.arange(_BATCH) % len(leads)]
    times = []
    for _ in range(50):
        begun = time.perf_counter()
        bundle.reasons(batch)
        times.append(time.perf_counter() - begun)
    return min(times) / _BATCH * 1e6


def shap_values(model: Any, rows: Matrix) -> Matrix:  # noqa: ANN401  any estimator of scikit-learn
    """Return shape (n, k), on the scale of the probability, for trees and votes of them; SHAP refuses other models."""
    import shap

    members = getattr(model, "estimators_", None)
    if type(model).__name__ == "VotingClassifier" and members is not None:
        return np.mean([shap_values(member, rows) for member in members], axis=0)
    explainer = shap.TreeExplainer(model)
    values = np.asarray(explainer.shap_values(rows))
    if values.ndim == 3:  # a forest: one set of values for each class
        return values[:, :, 1]
    odds = values.sum(axis=1) + np.ravel(explainer.expected_value)[0]
    base = np.ravel(explainer.expected_value)[0]
    slope = (_probability(odds) - _probability(base)) / (odds - base)
    return values * slope[:, None]


def _probability(odds: Any) -> Any:  # noqa: ANN401  a number, or an array of them
    return 1 / (1 + np.exp(-odds))


if __name__ == "__main__":
    main()
