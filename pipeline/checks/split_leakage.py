"""Does a split know what another one is asked?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.grouping import torn_apart
from pipeline.core.outcomes import Finding

SHOWN = 5  # of the samples that leak
KEYS = ("told_group", "content_hash", "twin")  # `twin` where pictures were paired


@final
@dataclass(frozen=True, kw_only=True)
class SplitLeakage(Check):
    """Samples of val and test that have their group, their photograph or a near-duplicate in another split.

    Measured afresh on the manifest, whatever the split stage did.

    Args:
        near_duplicate_bits: Perceptual hashes within this many of 64 bits count as the same picture.
        max_samples: Largest accepted number.
    """

    near_duplicate_bits: int
    max_samples: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0 <= self.near_duplicate_bits <= 16:
            raise ValueError(f"near_duplicate_bits must be 0 to 16, got {self.near_duplicate_bits}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        placed = samples[samples["split"] != "none"].reset_index(drop=True)
        keys = [column for column in KEYS if column in placed]
        by_key = np.any([_shared(placed, column) for column in keys], axis=0)
        alike, partner = torn_apart(placed["perceptual_hash"], self.near_duplicate_bits, placed["split"])
        judged = (placed["split"] != "train").to_numpy()
        leaks = np.flatnonzero((by_key | alike) & judged)
        names, split = placed["sample_id"].to_numpy(), placed["split"].to_numpy()
        worst: dict[str, str] = {}
        pictures: dict[str, list[str]] = {}
        for one in np.concatenate([np.flatnonzero(alike & judged), leaks])[:SHOWN]:
            other = partner(one) if alike[one] else _same_key(placed[keys], split, one)
            text = f"{split[one]}; like {names[other]} in {split[other]}" if alike[one] else str(split[one])
            worst.setdefault(str(names[one]), text)
            pictures[f"{names[one]} in {split[one]}, {names[other]} in {split[other]}"] = [
                str(names[one]),
                str(names[other]),
            ]
        return Finding(
            value=float(len(leaks)),
            limit=float(self.max_samples),
            unit="samples of val and test with their group or a near-duplicate in another split",
            worst=worst,
            advice="Split with conf/split/grouped.yaml and a near_duplicate_bits at least as large as this check's.",
            sentence=_sentence(len(leaks), int(judged.sum())),
            pictures=pictures,
        )


def _shared(placed: pd.DataFrame, column: str) -> np.ndarray:
    """Whether each row's value of the column occurs in more than one split."""
    known = placed[column].notna()
    across: np.ndarray = (placed.groupby(column)["split"].transform("nunique") > 1).to_numpy() & known.to_numpy()
    return across


def _same_key(keys: pd.DataFrame, split: np.ndarray, row: int) -> int:
    """The first row of another split that shares a key with this one."""
    same = np.any([(keys[column] == keys[column].iloc[row]).to_numpy(dtype=bool) for column in keys], axis=0)
    return int(np.flatnonzero(same & (split != split[row]))[0])


def _sentence(num_leaks: int, num_judged: int) -> str:
    if not num_leaks:
        return "No picture of validation or test has been seen in training, as far as groups and copies can tell."
    return (
        f"{num_leaks:,} of {num_judged:,} pictures of validation and test have a copy, or a relative of their group, "
        "in another part: the figures would praise the model for remembering."
    )
