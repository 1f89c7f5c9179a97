"""A split stratified by label that ignores groups, only to reproduce figures of the literature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import pandas as pd

from pipeline.core.contracts import Split
from pipeline.core.ranges import Count, Seed
from pipeline.datasets.near_duplicates.groups import connected_groups
from pipeline.datasets.splits.assignment import assign, check_fractions, earlier_splits, strata_of


@final
@dataclass(frozen=True, kw_only=True)
class Random(Split):
    """Each sample is assigned alone; groups are recorded, so that the leakage check measures and reports the leakage.

    Args:
        fractions: Wanted shares of train, val and test.
        max_attribute_values: Attributes with at most this many values are evened out as well as labels; 0: none.
        seed: Of the order in which samples are assigned.
    """

    fractions: dict[str, float]
    max_attribute_values: Count
    seed: Seed

    def __post_init__(self) -> None:
        check_fractions(self.fractions)

    def __call__(self, manifest: pd.DataFrame, recorded: pd.DataFrame | None) -> pd.DataFrame:
        rows = manifest.set_index("sample_id", drop=False)
        before = earlier_splits(rows, recorded)
        split = assign(strata_of(rows, self.max_attribute_values), rows["sample_id"], self.fractions, self.seed, before)
        group = connected_groups(rows, max_bits=None)
        return pd.DataFrame({"sample_id": rows.index, "split": split.to_numpy(), "group": group.to_numpy()})
