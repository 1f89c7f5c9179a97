"""Two sets of predictions on the samples both were judged on, by the labels of today, with paired intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core import artifacts
from pipeline.core.labels import to_matrix
from pipeline.statistics.bootstrap import Basis, Estimate, Replicates, difference_interval

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pipeline.core.contracts import Metric


@dataclass(frozen=True, eq=False)
class PairedPredictions:
    """The common samples of a later and an earlier set of predictions, row by row.

    Attributes:
        targets: (N, K) in {0, 1}, as the later one has them.
        targets_then: (N, K), as the earlier one was judged by.
        later: Decided (N, K) bool, and scores (N, K).
        earlier: The same.
        groups: (N,) as the later one has them.
    """

    targets: np.ndarray
    targets_then: np.ndarray
    later: tuple[np.ndarray, np.ndarray]
    earlier: tuple[np.ndarray, np.ndarray]
    groups: np.ndarray

    @classmethod
    def match(cls, later: pd.DataFrame, earlier: pd.DataFrame) -> PairedPredictions | None:
        """What both have, or None where that is nothing.

        Args:
            later: `sample_id`, `group`, `targets`, `decided` and `scores`, a list of K each.
            earlier: The same, of the same K classes.
        """
        both = later.merge(earlier, on="sample_id", suffixes=("", "_earlier"), validate="one_to_one")
        if both.empty:
            return None
        stacked = {
            name: np.stack(both[name].to_numpy())
            for name in (f"{part}{whose}" for part in ("targets", "decided", "scores") for whose in ("", "_earlier"))
        }
        return cls(
            stacked["targets"],
            stacked["targets_earlier"],
            (stacked["decided"], stacked["scores"]),
            (stacked["decided_earlier"], stacked["scores_earlier"]),
            both["group"].to_numpy(dtype=str),
        )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def num_relabelled(self) -> int:
        """Samples whose labels are others today."""
        return int((self.targets != self.targets_then).any(axis=1).sum())

    def paired_differences(
        self, metrics: dict[str, Metric], num_resamples: int, seed: int
    ) -> dict[str, dict[str, Any]]:
        """Each metric before and after, and how much better it became, with a 95 % interval.

        Both are varied by the same replicate weights over groups, so that what makes a sample hard for both cancels.

        Args:
            metrics: Name to a metric of one number for all classes.
            num_resamples: Bootstrap resamples, where there are more than 100 groups.
            seed: Of the resamples.

        Returns:
            Name to `told` (the earlier one by its own labels), `before` and `after` (both by the labels of today), each
            None where undefined, and `gain`, an `Estimate` as JSON; positive is better, whatever the metric.
        """
        weights = Replicates(groups=self.groups, num_resamples=num_resamples, seed=seed)
        ones = np.ones((1, len(self)))
        result = {}
        for name, metric in metrics.items():
            then, before, after = (
                float(metric(targets, *one, ones)[0])
                for targets, one in (
                    (self.targets_then, self.earlier),
                    (self.targets, self.earlier),
                    (self.targets, self.later),
                )
            )
            result[name] = {
                **{
                    key: _finite_or_none(value) for key, value in (("told", then), ("before", before), ("after", after))
                },
                "gain": self._gain(metric, after - before, weights).as_json(),
            }
        return result

    def _gain(self, metric: Metric, gained: float, weights: Replicates) -> Estimate:
        sign = 1.0 if metric.larger_is_better else -1.0
        blocks = [
            metric(self.targets, *self.later, block) - metric(self.targets, *self.earlier, block) for block in weights
        ]
        support = metric.support(self.targets, self.later[0] | self.earlier[0])
        return paired_difference(
            sign * gained, sign * np.concatenate(blocks), weights, Basis.of(support, self.groups), len(self)
        )


def paired_difference(value: float, replicates: np.ndarray, weights: Replicates, basis: Basis, n: int) -> Estimate:
    """A paired difference with its interval.

    Args:
        value: On all samples.
        replicates: (R,) of `weights`.
        weights: The replicate weights.
        basis: What the less certain of the two numbers rests on.
        n: Samples.
    """
    groups = int(basis.groups)
    if not np.isfinite(value):
        return Estimate(value=None, low=None, high=None, n=n, groups=groups)
    low, high = difference_interval(value, replicates, weights, basis.n, basis.groups) or (None, None)
    return Estimate(value=value, low=low, high=high, n=n, groups=groups, caveat=basis.caveat(low is not None))


def load_test_predictions(path: Path, classes: list[str]) -> pd.DataFrame:
    """`sample_id`, `group`, `targets`, `decided` and `scores` of test, as a gate and `PairedPredictions` take them.

    Each side is judged by the decisions that its own predictor made.
    """
    import pandas as pd

    table = artifacts.read_table(path)
    test = table[table["split"] == "test"]
    scores = np.stack(test["scores"].to_numpy())
    return pd.DataFrame(
        {
            "sample_id": test["sample_id"].to_numpy(),
            "group": test["group"].to_numpy(),
            "targets": list(to_matrix(test["labels"].tolist(), classes)),
            "decided": list(to_matrix(test["decided"].tolist(), classes).astype(bool)),
            "scores": list(scores),
        }
    )


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
