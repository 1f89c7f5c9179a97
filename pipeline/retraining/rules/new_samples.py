"""Retrain when enough labelled samples have changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from pipeline.core.ranges import Fraction, PositiveInt
from pipeline.core.retrain_contracts import Opinion, RetrainEvidence, RetrainRule


@final
@dataclass(frozen=True, kw_only=True)
class NewSamples(RetrainRule):
    """Retrains when many labelled samples are new, relabelled, altered or removed since the last finished run.

    Args:
        min_samples: So many are a reason.
        min_share: So many of the labelled samples of the last finished run are a reason, too; 1: `min_samples` alone.
    """

    min_samples: PositiveInt
    min_share: Fraction

    def __call__(self, evidence: RetrainEvidence) -> Opinion:
        changes = evidence.changes
        if changes.num_before is None:
            return Opinion(True, "No finished run is known here, so every labelled sample is new.")
        limit = self.min_samples
        if changes.num_before:
            limit = min(limit, max(1, math.ceil(round(self.min_share * changes.num_before, 6))))
        found = f"{changes.total:,} {changes.unit}s have changed; {limit:,} are a reason"
        how = f"the smaller of {self.min_samples:,} and {100 * self.min_share:g} % of {changes.num_before:,}"
        return Opinion(changes.total >= limit, f"{found} ({how}).")
