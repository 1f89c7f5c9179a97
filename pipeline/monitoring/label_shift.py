"""True shares of classes from predicted ones, where only the shares changed: black box shift estimation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from pipeline.core.observations import Observations
from pipeline.statistics.bootstrap import MIN_GROUPS, Bootstrap

MIN_SAMPLES = 10  # of each class on val: with fewer its row of the confusion is unknown
MIN_SINGULAR = 0.1  # of the matrix of recalls; below, the decisions hardly depend on the class


@dataclass(frozen=True, kw_only=True, eq=False)
class ShiftEstimate:
    """Estimated true shares of the new pictures.

    Attributes:
        shares: (K,) 0 to 1, sum 1.
        low: (K,) lower ends of the 95 % intervals, NaN where there is none.
        high: (K,) upper ends.
    """

    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray


def estimate_shares(reference: Observations, new: Observations, bootstrap: Bootstrap) -> ShiftEstimate | str:
    """The true shares that explain the predicted ones, if pictures of a class look as before; or why there are none.

    The shares solve: predicted shares = sum over classes of share times how often such pictures are decided so on val.
    They are cut at 0 and scaled to sum 1. The errors of val and of the new pictures are added.

    Args:
        reference: Labelled and scored, with groups, as is `new` but for the labels.
        new: The new pictures.
        bootstrap: How groups are resampled.

    Source: Lipton, Wang and Smola 2018, arXiv:1802.03916.
    """
    if not reference.exclusive:
        return "pictures can have several labels"
    if reference.groups is None or new.groups is None:
        raise ValueError("groups are resolved before pictures are compared")
    is_known = reference.is_labelled & reference.targets.any(axis=1)
    targets, decided = reference.targets[is_known].astype(float), reference.decided[is_known].astype(float)
    sizes = targets.sum(axis=0)
    if sizes.min() < MIN_SAMPLES:
        rarest = reference.classes[int(sizes.argmin())]
        return f"{rarest} has {int(sizes.min())} of the val pictures, {MIN_SAMPLES} are needed"
    ones = np.ones((1, len(targets)))
    recalls = _recalls(ones, decided, targets)
    if float(np.linalg.svd(recalls[0], compute_uv=False).min()) < MIN_SINGULAR:
        return "the decisions say too little of the class"
    fresh = new.decided.astype(float)
    predicted = fresh.mean(axis=0)[None]
    shares = _solve(recalls, predicted)[0]
    of_val, of_new = bootstrap.replicates(reference.groups[is_known]), bootstrap.replicates(new.groups)
    by_val = [_solve(_recalls(block, decided, targets), predicted) for block in of_val]
    by_new = [_solve(recalls, block @ fresh / block.sum(axis=1)[:, None]) for block in of_new]
    errors, numbers = np.zeros(len(shares)), (of_val.num_groups, of_new.num_groups)
    for weights, replicates in ((of_val, by_val), (of_new, by_new)):
        errors += np.array([weights.spread(column) for column in np.concatenate(replicates).T]) ** 2
    if min(numbers) < MIN_GROUPS:
        unknown = np.full(len(shares), np.nan)
        return ShiftEstimate(shares=shares, low=unknown, high=unknown)
    half = float(stdtrit(min(numbers) - 1, 0.975)) * np.sqrt(errors)
    return ShiftEstimate(shares=shares, low=np.maximum(0, shares - half), high=np.minimum(1, shares + half))


def _recalls(weights: np.ndarray, decided: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(R, K, K) share of the pictures of each class (last axis) that are decided as each class, for (R, N) weights."""
    counts = np.einsum("rn,nk,nj->rkj", weights, decided, targets, optimize=True)
    return np.asarray(counts / np.maximum((weights @ targets)[:, None], 1e-12))


def _solve(recalls: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(R, K) shares, from (R, K, K) recalls and (R, K) predicted shares; either may have a single row."""
    found = np.maximum((np.linalg.pinv(recalls) @ predicted[:, :, None])[:, :, 0], 0)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12))
