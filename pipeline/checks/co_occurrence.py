"""Do two labels go together so strongly that a model may tell one by the other?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.ranges import Fraction
from pipeline.core.results import Finding
from pipeline.statistics.co_occurrence import association, count_together


@final
@dataclass(frozen=True, kw_only=True)
class CoOccurrence(Check):
    """The strongest association of two labels over train, val and test together; 0 where each sample has one label.

    All splits together: labels that always come together in test too make the test figure of both look good.

    Args:
        max_association: Largest accepted association (`association` in statistics/co_occurrence.py), 0 to 1.
    """

    question: ClassVar[str] = "Do two labels go together so strongly that a model may tell one by the other?"

    max_association: Fraction
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        labels = samples.loc[samples["split"] != "none", "labels"]
        classes = sorted(labels.explode().dropna().unique())
        counts = count_together(labels.tolist(), classes)
        strength = np.triu(association(counts, max(2, len(labels))), k=1)
        order = np.argsort(-strength, axis=None, kind="stable")[:5]
        pairs = [np.unravel_index(place, strength.shape) for place in order]
        worst = {
            f"{classes[one]} with {classes[other]}": f"{strength[one, other]:.2f}, both on {counts[one, other]} samples"
            for one, other in pairs
            if strength[one, other] > 0
        }
        return Finding(
            value=float(strength.max(initial=0.0)),
            limit=self.max_association,
            unit="association of two labels (0 chance, 1 always together)",
            worst=worst,
            advice="Collect samples that have one of the labels without the other, or make one label of the two.",
            obstacle=_obstacle(labels, classes),
            sentence=_sentence(worst, float(strength.max(initial=0.0)) > self.max_association),
        )


def _obstacle(labels: pd.Series, classes: list[str]) -> str:
    """Empty too where each sample has one label, as no two then come together: that is known."""
    if not classes:
        return "No picture of a split has a label, so that none can come with another; label some."
    if (labels.map(len) > 1).any() and len(labels) < 3:
        return (
            "Fewer than three pictures are in a split, of which two labels cannot be said to go together; label more."
        )
    return ""


def _sentence(worst: dict[str, str], beyond: bool) -> str:
    if not worst:
        return "No two labels come together more often than chance would bring them."
    return f"{next(iter(worst))}: the two labels come together " + (
        "so often that a network can take one for the other." if beyond else "most often, yet not always."
    )
