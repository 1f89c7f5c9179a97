"""Does a split know what another one is asked?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Check, Finding
from pipeline.core.grouping import near_duplicates


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
        leaks = self._alike(placed)
        for column in ("told_group", "content_hash", "twin"):
            leaks |= _shared(placed, column) if column in placed else False
        split = placed["split"].to_numpy()
        judged = leaks & (split != "train")
        names = placed["sample_id"].to_numpy()
        pairs = near_duplicates(placed["perceptual_hash"], self.near_duplicate_bits)
        across = pairs[split[pairs[:, 0]] != split[pairs[:, 1]]]
        across = np.where((split[across[:, :1]] == "train"), across[:, ::-1], across)  # the judged sample first
        worst = {str(names[one]): f"{split[one]}; like {names[other]} in {split[other]}" for one, other in across[:5]}
        if not worst:
            worst = {str(name): str(where) for name, where in zip(names[judged][:5], split[judged][:5], strict=True)}
        return Finding(
            value=float(judged.sum()),
            limit=float(self.max_samples),
            unit="samples of val and test with their group or a near-duplicate in another split",
            worst=worst,
            advice="Split with conf/split/grouped.yaml and a near_duplicate_bits at least as large as this check's.",
        )

    def _alike(self, placed: pd.DataFrame) -> np.ndarray:
        """Whether each row has a near-duplicate in another split; distinct hashes have all their pairs known."""
        codes, code = np.unique(placed["perceptual_hash"].to_numpy(dtype=str), return_inverse=True)
        names, split = np.unique(placed["split"].to_numpy(dtype=str), return_inverse=True)
        holds = np.zeros((len(codes), len(names)), dtype=bool)
        holds[code, split] = True
        seen = holds.copy()
        pairs = near_duplicates(pd.Series(codes), self.near_duplicate_bits)
        np.logical_or.at(seen, pairs[:, 0], holds[pairs[:, 1]])
        np.logical_or.at(seen, pairs[:, 1], holds[pairs[:, 0]])
        alike: np.ndarray = seen[code].sum(axis=1) > 1
        return alike


def _shared(placed: pd.DataFrame, column: str) -> np.ndarray:
    """Whether each row's value of the column occurs in more than one split."""
    known = placed[column].notna()
    across: np.ndarray = (placed.groupby(column)["split"].transform("nunique") > 1).to_numpy() & known.to_numpy()
    return across
