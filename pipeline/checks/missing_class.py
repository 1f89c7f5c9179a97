"""Is there a class that one split lacks?"""

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
    """How many (class, split) cells are empty: a class that cannot be learnt, chosen for, or judged."""

    question: ClassVar[str] = "Is there a class that one split lacks?"

    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        placed = samples.loc[samples["split"] != "none", ["split", "labels"]].explode("labels")
        sizes = placed.groupby(["labels", "split"]).size().unstack(fill_value=0)
        classes = sorted(samples["labels"].explode().dropna().unique())
        sizes = sizes.reindex(index=classes, columns=list(SPLITS), fill_value=0)
        empty = [f"{label} in {split}" for label, row in sizes.iterrows() for split, size in row.items() if size == 0]
        return Finding(
            value=float(len(empty)),
            limit=0.0,
            unit="classes that a split lacks",
            worst=dict.fromkeys(empty[:5], 0),
            advice="Collect samples of these classes from more groups, or take the classes out of the source.",
            sentence=(
                f"{len(empty):,} times a class is missing where it is needed, to be learnt, chosen for or judged."
                if empty
                else "Every class is there to learn from, to choose by and to judge by."
            ),
            obstacle="" if classes else "No picture has a label, so that no class can be missing; label some.",
        )
