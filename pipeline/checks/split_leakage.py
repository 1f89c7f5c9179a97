"""Does a sample of val or test have its group, its photograph or a near-duplicate in another split?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import POOL, SPLITS
from pipeline.core.ranges import Count
from pipeline.core.results import MAX_IN_STRIP, Finding
from pipeline.datasets.near_duplicates.groups import connected_groups, near_duplicates_across, shared_key_across

SHOWN = 5  # of the samples that leak
KEYS = ("source_group", "content_hash", "duplicate")  # `duplicate` after the stage find_duplicates


@final
@dataclass(frozen=True, kw_only=True)
class SplitLeakage(Check):
    """Samples of val and test that have their group, their photograph or a near-duplicate in another split.

    The pool counts as train, since a pretraining learns from both. Measured on the manifest again, independent of the
    split stage.

    Args:
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as the same picture.
        max_samples: Largest accepted number.
    """

    question: ClassVar[str] = (
        "Does a sample of val or test have its group, its photograph or a near-duplicate in another split?"
    )

    near_duplicate_bits: Annotated[int, Interval(ge=0, le=16)]
    max_samples: Count
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        in_splits = samples[samples["split"].isin([*SPLITS, POOL])].reset_index(drop=True)
        split = in_splits["split"].to_numpy(dtype=str)
        side = in_splits["split"].where(in_splits["split"] != POOL, "train")  # what models learn from
        by_key, relative = shared_key_across(
            in_splits[[column for column in KEYS if column in in_splits]], side.to_numpy(dtype=str)
        )
        alike, partner = near_duplicates_across(in_splits["perceptual_hash"], self.near_duplicate_bits, side)
        held_out = (side != "train").to_numpy()
        leaks = np.flatnonzero((by_key | alike) & held_out)
        names = in_splits["sample_id"].to_numpy()
        worst: dict[str, str] = {}
        for one in np.concatenate([np.flatnonzero(alike & held_out), leaks])[:SHOWN]:
            other = partner(one) if alike[one] else relative(one)
            text = f"{split[one]}; like {names[other]} in {split[other]}" if alike[one] else str(split[one])
            worst.setdefault(str(names[one]), text)
        return Finding(
            value=float(len(leaks)),
            limit=float(self.max_samples),
            unit="samples of val and test with their group or a near-duplicate in another split",
            worst=worst,
            advice="Type colibri run split=grouped, which keeps copies and groups together; split.near_duplicate_bits "
            "must be at least as large as this check's.",
            sentence=_sentence(len(leaks), int(held_out.sum())),
            pictures=dict(self._groups(in_splits, leaks)),
            obstacle=""
            if side.nunique() > 1
            else "Fewer than two of train, val and test hold a picture, so nothing can leak from one to another; "
            "split the data.",
        )

    def _groups(self, in_splits: pd.DataFrame, leaks: np.ndarray) -> Iterator[tuple[str, list[str]]]:
        """Caption and samples of the first groups in several splits, linked by group, photograph or near-duplicates."""
        if not len(leaks):
            return
        samples = in_splits.drop(columns="group", errors="ignore").rename(columns={"source_group": "group"})
        group = connected_groups(samples, self.near_duplicate_bits).to_numpy()
        for one in pd.unique(group[leaks])[:SHOWN]:
            members = in_splits.loc[group == one, ["sample_id", "split"]]
            turn = members.groupby("split").cumcount()  # shows every split, whatever their sizes
            members = members.assign(turn=turn, late=members["split"] == "train").sort_values(["turn", "late", "split"])
            names = [
                f"{name} in {part}" for name, part in members[["sample_id", "split"]].head(2).itertuples(index=False)
            ]
            more = f" and {len(members) - 2:,} more" if len(members) > 2 else ""
            yield ", ".join(names) + more, members["sample_id"].head(MAX_IN_STRIP).tolist()


def _sentence(num_leaks: int, num_held_out: int) -> str:
    if not num_leaks:
        return "No picture of validation or test shares a group, a photograph or a near-duplicate with another split."
    return (
        f"{num_leaks:,} of {num_held_out:,} pictures of validation and test have a copy, or a picture of their group, "
        "in another split: the figures would reward a model that memorises."
    )
