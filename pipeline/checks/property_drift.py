"""Do the pictures of one split look otherwise than those of another, before anyone asks what they show?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, final

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from pipeline.core.contracts import Check
from pipeline.core.outcomes import Finding

SPLITS = ("train", "val", "test")


@final
@dataclass(frozen=True, kw_only=True)
class PropertyDrift(Check):
    """The largest Kolmogorov-Smirnov distance of a measured property between two splits that chance does not explain.

    The distance is that of the two distribution functions, 0 (alike) to 1 (nothing in common). It counts only beyond
    what chance gives at `alpha` over all comparisons (Bonferroni), with groups as the independent units: samples of
    one group resemble each other, so that a split of few groups differs from any other by chance.

    Args:
        max_distance: Largest accepted distance.
        alpha: Chance of a false alarm over all properties and pairs of splits.

    Source: asymptotic critical value as in Hodges 1958, doi:10.1007/BF02589501.
    """

    max_distance: float
    alpha: float
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0 <= self.max_distance <= 1:
            raise ValueError(f"max_distance must be 0 to 1, got {self.max_distance}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be above 0 and below 1, got {self.alpha}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        split = samples["split"].to_numpy()
        rows_of = {name: np.flatnonzero(split == name) for name in SPLITS if (split == name).any()}
        num_groups = {name: max(1, samples["group"].iloc[rows].nunique()) for name, rows in rows_of.items()}
        measured = [str(one) for one in samples if str(one).startswith("prop_") and is_numeric_dtype(samples[one])]
        pairs = list(combinations(rows_of, 2))
        num_tests = max(1, len(measured) * len(pairs))
        chance = {pair: _chance([num_groups[name] for name in pair], self.alpha / num_tests) for pair in pairs}
        rows = []
        for column in measured:
            values = samples[column].to_numpy()
            parts = {name: _known(values[rows]) for name, rows in rows_of.items()}
            rows += [_compared(column, pair, parts, chance[pair]) for pair in pairs]
        rows.sort(key=lambda row: (not row["beyond_chance"], -row["distance"]))
        counted = [row for row in rows if row["beyond_chance"]]
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
        )


def _chance(num_groups: list[int], alpha: float) -> float:
    return min(1.0, math.sqrt(-0.5 * math.log(alpha / 2) * sum(1 / num for num in num_groups)))


def _compared(column: str, pair: tuple[str, str], parts: dict[str, np.ndarray], chance: float) -> dict[str, Any]:
    found = _distance(*(parts[name] for name in pair))
    return {
        "property": column.removeprefix("prop_"),
        "splits": f"{pair[0]} and {pair[1]}",
        "distance": found,
        "by_chance_up_to": chance,
        "beyond_chance": found > chance,
    }


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of two empirical distribution functions; 0 where either has no known value."""
    return _distance(_known(one), _known(other))


def _known(values: np.ndarray) -> np.ndarray:
    return np.sort(values[~np.isnan(values)])


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """`distance` of sorted values, none of them missing."""
    if not len(one) or not len(other):
        return 0.0
    places = np.concatenate([one, other])
    shares = [np.searchsorted(part, places, side="right") / len(part) for part in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())
