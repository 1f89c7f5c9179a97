"""Which pictures without a label are for pretraining: none that belongs together with a picture of val or test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Split
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import NONE, POOL, SPLITS
from pipeline.datasets.near_duplicates.groups import add_duplicate_group, compared_bits, connected_groups
from pipeline.images.feedback_pictures import is_feedback

HELD_OUT = [name for name in SPLITS if name != "train"]


@final
@dataclass(frozen=True, kw_only=True)
class PoolCounts:
    """Where pictures without a label went.

    Attributes:
        pool: In the pool.
        like_held_out: In no split, since they belong together with a picture of val or test.
        given_held_out: In no split, since the source gives them to val or test.
    """

    pool: int = 0
    like_held_out: int = 0
    given_held_out: int = 0

    @property
    def sentence(self) -> str:
        """What was left out and why; empty where nothing was."""
        parts = [
            (self.like_held_out, "belong together with pictures of val or test"),
            (self.given_held_out, "are of val or test by the source"),
        ]
        said = ", ".join(f"{count:,} {why}" for count, why in parts if count)
        return f"of the pictures without a label in neither the pool nor a split: {said}" if said else ""


def pool_unlabelled(
    split: Split, manifest: pd.DataFrame, duplicates: pd.DataFrame, splits: pd.DataFrame
) -> tuple[pd.DataFrame, PoolCounts]:
    """The splits with `pool` for pictures without a label, and how many there are.

    Belonging together is a group of the source, a photograph, equal pixels or near-duplicates (perceptual hashes within
    as many bits as the rule joins, at least 2), by any chain: also through other pictures without a label, and where
    the rule itself ignores groups and hashes. What
    bridges two splits stays in none. So a picture of val or test, which must be new to the model that it evaluates,
    has nothing in common with what a pretraining sees beyond what train has. Of feedback a picture without a label is
    one that a person found to be of none of the classes, perhaps no picture of this kind at all: it stays in none.

    Args:
        split: The rule that made `splits`.
        manifest: All samples, without `negative` where a task takes negatives for unlabelled.
        duplicates: Pairs of `sample_id` that show one photograph.
        splits: `sample_id`, `split` and `group` in the order of the manifest.
    """
    from_feedback = manifest["sample_id"].map(is_feedback).to_numpy(dtype=bool)
    unused = (splits["split"] == NONE).to_numpy() & ~are_labelled(manifest) & ~from_feedback
    if not unused.any():
        return splits, PoolCounts()
    bits = compared_bits(getattr(split, "near_duplicate_bits", None))
    joined = connected_groups(add_duplicate_group(manifest, duplicates), bits)
    held_out = set(joined[splits["split"].isin(HELD_OUT).to_numpy()])
    like_held_out = joined.isin(held_out).to_numpy()
    given = manifest["given_split"].isin(HELD_OUT).to_numpy() if "given_split" in manifest else np.zeros_like(unused)
    pool = unused & ~like_held_out & ~given
    counts = PoolCounts(
        pool=int(pool.sum()),
        like_held_out=int((unused & like_held_out).sum()),
        given_held_out=int((unused & given & ~like_held_out).sum()),
    )
    return splits.assign(split=splits["split"].mask(pool, POOL)), counts
