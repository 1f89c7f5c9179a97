"""How well a probe separates the samples of one split from those of another; 0.5 is chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.features.linear_probe import Folds, out_of_fold_probabilities, stratified_group_folds
from pipeline.statistics.bootstrap import Basis, Bootstrap, share_interval
from pipeline.statistics.classification import rarer_side
from pipeline.statistics.rank_areas import roc_auc


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitSeparation:
    """The AUC of the separation.

    Attributes:
        auc: 0 to 1; NaN where no fold has samples of both splits.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end.
        groups: Independent groups it rests on.
        caveat: As in `core.estimate.Estimate`.
        scores: (N,) probability of the other split, out of fold.
    """

    auc: float
    low: float | None
    high: float | None
    groups: int
    caveat: str
    scores: np.ndarray


def separate_splits(
    reduced: np.ndarray, other: np.ndarray, groups: np.ndarray, num_folds: int, bootstrap: Bootstrap
) -> SplitSeparation:
    """The separation of the samples of two splits.

    The AUC compares samples of one fold only: each fold has its own probe, and scores of two probes are not on one
    scale.

    Args:
        reduced: (N, d) as `pca_directions` returns them.
        other: (N,) bool, whether a sample is in the second split.
        groups: (N,) of each sample.
        num_folds: Folds of the cross-validation.
        bootstrap: How groups are resampled; its seed is also that of the folds.

    Source: the classifier two-sample test, Lopez-Paz and Oquab 2017, arXiv:1610.06545.
    """
    parts = stratified_group_folds(other.astype(int), groups, num_folds, bootstrap.seed)
    scores = out_of_fold_probabilities(reduced, other.astype(int), parts)[:, 1:]
    auc = float(auc_within_folds(other, scores, parts, np.ones((1, len(other))))[0])
    weights = bootstrap.replicates(groups)
    varied = np.concatenate([auc_within_folds(other, scores, parts, block) for block in weights])
    basis = Basis.of(rarer_side(other[:, None]), groups)
    interval = share_interval(auc, varied, weights, basis.n, basis.groups)
    low, high, cautious = interval or (None, None, "")
    caveat = basis.caveat(interval is not None, cautious)
    return SplitSeparation(auc=auc, low=low, high=high, groups=int(basis.groups), caveat=caveat, scores=scores[:, 0])


def auc_within_folds(other: np.ndarray, scores: np.ndarray, parts: Folds, weights: np.ndarray) -> np.ndarray:
    """(R,) AUC over the pairs of a picture of each side in the same fold; NaN where there is no pair.

    Args:
        other: (N,) whether a picture is in the other split.
        scores: (N, 1) probability of the other split.
        parts: The folds.
        weights: (R, N) weight of each picture in each resample.
    """
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for _, test_rows in parts:
        in_fold, side = weights[:, test_rows], other[test_rows]
        num = in_fold[:, side].sum(axis=1) * in_fold[:, ~side].sum(axis=1)
        auc = roc_auc(side[:, None].astype(float), scores[test_rows], in_fold)[:, 0]
        won += np.where(num > 0, num * auc, 0.0)
        pairs += num
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
