"""Do val and test show what train shows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd

from pipeline.core.content import Content
from pipeline.core.contracts import ContentCheck
from pipeline.core.intervals import interval, resamples
from pipeline.core.outcomes import Finding
from pipeline.core.probing import compact, out_of_fold
from pipeline.core.scoring import area_under_roc


@final
@dataclass(frozen=True, kw_only=True)
class SplitDrift(ContentCheck):
    """How well a probe tells the pictures of val, or of test, from those of train, judged on groups it did not learn.

    0.5 is not at all. What is judged is the lower end of the 95 % interval of the AUC, resampling groups, so that a
    small split is not blamed for chance.

    Args:
        max_auc: Largest accepted lower end, 0.5 to 1.
        num_folds: Of the cross-validation, at least 2.
        num_resamples: Bootstrap resamples, at least 100.
        seed: Of folds and resamples.

    Source: the classifier two-sample test, Lopez-Paz and Oquab 2017, arXiv:1610.06545.
    """

    max_auc: float
    num_folds: int
    num_resamples: int
    seed: int
    on_fail: Literal["error", "warn"]

    def __post_init__(self) -> None:
        if not 0.5 <= self.max_auc <= 1:
            raise ValueError(f"max_auc must be 0.5 to 1, got {self.max_auc}")
        if self.num_folds < 2:
            raise ValueError(f"num_folds must be at least 2, got {self.num_folds}")
        if self.num_resamples < 100:
            raise ValueError(f"num_resamples must be at least 100, got {self.num_resamples}")

    def __call__(self, samples: pd.DataFrame, content: Content) -> Finding:
        reduced = compact(content.features, self.seed)
        split = samples["split"].to_numpy()
        groups = samples["group"].to_numpy(dtype=str)
        lows, worst = [0.5], {}
        for name in ("val", "test"):
            rows = np.flatnonzero(np.isin(split, ["train", name]))
            value, low, high = self._told_apart(reduced[rows], split[rows] == name, groups[rows])
            lows.append(low)
            worst[name] = f"AUC {value:.3f} ({low:.3f} to {high:.3f})"
        return Finding(
            value=round(max(lows), 6),
            limit=self.max_auc,
            unit="AUC (lower end of its interval) with which content tells a split from train",
            worst=worst,
            advice="Split at random among groups, or collect what one split lacks; else test speaks of other data.",
        )

    def _told_apart(self, reduced: np.ndarray, other: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
        scores = out_of_fold(reduced, other.astype(int), groups, self.num_folds, self.seed)[:, 1:]
        targets = other[:, None].astype(float)
        value = float(area_under_roc(targets, scores, np.ones((1, len(other))))[0, 0])
        drawn = [area_under_roc(targets, scores, w)[:, 0] for w in resamples(groups, self.num_resamples, self.seed)]
        low, high = interval(np.concatenate(drawn))
        return value, low if low is not None else 0.5, high if high is not None else 1.0
