"""How good features are for classification with few labels, and which of two kinds is better, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import expit, logit, stdtrit

from pipeline.core.estimate import Estimate
from pipeline.statistics.bootstrap import MIN_GROUPS, SAME, Basis, Bootstrap, Replicates, share_interval

ALL = "all"  # instead of a number: all labels of train
MEAN = "mean"  # over all sizes
METRICS = ("balanced_accuracy", "accuracy")
LEADING = METRICS[0]
ONE_DRAW = "one draw: other labels are not covered"
TAIL = 0.025  # beyond either end of a 95 % interval


@final
@dataclass(frozen=True, kw_only=True)
class DrawEstimate:
    """A mean over draws of labels, or a difference of two such means.

    Attributes:
        estimate: Its interval covers other labels of train and other samples than those of val; of one draw only the
            samples, which its caveat says.
        over_draws: Of the 95 % interval that covers other labels of train alone, with this val; None for one draw.
    """

    estimate: Estimate
    over_draws: tuple[float, float] | None

    def to_json(self) -> dict[str, object]:
        """As `reports/label_efficiency.json` holds it."""
        ends = None if self.over_draws is None else list(self.over_draws)
        return {**self.estimate.to_json(), "over_draws": ends}


@final
@dataclass(frozen=True, kw_only=True)
class ValSamples:
    """What decisions are compared with.

    Attributes:
        codes: (N,) class of each sample of val.
        groups: (N,) group of each.
        bootstrap: How groups are resampled, where there are more than 100.
    """

    codes: np.ndarray
    groups: np.ndarray
    bootstrap: Bootstrap

    @property
    def weights(self) -> Replicates:
        return self.bootstrap.replicates(self.groups)

    def basis(self, metric: str) -> Basis:
        """What a figure of all samples rests on, or a mean over classes."""
        present = np.unique(self.codes)
        each = self.codes[:, None] == present if metric == LEADING else np.ones((len(self.codes), 1), dtype=bool)
        return Basis.of(each, self.groups)


def linear_figures(values: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric to (R, M): the weighted means of each column, over all samples and as a mean over classes.

    Both are linear in the values: of right decisions (0 or 1) they are accuracy and balanced accuracy, of means over
    draws the means of these, of differences the differences. A class that a row of weights lost counts as on all
    samples, so that each row is a mean over the same classes.

    Args:
        values: (N, M).
        codes: (N,) class of each sample.
        weights: (R, N).
    """
    per_class = []
    for code in np.unique(codes):
        rows = codes == code
        total = weights[:, rows].sum(axis=1, keepdims=True)
        mean = np.divide(
            weights[:, rows] @ values[rows], total, out=np.zeros((len(weights), values.shape[1])), where=total > 0
        )
        per_class.append(np.where(total > 0, mean, values[rows].mean(axis=0)))
    return {
        "balanced_accuracy": np.mean(per_class, axis=0),
        "accuracy": weights @ values / weights.sum(axis=1, keepdims=True),
    }


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """The figures of one kind of features at one size, or the mean over sizes.

    Attributes:
        draws: Metric to (D,) figures, one for each draw.
        replicates: Metric to (R,) means over draws on the replicate weights of val.
    """

    draws: Mapping[str, np.ndarray]
    replicates: Mapping[str, np.ndarray]

    def minus(self, other: Measured) -> Measured:
        """The paired differences, draw by draw and replicate by replicate; of two numbers of draws the first ones."""
        num = min(len(self.draws[LEADING]), len(other.draws[LEADING]))
        return Measured(
            draws={name: self.draws[name][:num] - other.draws[name][:num] for name in METRICS},
            replicates={name: self.replicates[name] - other.replicates[name] for name in METRICS},
        )


def measure_hits(hits: Mapping[str, np.ndarray], val: ValSamples) -> dict[str, Measured]:
    """The figures of each entry.

    Args:
        hits: Name to (D, N) bool: whether the decision for a sample was right, in each draw.
        val: The samples.
    """
    means = np.stack([entry.mean(axis=0) for entry in hits.values()], axis=1)
    blocks = [linear_figures(means, val.codes, block) for block in val.weights]
    ones = np.ones((1, len(val.codes)))
    return {
        name: Measured(
            draws={
                metric: found[0]
                for metric, found in linear_figures(entry.T.astype(np.float64), val.codes, ones).items()
            },
            replicates={metric: np.concatenate([block[metric][:, place] for block in blocks]) for metric in METRICS},
        )
        for place, (name, entry) in enumerate(hits.items())
    }


def average_sizes(sizes: Sequence[Measured]) -> Measured:
    """The mean over sizes; a size with one draw counts with that in each draw."""
    num = max(len(one.draws[LEADING]) for one in sizes)
    return Measured(
        draws={name: np.mean([np.broadcast_to(one.draws[name], num) for one in sizes], axis=0) for name in METRICS},
        replicates={name: np.mean([one.replicates[name] for one in sizes], axis=0) for name in METRICS},
    )


def estimate_draws(measured: Measured, val: ValSamples, is_difference: bool) -> dict[str, DrawEstimate]:
    """Metric to the mean over draws with its intervals.

    Draws of labels and groups of val are crossed: each draw is measured on each group. The variance of the mean is at
    most the sum of that over draws, with this val, and that over groups of val, with these draws: what belongs to the
    pair of a draw and a group is in both (Owen 2007, doi:10.1214/07-AOAS122). So the two variances are added, with
    Satterthwaite's degrees of freedom (1946, doi:10.2307/3002019); coverage in benchmarks/draw_coverage.py.

    Args:
        measured: The figures.
        val: The samples behind them.
        is_difference: Whether they are differences of two figures, -1 to 1.
    """
    return {metric: _estimate(measured, metric, val, is_difference) for metric in METRICS}


def _estimate(measured: Measured, metric: str, val: ValSamples, is_difference: bool) -> DrawEstimate:
    draws, replicates, basis = measured.draws[metric], measured.replicates[metric], val.basis(metric)
    value, num = float(draws.mean()), len(draws)
    of_draws = float(draws.std(ddof=1)) / math.sqrt(num) if num > 1 else 0.0
    of_groups = val.weights.spread(replicates)
    low: float | None = None
    high: float | None = None
    if basis.groups >= MIN_GROUPS and math.isfinite(of_groups):
        half = crossed_half_width(of_draws, num, of_groups, basis.groups)
        if half > SAME and (is_difference or 0 < value < 1):
            low, high = _ends(value, half, is_difference)
        elif is_difference:  # both agree on all samples in all draws
            half = 1 - TAIL ** (1 / basis.n)
            low, high = value - half, value + half
        elif found := share_interval(value, replicates, val.weights, basis.n, basis.groups):
            low, high, _ = found
    of_one_draw = ONE_DRAW if num == 1 and low is not None else ""
    half = float(stdtrit(num - 1, 1 - TAIL)) * of_draws if num > 1 else math.nan
    return DrawEstimate(
        estimate=Estimate(
            value=value,
            low=low,
            high=high,
            n=len(val.codes),
            groups=int(basis.groups),
            caveat="; ".join(one for one in (basis.caveat(low is not None), of_one_draw) if one),
        ),
        over_draws=(value - half, value + half) if num > 1 else None,
    )


def crossed_half_width(of_draws: float, num_draws: int, of_groups: float, num_groups: float) -> float:
    """Half of the 95 % interval of a mean over draws and groups.

    Args:
        of_draws: Standard error over draws; 0 for one draw.
        num_draws: At least 1.
        of_groups: Standard error over groups.
        num_groups: Above 1.
    """
    total = of_draws**2 + of_groups**2
    if not total > SAME**2:
        return 0.0
    parts = of_groups**4 / (num_groups - 1) + (of_draws**4 / (num_draws - 1) if num_draws > 1 else 0.0)
    return float(stdtrit(total**2 / parts, 1 - TAIL)) * math.sqrt(total)


def _ends(value: float, half: float, is_difference: bool) -> tuple[float, float]:
    """Of a difference on its scale, of a share on the logit scale (the delta method)."""
    if is_difference:
        return max(-1.0, value - half), min(1.0, value + half)
    slope = half / (value * (1 - value))
    return float(expit(logit(value) - slope)), float(expit(logit(value) + slope))
