"""Do the pictures of one split look otherwise than those of another, before anyone asks what they show?"""

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
MAX_UNITS = 5_000  # groups of a split that are dealt anew; of more, as many are drawn
AT_ONCE = 8  # deals counted together: bounds what is held


@final
@dataclass(frozen=True, kw_only=True)
class PropertyDrift(Check):
    """The largest Kolmogorov-Smirnov distance of a measured property between two splits that chance does not explain.

    The distance is that of the two distribution functions, 0 (alike) to 1 (nothing in common). It counts only beyond
    what chance gives at `alpha` over all properties and pairs of splits: groups are dealt anew to the splits, whole, as
    samples of one group resemble each other, and splits of few groups differ by chance. Where a distance is above the
    limit and no groups dealt so could reach `alpha`, as there are too few, nothing can be judged.

    Args:
        max_distance: Largest accepted distance.
        alpha: Chance of a false alarm over all properties and pairs of splits.
        num_permutations: Of the splits over groups, at least 1 / alpha - 1.
        seed: Of the permutations.

    Source: Pesarin and Salmaso 2010, Permutation Tests for Complex Data, chapters 1 and 4; p-values as in
        `permutation.max_t_p_values`.
    """

    question: ClassVar[str] = (
        "Do the pictures of one split look otherwise than those of another, before anyone asks what they show?"
    )

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
        counted = [row for row in rows if row["p"] <= self.alpha]
        first = counted[0] if counted else None
        return Finding(
            value=first["distance"] if first else 0.0,
            limit=self.max_distance,
            unit="distance of a property between two splits (0 alike, 1 nothing in common)",
            worst={f"{row['property']}, {row['splits']}": round(row["distance"], 3) for row in rows[:5]},
            advice="Split at random or by more and smaller groups; if test comes from elsewhere on purpose, expect "
            "poorer figures there, and vary the property in training (conf/augmentation/).",
            sentence=(
                f"Pictures of {first['splits']} differ in {first['property'].replace('_', ' ')}, "
                "more than chance explains."
                if first
                else "The splits look alike, as far as the measured properties and their number of groups can tell."
            ),
            table=rows,
            obstacle=self._obstacle(rows),
        )

    def _compare_splits(self, samples: pd.DataFrame, names: list[str], measured: list[str]) -> list[dict[str, Any]]:
        """A row for each property and pair of splits: their distance, its p-value, and the least there could be."""
        split = pd.Index(names).get_indexer(samples["split"])  # -1 for none
        unit = pd.factorize(samples["group"], use_na_sentinel=False)[0] * (len(names) + 1) + split
        kept = np.flatnonzero(split >= 0)
        unit = np.unique(unit[kept], return_inverse=True)[1]
        values = samples[measured].to_numpy(dtype=np.float64)[kept]
        statistics = self._permuted_distances(values, unit, split[kept])
        p_values, least = max_t_p_values(statistics), least_possible(statistics)
        rows_of = [split[kept] == code for code in range(len(names))]
        parts = [[_sorted_numbers(column[rows]) for rows in rows_of] for column in values.T]
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
        """(M + 1, P, pairs) distances of the splits as they are, then of M in which units change places.

        Args:
            values: (N, P).
            unit: (N,) code of the samples of one group in one split.
            split: (N,) code of the split.
        """
        generator = np.random.default_rng(self.seed)
        own = np.empty(unit.max() + 1, dtype=np.int64)
        own[unit] = split
        drawn = np.sort(generator.permutation(len(own))[:MAX_UNITS])
        rows = _alike_many(unit, generator)
        counts = _bin_shares(values[rows], unit[rows], drawn)
        deals = [own[drawn], *(generator.permutation(own[drawn]) for _ in range(self.num_permutations))]
        num_splits = int(split.max()) + 1
        blocks = [np.stack(deals[start : start + AT_ONCE]) for start in range(0, len(deals), AT_ONCE)]
        return np.concatenate([_distances(counts, block, num_splits) for block in blocks])

    def _obstacle(self, rows: list[dict[str, Any]]) -> str:
        if not rows:
            return "There are no two splits with a measured property to compare; split the data, and measure some."
        high = [row for row in rows if row["distance"] > self.max_distance]
        blind = [row for row in high if min(row["p"], row["least_p"]) > self.alpha]
        if not blind:
            return ""
        first = blind[0]
        return (
            f"{first['splits'].capitalize()} differ in {first['property'].replace('_', ' ')} by "
            f"{first['distance']:.2f}, but have so few groups that chance gives the most that there could be in "
            f"{first['least_p']:.0%} of tries; split into more groups, or tell smaller ones."
        )


def _alike_many(unit: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Rows of as many samples of each unit as the smallest one has, drawn.

    Many ways to split put large groups into train and small ones into test. Small groups scatter more, so that with all
    of their samples the splits would differ more than units dealt anew, where nothing is there to find.
    """
    turn = generator.permutation(len(unit))
    turn = turn[np.argsort(unit[turn], kind="stable")]  # by unit, within it at random
    sizes = np.bincount(unit)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(turn[place < sizes.min()])


def _bin_shares(values: np.ndarray, unit: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """(U, P, B) float32 share of each drawn unit in each bin of each property; missing numbers are in none."""
    place = np.full(unit.max() + 1, -1)
    place[drawn] = np.arange(len(drawn))
    mine = place[unit] >= 0
    row, known = place[unit[mine]], values[mine]
    columns = [
        np.bincount(row * (NUM_BINS + 1) + _bins(column), minlength=len(drawn) * (NUM_BINS + 1)) for column in known.T
    ]
    shape = (len(columns), len(drawn), NUM_BINS + 1)
    counts = np.stack(columns).reshape(shape)[..., :NUM_BINS].transpose(1, 0, 2).astype(np.float32)
    return np.asarray(counts / np.maximum(counts.sum(axis=2, keepdims=True), 1))


def _bins(values: np.ndarray) -> np.ndarray:
    """(N,) bins 0 to 63 of equal size of numbers, equal numbers in one; 64 where a number is missing."""
    from scipy.stats import rankdata

    known = np.isfinite(values)
    middle = rankdata(values[known]) - 0.5
    result = np.full(len(values), NUM_BINS)
    result[known] = (middle * NUM_BINS / max(1, len(middle))).astype(np.int64)
    return result


def _distances(counts: np.ndarray, deals: np.ndarray, num_splits: int) -> np.ndarray:
    """(m, P, pairs) largest differences of two splits' distribution functions between the bins; 0 where one is empty.

    Args:
        counts: (U, P, B).
        deals: (m, U) split of each unit.
        num_splits: S.
    """
    who = (deals[:, None] == np.arange(num_splits)[:, None]).astype(np.float32).reshape(-1, len(counts))
    sums = (who @ counts.reshape(len(counts), -1)).reshape(len(deals), num_splits, *counts.shape[1:])
    shares = np.cumsum(sums, axis=3, dtype=np.float64)
    total = shares[..., -1:]
    shares = np.divide(shares, total, out=np.full_like(shares, np.nan), where=total > 0)
    pairs = [np.abs(shares[:, one] - shares[:, other]).max(axis=2) for one, other in combinations(range(num_splits), 2)]
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
