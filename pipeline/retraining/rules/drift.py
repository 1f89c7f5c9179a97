"""Retrain when the pictures that arrive have drifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from pipeline.core.ranges import PositiveInt
from pipeline.core.retrain_contracts import Opinion, RetrainEvidence, RetrainRule


@final
@dataclass(frozen=True, kw_only=True)
class Drift(RetrainRule):
    """Retrains when drift is shown and some of the new pictures have labels to learn from.

    Args:
        min_samples: Labelled samples that must have changed; with fewer the model would stay nearly the same, and the
            sentence says to label some.
    """

    min_samples: PositiveInt

    def __call__(self, evidence: RetrainEvidence) -> Opinion:
        drift = evidence.drift
        if drift.state == "cannot_be_judged":
            return Opinion(None, f"Drift cannot be judged: {drift.sentence}")
        if drift.state == "not_shown":
            return Opinion(False, f"No drift is shown: {drift.sentence}")
        changed = evidence.changes.total
        if changed < self.min_samples:
            return Opinion(
                False,
                f"The pictures have drifted, but {changed:,} labelled samples have changed and {self.min_samples:,} "
                f"are needed; label some of the new ones. {drift.sentence}",
            )
        return Opinion(True, f"The pictures have drifted: {drift.sentence}")
