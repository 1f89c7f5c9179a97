"""Wrong decisions, the most confident first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.core.predictions import Predictions


def order_mistakes(predictions: Predictions) -> np.ndarray:
    """Positions of the wrong decisions; of equal confidence in the order of the sample's name.

    A mistake is the more confident, the lower the score of a missed label, or 1 minus that of a wrongly given one.
    """
    rows = np.flatnonzero(~predictions.is_right)
    wrong = predictions.take(rows)
    actual, scores = wrong.targets > 0, wrong.scores.astype(float)
    missed, wrongly = actual & ~wrong.decided, ~actual & wrong.decided
    left = np.where(missed, scores, np.where(wrongly, 1 - scores, np.inf)).min(axis=1, initial=np.inf)
    return np.asarray(rows[np.lexsort((wrong.sample_ids.astype(str), left))])
