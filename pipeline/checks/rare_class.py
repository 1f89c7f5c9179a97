"""Does every split have enough samples of every class?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.ranges import PositiveInt
from pipeline.core.results import Finding


@final
@dataclass(frozen=True, kw_only=True)
class RareClass(Check):
    """How many (class, split) cells hold fewer than `min_samples` samples; `missing_class` counts the empty ones.

    Args:
        min_samples: Fewest samples of a class in each split, at least 1.
    """

    question: ClassVar[str] = "Does every split have enough samples of every class?"

    min_samples: PositiveInt
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        in_splits = samples.loc[samples["split"] != "none", ["split", "labels"]].explode("labels")
        sizes = in_splits.groupby(["labels", "split"]).size()
        rare = sizes[sizes < self.min_samples].sort_values(kind="stable")
        return Finding(
            value=float(len(rare)),
            limit=0.0,
            unit=f"classes in a split with fewer than {self.min_samples} samples",
            worst={f"{label} in {split}": int(size) for (label, split), size in rare.head(5).items()},
            advice="Collect more samples of these classes, or merge classes.",
            sentence=(
                f"{rare.index.unique('labels').size:,} of {in_splits['labels'].nunique():,} classes have so few "
                "pictures in a split that their figures there are uncertain."
                if len(rare)
                else f"Every class has at least {self.min_samples} pictures in every split that has it."
            ),
            obstacle=""
            if len(sizes)
            else "No picture of a split has a label, so no class can be rare; label some pictures.",
        )
