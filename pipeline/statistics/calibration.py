"""How far scores are from the frequencies that they state, over many weighted copies of the samples at once."""

from __future__ import annotations

import numpy as np

from pipeline.statistics.calibration_error import bins_of
from pipeline.statistics.classification import ratio, total_weight
from pipeline.statistics.reuse import once_per_arrays


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
    for column in range(scores.shape[1]):
        score = scores[:, column].astype(np.float64)
        gaps = np.zeros((len(score), num_bins))
        gaps[np.arange(len(score)), bins_of(score, num_bins)] = right[:, column] - score
        result[:, column] = ratio(np.abs(weights @ gaps).sum(axis=1), total, 0 * total)
    result.flags.writeable = False
    return result


def mean_of_samples(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) weighted mean of (N,) values, or (R, K) of (N, K); NaN where a row of weights has no sample."""
    sums = weights @ values
    total = np.broadcast_to(total_weight(weights).reshape(-1, *[1] * (values.ndim - 1)), sums.shape)
    return ratio(sums, total, 0 * total)
