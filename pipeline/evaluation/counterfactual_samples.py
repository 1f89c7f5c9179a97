"""The test pictures with which a suspected property is tested, and the train pictures that show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.statistics.systematic_sample import sample_evenly

ROW = "row of the packed arrays"


@dataclass(frozen=True, kw_only=True, eq=False)
class Subjects:
    """Test samples and one label.

    Attributes:
        rows: (N,) of the packed arrays.
        sample_ids: (N,).
        has: (N,) bool, whether they have the label.
        decided: (N,) bool, whether the model decides for it.
        groups: (N,).
    """

    rows: np.ndarray
    sample_ids: np.ndarray
    has: np.ndarray
    decided: np.ndarray
    groups: np.ndarray

    def take(self, chosen: np.ndarray) -> Subjects:
        return Subjects(
            rows=self.rows[chosen],
            sample_ids=self.sample_ids[chosen],
            has=self.has[chosen],
            decided=self.decided[chosen],
            groups=self.groups[chosen],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Values:
    """A property on train, divided by a label.

    Attributes:
        rows: Of the packed arrays of the samples without and of those with the label, each in ascending order of the
            property.
        values: The property of these, in the same order.
    """

    rows: tuple[np.ndarray, np.ndarray]
    values: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, train: pd.DataFrame, label: str, column: str) -> Values:
        known = train[train[column].notna()].sort_values([column, "sample_id"])
        has = has_label(known, label)
        sides = [known[has == side] for side in (False, True)]
        without, with_it = (side[ROW].to_numpy() for side in sides)
        return cls(rows=(without, with_it), values=(sides[0][column].to_numpy(), sides[1][column].to_numpy()))

    @property
    def direction(self) -> float:
        """1 where the middle sample with the label has more of the property, -1 where less, 0 where neither."""
        if not all(map(len, self.values)):
            return 0.0
        return float(np.sign(np.median(self.values[1]) - np.median(self.values[0])))

    def are_crossed(self, values: np.ndarray, has: np.ndarray) -> np.ndarray:
        """(N,) bool: the property is on the other class's side of the middle between the two medians of train."""
        boundary = (np.median(self.values[0]) + np.median(self.values[1])) / 2
        return np.asarray((values - boundary) * self.direction * np.where(has, 1, -1) < 0)

    def donors(self, values: np.ndarray, has: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        """(N,) rows of train of the own class, at random, and of the other class, at the same quantile."""
        own, other = np.zeros((2, len(values)), dtype=np.int64)
        for side in (False, True):
            here = has == side
            mine, theirs = self.values[side], self.rows[not side]
            rank = (np.searchsorted(mine, values[here]) + np.searchsorted(mine, values[here], "right")) / 2 / len(mine)
            other[here] = theirs[np.minimum((rank * len(theirs)).astype(np.int64), len(theirs) - 1)]
            own[here] = generator.choice(self.rows[side], int(here.sum()))
        return own, other


def has_label(samples: pd.DataFrame, label: str) -> np.ndarray:
    return np.array([label in labels for labels in samples["labels"]], dtype=bool)


def sample_sides(has: np.ndarray, groups: np.ndarray, most: int, seed: int) -> np.ndarray:
    """(n,) positions, ascending: all, or `most` of them, half on either side of the label as far as there are enough.

    Each side is spread over its groups by their sizes. So a few large groups do not fill the sample, whose figures then
    rest on as many groups as there are.

    Args:
        has: (N,) bool, whether a sample has the label.
        groups: (N,) of each sample.
        most: Size of the sample.
        seed: Seed of the sample.
    """
    codes = np.unique(groups, return_inverse=True)[1]
    sides = [np.flatnonzero(has == side) for side in (False, True)]
    fewer = min(map(len, sides))
    sizes = [max(most // 2, most - fewer) if len(rows) > fewer else most // 2 for rows in sides]
    chosen = [rows[sample_evenly(codes[rows], size, seed)] for rows, size in zip(sides, sizes, strict=True)]
    return np.sort(np.concatenate(chosen))


def pick_carriers(has: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(N,) positions of the pictures that take each one's property: of either side with probability 1/2."""
    sides = [np.flatnonzero(has == side) for side in (False, True)]
    if not all(map(len, sides)):
        return np.arange(len(has))
    turns = generator.integers(0, 2, len(has))
    return np.array([generator.choice(sides[turn]) for turn in turns], dtype=np.int64)
