"""Worst-group accuracy: the lowest accuracy among the classes, or among the cells of an attribute and a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.core.estimate import Estimate
from pipeline.core.predictions import Predictions
from pipeline.evaluation.slice_accuracy import TAIL, estimate_accuracy
from pipeline.evaluation.slice_candidates import Candidate
from pipeline.statistics.bootstrap import MIN_GROUPS, Bootstrap

WORST = "worst_group_accuracy"


def worst_group_accuracy(
    slices: Sequence[Candidate], predictions: Predictions, bootstrap: Bootstrap, min_slice: int
) -> Estimate:
    """The lowest accuracy of all cells `attribute value, class`, or of the classes where there is no such cell.

    The lowest of several measured accuracies is below the lowest true one on average, and the more so the more there
    are. The interval allows for it: its upper end is the lowest of the upper ends, each corrected for their number
    (Bonferroni), and its lower end the lowest of the uncorrected lower ends, since the lowest true accuracy can
    be below all of these only if its own is. It holds the lowest true accuracy in at least 95 % of test sets.

    Args:
        slices: As `list_slices` returns them.
        predictions: Predictions of test.
        bootstrap: Whose seed is used.
        min_slice: Smaller cells do not count, and neither do those in fewer than 5 groups.

    Source: Sagawa et al. 2020, arXiv:1911.08731, for the metric.
    """
    of_attributes = [one for one in slices if one.kinds == ("attribute", "class")]
    cells = of_attributes or [one for one in slices if one.kinds == ("class",)]
    codes, exact = np.unique(predictions.groups, return_inverse=True)[1], predictions.is_right
    usable = [one for one in cells if len(one) >= min_slice and len(np.unique(codes[one.rows])) >= MIN_GROUPS]
    if not usable:
        caveat = f"cannot be judged: no class or cell has {min_slice} samples in {MIN_GROUPS} groups"
        return Estimate(value=None, low=None, high=None, n=0, groups=0, caveat=caveat)

    def estimate(one: Candidate, tail: float) -> Estimate:
        return estimate_accuracy(exact[one.rows], codes[one.rows], bootstrap, tail)

    single = [estimate(one, TAIL) for one in usable]
    together = [estimate(one, TAIL / len(usable)) for one in usable]
    worst = min(single, key=lambda one: one.value or 0.0)
    caveat = f"the lowest of {len(usable)} accuracies, so probably below the lowest true one, which its interval holds"
    if len(cells) > len(usable):
        caveat += f"; {len(cells) - len(usable)} in fewer than {min_slice} samples or {MIN_GROUPS} groups do not count"
    low, high = min(one.low or 0.0 for one in single), min(one.high or 0.0 for one in together)
    return replace(worst, low=low, high=high, caveat=caveat)
