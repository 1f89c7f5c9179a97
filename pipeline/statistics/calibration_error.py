"""How far scores are from the shares that are right, over many weighted copies of the samples at once."""

from __future__ import annotations

import numpy as np

NUM_BINS = 10


def calibration_error(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) expected calibration error, 0 to 1: mean distance of score and share right over tenths of the score.

    It is above 0 also for perfect scores, the more the fewer samples there are; see `error_of_perfect`.

    Args:
        scores: (N, C) in [0, 1], C scores a sample: one, its confidence, or one per label.
        right: (N, C) whether what the score is for is true.
        weights: (R, N), how often each sample counts.

    Source: Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017, arXiv:1706.04599.
    """
    gaps = np.zeros((len(scores), NUM_BINS))
    difference = scores.astype(np.float64) - right
    np.add.at(gaps, (np.arange(len(scores))[:, None], bins_of(scores)), difference)
    total = weights.sum(axis=1) * scores.shape[1]
    distance = np.abs(weights @ gaps).sum(axis=1)
    return np.divide(distance, total, out=np.full(len(weights), np.nan), where=total > 0)


def error_of_perfect(scores: np.ndarray, seed: int, num_draws: int = 200) -> float:
    """Mean calibration error of as many samples if each were right with exactly the probability its score says.

    Args:
        scores: (N, C) in [0, 1].
        seed: Of the random outcomes.
        num_draws: How often they are simulated.
    """
    generator, ones = np.random.default_rng(seed), np.ones((1, len(scores)))
    draws = (generator.random(scores.shape) < scores for _ in range(num_draws))
    return float(np.mean([calibration_error(scores, outcome, ones)[0] for outcome in draws]))


def reliability_bins(scores: np.ndarray, right: np.ndarray) -> list[dict[str, float | int | None]]:
    """For each tenth of the score `count`, `mean_score` and `right`, the share right; None where it is empty."""
    bins, flat, hits = bins_of(scores).ravel(), scores.ravel().astype(np.float64), right.ravel()
    return [
        {
            "count": int(inside.sum()),
            "mean_score": float(flat[inside].mean()) if inside.any() else None,
            "right": float(hits[inside].mean()) if inside.any() else None,
        }
        for inside in (bins == number for number in range(NUM_BINS))
    ]


def bins_of(scores: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """The bin of each score in [0, 1]: of equal width, closed on the right, as scikit-learn has them."""
    return np.searchsorted(np.linspace(0, 1, num_bins + 1)[1:-1], scores)
