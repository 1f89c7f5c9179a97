"""Do the pictures of one split have other properties than those of another?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Interval
from pandas.api.types import is_numeric_dtype

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS, property_columns, short_name
from pipeline.core.ranges import Fraction, Seed
from pipeline.core.results import Finding
from pipeline.statistics.permutation import least_possible, max_t_p_values

NUM_BINS = 64  # of equal size, between which distances are compared with chance; the figure itself is exact
MAX_UNITS = 5_000  # groups that are permuted; of more, this many are sampled
AT_ONCE = 8  # permutations counted together, which bounds the memory


@final
@dataclass(frozen=True, kw_only=True)
class PropertyDrift(Check):
    """The largest Kolmogorov-Smirnov distance of a measured property between two splits that chance does not explain.

    The distance is that of the two distribution functions, 0 (equal) to 1 (nothing in common). It counts only if it is
    significant at `alpha` over all properties and pairs of splits. P-values come from permutations of whole groups over
    the splits: samples of one group resemble each other, and splits of few groups differ by chance. If a distance is
    above the limit and there are too few groups for any permutation to reach `alpha`, the check cannot be judged.

    Args:
        max_distance: Largest accepted distance, 0 to 1.
        alpha: Probability of a false alarm over all properties and pairs of splits.
        num_permutations: Permutations of the groups over the splits, at least 1 / alpha - 1.
        seed: Seed of the permutations.

    Source: Pesarin and Salmaso 2010, Permutation Tests for Complex Data, chapters 1 and 4; p-values as in
        `permutation.max_t_p_values`.
    """

    question: ClassVar[str] = "Do the pictures of one split have other properties than those of another?"

    max_distance: Fraction
    alpha: Annotated[float, Interval(gt=0, lt=1)]
    num_permutations: int
    seed: Seed
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if (self.num_permutations + 1) * self.alpha < 1:
            raise ValueError(f"num_permutations must be at least 1 / alpha - 1, got {self.num_permutations}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        split = samples["split"].to_numpy()
        names = [name for name in SPLITS if (split == name).any()]
        measured = [one for one in property_columns(samples) if is_numeric_dtype(samples[one])]
        rows = self._compare_splits(samples, names, measured) if measured and len(names) > 1 else []
        rows.sort(key=lambda row: (row["p"] > self.alpha, -row["distance"]))
        significant = [row for row in rows if row["p"] <= self.alpha]
        first = significant[0] if significant else None
        return Finding(
            value=first["distance"] if first else 0.0,
            limit=self.max_distance,
            unit="distance of a property between two splits (0 alike, 1 nothing in common)",
            worst={f"{row['property']}, {row['splits']}": round(row["distance"], 3) for row in rows[:5]},
            advice="Split at random, or by more and smaller groups. If test differs on purpose, expect lower figures "
            "there, and vary the property in training (conf/augmentation/).",
            sentence=(
                f"Pictures of {first['splits']} differ in {first['property'].replace('_', ' ')}, "
                "more than chance explains."
                if first
                else "The splits do not differ significantly in any measured property."
            ),
            table=rows,
            obstacle=self._obstacle(rows),
        )

    def _compare_splits(self, samples: pd.DataFrame, names: list[str], measured: list[str]) -> list[dict[str, Any]]:
        """A row for each property and pair of splits: the distance, its p-value, and the smallest possible p-value."""
        split = pd.Index(names).get_indexer(samples["split"])  # -1 for those of none and of the pool
        unit = pd.factorize(samples["group"], use_na_sentinel=False)[0] * (len(names) + 1) + split
        rows = np.flatnonzero(split >= 0)
        unit = np.unique(unit[rows], return_inverse=True)[1]
        values = samples[measured].to_numpy(dtype=np.float64)[rows]
        statistics = self._permuted_distances(values, unit, split[rows])
        p_values, least = max_t_p_values(statistics), least_possible(statistics)
        members = [split[rows] == code for code in range(len(names))]
        parts = [[_sorted_numbers(column[one]) for one in members] for column in values.T]
        return [
            {
                "property": short_name(name),
                "splits": f"{names[one]} and {names[other]}",
                "distance": _distance(parts[column][one], parts[column][other]),
                "p": float(p_values[column, pair]),
                "least_p": float(least[pair]),
            }
            for column, name in enumerate(measured)
            for pair, (one, other) in enumerate(combinations(range(len(names)), 2))
        ]

    def _permuted_distances(self, values: np.ndarray, unit: np.ndarray, split: np.ndarray) -> np.ndarray:
        """(M + 1, P, pairs) distances of the true splits, then of M permutations of the units.

        Args:
            values: (N, P) properties.
            unit: (N,) code of the unit of each sample: the samples of one group in one split.
            split: (N,) code of the split of each sample.
        """
        generator = np.random.default_rng(self.seed)
        own = np.empty(unit.max() + 1, dtype=np.int64)
        own[unit] = split
        sampled_units = np.sort(generator.permutation(len(own))[:MAX_UNITS])
        rows = _sample_equally(unit, generator)
        shares = _bin_shares(values[rows], unit[rows], sampled_units)
        splits = own[sampled_units]
        assignments = [splits, *(generator.permutation(splits) for _ in range(self.num_permutations))]
        num_splits = int(split.max()) + 1
        blocks = [np.stack(assignments[start : start + AT_ONCE]) for start in range(0, len(assignments), AT_ONCE)]
        return np.concatenate([_distances(shares, block, num_splits) for block in blocks])

    def _obstacle(self, rows: list[dict[str, Any]]) -> str:
        if not rows:
            return (
                "There are no two splits with a measured property to compare; split the data, and measure properties."
            )
        high = [row for row in rows if row["distance"] > self.max_distance]
        blind = [row for row in high if min(row["p"], row["least_p"]) > self.alpha]
        if not blind:
            return ""
        first = blind[0]
        return (
            f"{first['splits'].capitalize()} differ in {first['property'].replace('_', ' ')} by "
            f"{first['distance']:.2f}, but have so few groups that the smallest possible p-value is "
            f"{first['least_p']:.2g}; split into more groups, or give smaller groups."
        )


def _sample_equally(unit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Rows of a random sample from each unit, of the size of the smallest unit.

    Many split rules put large groups into train and small ones into test. Small groups scatter more; with all samples
    the true splits would differ more than permuted ones, without any drift.
    """
    order = generator.permutation(len(unit))
    order = order[np.argsort(unit[order], kind="stable")]  # by unit, within it at random
    sizes = np.bincount(unit)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[place < sizes.min()])


def _bin_shares(values: np.ndarray, unit: np.ndarray, sampled_units: np.ndarray) -> np.ndarray:
    """(U, P, B) float32 share of each sampled unit in each bin of each property; missing numbers are in no bin."""
    place = np.full(unit.max() + 1, -1)
    place[sampled_units] = np.arange(len(sampled_units))
    members = place[unit] >= 0
    row, known = place[unit[members]], values[members]
    columns = [
        np.bincount(row * (NUM_BINS + 1) + _bins(column), minlength=len(sampled_units) * (NUM_BINS + 1))
        for column in known.T
    ]
    shape = (len(columns), len(sampled_units), NUM_BINS + 1)
    counts = np.stack(columns).reshape(shape)[..., :NUM_BINS].transpose(1, 0, 2).astype(np.float32)
    return np.asarray(counts / np.maximum(counts.sum(axis=2, keepdims=True), 1))


def _bins(values: np.ndarray) -> np.ndarray:
    """(N,) bins 0 to 63 of about equal size, equal numbers in one bin; 64 where a number is missing."""
    from scipy.stats import rankdata

    known = np.isfinite(values)
    middle = rankdata(values[known]) - 0.5
    result = np.full(len(values), NUM_BINS)
    result[known] = (middle * NUM_BINS / max(1, len(middle))).astype(np.int64)
    return result


def _distances(shares: np.ndarray, assignments: np.ndarray, num_splits: int) -> np.ndarray:
    """(m, P, pairs) largest differences of two splits' distribution functions between the bins; 0 where one is empty.

    Args:
        shares: (U, P, B) share of each unit in each bin.
        assignments: (m, U) split of each unit.
        num_splits: Number of splits.
    """
    in_split = (assignments[:, None] == np.arange(num_splits)[:, None]).astype(np.float32).reshape(-1, len(shares))
    sums = (in_split @ shares.reshape(len(shares), -1)).reshape(len(assignments), num_splits, *shares.shape[1:])
    cumulative = np.cumsum(sums, axis=3, dtype=np.float64)
    total = cumulative[..., -1:]
    cumulative = np.divide(cumulative, total, out=np.full_like(cumulative, np.nan), where=total > 0)
    pairs = [
        np.abs(cumulative[:, one] - cumulative[:, other]).max(axis=2)
        for one, other in combinations(range(num_splits), 2)
    ]
    return np.nan_to_num(np.stack(pairs, axis=2))


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of two empirical distribution functions; 0 where either has no known value."""
    return _distance(_sorted_numbers(one), _sorted_numbers(other))


def _sorted_numbers(values: np.ndarray) -> np.ndarray:
    return np.sort(values[~np.isnan(values)])


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """`distance` of sorted values, none of them missing."""
    if not len(one) or not len(other):
        return 0.0
    places = np.concatenate([one, other])
    shares = [np.searchsorted(part, places, side="right") / len(part) for part in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())
