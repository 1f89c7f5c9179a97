"""Does a split know what another one is asked?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Check
from pipeline.core.results import MAX_IN_STRIP, Finding
from pipeline.datasets.near_duplicates.groups import connected_groups, near_duplicates_across, shared_key_across

SHOWN = 5  # of the samples that leak
KEYS = ("told_group", "content_hash", "duplicate")  # `duplicate` where pictures were paired


@final
@dataclass(frozen=True, kw_only=True)
class SplitLeakage(Check):
    """Samples of val and test that have their group, their photograph or a near-duplicate in another split.

    Measured afresh on the manifest, whatever the split stage did.

    Args:
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as the same picture.
        max_samples: Largest accepted number.
    """

    question: ClassVar[str] = "Does a split know what another one is asked?"

    near_duplicate_bits: Annotated[int, Interval(ge=0, le=16)]
    max_samples: int
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        placed = samples[samples["split"] != "none"].reset_index(drop=True)
        split = placed["split"].to_numpy(dtype=str)
        by_key, relative = shared_key_across(placed[[column for column in KEYS if column in placed]], split)
        alike, partner = near_duplicates_across(placed["perceptual_hash"], self.near_duplicate_bits, placed["split"])
        judged = (placed["split"] != "train").to_numpy()
        leaks = np.flatnonzero((by_key | alike) & judged)
        names = placed["sample_id"].to_numpy()
        worst: dict[str, str] = {}
        for one in np.concatenate([np.flatnonzero(alike & judged), leaks])[:SHOWN]:
            other = partner(one) if alike[one] else relative(one)
            text = f"{split[one]}; like {names[other]} in {split[other]}" if alike[one] else str(split[one])
            worst.setdefault(str(names[one]), text)
        return Finding(
            value=float(len(leaks)),
            limit=float(self.max_samples),
            unit="samples of val and test with their group or a near-duplicate in another split",
            worst=worst,
            advice="Split with conf/split/grouped.yaml and a near_duplicate_bits at least as large as this check's.",
            sentence=_sentence(len(leaks), int(judged.sum())),
            pictures=dict(self._groups(placed, leaks)),
            obstacle=""
            if placed["split"].nunique() > 1
            else "Fewer than two of train, val and test hold a picture, so that nothing can leak from one to another; "
            "split the data.",
        )

    def _groups(self, placed: pd.DataFrame, leaks: np.ndarray) -> Iterator[tuple[str, list[str]]]:
        """The first groups that lie in several splits, through any chain of group, photograph and likeness."""
        if not len(leaks):
            return
        told = placed.drop(columns="group", errors="ignore").rename(columns={"told_group": "group"})
        group = connected_groups(told, self.near_duplicate_bits).to_numpy()
        for one in pd.unique(group[leaks])[:SHOWN]:
            members = placed.loc[group == one, ["sample_id", "split"]]
            turn = members.groupby("split").cumcount()  # so that every split is seen, however many one of them has
            members = members.assign(turn=turn, late=members["split"] == "train").sort_values(["turn", "late", "split"])
            names = [
                f"{name} in {part}" for name, part in members[["sample_id", "split"]].head(2).itertuples(index=False)
            ]
            more = f" and {len(members) - 2:,} more" if len(members) > 2 else ""
            yield ", ".join(names) + more, members["sample_id"].head(MAX_IN_STRIP).tolist()


def _sentence(num_leaks: int, num_judged: int) -> str:
    if not num_leaks:
        return "No picture of validation or test has been seen in training, as far as groups and copies can tell."
    return (
        f"{num_leaks:,} of {num_judged:,} pictures of validation and test have a copy, or a relative of their group, "
        "in another part: the figures would praise the model for remembering."
    )
