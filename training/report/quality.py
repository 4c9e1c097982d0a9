"""The chapter on how good the scores are: curves, calibration, decisions and thresholds."""

from collections.abc import Mapping
from typing import Any, Final

from sklearn.metrics import average_precision_score, roc_auc_score

from schemas.manifest import Metric
from training.metrics import TOP_SHARES, Rows
from training.report.calibration import equal_count_bins, equal_width_bins
from training.report.families import families
from training.report.models import lines_to_draw
from training.report.money import terms_of
from training.report.plots_calibration import reliability_plot, score_histogram
from training.report.plots_curves import Line, precision_recall_plot, roc_plot
from training.report.thresholds import at_thresholds
from training.story import Story

METRIC_TITLES: Final[Mapping[str, str]] = {
    "accuracy": "Accuracy",
    "roc_auc": "Area under the ROC curve",
    "average_precision": "Average precision",
    "recall": "Recall",
    "precision": "Precision",
    "f1": "F1 score",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "calibration_error": "Expected calibration error",
    **{f"conversion_top_{share}": f"Conversion in the top {share} %" for share in TOP_SHARES},
}
_THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def quality_chapter(story: Story, metrics: Mapping[tuple[Rows, str], Metric]) -> dict[str, Any]:
    """Return what the chapter shows; the pictures are of the first repeat of the cross-validation."""
    labels, scores = story.labels, story.scores[0]
    by_count = equal_count_bins(labels, scores)
    curves = _curves(story)
    lines = [Line(one["scores"], one["colour"]) for one in curves]
    terms = terms_of(story.manifest.economics)
    thresholds = sorted({*_THRESHOLDS, story.manifest.threshold})
    return {
        "titles": {name: title for name, title in METRIC_TITLES.items() if ("test", name) in metrics},
        "curves": curves,
        "roc": roc_plot(labels, lines),
        "precision_recall": precision_recall_plot(labels, lines),
        "bins": by_count,
        "reliability": reliability_plot(by_count, equal_width_bins(labels, scores)),
        "histogram": score_histogram(labels, scores),
        "thresholds": at_thresholds(labels, story.scores, thresholds, terms),
    }


def _curves(story: Story) -> list[dict[str, Any]]:
    """Return the winner and the best of each model that was asked for, with the areas under what is drawn."""
    winner = story.manifest.candidate
    groups = families(story.comparison, story.evaluations, winner, story.choice.rule)
    found = []
    for line, colour in lines_to_draw(groups, winner):
        name = line.compared.candidate.name
        scores = story.scores[0] if name == winner else story.evaluations[name].scores[0]
        found.append(
            {
                "title": line.compared.candidate.title,
                "colour": colour,
                "scores": scores,
                "roc_auc": float(roc_auc_score(story.labels, scores)),
                "average_precision": float(average_precision_score(story.labels, scores)),
            }
        )
    return found
