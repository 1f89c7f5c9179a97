"""What labels are worth that a strategy chose: curves against random labels, and how many of these give as much."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.evaluation.label_efficiency import (
    LEADING,
    DrawEstimate,
    Measured,
    ValSamples,
    crossed_half_width,
    estimate_draws,
    measure_hits,
)
from pipeline.statistics.bootstrap import MIN_GROUPS

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject

RANDOM = "random"
MAX_LOST = 0.025  # share of replicates that may lie beyond the curve of random labels; with more there is no interval
Curves = Mapping[tuple[str, int], np.ndarray]


@final
@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A strategy at one number of labels, or its difference from random labels.

    Attributes:
        strategy: Its name.
        minus: `random` where it is a difference; empty where it is a figure.
        num_labels: In all.
        figures: Metric to its estimate, over repeats and samples of val.
    """

    strategy: str
    minus: str
    num_labels: int
    figures: Mapping[str, DrawEstimate]

    def to_json(self) -> JsonObject:
        """As `reports/simulate_labelling.json` holds it."""
        figures = {name: one.to_json() for name, one in self.figures.items()}
        return {"strategy": self.strategy, "minus": self.minus, "num_labels": self.num_labels, "figures": figures}


@final
@dataclass(frozen=True, kw_only=True)
class LabelsSaved:
    """How many random labels give what a strategy gives.

    Attributes:
        strategy: Its name.
        num_labels: Of the strategy.
        equal: Random labels with the same balanced accuracy; None where no number that was measured has it.
        low: Of the 95 % interval, over repeats and samples of val; None without one.
        high: Its other end.
        reason: Why there is no number, or no interval; empty where there is one.
    """

    strategy: str
    num_labels: int
    equal: float | None
    low: float | None
    high: float | None
    reason: str

    def to_json(self) -> JsonObject:
        """As `reports/simulate_labelling.json` holds it."""
        return {
            "strategy": self.strategy,
            "num_labels": self.num_labels,
            "equal_random_labels": self.equal,
            "low": self.low,
            "high": self.high,
            "reason": self.reason,
        }


@final
@dataclass(frozen=True, kw_only=True)
class LabellingCurves:
    """What `colibri simulate-labelling` measured.

    Attributes:
        source: Name of the data set.
        budgets: Numbers of labels, ascending.
        strategies: Those that were compared with random labels.
        points: Figures and differences.
        saved: Of each strategy and budget.
        num_repeats: Of each curve.
        num_train: Samples that acted as the pool.
        num_val: That measured.
        num_groups: Of these.
    """

    source: str
    budgets: Sequence[int]
    strategies: Sequence[str]
    points: Sequence[CurvePoint]
    saved: Sequence[LabelsSaved]
    num_repeats: int
    num_train: int
    num_val: int
    num_groups: int

    def find(self, strategy: str, num_labels: int, minus: str = "") -> CurvePoint:
        """The point that was measured.

        Raises:
            KeyError: There is none.
        """
        for point in self.points:
            if (point.strategy, point.num_labels, point.minus) == (strategy, num_labels, minus):
                return point
        raise KeyError((strategy, num_labels, minus))

    def to_json(self) -> JsonObject:
        """As `reports/simulate_labelling.json` holds it."""
        return {
            "source": self.source,
            "budgets": list(self.budgets),
            "num_repeats": self.num_repeats,
            "num_train": self.num_train,
            "num_val": self.num_val,
            "num_groups": self.num_groups,
            "points": [one.to_json() for one in self.points],
            "labels_saved": [one.to_json() for one in self.saved],
        }

    def to_table(self) -> pd.DataFrame:
        """As `reports/simulate_labelling.csv` holds it: a row for each point and metric."""
        import pandas as pd

        rows = []
        for point in self.points:
            for metric, figure in point.figures.items():
                one = figure.estimate
                names = {"strategy": point.strategy, "minus": point.minus, "num_labels": point.num_labels}
                rows.append({**names, "metric": metric, "value": one.value, "low": one.low, "high": one.high})
        return pd.DataFrame(rows)


def random_sizes(budgets: Sequence[int], num_train: int) -> list[int]:
    """The numbers of random labels that are measured: the budgets, those between them, and up to four times as many.

    Args:
        budgets: Ascending.
        num_train: Most labels there are.
    """
    between = [round(math.sqrt(low * high)) for low, high in itertools.pairwise(budgets)]
    beyond = [round(factor * budgets[-1]) for factor in (1.5, 2, 3, 4)]
    return sorted({size for size in (budgets[0] // 2, *budgets, *between, *beyond) if 2 <= size <= num_train})


def list_points(hits: Curves, budgets: Sequence[int], val: ValSamples) -> tuple[list[CurvePoint], list[LabelsSaved]]:
    """The figures of each strategy at each budget, the paired differences, and the labels that it saves.

    Args:
        hits: Strategy and number of labels to (D, M) bool, whether the decision was right in each repeat.
        budgets: Those of all strategies.
        val: The M samples.
    """
    names = {f"{name} {number}": (name, number) for name, number in hits}
    measured = {
        names[name]: found
        for name, found in measure_hits({text: hits[key] for text, key in names.items()}, val).items()
    }
    points = [
        CurvePoint(strategy=name, minus="", num_labels=number, figures=estimate_draws(found, val, False))
        for (name, number), found in measured.items()
    ]
    saved = []
    random = {number: found for (name, number), found in measured.items() if name == RANDOM}
    for name in dict.fromkeys(name for name, _ in hits if name != RANDOM):
        for number in budgets:
            gain = measured[name, number].minus(random[number])
            points.append(
                CurvePoint(strategy=name, minus=RANDOM, num_labels=number, figures=estimate_draws(gain, val, True))
            )
            saved.append(count_saved(name, number, measured[name, number], random, val))
    return points, saved


def count_saved(
    name: str, num_labels: int, found: Measured, random: Mapping[int, Measured], val: ValSamples
) -> LabelsSaved:
    """How many random labels give the balanced accuracy of a strategy.

    The curve of random labels is the mean over repeats, made monotone, and straight between two sizes in the logarithm
    of their number. The interval is on that scale: each repeat is left out once, the samples of val are varied, and
    both variances are added, as in `label_efficiency.estimate_draws`.

    Args:
        name: Of the strategy.
        num_labels: That it chose.
        found: Its figures.
        random: Number of random labels to their figures, of the same repeats and samples.
        val: The samples.
    """
    sizes = np.array(sorted(random), dtype=np.float64)
    own = found.draws[LEADING]
    draws = np.stack([random[int(size)].draws[LEADING] for size in sizes])
    replicates = np.stack([random[int(size)].replicates[LEADING] for size in sizes])
    value = _invert(draws.mean(axis=1, keepdims=True), np.array([own.mean()]), sizes)[0]
    if not math.isfinite(value):
        end = f"more than {sizes[-1]:,.0f}" if value > 0 else f"fewer than {sizes[0]:,.0f}"
        reason = f"{end} random labels, the most and fewest that were measured"
        return _make_saved(name, num_labels, None, None, reason)
    num = len(own)
    without = [np.delete(np.arange(num), at) for at in range(num)] if num > 1 else []
    left_out = np.array(
        [_invert(draws[:, rest].mean(axis=1, keepdims=True), own[rest].mean()[None], sizes)[0] for rest in without]
    )
    varied = _invert(replicates, found.replicates[LEADING], sizes)
    basis = val.basis(LEADING)
    if basis.groups < MIN_GROUPS or num < 2:
        return _make_saved(name, num_labels, value, None, basis.caveat(False) or "one repeat")
    if not np.isfinite(left_out).all() or np.mean(~np.isfinite(varied)) > MAX_LOST:
        reason = "the interval ends beyond the random labels that were measured"
        return _make_saved(name, num_labels, value, None, reason)
    of_draws = math.sqrt((num - 1) / num * float(((left_out - left_out.mean()) ** 2).sum()))
    of_groups = val.weights.spread(np.where(np.isfinite(varied), varied, np.nan))
    return _make_saved(name, num_labels, value, crossed_half_width(of_draws, num, of_groups, basis.groups), "")


def _make_saved(name: str, num_labels: int, value: float | None, half: float | None, reason: str) -> LabelsSaved:
    return LabelsSaved(
        strategy=name,
        num_labels=num_labels,
        equal=None if value is None else math.exp(value),
        low=None if value is None or half is None else math.exp(value - half),
        high=None if value is None or half is None else math.exp(value + half),
        reason=reason,
    )


def _invert(curves: np.ndarray, wanted: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(R,) logarithm of the size at which each curve reaches what is wanted; infinite beyond its ends.

    Args:
        curves: (S, R) of each size and replicate.
        wanted: (R,).
        sizes: (S,) ascending.
    """
    rising = np.maximum.accumulate(curves, axis=0)
    result = np.empty(len(wanted))
    for at, goal in enumerate(wanted):
        column = rising[:, at]
        after = int(np.searchsorted(column, goal))
        if after == len(column):
            result[at] = np.inf
        elif goal < column[0]:
            result[at] = -np.inf
        elif not after:
            result[at] = math.log(sizes[0])
        else:
            low, high = column[after - 1], column[after]
            place = (goal - low) / (high - low)
            result[at] = (1 - place) * math.log(sizes[after - 1]) + place * math.log(sizes[after])
    return result
