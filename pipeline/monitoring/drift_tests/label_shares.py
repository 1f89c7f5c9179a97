"""Do the true labels of the new pictures have other shares?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.drift_report import Chance, DriftMeasure
from pipeline.core.evaluation_contracts import DriftTest
from pipeline.core.observations import Observations
from pipeline.core.ranges import Fraction
from pipeline.monitoring.class_shares import measure_shares, share_distances, to_shares


@final
@dataclass(frozen=True, kw_only=True)
class LabelShares(DriftTest):
    """The total variation of the shares of the classes: the share of pictures whose class would have to change.

    Where a picture can have several labels it is the largest change of the share of one. P-values come from
    permutations of groups, corrected for all classes. The interval is as that of `PropertyDistance`.

    Args:
        limit: Largest value that counts as no drift, 0 to 1.
        wanted: The value that should be found; where it would be missed, the measure cannot be judged.
    """

    limit: Fraction
    wanted: Fraction

    def select(self, observed: Observations) -> np.ndarray | str:
        return observed.is_labelled if observed.is_labelled.any() else "no label is known"

    def summarise(self, reference: Observations, new: Observations, seed: int) -> np.ndarray:
        return to_shares(np.concatenate([reference.targets, new.targets]), reference.exclusive)

    def distances(self, reference: np.ndarray, new: np.ndarray) -> np.ndarray:
        return share_distances(reference, new)

    def measure(self, name: str, reference: Observations, new: Observations, chance: Chance) -> DriftMeasure:
        return measure_shares(
            name,
            "labels",
            (reference.targets, new.targets),
            reference.classes,
            reference.exclusive,
            chance,
            self.limit,
            self.wanted,
        )
