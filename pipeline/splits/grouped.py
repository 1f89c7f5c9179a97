"""Groups and near-duplicates stay together: the honest split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import pandas as pd

from pipeline.core.contracts import Split
from pipeline.core.grouping import joined
from pipeline.splits.assignment import NONE, assign, check_fractions, strata_of


@final
@dataclass(frozen=True, kw_only=True)
class Grouped(Split):
    """Stratified by label; no group and no near-duplicate crosses from one split to another.

    A sample assigned before keeps its split. A new one follows its group or its twin; one that is the twin of samples
    in two different splits takes part in none, since either choice would leak.

    Args:
        fractions: Wanted shares of train, val and test.
        max_attribute_values: Told attributes with at most this many values are evened out beside the labels; 0: none.
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as near-duplicates; null compares none.
        seed: Of the order in which groups of equal size are placed.
    """

    fractions: dict[str, float]
    max_attribute_values: int
    near_duplicate_bits: int | None
    seed: int

    def __post_init__(self) -> None:
        check_fractions(self.fractions)
        if self.near_duplicate_bits is not None and not 0 <= self.near_duplicate_bits <= 16:
            raise ValueError(f"near_duplicate_bits must be null or 0 to 16, got {self.near_duplicate_bits}")

    def __call__(self, manifest: pd.DataFrame, recorded: pd.DataFrame | None) -> pd.DataFrame:
        rows = manifest.set_index("sample_id", drop=False)
        before = pd.Series(index=rows.index, dtype="str")
        if recorded is not None:
            before = recorded.set_index("sample_id")["split"].reindex(rows.index)
            before = before.where(before != NONE)  # what took part in no split is looked at afresh
        group = joined(rows, self.near_duplicate_bits)
        bridging = self._bridging(rows, group, before)
        for part in (bridging, ~bridging) if bridging.any() else ():
            group[part] = joined(rows[part], self.near_duplicate_bits)
        rest = rows[~bridging]
        split = assign(
            strata_of(rest, self.max_attribute_values), group[~bridging], self.fractions, self.seed, before[~bridging]
        )
        split = split.reindex(rows.index).fillna(NONE)
        return pd.DataFrame({"sample_id": rows.index, "split": split.to_numpy(), "group": group.to_numpy()})

    @staticmethod
    def _bridging(rows: pd.DataFrame, group: pd.Series, before: pd.Series) -> pd.Series:
        """New samples whose joined group holds samples that were assigned to different splits before."""
        torn = before.groupby(group).nunique() > 1
        return group.map(torn) & before.isna()
