"""How much larger is the largest class than the smallest?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

import pandas as pd
from annotated_types import Ge

from pipeline.core.contracts import Check
from pipeline.core.results import Finding


@final
@dataclass(frozen=True, kw_only=True)
class ClassImbalance(Check):
    """Size of the largest class over the smallest one, in the train split.

    A multi-label sample counts once for each of its labels. A class without any sample in
    train is the subject of `missing_class` and does not count here.

    Args:
        max_ratio: Largest accepted ratio, at least 1.
    """

    question: ClassVar[str] = "How much larger is the largest class than the smallest?"

    max_ratio: Annotated[float, Ge(1)]
    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        sizes = samples.loc[samples["split"] == "train", "labels"].explode().value_counts()
        return Finding(
            value=float(sizes.max() / sizes.min()),
            limit=self.max_ratio,
            unit="largest class / smallest class in train",
            worst={str(name): int(size) for name, size in sizes.nsmallest(3).items()},
            advice="Collect more of the smallest classes, or train with imbalance=auto, which takes the best method "
            "on val.",
            sentence=_sentence(sizes.sort_index()),
            obstacle=""
            if len(sizes) > 1
            else "Train holds fewer than two classes, so no two sizes can be compared; label other classes.",
        )


def _sentence(sizes: pd.Series) -> str:
    if sizes.empty:
        return "Train has no labelled picture."
    if len(sizes) > 1 and sizes.max() == sizes.min():
        return f"Each of the {len(sizes):,} classes has {sizes.max():,} pictures in train."
    return (
        f"The largest class of train, {sizes.idxmax()}, has {sizes.max():,} pictures; "
        f"the smallest, {sizes.idxmin()}, has {sizes.min():,}."
    )
