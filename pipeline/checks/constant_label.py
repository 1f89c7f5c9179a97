"""Is there a label that every sample of a split has?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import pandas as pd

from pipeline.core.contracts import Check
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.results import Finding


@final
@dataclass(frozen=True, kw_only=True)
class ConstantLabel(Check):
    """How many (label, split) cells hold all samples of the split.

    Without a counterexample a label cannot be learned, no threshold can be chosen for it, and its AUROC is undefined.
    """

    question: ClassVar[str] = "Is there a label that every sample of a split has?"

    on_fail: Literal["error", "warn"]

    def __call__(self, samples: pd.DataFrame) -> Finding:
        in_splits = samples.loc[samples["split"].isin(SPLITS), ["split", "labels"]]
        sizes = in_splits["split"].value_counts()
        cells = in_splits.explode("labels").groupby(["labels", "split"]).size()
        constant = {f"{label} in {split}": int(size) for (label, split), size in cells.items() if size == sizes[split]}
        return Finding(
            value=float(len(constant)),
            limit=0.0,
            unit="labels that every sample of a split has",
            worst=dict(list(constant.items())[:5]),
            advice="Collect samples without these labels, or remove the labels from the source.",
            sentence=(
                "Some label is on every picture of a split: without a counterexample it cannot be learned."
                if constant
                else "Every label is absent from some pictures of each split, so it can be learned."
            ),
            obstacle=""
            if len(cells)
            else "No picture of a split has a label, so none can be constant; label some pictures.",
        )
