"""Whether the decisions treat groups of customers alike: by age, by family size and by region."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, mean_prediction

from propensity.features import Matrix
from training.columns import csv_name
from training.data import Labels
from training.fairness.by_age import TOP_SHARE
from training.fairness.groups import Groups, age_bands, categories, regions
from training.fairness.metrics import OF_DECISIONS, Metric
from training.fairness.proxies import Proxies, proxies
from training.fairness.ratio import Ratio, chosen_in_top, ratio

SMALLEST: Final = 100
"""A group of fewer customers is joined to another one: its figures would be chance."""


class Group(NamedTuple):
    """
    One group of customers, by the mean over the repeats; a share of nobody is NaN.

    Attributes:
        name: Of the group.
        customers: How many.
        takers: How many of them took the loan.
        taker_rate: Their share.
        selected: Share that scores the threshold or more.
        selected_top: Share that is among the best tenth of all customers.
        conversion: Of those who score the threshold or more, the share that took the loan.
        recall: Of those who took the loan, the share that scores the threshold or more.
        false_positive_rate: Of those who did not, the share that scores it all the same.
        mean_score: What the scores promise; compare `taker_rate`.
    """

    name: str
    customers: int
    takers: int
    taker_rate: float
    selected: float
    selected_top: float
    conversion: float
    recall: float
    false_positive_rate: float
    mean_score: float


class Grouping(NamedTuple):
    """
    All customers in groups of one kind.

    Attributes:
        title: Of what kind.
        field: The customer field that it comes from.
        groups: In their natural order.
        outcomes: Four-fifths ratio of the shares that took the loan: how alike the groups are to begin with.
        at_threshold: Of the shares that are selected at the threshold.
        in_top: Of the shares that are among the best tenth.
    """

    title: str
    field: str
    groups: tuple[Group, ...]
    outcomes: Ratio
    at_threshold: Ratio
    in_top: Ratio


class Fairness(NamedTuple):
    """
    What there is to say on groups.

    Attributes:
        groupings: By age, by family size, by region.
        proxies: Which of the used fields tell of age.
        threshold: From which score on a customer is selected.
        top_share: Which share of the customers the best are.
    """

    groupings: tuple[Grouping, ...]
    proxies: Proxies
    threshold: float
    top_share: float


def fairness(
    rows: pd.DataFrame,
    labels: Labels,
    scores: Matrix,
    threshold: float,
    used: Sequence[str] = (),
    seed: int = 0,
    smallest: int = SMALLEST,
) -> Fairness:
    """
    Compare groups of customers.

    Args:
        rows: n customers with every field; of these, age, hidden_score and zip_code set the groups.
        labels: Shape (n,): their outcomes.
        scores: Shape (repeats, n), by models that did not see them.
        threshold: From which score on a customer is selected.
        used: The fields that the model uses.
        seed: Of the draws for the intervals.
        smallest: A group of fewer customers is joined to another one.
    """
    decided = _decide(labels, scores, threshold)
    kinds = (
        ("Age", "age", age_bands(rows["age"], smallest)),
        (f"{csv_name('hidden_score')}, which stands for family size", "hidden_score", _scores(rows["hidden_score"])),
        (f"Region, the first two digits of {csv_name('zip_code')}", "zip_code", regions(rows["zip_code"], smallest)),
    )
    groupings = tuple(_grouping(title, field, groups, decided, seed) for title, field, groups in kinds)
    return Fairness(groupings, proxies(rows, used), threshold, TOP_SHARE)


class _Decided(NamedTuple):
    """Outcomes, shape (n,); scores and what follows from them, shape (repeats, n)."""

    labels: Labels
    scores: Matrix
    at_threshold: Matrix
    in_top: Matrix


def _decide(labels: Labels, scores: Matrix, threshold: float) -> _Decided:
    in_top = np.array([chosen_in_top(one, TOP_SHARE) for one in scores])
    return _Decided(labels, scores, (scores >= threshold).astype(np.float64), in_top)


def _scores(values: pd.Series) -> Groups:
    return categories([f"{value:g}" for value in values])


def _grouping(title: str, field: str, groups: Groups, decided: _Decided, seed: int) -> Grouping:
    outcomes = decided.labels[np.newaxis].astype(np.float64)
    ratios = (ratio(groups, chosen, seed) for chosen in (outcomes, decided.at_threshold, decided.in_top))
    return Grouping(title, field, _groups(groups, decided), *ratios)


def _groups(groups: Groups, decided: _Decided) -> tuple[Group, ...]:
    shares = pd.concat(
        [
            _by_group(OF_DECISIONS, groups, decided.labels, decided.at_threshold),
            _by_group({"selected_top": mean_prediction}, groups, decided.labels, decided.in_top),
            _by_group({"mean_score": mean_prediction}, groups, decided.labels, decided.scores),
        ],
        axis="columns",
    )
    return tuple(_group(name, one) for name, one in zip(groups.names, shares.to_dict("records"), strict=True))


def _group(name: str, shares: Mapping[Hashable, float]) -> Group:
    return Group(
        name=name,
        customers=round(shares["customers"]),
        takers=round(shares["takers"]),
        **{field: float(shares[field]) for field in Group._fields if field not in ("name", "customers", "takers")},
    )


def _by_group(metrics: Mapping[str, Metric], groups: Groups, labels: Labels, predicted: Matrix) -> pd.DataFrame:
    """Return each metric of each group, mean over the repeats in which it is known."""
    frames = [
        MetricFrame(metrics=dict(metrics), y_true=labels, y_pred=one, sensitive_features=groups.of).by_group
        for one in predicted
    ]
    means: pd.DataFrame = pd.concat(frames).astype(np.float64).groupby(level=0).mean()
    return means
