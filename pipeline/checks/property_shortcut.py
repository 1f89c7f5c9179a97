"""Does one measured property of the picture predict its label, without looking at what the picture shows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pipeline.core.contracts import Check
from pipeline.core.outcomes import Finding


@final
@dataclass(frozen=True, kw_only=True)
class PropertyShortcut(Check):
    """The largest AUC with which one measured property alone separates one class from the rest.

    All splits together: a shortcut that train and test share makes the test figure look good, and a comparison of
    the splits cannot see it. A property that separates with AUC 0.2 separates as well as one with 0.8, turned round.

    Args:
        max_auc: Largest accepted AUC, 0.5 (nothing) to 1 (the property gives the label away).

    Source: AUC as the Mann-Whitney statistic, Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.
    """

    max_auc: float
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0.5 <= self.max_auc <= 1:
            raise ValueError(f"max_auc must be 0.5 to 1, got {self.max_auc}")

    def __call__(self, samples: pd.DataFrame) -> Finding:
        labelled = samples[samples["labels"].map(len) > 0]
        exploded = labelled["labels"].explode()
        classes = sorted(exploded.unique())
        has = {name: np.isin(labelled.index, exploded.index[exploded == name]) for name in classes}
        told_by_other = len(classes) == 2 and len(exploded) == len(labelled)  # one class is then the rest of the other
        measured = [column for column in labelled if str(column).startswith("prop_")]
        found = {}
        for column in measured:
            ranks = rankdata(labelled[column].to_numpy())
            for name in classes[-1:] if told_by_other else classes:
                found[f"{column.removeprefix('prop_')} for {name}"] = separation(ranks, has[name])
        worst = dict(sorted(found.items(), key=lambda pair: -pair[1])[:5])
        return Finding(
            value=max(found.values(), default=0.5),
            limit=self.max_auc,
            unit="AUC of one property alone",
            worst={name: round(value, 4) for name, value in worst.items()},
            advice="Find out why the property goes with the label. Collect pictures that break the link, or vary the "
            "property in training (conf/augmentation/).",
        )


def separation(ranks: np.ndarray, positive: np.ndarray) -> float:
    """AUC of ranks (ties averaged) for a class against the rest, at least 0.5; 0.5 when one side is empty."""
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return 0.5
    area = (ranks[positive].sum() - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative)
    return float(max(area, 1 - area))
