"""How well frozen features tell the classes apart, and whether that is better than chance.

The check that suspects labels leans on out-of-fold predictions of a probe. Where features do not see what the labels
name, as the mean over frames does not see a movement, the probe disagrees with right labels at random. So nothing
follows from its disagreement unless its balanced accuracy is above chance with its whole 95 % interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.statistics.bootstrap import MIN_GROUPS, Basis, Bootstrap, share_interval

NUM_RESAMPLES = 200
MAX_ROWS = 20_000  # of a larger data set so many random samples: the interval is narrow then


@dataclass(frozen=True, kw_only=True)
class ClassSeparation:
    """Out-of-fold balanced accuracy of a probe on the features.

    Attributes:
        accuracy: 0 to 1, with its 95 % interval; of several labels the mean over them, each present or absent. Its
            value is None where no label can be tested.
        chance: The same of a guess: 1 / number of classes, or 0.5 for several labels.
    """

    accuracy: Estimate
    chance: float

    @property
    def beats_chance(self) -> bool:
        return self.accuracy.low is not None and self.accuracy.low > self.chance

    @property
    def obstacle(self) -> str:
        """Why nothing follows from a disagreement of the probe, and what would help; empty where something does."""
        found = self.accuracy
        if self.beats_chance:
            return ""
        if found.value is None:
            return "No label can be tested, since each is in one group only; give smaller groups, or label more."
        interval = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
        return (
            "The features tell the classes apart no better than chance (balanced accuracy "
            f"{found.value:.2f}{interval}, chance {self.chance:.2f}), so a model on them disagrees with right labels "
            "too; use features that see what the labels name (embed=...), or label more."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassDecisions:
    """Out-of-fold decisions of one question: which class, or whether a label applies.

    Attributes:
        given: (N,) codes of the labels, 0 to K - 1.
        decided: (N,) codes of the decisions.
        testable: (N,) bool, whether the probe was fitted to samples of that label.
    """

    given: np.ndarray
    decided: np.ndarray
    testable: np.ndarray

    def mean_recall(self, weights: np.ndarray) -> float:
        """The balanced accuracy of the testable samples with these (N,) weights; NaN where none counts."""
        counted = weights * self.testable
        support = np.bincount(self.given, counted)
        hits = np.bincount(self.given, counted * (self.given == self.decided))
        occurs = support > 0
        return float((hits[occurs] / support[occurs]).mean()) if occurs.any() else float("nan")

    def at(self, rows: np.ndarray) -> ClassDecisions:
        return ClassDecisions(given=self.given[rows], decided=self.decided[rows], testable=self.testable[rows])


def decide_evenly(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(N,) the class that is likeliest if all classes were equally frequent, so that a rare class is decided too.

    Args:
        probabilities: (N, K) out of fold.
        given: (N,) codes of the labels, whose shares the probabilities have learned.
    """
    shares = np.bincount(given, minlength=probabilities.shape[1]) / len(given)
    decided: np.ndarray = (probabilities / np.maximum(shares, 1e-12)).argmax(axis=1)
    return decided


def measure_separation(questions: Sequence[ClassDecisions], groups: np.ndarray, seed: int) -> ClassSeparation:
    """The mean balanced accuracy of the questions, and its interval over groups.

    The interval is that of cross-validated figures, whose folds share training data (`Bootstrap.across_folds`): without
    it random features beat chance in up to 5 % of data sets, with it in up to 2 %. With
    fewer than five groups an interval over groups does not exist; then it is over samples.

    Args:
        questions: One for exclusive classes, one per label where several can apply.
        groups: (N,) group of each sample.
        seed: Of the resamples, and of the samples of a data set of more than 20,000.
    """
    if len(groups) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(seed).permutation(len(groups))[:MAX_ROWS])
        questions, groups = [one.at(rows) for one in questions], groups[rows]
    questions = [one for one in questions if one.testable.any()]
    support = [one.testable & (one.given == code) for one in questions for code in np.unique(one.given[one.testable])]
    if not support:
        return ClassSeparation(accuracy=Estimate(value=None, low=None, high=None, n=0, groups=0), chance=1.0)
    chance = float(np.mean([1 / len(np.unique(one.given[one.testable])) for one in questions]))
    columns = np.stack(support, axis=1)
    if Basis.of(columns, groups).groups < MIN_GROUPS:
        groups = np.arange(len(groups))
    return ClassSeparation(accuracy=_estimate(questions, columns, groups, seed), chance=chance)


def _estimate(questions: Sequence[ClassDecisions], support: np.ndarray, groups: np.ndarray, seed: int) -> Estimate:
    def mean(weights: np.ndarray) -> float:
        return float(np.mean([one.mean_recall(weights) for one in questions]))

    basis = Basis.of(support, groups)
    weights = Bootstrap(num_resamples=NUM_RESAMPLES, seed=seed).across_folds.replicates(groups)
    value = mean(np.ones(len(groups)))
    replicates = np.array([mean(row) for block in weights for row in block])
    interval = share_interval(value, replicates, weights, basis.n, basis.groups)
    low, high, cautious = interval or (None, None, "")
    caveat = basis.caveat(interval is not None, cautious)
    return Estimate(value=value, low=low, high=high, n=round(basis.n), groups=int(basis.groups), caveat=caveat)
