"""Accuracy on pictures without labels, from the confidence of the decisions: average thresholded confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from pipeline.core.observations import Observations
from pipeline.core.policy import confidence_of
from pipeline.statistics.bootstrap import MIN_GROUPS, Bootstrap


@dataclass(frozen=True, kw_only=True)
class AccuracyEstimate:
    """Estimated accuracy on new pictures.

    Attributes:
        accuracy: Estimate for the new pictures, 0 to 1.
        on_val: Share of the val pictures that are decided right.
        error: Standard error of `on_val` minus `accuracy`; NaN with fewer than 5 groups on either side.
        groups: Of the side that has fewer.
    """

    accuracy: float
    on_val: float
    error: float
    groups: int

    @property
    def loss(self) -> float:
        """How much accuracy is lost, by the estimate; below 0 where some is gained."""
        return self.on_val - self.accuracy

    @property
    def half_width(self) -> float | None:
        """Of the 95 % interval of the loss; None where there is none."""
        return None if math.isnan(self.error) else float(stdtrit(self.groups - 1, 0.975)) * self.error


def estimate_accuracy(reference: Observations, new: Observations, bootstrap: Bootstrap) -> AccuracyEstimate:
    """The share of new decisions that are surer than a threshold, above which on val lies the share that is right.

    Of equally sure decisions at the threshold the fitting share counts. The errors of val (accuracy and threshold) and
    of the new pictures are added; each resamples groups.

    Args:
        reference: Val, labelled and scored, with groups, as is `new` but for the labels.
        new: The new pictures.
        bootstrap: How groups are resampled.

    Source: Garg et al. 2022, Leveraging Unlabeled Data to Predict Out-of-Distribution Performance, arXiv:2201.04234.
    """
    if reference.groups is None or new.groups is None:
        raise ValueError("groups are resolved before pictures are compared")
    rows = reference.is_labelled
    is_right = (reference.decided == reference.targets).all(axis=1)[rows].astype(float)
    sure, fresh = confidences(reference)[rows], confidences(new)
    once = np.ones((1, len(sure)))
    accuracy, on_val = float(_estimate(sure, is_right, fresh, once)[0]), float(is_right.mean())
    variance, numbers = 0.0, []
    for groups, is_val in ((reference.groups[rows], True), (new.groups, False)):
        weights = bootstrap.replicates(groups)
        numbers.append(weights.num_groups)
        if is_val:
            losses = [
                block @ is_right / block.sum(axis=1) - _estimate(sure, is_right, fresh, block) for block in weights
            ]
        else:
            counted = _count(sure, is_right, fresh, once)
            losses = [-(block @ counted[0]) / block.sum(axis=1) for block in weights]
        variance += weights.spread(np.concatenate(losses)) ** 2
    error = math.sqrt(variance) if min(numbers) >= MIN_GROUPS and math.isfinite(variance) else math.nan
    return AccuracyEstimate(accuracy=accuracy, on_val=on_val, error=error, groups=min(numbers))


def confidences(observed: Observations) -> np.ndarray:
    """(N,) how sure each decision is, 0 to 1."""
    return confidence_of(observed.scores.astype(np.float64), observed.decided, observed.exclusive)


def _estimate(sure: np.ndarray, is_right: np.ndarray, fresh: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) estimated accuracies of the new pictures, for (R, N) weights of the pictures of val."""
    threshold, part = _thresholds(sure, is_right, weights)
    order = np.sort(fresh)
    above = len(order) - np.searchsorted(order, threshold, side="right")
    from_there = len(order) - np.searchsorted(order, threshold, side="left")
    return np.asarray((above + part * (from_there - above)) / len(order))


def _count(sure: np.ndarray, is_right: np.ndarray, fresh: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R, n) how much each new picture counts as right, 0 to 1."""
    threshold, part = _thresholds(sure, is_right, weights)
    return np.where(fresh > threshold[:, None], 1.0, np.where(fresh == threshold[:, None], part[:, None], 0.0))


def _thresholds(sure: np.ndarray, is_right: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R,) confidences above which lies the share of val that is right, and the part of those at it that counts."""
    levels, place = np.unique(-sure, return_inverse=True)  # the surest first
    at = np.zeros((len(weights), len(levels)))
    for row, weight in zip(at, weights, strict=True):
        row += np.bincount(place, weight, minlength=len(levels))
    total = np.cumsum(at, axis=1)
    wanted = weights @ is_right
    first = np.minimum((total < wanted[:, None] - 1e-9).sum(axis=1), len(levels) - 1)
    rows = np.arange(len(weights))
    part = (wanted - (total - at)[rows, first]) / np.maximum(at[rows, first], 1e-12)
    return -levels[first], np.clip(part, 0, 1)
