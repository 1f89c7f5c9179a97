"""Does a split lack a class?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.results import Finding


@final
@dataclass(frozen=True, kw_only=True)
class MissingClass(Check):
    """The number of empty (class, split) cells: a class that cannot be trained, tuned or tested."""

    question: ClassVar[str] = "Does a split lack a class?"

    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        in_splits = samples.loc[samples["split"].isin(SPLITS), ["split", "labels"]].explode("labels")
        sizes = in_splits.groupby(["labels", "split"]).size().unstack(fill_value=0)
        classes = sorted(samples["labels"].explode().dropna().unique())
        sizes = sizes.reindex(index=classes, columns=list(SPLITS), fill_value=0)
        empty = [f"{label} in {split}" for label, row in sizes.iterrows() for split, size in row.items() if size == 0]
        return Finding(
            value=float(len(empty)),
            limit=0.0,
            unit="classes that a split lacks",
            worst=dict.fromkeys(empty[:5], 0),
            advice="Collect samples of these classes from more groups, or remove the classes from the source.",
            sentence=(
                f"A class is missing from a split in {len(empty):,} case{'s' * (len(empty) != 1)}, so it cannot be "
                "trained, tuned or tested there."
                if empty
                else "Every class is in train, val and test."
            ),
            obstacle="" if classes else "No picture has a label, so no class can be missing; label some pictures.",
        )
