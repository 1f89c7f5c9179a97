"""How far scores are from the frequencies that they state, over many weighted copies of the samples at once."""

from __future__ import annotations

import math

import numpy as np

from pipeline.statistics.calibration_error import bins_of
from pipeline.statistics.classification import ratio, total_weight
from pipeline.statistics.reuse import once_per_arrays

TINY = 1e-24  # variance below which a bin has none: its scores are 0 or 1


@once_per_arrays
def calibration_errors(right: np.ndarray, scores: np.ndarray, weights: np.ndarray, num_bins: int) -> np.ndarray:
    """(R, K) expected calibration errors: mean distance of score and frequency in bins of the score, 0 to 1.

    Args:
        right: (N, K) in {0, 1}: whether what each score is about is true.
        scores: (N, K) in [0, 1].
        weights: (R, N).
        num_bins: Of equal width, closed on the right, as in scikit-learn's `calibration_curve`.

    Source: Naeini, Cooper and Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017, arXiv:1706.04599.
    """
    result, total = np.empty((len(weights), scores.shape[1])), total_weight(weights)
    for column, score in enumerate(scores.T.astype(np.float64)):
        gaps = _sum_by_bin(right[:, column] - score, score, weights, num_bins)
        result[:, column] = ratio(np.abs(gaps).sum(axis=1), total, 0 * total)
    result.flags.writeable = False
    return result


@once_per_arrays
def debiased_calibration_errors(
    right: np.ndarray, scores: np.ndarray, weights: np.ndarray, num_bins: int
) -> np.ndarray:
    """(R, K) expected calibration errors without most of what chance adds to them; a small one may be below 0.

    Chance moves the gap of score and frequency in a bin to either side, but its absolute value upwards on average: the
    mean of a folded normal variable is above its centre. So much is subtracted, at the gap that was measured. The
    variance is that of outcomes with the probabilities that the scores state; that of the outcomes themselves would be
    0 in a bin where the few samples agree.

    Args:
        right: Also `scores`, `weights` and `num_bins` as `calibration_errors`.

    Source: Kumar, Liang and Ma 2019, arXiv:1909.10155, who simulate what is subtracted; Leone, Nelson and Nottingham
        1961, doi:10.2307/1266560, for the mean.
    """
    from scipy.special import ndtr

    result, total = np.empty((len(weights), scores.shape[1])), total_weight(weights)
    for column, score in enumerate(scores.T.astype(np.float64)):
        gaps = np.abs(_sum_by_bin(right[:, column] - score, score, weights, num_bins))
        spread = np.sqrt(np.maximum(_sum_by_bin(score * (1 - score), score, weights, num_bins), TINY))
        ratios = gaps / spread
        folded = spread * math.sqrt(2 / math.pi) * np.exp(-(ratios**2) / 2) + gaps * (1 - 2 * ndtr(-ratios))
        result[:, column] = ratio((2 * gaps - folded).sum(axis=1), total, 0 * total)
    result.flags.writeable = False
    return result


def _sum_by_bin(values: np.ndarray, score: np.ndarray, weights: np.ndarray, num_bins: int) -> np.ndarray:
    """(R, num_bins) weighted sums of (N,) values in each bin of the (N,) scores."""
    spread_out = np.zeros((len(score), num_bins))
    spread_out[np.arange(len(score)), bins_of(score, num_bins)] = values
    return np.asarray(weights @ spread_out)


def mean_of_samples(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) weighted mean of (N,) values, or (R, K) of (N, K); NaN where a row of weights has no sample."""
    sums = weights @ values
    total = np.broadcast_to(total_weight(weights).reshape(-1, *[1] * (values.ndim - 1)), sums.shape)
    return ratio(sums, total, 0 * total)
