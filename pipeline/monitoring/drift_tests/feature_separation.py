"""Do the new pictures show something else?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
from annotated_types import Ge, Interval
from scipy.special import expit, logit, stdtrit

from pipeline.core.drift_report import Chance, DriftMeasure
from pipeline.core.evaluation_contracts import DriftTest
from pipeline.core.observations import Observations
from pipeline.features.linear_probe import pca_directions
from pipeline.features.split_probe import SplitSeparation, separate_splits
from pipeline.monitoring.verdict import Verdict, decide
from pipeline.statistics.bootstrap import MIN_GROUPS, Bootstrap

NUM_WAVES = 256  # random Fourier features
NUM_PAIRS = 500  # pictures between which the median distance is taken
NUM_PICTURES = 12
POWER = 0.8


@final
@dataclass(frozen=True, kw_only=True)
class FeatureSeparation(DriftTest):
    """The AUC with which a probe on frozen features separates new pictures from those of the training, out of fold.

    0.5 is chance: given one of each, the probe finds the new one in half of the cases. Folds keep groups together, so
    that it cannot recognise a group; the interval resamples groups. Chance is compared by another figure that can be
    permuted: the distance of the mean features of both sides under a Gaussian kernel (maximum mean discrepancy), each
    group counting the same. With a single new group there is no AUC, but that distance can still stand out.

    Args:
        limit: Largest AUC that counts as no drift.
        wanted: The AUC that should be found; where it would be missed, the measure cannot be judged.
        num_folds: Folds of the cross-validation, at least 2.

    Source: the classifier two-sample test, Lopez-Paz and Oquab 2017, arXiv:1610.06545; maximum mean discrepancy,
        Gretton et al. 2012, JMLR 13, 723-773; random features, Rahimi and Recht 2007.
    """

    limit: Annotated[float, Interval(ge=0.5, le=1)]
    wanted: Annotated[float, Interval(ge=0.5, le=1)]
    num_folds: Annotated[int, Ge(2)]

    def select(self, observed: Observations) -> np.ndarray | str:
        return "there are no features" if observed.features is None else np.ones(len(observed), dtype=bool)

    def summarise(self, reference: Observations, new: Observations, seed: int) -> np.ndarray:
        reduced = _reduce(reference, new, seed)
        generator = np.random.default_rng(seed)
        some = reduced[generator.permutation(len(reduced))[:NUM_PAIRS]]
        gaps = ((some[:, None] - some[None, : NUM_PAIRS // 10]) ** 2).sum(axis=2)
        width = math.sqrt(float(np.median(gaps[gaps > 0]))) if (gaps > 0).any() else 1.0
        waves = generator.standard_normal((reduced.shape[1], NUM_WAVES)) / width
        angles = reduced @ waves.astype(np.float32) + generator.uniform(0, 2 * np.pi, NUM_WAVES).astype(np.float32)
        return np.asarray(np.cos(angles) * np.float32(math.sqrt(2 / NUM_WAVES)))

    def distances(self, reference: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.sqrt(((new - reference) ** 2).sum(axis=1, keepdims=True))

    def measure(self, name: str, reference: Observations, new: Observations, chance: Chance) -> DriftMeasure:
        groups = np.concatenate([reference.groups, new.groups])
        is_new = np.arange(len(groups)) >= len(reference)
        bootstrap = Bootstrap(num_resamples=chance.num_resamples, seed=chance.seed)
        sizes = [len(np.unique(groups[side])) for side in (~is_new, is_new)]
        found = (
            separate_splits(_reduce(reference, new, chance.seed), is_new, groups, self.num_folds, bootstrap)
            if min(sizes) > 1
            else None
        )
        value = None if found is None or math.isnan(found.auc) else found.auc
        p_value = float(chance.p_values[0])
        is_drifted = p_value <= chance.alpha and (value is None or value > self.limit)
        verdict = decide(is_drifted, chance, _detectable(found, value), self.wanted, start=0.5)
        return DriftMeasure(
            name=name,
            unit="AUC with which a probe separates new pictures from those of the training (0.5 is chance)",
            value=value,
            low=None if found is None or value is None else found.low,
            high=None if found is None or value is None else found.high,
            p_value=p_value,
            limit=self.limit,
            wanted=self.wanted,
            state=verdict.state,
            detectable=verdict.detectable,
            needed=verdict.needed,
            needed_unit=verdict.needed_unit,
            sentence=_sentence(value, verdict, chance),
            caveat="" if found is None else found.caveat,
            pictures=_strange(reference, new, found) if is_drifted and found is not None else {},
        )


def _reduce(reference: Observations, new: Observations, seed: int) -> np.ndarray:
    both = [np.asarray(one.features, dtype=np.float32) for one in (reference, new)]
    return pca_directions(np.concatenate(both), seed)


def _detectable(found: SplitSeparation | None, value: float | None) -> float:
    """The AUC whose interval would exclude 0.5 in 4 of 5 cases; NaN where there is no interval."""
    if found is None or value is None or found.low is None or found.high is None or found.groups < MIN_GROUPS:
        return math.nan
    quantile = float(stdtrit(found.groups - 1, 0.975))
    inner = np.clip([found.low, found.high], 1e-6, 1 - 1e-6)
    error = float(logit(inner[1]) - logit(inner[0])) / 2 / quantile
    return float(expit((quantile + float(stdtrit(found.groups - 1, POWER))) * error))


def _sentence(value: float | None, verdict: Verdict, chance: Chance) -> str:
    if verdict.state == "drifted":
        if value is None:
            return (
                "The new pictures are farther from those of the training than these are from each other, which chance "
                f"does not explain (p = {chance.p_values[0]:.2g}). An AUC of the separation needs more groups."
            )
        return (
            f"The new pictures show something else: given one of each, a simple model finds the new one in "
            f"{100 * value:.0f} % of the cases, where chance gives 50 %."
        )
    figure = "" if value is None else f" ({100 * value:.0f} % of the pairs, where chance gives 50 %)"
    if verdict.state == "not_shown":
        return f"A simple model hardly separates new pictures from those of the training{figure}."
    return f"Whether the new pictures show something else cannot be judged{figure}. {verdict.reason}"


def _strange(reference: Observations, new: Observations, found: SplitSeparation) -> dict[str, tuple[str, ...]]:
    """The new pictures least like the training, and those of the training least like the new ones."""
    first = len(reference)
    strange = np.argsort(-found.scores[first:], kind="stable")[:NUM_PICTURES]
    usual = np.argsort(found.scores[:first], kind="stable")[:NUM_PICTURES]
    return {
        "New, least like the training": tuple(map(str, new.sample_ids[strange])),
        "Training, least like the new ones": tuple(map(str, reference.sample_ids[usual])),
    }
