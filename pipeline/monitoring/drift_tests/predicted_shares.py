"""Does the model decide for other classes than before?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from pipeline.core.drift_report import Chance, DriftMeasure
from pipeline.core.evaluation_contracts import DriftTest
from pipeline.core.observations import Observations
from pipeline.core.ranges import Fraction
from pipeline.monitoring.class_shares import measure_shares, share_distances, to_shares
from pipeline.monitoring.label_shift import estimate_shares
from pipeline.statistics.bootstrap import Bootstrap


@final
@dataclass(frozen=True, kw_only=True)
class PredictedShares(DriftTest):
    """The total variation of the shares of the decided classes, between val and the new pictures.

    Where a picture can have several labels it is the largest change of the share of one. Where the model and val allow
    it, the table has the true shares that would explain the decisions, if nothing but the shares had changed (label
    shift); where the pictures of a class look different too, these need not hold.

    Args:
        limit: Largest value that counts as no drift, 0 to 1.
        wanted: The value that should be found; where it would be missed, the measure cannot be judged.

    Source: Lipton, Wang and Smola 2018, arXiv:1802.03916.
    """

    limit: Fraction
    wanted: Fraction

    def select(self, observed: Observations) -> np.ndarray | str:
        return observed.is_scored if observed.is_scored.any() else "no prediction is known"

    def summarise(self, reference: Observations, new: Observations, seed: int) -> np.ndarray:
        return to_shares(np.concatenate([reference.decided, new.decided]), reference.exclusive)

    def distances(self, reference: np.ndarray, new: np.ndarray) -> np.ndarray:
        return share_distances(reference, new)

    def measure(self, name: str, reference: Observations, new: Observations, chance: Chance) -> DriftMeasure:
        found = measure_shares(
            name,
            "decisions",
            (reference.decided, new.decided),
            reference.classes,
            reference.exclusive,
            chance,
            self.limit,
            self.wanted,
        )
        estimated = estimate_shares(reference, new, Bootstrap(num_resamples=chance.num_resamples, seed=chance.seed))
        if isinstance(estimated, str):
            return replace(found, caveat=f"true shares cannot be estimated: {estimated}")
        ends = {"estimated": estimated.shares, "low": estimated.low, "high": estimated.high}
        place = {one: column for column, one in enumerate(reference.classes)}
        rows = [
            row | {end: _number(numbers[place[name]]) if name in place else None for end, numbers in ends.items()}
            for row in map(dict, found.details)
            for name in [str(row["class"])]
        ]
        return replace(found, details=tuple(rows))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)
