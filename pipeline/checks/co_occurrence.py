"""Do two labels occur together so often that a model may confuse them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.ranges import Fraction
from pipeline.core.results import Finding
from pipeline.statistics.co_occurrence import association, count_together


@final
@dataclass(frozen=True, kw_only=True)
class CoOccurrence(Check):
    """The strongest association of two labels over train, val and test together; 0 where each sample has one label.

    All splits count together: labels that always occur together, in test as well, make the test figures look too good.

    Args:
        max_association: Largest accepted association (`association` in statistics/co_occurrence.py), 0 to 1.
    """

    question: ClassVar[str] = "Do two labels occur together so often that a model may confuse them?"

    max_association: Fraction
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        labels = samples.loc[samples["split"].isin(SPLITS), "labels"]
        classes = sorted(labels.explode().dropna().unique())
        counts = count_together(labels.tolist(), classes)
        strength = np.triu(association(counts, max(2, len(labels))), k=1)
        order = np.argsort(-strength, axis=None, kind="stable")[:5]
        pairs = [np.unravel_index(cell, strength.shape) for cell in order]
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
            advice="Collect samples that have one of the labels without the other, or merge the two labels.",
            obstacle=_obstacle(labels, classes),
            sentence=_sentence(worst, float(strength.max(initial=0.0)) > self.max_association),
        )


def _obstacle(labels: pd.Series, classes: list[str]) -> str:
    """Why the check cannot judge; empty where each sample has one label, since no two labels then occur together."""
    if not classes:
        return "No picture of a split has a label, so no two can occur together; label some pictures."
    if (labels.map(len) > 1).any() and len(labels) < 3:
        return "Fewer than three pictures are in a split, too few to associate two labels; label more pictures."
    return ""


def _sentence(worst: dict[str, str], beyond: bool) -> str:
    if not worst:
        return "No two labels occur together more often than by chance."
    return f"{next(iter(worst))}: these two labels occur together " + (
        "so often that a network can confuse them." if beyond else "most often, within the limit."
    )
