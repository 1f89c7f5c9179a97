"""How much accuracy do the new pictures cost, as far as the confidence of the model says it?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from scipy.special import stdtrit

from pipeline.core.drift_report import Chance, DriftMeasure
from pipeline.core.evaluation_contracts import DriftTest
from pipeline.core.observations import Observations
from pipeline.core.ranges import Fraction
from pipeline.monitoring.accuracy_estimate import AccuracyEstimate, confidences, estimate_accuracy
from pipeline.monitoring.verdict import decide
from pipeline.statistics.bootstrap import Bootstrap

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

POWER = 0.8
CAVEAT = (
    "estimated without labels: a model that is sure of its mistakes hides them, as with a new class, other labels for "
    "the same pictures, or pictures far from those of the training"
)


@final
@dataclass(frozen=True, kw_only=True)
class ExpectedLoss(DriftTest):
    """The accuracy on val minus the one that the confidence of the model lets expect on the new pictures.

    The estimate is the share of new decisions that are surer than a threshold fitted on val. It is called drift where
    the mean confidence differs by more than chance explains, the interval of the loss is above 0 and the loss above
    `limit`. How far off it is where pictures change is in docs/evidence/drift.md.

    Args:
        limit: Largest loss of accuracy that counts as none, 0 to 1.
        wanted: The loss that should be found; where it would be missed, the measure cannot be judged.

    Source: Garg et al. 2022, arXiv:2201.04234.
    """

    limit: Fraction
    wanted: Fraction

    def select(self, observed: Observations) -> np.ndarray | str:
        return observed.is_scored if observed.is_scored.any() else "no prediction is known"

    def select_reference(self, observed: Observations) -> np.ndarray | str:
        if not (observed.is_scored & observed.is_labelled).any():
            return "no scored picture has a label"
        return self.select(observed)

    def summarise(self, reference: Observations, new: Observations, seed: int) -> np.ndarray:
        return np.concatenate([confidences(reference), confidences(new)])[:, None].astype(np.float32)

    def distances(self, reference: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.abs(new - reference)

    def measure(self, name: str, reference: Observations, new: Observations, chance: Chance) -> DriftMeasure:
        bootstrap = Bootstrap(num_resamples=chance.num_resamples, seed=chance.seed)
        found = estimate_accuracy(reference, new, bootstrap)
        half = found.half_width
        low = None if half is None else found.loss - half
        p_value = float(chance.p_values[0])
        is_drifted = p_value <= chance.alpha and found.loss > self.limit and low is not None and low > 0
        verdict = decide(is_drifted, chance, _detectable(found), self.wanted)
        return DriftMeasure(
            name=name,
            unit="of the accuracy is expected to be lost (1 is all)",
            value=found.loss,
            low=low,
            high=None if half is None else found.loss + half,
            p_value=p_value,
            limit=self.limit,
            wanted=self.wanted,
            state=verdict.state,
            detectable=verdict.detectable,
            needed=verdict.needed,
            needed_unit=verdict.needed_unit,
            sentence=_sentence(found, verdict.state, verdict.reason),
            caveat=CAVEAT,
            details=_rows(found, reference, new),
        )


def _detectable(found: AccuracyEstimate) -> float:
    if math.isnan(found.error):
        return math.nan
    return float(stdtrit(found.groups - 1, 0.975) + stdtrit(found.groups - 1, POWER)) * found.error


def _rows(found: AccuracyEstimate, reference: Observations, new: Observations) -> tuple[JsonObject, ...]:
    half = found.half_width
    ends = (None, None) if half is None else (max(0.0, found.accuracy - half), min(1.0, found.accuracy + half))
    return (
        {"what": "expected accuracy on the new pictures", "value": found.accuracy, "low": ends[0], "high": ends[1]},
        {"what": "accuracy on val", "value": found.on_val, "low": None, "high": None},
        {"what": "mean confidence, new", "value": float(confidences(new).mean()), "low": None, "high": None},
        {"what": "mean confidence, val", "value": float(confidences(reference).mean()), "low": None, "high": None},
    )


def _sentence(found: AccuracyEstimate, state: str, reason: str) -> str:
    half = found.half_width
    between = "" if half is None else f", give or take {100 * half:.1f} points"
    figures = f"{100 * found.accuracy:.1f} % of the new decisions are expected to be right{between}; on val it was "
    text = f"{figures}{100 * found.on_val:.1f} %."
    return f"{text} Whether accuracy is lost cannot be judged. {reason}" if state == "cannot_be_judged" else text
