"""The split that the source gives; a missing val or test is taken from train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Split
from pipeline.core.errors import UserError
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import NONE, SPLITS
from pipeline.core.ranges import Count, Seed
from pipeline.datasets.near_duplicates.groups import connected_groups
from pipeline.datasets.splits.assignment import check_fractions
from pipeline.datasets.splits.grouped import assign_groups


@final
@dataclass(frozen=True, kw_only=True)
class Given(Split):
    """Every sample keeps the split that the source gives it; one without a split or a label takes part in none.

    Where the source gives no sample to val, or to test, that split is taken from train, in the proportion of the
    fractions; groups and near-duplicates stay together, and a sample keeps the split that it was assigned to before.
    Leakage within the given split is left as it is: the groups are recorded, and the leakage check reports it.

    Args:
        fractions: Wanted shares of train, val and test; only those of train and of the missing splits count.
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
        if "given_split" not in manifest:
            raise UserError("the source gives no split, so split=given has nothing to keep; use split=grouped")
        rows = manifest.set_index("sample_id", drop=False)
        split = rows["given_split"].where(are_labelled(rows))
        empty = [name for name in ("val", "test") if not (split == name).any()]
        if not (split == "train").any():
            raise UserError("the source gives no labelled sample to train; use split=grouped")
        if empty:
            split[split == "train"] = self._carve(rows[split == "train"], empty, recorded)
        group = connected_groups(rows, self.near_duplicate_bits)
        return pd.DataFrame(
            {"sample_id": rows.index, "split": split.fillna(NONE).to_numpy(), "group": group.to_numpy()}
        )

    def _carve(self, train: pd.DataFrame, empty: list[str], recorded: pd.DataFrame | None) -> pd.Series:
        """The split of the samples that the source gives to train."""
        names = ["train", *empty]
        total = sum(self.fractions[name] for name in names)
        fractions = {name: self.fractions[name] / total for name in SPLITS if name in names}
        before = pd.Series(index=train.index, dtype="str")
        if recorded is not None:
            before = recorded.set_index("sample_id")["split"].reindex(train.index)
            before = before.where(before.isin(names))
        return assign_groups(train, before, fractions, self.max_attribute_values, self.near_duplicate_bits, self.seed)[
            "split"
        ]
