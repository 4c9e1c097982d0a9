"""The few figures of a manifest that a page shows, each with its interval."""

from typing import Final, NamedTuple

from schemas.manifest import Economics, Manifest, Metric

_SHOWN: Final = {
    "conversion_top_10": "Of the best tenth, take the loan",
    "precision": "Precision at the model's own threshold",
    "recall": "Recall at the model's own threshold",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "calibration_error": "Calibration error",
}
_RULES: Final = {
    "even_odds": "more likely than not",
    "break_even": "cost of a contact by value of a loan",
    "fixed_budget": "what a fixed budget reaches",
}


class Figure(NamedTuple):
    """One figure on the locked test rows and in cross-validation; either may not be in the manifest."""

    label: str
    test: Metric | None
    cross_validation: Metric | None


def key_figures(manifest: Manifest) -> list[Figure]:
    """Return the key figures that the manifest has, in our order."""
    found = {(metric.name, metric.rows): metric for metric in manifest.metrics}
    figures = [
        Figure(label, found.get((name, "test")), found.get((name, "cross_validation")))
        for name, label in _SHOWN.items()
    ]
    return [figure for figure in figures if figure.test or figure.cross_validation]


def rule_in_words(economics: Economics) -> str:
    """Say where the manifest's threshold comes from."""
    return _RULES[economics.rule]
