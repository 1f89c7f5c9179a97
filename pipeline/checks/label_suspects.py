"""Which labels do the pictures contradict?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import pandas as pd

from pipeline.core.content import Content
from pipeline.core.contracts import ContentCheck
from pipeline.core.labels import spelled
from pipeline.core.outcomes import Finding
from pipeline.core.suspects import suspects


@final
@dataclass(frozen=True, kw_only=True)
class LabelSuspects(ContentCheck):
    """The share of samples whose labels are probably wrong, by confident learning on out-of-fold predictions.

    The listing holds every suspect, in the columns of `data/label_decisions.csv` that a person need not fill in.

    Args:
        max_share: Largest accepted share, 0 to 1.
        num_folds: Parts of the data, each judged by what was learnt on the others; groups are kept whole. At least 2.
        seed: Of the folds.

    Source: Northcutt, Jiang and Chuang 2021, doi:10.1613/jair.1.12125.
    """

    max_share: float
    num_folds: int
    seed: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0 <= self.max_share <= 1:
            raise ValueError(f"max_share must be 0 to 1, got {self.max_share}")
        if self.num_folds < 2:
            raise ValueError(f"num_folds must be at least 2, got {self.num_folds}")

    def __call__(self, samples: pd.DataFrame, content: Content) -> Finding:
        has_label = (samples["labels"].map(len) > 0).to_numpy()
        known = samples[has_label]
        told = [list(names) for names in known["labels"]]
        features = content.features if has_label.all() else content.features[has_label]  # a copy, in memory
        found = suspects(features, told, known["group"].to_numpy(dtype=str), self.num_folds, self.seed)
        rows = found.table["row"].to_numpy()
        listing = pd.DataFrame(
            {
                "sample_id": known["sample_id"].to_numpy()[rows],
                "previous": [spelled(told[row]) for row in rows],
                "labels": [spelled(names) for names in found.table["suggested"]],
                "quality": found.table["quality"].round(4),
                "split": known["split"].to_numpy()[rows],
            }
        )
        return Finding(
            value=round(found.share, 6),
            limit=self.max_share,
            unit="share of samples whose labels the pictures contradict",
            worst={
                f"{given} given for {true}": f"{share:.1%}" for (given, true), share in list(found.noise.items())[:5]
            },
            advice="Look at reports/label_suspects.html, and write what you decide into data/label_decisions.csv.",
            listing=listing,
        )
