"""A stratified split that keeps groups and near-duplicates together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Split
from pipeline.core.manifest_schema import NONE
from pipeline.core.ranges import Count, Seed
from pipeline.datasets.near_duplicates.groups import connected_groups
from pipeline.datasets.splits.assignment import assign, check_fractions, earlier_splits, strata_of


@final
@dataclass(frozen=True, kw_only=True)
class Grouped(Split):
    """Stratified by label; no group and no near-duplicate crosses from one split to another.

    A sample assigned before keeps its split. A new one follows its group or its duplicate; one that is the duplicate of
    samples in two different splits takes part in none, since either choice would leak.

    Args:
        fractions: Wanted shares of train, val and test.
        max_attribute_values: Attributes with at most this many values are evened out as well as labels; 0: none.
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as near-duplicates; null compares none.
        seed: Of the order in which groups of equal size are assigned.
    """

    fractions: dict[str, float]
    max_attribute_values: Count
    near_duplicate_bits: Annotated[int, Interval(ge=0, le=16)] | None
    seed: Seed

    def __post_init__(self) -> None:
        check_fractions(self.fractions)

    def __call__(self, manifest: pd.DataFrame, recorded: pd.DataFrame | None) -> pd.DataFrame:
        rows = manifest.set_index("sample_id", drop=False)
        before = earlier_splits(rows, recorded)
        table = assign_groups(
            rows, before, self.fractions, self.max_attribute_values, self.near_duplicate_bits, self.seed
        )
        return table.reset_index(names="sample_id")


def assign_groups(
    rows: pd.DataFrame,
    before: pd.Series,
    fractions: dict[str, float],
    max_attribute_values: int,
    near_duplicate_bits: int | None,
    seed: int,
) -> pd.DataFrame:
    """`split` and joined `group` of manifest rows, indexed by `sample_id` like them.

    Args:
        rows: Of the manifest.
        before: Earlier split of each row; missing or none where it has no split yet.
        fractions: As `assign` takes them.
        max_attribute_values: As `strata_of` takes it.
        near_duplicate_bits: As `connected_groups` takes it.
        seed: As `assign` takes it.
    """
    before = before.where(before != NONE)  # samples in no split are assigned again
    group = connected_groups(rows, near_duplicate_bits)
    bridging = _samples_that_bridge(group, before)
    for part in (bridging, ~bridging) if bridging.any() else ():
        group[part] = connected_groups(rows[part], near_duplicate_bits)
    rest = rows[~bridging]
    split = assign(strata_of(rest, max_attribute_values), group[~bridging], fractions, seed, before[~bridging])
    return pd.DataFrame({"split": split.reindex(rows.index).fillna(NONE), "group": group})


def _samples_that_bridge(group: pd.Series, before: pd.Series) -> pd.Series:
    """New samples whose joined group holds samples that were assigned to different splits before."""
    torn = before.groupby(group).nunique() > 1
    return group.map(torn) & before.isna()
