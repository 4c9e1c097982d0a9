"""The chapters on groups of customers: whether they are treated alike, and what the data says before any model."""

from typing import Any

from training.exploration.explore import explore
from training.exploration.view import view
from training.fairness.groupings import fairness
from training.story import Story


def groups_chapters(story: Story) -> dict[str, Any]:
    """Return the figures of both; the groups are judged on out-of-fold scores at the model's own threshold."""
    seed = int(story.manifest.parameters["seed"])
    threshold = story.manifest.threshold
    return {
        "fairness": fairness(story.rows, story.labels, story.scores, threshold, story.winner.names, seed),
        "exploration": view(explore(story.table, story.rows)),
    }
