"""Do the scores of the challenger mean what they say, as much as those of the champion?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import numpy as np
from annotated_types import Ge

from pipeline.core.estimate import Estimate
from pipeline.core.evaluation_contracts import Contest, Gate
from pipeline.core.predictions import Predictions
from pipeline.core.ranges import Fraction, Seed
from pipeline.core.results import GateResult
from pipeline.evaluation.gain import GONE
from pipeline.evaluation.paired_comparison import PairedPredictions, paired_difference
from pipeline.statistics.bootstrap import Basis, Bootstrap
from pipeline.statistics.calibration_error import calibration_error


@final
@dataclass(frozen=True, kw_only=True)
class Calibration(Gate):
    """Refuses a challenger whose calibration error is shown to be larger, or above a limit.

    The error is the mean distance between a score and the share that is right, over tenths of the score: of the highest
    score of a sample, or, where samples have several labels, of the score of every label. Both models are measured on
    the same pictures, so that what chance adds to the error of few pictures is the same for both.

    Args:
        tolerance: A rise whose interval is wholly above this refuses.
        max_error: Largest error of the challenger itself; null: no limit.
        num_resamples: Bootstrap resamples, at least 100, where there are more than 100 groups.
        seed: Of the resamples.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """

    question: ClassVar[str] = "Do its scores mean what they say, no less than the champion's?"
    for_labels: ClassVar[bool | None] = True

    tolerance: Fraction
    max_error: Fraction | None
    num_resamples: Annotated[int, Ge(100)]
    seed: Seed

    def __call__(self, contest: Contest) -> GateResult:
        error = _measure(contest.challenger.predictions, contest.is_exclusive)
        own = f"its calibration error is {error:.3f}"
        figures: dict[str, float | Estimate | None] = {"error": float(error)}
        if self.max_error is not None and not error <= self.max_error:
            return GateResult(outcome="refused", sentence=f"{own}, above {self.max_error}", figures=figures)
        if contest.champion is None:
            return GONE if self.max_error is None else GateResult(outcome="passed", sentence=own, figures=figures)
        pairs = PairedPredictions.match(contest.challenger.predictions, contest.champion.predictions)
        if pairs is None:
            return GateResult(outcome="cannot_be_judged", sentence=f"{own}, and no test sample is common to both")
        rise = self._rise(pairs, contest.is_exclusive)
        figures["rise"] = rise
        if rise.value is None or rise.interval is None:
            sentence = f"{own}; no verdict on its rise: {rise.caveat or 'it is undefined'}"
            return GateResult(outcome="cannot_be_judged", sentence=sentence, figures=figures)
        low, high = rise.interval
        is_worse = low > self.tolerance
        sentence = (
            f"{own}, {rise.value:+z.3f} [{low:+z.3f}, {high:+z.3f}] against the champion: "
            f"{'shown' if is_worse else 'not shown'} to rise by more than {self.tolerance}"
        )
        return GateResult(outcome="refused" if is_worse else "passed", sentence=sentence, figures=figures)

    def _rise(self, pairs: PairedPredictions, is_exclusive: bool) -> Estimate:
        groups, targets = pairs.later.groups, pairs.later.targets
        sides = [_outcomes(one.scores, targets, is_exclusive) for one in (pairs.later, pairs.earlier)]
        weights = Bootstrap(num_resamples=self.num_resamples, seed=self.seed).replicates(groups)

        def differ(block: np.ndarray) -> np.ndarray:
            ours, theirs = (calibration_error(*outcomes, block) for outcomes in sides)
            return np.asarray(ours - theirs)

        value = float(differ(np.ones((1, len(pairs))))[0])
        replicates = np.concatenate([differ(block) for block in weights])
        basis = Basis.of(np.ones((len(pairs), 1), dtype=bool), groups)
        return paired_difference(value, replicates, weights, basis, len(pairs))


def _measure(predictions: Predictions, is_exclusive: bool) -> float:
    outcomes = _outcomes(predictions.scores, predictions.targets, is_exclusive)
    return float(calibration_error(*outcomes, np.ones((1, len(predictions))))[0])


def _outcomes(scores: np.ndarray, targets: np.ndarray, is_exclusive: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) scores and whether each is right: of exclusive classes the highest score of a sample alone."""
    if not is_exclusive:
        return scores, targets
    top = scores.argmax(axis=1)[:, None]
    return np.take_along_axis(scores, top, axis=1), np.take_along_axis(targets, top, axis=1)
