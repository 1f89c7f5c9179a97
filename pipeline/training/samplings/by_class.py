"""Samples of rare classes are sampled more often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import numpy as np
import pandas as pd
from annotated_types import Interval

from pipeline.core.contracts import Sampling


@final
@dataclass(frozen=True, kw_only=True)
class ByClass(Sampling):
    """The probability of a sample is proportional to (1 / n_k)^strength; n_k is the size of its rarest class.

    With strength 1 and one label per sample every class is sampled equally often. A sample without labels has the
    probability of one of the largest class. The scores of the network then hold for the sampled class frequencies.

    Args:
        strength: 0 keeps the class frequencies of train, 1 makes them equal; 0.5 is the square root.

    Source: Shen, Lin and Huang 2016, arXiv:1512.05830, class-aware sampling; Kang et al. 2020, arXiv:1910.09217,
        equation 1, for the strength (their q is 1 - strength); Gupta, Dollar and Girshick 2019, arXiv:1908.03195,
        for the rarest label of a sample with several.
    """

    strength: Annotated[float, Interval(gt=0, le=1)]

    def __call__(self, targets: np.ndarray, classes: list[str], index: pd.DataFrame) -> np.ndarray:
        present = targets > 0
        sizes = present.sum(axis=0)
        rarest = np.where(present, sizes, max(1, sizes.max())).min(axis=1)
        weights: np.ndarray = rarest.astype(np.float64) ** -self.strength
        return weights / weights.sum()
