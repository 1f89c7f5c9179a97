"""Retrain when the pictures that arrive, or those that are served, have drifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from pipeline.core.ranges import PositiveInt
from pipeline.core.retrain_contracts import Opinion, RetrainEvidence, RetrainRule


@final
@dataclass(frozen=True, kw_only=True)
class Drift(RetrainRule):
    """Retrains when drift is shown and some of the new pictures have labels to learn from.

    Either of both is enough: those that arrived since the last run, and those that a server answered about.

    Args:
        min_samples: Labelled samples that must have changed; with fewer the model would stay nearly the same, and the
            sentence says to label some.
    """

    min_samples: PositiveInt

    def __call__(self, evidence: RetrainEvidence) -> Opinion:
        said = [(what, reading.state, reading.sentence) for what, reading in evidence.readings]
        drifted = [f"{what} have drifted: {sentence}" for what, state, sentence in said if state == "drifted"]
        changed, unit = evidence.changes.total, evidence.changes.unit
        if drifted and changed >= self.min_samples:
            return Opinion(True, " ".join(drifted))
        if drifted:
            return Opinion(
                False,
                f"{' '.join(drifted)} But {changed:,} {unit}s have changed and {self.min_samples:,} are needed; "
                "label some of the new pictures.",
            )
        about = " ".join(f"{what}: {sentence}" for what, _, sentence in said)
        if any(state == "not_shown" for _, state, _ in said):
            return Opinion(False, f"No drift is shown. {about}")
        return Opinion(None, f"Drift cannot be judged. {about}")
