"""Every sample once per epoch, in random order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Sampling


@final
@dataclass(frozen=True, kw_only=True)
class Shuffled(Sampling):
    """Every sample once per epoch: class frequencies and correlations stay those of train."""

    def __call__(self, targets: np.ndarray, classes: list[str], index: pd.DataFrame) -> None:
        return None
