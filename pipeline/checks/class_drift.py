"""Are the classes distributed differently in train, val and test?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Check
from pipeline.core.labels import are_labelled, to_matrix
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.ranges import Fraction, Seed
from pipeline.core.results import Finding
from pipeline.statistics.group_permutation import permuted_distances, sides, take_equally, unit_means
from pipeline.statistics.permutation import least_possible, max_t_p_values

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

MAX_UNITS = 20_000  # groups that are permuted; of more, this many are sampled
MAX_NAMED = 3  # classes in the sentence
NOTHING = "There are no two splits with two labels to compare; split the data, and give labels."


@final
@dataclass(frozen=True, kw_only=True)
class ClassDrift(Check):
    """The share of samples whose class would have to change for two splits to have the same shares of classes.

    That is the total variation distance, 0 to 1; where samples can have several labels it is the largest change of the
    share of a label. It counts only where it is significant at `alpha` over all classes and pairs of splits. P-values
    come from permutations of whole groups over two splits, with as many samples of each group, so that splits of few or
    of uneven groups raise no alarm; they are corrected for the classes (max T) and for the pairs (Bonferroni). If a
    distance is above the limit and there are too few groups for any permutation to reach that, it cannot be judged.

    Args:
        max_distance: Largest accepted distance, 0 to 1.
        alpha: Probability of a false alarm over all classes and pairs of splits.
        num_permutations: Permutations of the groups over two splits, at least 3 / alpha - 1.
        seed: Seed of the permutations.

    Source: Pesarin and Salmaso 2010, Permutation Tests for Complex Data, chapters 1 and 4; what follows for
        calibration, Saerens, Latinne and Decaestecker 2002, doi:10.1162/089976602753284446.
    """

    question: ClassVar[str] = "Are the classes distributed differently in train, val and test?"

    max_distance: Fraction
    alpha: Annotated[float, Interval(gt=0, lt=1)]
    num_permutations: int
    seed: Seed
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if (self.num_permutations + 1) * self.alpha < len(SPLITS):
            raise ValueError(f"num_permutations must be at least 3 / alpha - 1, got {self.num_permutations}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        known = samples[samples["split"].isin(SPLITS).to_numpy(dtype=bool) & are_labelled(samples)]
        names = [name for name in SPLITS if (known["split"] == name).any()]
        classes = sorted({label for labels in known["labels"] for label in labels})
        exclusive = bool((known["labels"].map(len) == 1).all())
        if len(names) < 2 or len(classes) < 1 + exclusive:
            return self._finding([], [], pd.DataFrame(), NOTHING)
        marks = to_matrix(known["labels"].tolist(), classes).astype(np.float32)
        split = known["split"].to_numpy(dtype=str)
        shares = pd.DataFrame(
            {name: marks[split == name].mean(axis=0, dtype=np.float64) for name in names}, index=classes
        )
        compared = [
            self._compare(pair, marks, known["group"].to_numpy(dtype=str), split, shares, exclusive)
            for pair in combinations(names, 2)
        ]
        rows = _correct([rows for rows in compared if rows], self.alpha)
        beyond = {row["splits"] for row in rows if row["p"] <= self.alpha and row["distance"] > self.max_distance}
        return self._finding(rows, [name for name in names if any(name in one for one in beyond)], shares)

    def _compare(
        self,
        pair: tuple[str, str],
        marks: np.ndarray,
        groups: np.ndarray,
        split: np.ndarray,
        shares: pd.DataFrame,
        exclusive: bool,
    ) -> list[JsonObject]:
        """A row for each class; the p-value of the pair is the smallest one of its distance and its classes."""
        generator = np.random.default_rng(self.seed)
        rows = np.flatnonzero(np.isin(split, pair))
        units = take_equally(groups[rows], split[rows] == pair[1], generator)
        means = unit_means(marks[rows][units.rows], units)
        chosen = np.sort(generator.permutation(len(means))[:MAX_UNITS])
        assigned = sides(units.is_new[chosen], self.num_permutations, generator)
        statistics = permuted_distances(means[chosen], assigned, _distances)[:, :, None]
        p_values, least = max_t_p_values(statistics)[:, 0], float(least_possible(statistics).min())
        change = (shares[pair[1]] - shares[pair[0]]).to_numpy()
        distance = float(np.abs(change).sum() / 2 if exclusive else np.abs(change).max())
        first = 0 if exclusive else 1  # of several labels only single ones count
        return [
            {
                "splits": f"{pair[0]} and {pair[1]}",
                "distance": distance,
                "p": float(p_values[first:].min()),
                "least_p": least,
                "class": str(name),
                "before": float(shares[pair[0]].iloc[row]),
                "after": float(shares[pair[1]].iloc[row]),
            }
            for row, name in sorted(enumerate(shares.index), key=lambda one: -abs(change[one[0]]))
        ]

    def _finding(
        self, rows: list[JsonObject], differing: list[str], shares: pd.DataFrame, obstacle: str = ""
    ) -> Finding:
        rows = sorted(rows, key=lambda row: (row["p"] > self.alpha, -row["distance"]))
        significant = [row for row in rows if row["p"] <= self.alpha]
        firsts = {row["splits"]: row for row in reversed(rows)}  # of each pair the class that changes most
        return Finding(
            value=significant[0]["distance"] if significant else 0.0,
            limit=self.max_distance,
            unit="share of the samples whose class would have to change for two splits to be alike",
            worst={pair: round(row["distance"], 3) for pair, row in reversed(firsts.items())},
            advice="Split anew (split=grouped), so that val and test have the classes as they occur in use; where the "
            "given split must stay, read figures of single classes and expect other scores wherever the classes occur "
            "otherwise.",
            sentence=_sentence(differing, shares),
            table=rows,
            obstacle=obstacle or self._obstacle(rows),
        )

    def _obstacle(self, rows: list[JsonObject]) -> str:
        blind = [
            row for row in rows if row["distance"] > self.max_distance and min(row["p"], row["least_p"]) > self.alpha
        ]
        if not blind:
            return ""
        first = blind[0]
        one, other = first["splits"].split(" and ")
        return (
            f"{first['class']} is {100 * first['before']:.1f} % of {one} and {100 * first['after']:.1f} % of {other}, "
            f"which have so few groups that the smallest possible p-value is {first['least_p']:.2g}; split into more "
            "groups, or give smaller groups."
        )


def _correct(compared: list[list[JsonObject]], alpha: float) -> list[JsonObject]:
    """The rows of all pairs with p-values times the number of pairs that share alpha: those that can be significant.

    Source: Tarone 1990, doi:10.2307/2531456.
    """
    best = sorted(range(len(compared)), key=lambda pair: compared[pair][0]["least_p"])
    able = [rank for rank, pair in enumerate(best, 1) if rank * compared[pair][0]["least_p"] <= alpha]
    sharing = set(best[: max(able, default=1)])
    factors = [len(sharing) if pair in sharing else len(compared) for pair in range(len(compared))]
    return [
        row | {name: min(1.0, factor * row[name]) for name in ("p", "least_p")}
        for factor, rows in zip(factors, compared, strict=True)
        for row in rows
    ]


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(R, 1 + K): the total variation of (R, K) shares of two splits, then the change of each class."""
    changes = np.abs(other - one)
    return np.concatenate([changes.sum(axis=1, keepdims=True) / 2, changes], axis=1)


def _sentence(differing: list[str], shares: pd.DataFrame) -> str:
    """The classes that change most, with their share of each split that differs."""
    if not differing:
        return "The splits are not shown to have other shares of the classes."
    spread = (shares[differing].max(axis=1) - shares[differing].min(axis=1)).round(9)
    spread = spread.sort_values(ascending=False, kind="stable")
    named = spread.index[: 1 if len(spread) == 2 else MAX_NAMED]
    parts = [
        f"{name} is {_and([f'{100 * shares.loc[name, one]:.1f} % of {one}' for one in differing])}" for name in named
    ]
    return f"The classes are distributed differently in {_and(differing)}: {'; '.join(parts)}."


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
