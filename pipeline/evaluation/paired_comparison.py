"""Paired comparison of two sets of predictions on their common samples, by the current labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.estimate import Change, Estimate
from pipeline.core.predictions import Predictions
from pipeline.statistics.bootstrap import Basis, Bootstrap, Replicates, difference_interval

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.core.evaluation_contracts import Metric


@dataclass(frozen=True, eq=False)
class PairedPredictions:
    """The common samples of a later and an earlier set of predictions, row by row, with the classes that both know.

    Attributes:
        later: Later predictions, with the current groups and labels.
        earlier: Earlier predictions, with the labels of their evaluation.
    """

    later: Predictions
    earlier: Predictions

    @classmethod
    def match(cls, later: Predictions, earlier: Predictions) -> PairedPredictions | None:
        """The common samples in the order of the later predictions, or None.

        Where the classes differ, only those of both are compared, on samples that still show one of them. Each model
        answers as it does in use: an answer that is another class is a mistake there.

        Raises:
            UserError: One of them names a sample twice.
        """
        import pandas as pd

        names, before = pd.Index(later.sample_ids), pd.Index(earlier.sample_ids)
        for one in (names, before):
            if not one.is_unique:
                raise UserError(
                    f"predictions name the sample {one[one.duplicated()][0]!r} twice; run dvc repro to make them again"
                )
        rows = before.get_indexer(names)
        common = rows >= 0
        if later.classes != earlier.classes:
            shared = [name for name in later.classes if name in earlier.classes]
            shows = later.of_classes(shared).targets.any(axis=1)
            common &= shows | ~later.targets.any(axis=1)
            later, earlier = later.of_classes(shared), earlier.of_classes(shared)
        return cls(later.take(common), earlier.take(rows[common])) if common.any() else None

    def __len__(self) -> int:
        return len(self.later)

    @property
    def num_relabelled(self) -> int:
        """Number of common samples whose labels have changed since the earlier evaluation."""
        return int((self.later.targets != self.earlier.targets).any(axis=1).sum())

    def paired_differences(self, metrics: dict[str, Metric], bootstrap: Bootstrap) -> dict[str, Change]:
        """Each metric before and after, and its gain with a 95 % interval; a positive gain is an improvement.

        Both use the same replicate weights over groups, so the difficulty of a sample, common to both, cancels.

        Args:
            metrics: Name to a metric of one number for all classes.
            bootstrap: How groups are resampled, where there are more than 100.
        """
        weights = bootstrap.replicates(self.later.groups)
        ones = np.ones((1, len(self)))
        today, then = self.later.targets, self.earlier.targets
        result = {}
        for name, metric in metrics.items():
            by_earlier_labels = float(_measure(metric, then, self.earlier, ones)[0])
            before = float(_measure(metric, today, self.earlier, ones)[0])
            after = float(_measure(metric, today, self.later, ones)[0])
            result[name] = Change(
                by_earlier_labels=_finite_or_none(by_earlier_labels),
                before=_finite_or_none(before),
                after=_finite_or_none(after),
                gain=self._gain(metric, after - before, weights),
            )
        return result

    def _gain(self, metric: Metric, gained: float, weights: Replicates) -> Estimate:
        sign = 1.0 if metric.larger_is_better else -1.0
        today = self.later.targets
        blocks = [
            _measure(metric, today, self.later, block) - _measure(metric, today, self.earlier, block)
            for block in weights
        ]
        support = metric.support(today, self.later.decided | self.earlier.decided)
        basis, width = Basis.of(support, self.later.groups), metric.bounds[1] - metric.bounds[0]
        return paired_difference(sign * gained, sign * np.concatenate(blocks), weights, basis, len(self), width)


def _measure(metric: Metric, targets: np.ndarray, predictions: Predictions, weights: np.ndarray) -> np.ndarray:
    return metric(targets, predictions.decided, predictions.scores, weights)


def paired_difference(
    value: float,
    replicates: np.ndarray,
    weights: Replicates,
    basis: Basis,
    n: int,
    width: float = 1.0,
    level: float = 0.95,
) -> Estimate:
    """The paired difference with its interval.

    Args:
        value: The difference on all samples.
        replicates: (R,) differences on `weights`.
        weights: The replicate weights.
        basis: Basis of the less certain of the two numbers.
        n: Number of samples.
        width: Of the range of each of the two numbers.
        level: Of the interval.
    """
    groups = int(basis.groups)
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, groups=groups)
    low, high = difference_interval(value, replicates, weights, basis.n, basis.groups, width, level) or (None, None)
    return Estimate(value=value, low=low, high=high, n=n, groups=groups, caveat=basis.caveat(low is not None))


def load_test_predictions(path: Path, classes: list[str]) -> Predictions:
    """The predictions of the test split, with the decisions of the predictor that wrote the file."""
    table = artifacts.read_table(path)
    return Predictions.of(table[table["split"] == "test"], classes)


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
