"""One fold of a cross-validation: a fold is test, and the others are train and val."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Split
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import NONE
from pipeline.core.ranges import Count, Seed
from pipeline.datasets.near_duplicates.groups import connected_groups
from pipeline.datasets.splits.assignment import assign, strata_of

MIN_GROUPS = 4  # of two folds one is test, and the other holds train and val


@final
@dataclass(frozen=True, kw_only=True)
class Fold(Split):
    """Stratified folds of whole groups; over all values of `fold` each sample is in test exactly once.

    No group and no near-duplicate crosses from one fold to another. Test is one fold. Val, which selects the epoch and
    fits the thresholds, is taken from the other folds, whole groups again, so that test takes part in no choice.

    The folds depend on the manifest alone. An earlier assignment is not kept: each fold would keep its own, and a new
    sample could then be in test twice or never.

    Args:
        fold: Which fold is test, 0 to `num_folds` - 1.
        num_folds: Number of folds.
        repeat: 0, 1, ...: another division into folds for each.
        val_fraction: Share of val in the samples that are not test.
        max_attribute_values: Attributes with at most this many values are evened out as well as labels; 0: none.
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as near-duplicates; null compares none.
        seed: Of the order in which groups are assigned.
    """

    fold: Count
    num_folds: Annotated[int, Interval(ge=2, le=100)]
    repeat: Count
    val_fraction: Annotated[float, Interval(gt=0, lt=1)]
    max_attribute_values: Count
    near_duplicate_bits: Annotated[int, Interval(ge=0, le=16)] | None
    seed: Seed

    def __post_init__(self) -> None:
        if self.fold >= self.num_folds:
            raise ValueError(f"fold must be below num_folds ({self.num_folds}), since the first is 0; got {self.fold}")

    def __call__(self, manifest: pd.DataFrame, recorded: pd.DataFrame | None) -> pd.DataFrame:
        rows = manifest.set_index("sample_id", drop=False)
        group = connected_groups(rows, self.near_duplicate_bits)
        strata = strata_of(rows, self.max_attribute_values)
        folds = self._divide(strata, group)
        split = folds.where(folds == NONE, "train").where(folds != str(self.fold), "test")
        rest = split == "train"
        split[rest] = self._carve_val(strata[rest], group[rest])
        return pd.DataFrame({"sample_id": rows.index, "split": split.to_numpy(), "group": group.to_numpy()})

    def _divide(self, strata: pd.Series, group: pd.Series) -> pd.Series:
        """The fold of each sample as text, or none.

        The first division is the most even one. Later ones take the groups in random order, since the order of size
        would give the same folds again.
        """
        num_groups = group[strata.map(len) > 0].nunique()
        needed = max(self.num_folds, MIN_GROUPS)
        if num_groups < needed:
            raise UserError(
                f"{self.num_folds} folds, each with a val of its own, need at least {needed} groups of labelled "
                f"samples, found {num_groups}; set split.num_folds lower (colibri cross-validate --folds), or define "
                "smaller groups"
            )
        names = [str(number) for number in range(self.num_folds)]
        fractions = dict.fromkeys(names, 1 / self.num_folds)
        unknown = pd.Series(index=strata.index, dtype="str")
        folds = assign(
            *(strata, group, fractions, self.seed + self.repeat, unknown), parts=names, largest_first=self.repeat == 0
        )
        if str(self.fold) not in set(folds):
            raise UserError(
                f"fold {self.fold} is empty, since a few large groups fill the others; set split.num_folds lower "
                "(colibri cross-validate --folds)"
            )
        return folds

    def _carve_val(self, strata: pd.Series, group: pd.Series) -> pd.Series:
        """train or val of the samples that are not test; val has at least one group."""
        fractions = {"train": 1 - self.val_fraction, "val": self.val_fraction}
        unknown = pd.Series(index=strata.index, dtype="str")
        split = assign(strata, group, fractions, self.seed + self.repeat, unknown)
        if not (split == "val").any():  # each group is so large that train needs it
            sizes = group.value_counts()
            split[group == min(sizes.index[sizes == sizes.min()])] = "val"
        return split
