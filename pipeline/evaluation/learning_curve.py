"""How the figure of the linear probe grows with the number of pictures, and what twice as many would give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import stdtrit

from pipeline.core.estimate import Estimate
from pipeline.evaluation.curve_text import DOUBLED, GAIN, PERCENTS, POINT
from pipeline.statistics.bootstrap import MIN_GROUPS, Basis, Bootstrap
from pipeline.statistics.classification import balanced_accuracy

EXPONENTS = np.linspace(0.1, 2.0, 39)  # of the inverse power law; published curves have 0.07 to 1 or so


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class CurvePoint:
    """Out-of-fold decisions of probes that were fitted to a share of the groups.

    Attributes:
        percent: Of all samples.
        num_train: Samples that a probe was fitted to, mean over folds.
        decided: (N, K) bool.
    """

    percent: int
    num_train: float
    decided: np.ndarray


def fit_power_law(sizes: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted least squares of errors = floor + scale * sizes^-exponent, floor and scale at least 0, for each row.

    The weight of a point is its place: the later ones say more of what follows.

    Args:
        sizes: (S,) above 0.
        errors: (R, S) finite, 0 to 1.

    Returns:
        (R,) floors, scales and exponents.

    Source: Cortes et al. 1994, Learning curves: asymptotic values and rate of convergence, NIPS 6; Figueroa et al.
        2012, doi:10.1186/1472-6947-12-8.
    """
    best = np.full(len(errors), np.inf)
    floors, scales, exponents = np.zeros(len(errors)), np.zeros(len(errors)), np.full(len(errors), EXPONENTS[0])
    weights = _place_weights(len(sizes))
    means = errors @ weights
    for exponent in EXPONENTS:
        powers = sizes**-exponent
        centred = powers - weights @ powers
        scale = np.maximum((errors - means[:, None]) @ (weights * centred) / (weights @ centred**2), 0.0)
        floor = means - scale * (weights @ powers)
        below = floor < 0  # then without a floor
        scale = np.where(below, errors @ (weights * powers) / (weights @ powers**2), scale)
        floor = np.where(below, 0.0, floor)
        loss = (errors - floor[:, None] - scale[:, None] * powers) ** 2 @ weights
        better = loss < best - 1e-15
        best = np.where(better, loss, best)
        floors, scales = np.where(better, floor, floors), np.where(better, scale, scales)
        exponents = np.where(better, exponent, exponents)
    return floors, scales, exponents


def _place_weights(num: int) -> np.ndarray:
    """(S,) weights 1, 2, 3, ... with the sum 1."""
    places = np.arange(1.0, num + 1)
    return np.asarray(places / places.sum())


def misfit(sizes: np.ndarray, errors: np.ndarray) -> float:
    """How far the law is from (S,) errors: the residual standard deviation, three parameters fitted."""
    law = fit_power_law(sizes, errors[None])
    residuals = errors - np.array([predict_power_law(law, float(size))[0] for size in sizes])
    degrees = max(1, len(sizes) - 3)
    return float(np.sqrt(len(sizes) * (residuals**2 @ _place_weights(len(sizes))) / degrees))


def predict_power_law(law: tuple[np.ndarray, np.ndarray, np.ndarray], size: float) -> np.ndarray:
    """(R,) errors at a number of samples."""
    floors, scales, exponents = law
    return np.asarray(floors + scales * size**-exponents)


def curve_estimates(
    points: Sequence[CurvePoint], targets: np.ndarray, groups: np.ndarray, exclusive: bool, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Balanced accuracy at each size with its interval, and the one predicted for twice as many samples with its gain.

    An estimate's `n` is the number of samples that were trained on. Each replicate has a curve and a fit of its own,
    and the interval of the gain also holds how far the law misses the measured points. It cannot show whether the law
    holds beyond the data. What is predicted is the last measured figure and the gain.

    Args:
        points: With growing sizes.
        targets: (N, K) in {0, 1}.
        groups: (N,) of each sample.
        exclusive: Whether each sample has exactly one label.
        bootstrap: How groups are resampled, where there are more than 100.
    """
    if not points:
        return {}
    weights = bootstrap.across_folds.replicates(groups)

    def measure(block: np.ndarray) -> np.ndarray:
        return np.stack([balanced_accuracy(targets, point.decided, block, exclusive) for point in points], axis=1)

    once, replicates = measure(np.ones((1, len(targets)))), np.concatenate([measure(block) for block in weights])
    num_groups = int(Basis.of(np.asarray(targets, dtype=bool), groups).groups)
    quantile = float(stdtrit(num_groups - 1, 0.975)) if num_groups >= MIN_GROUPS else math.nan
    sizes = np.array([point.num_train for point in points])

    def estimate(
        value: float, varied: np.ndarray, n: float, limits: tuple[float, float], beyond: float = 0.0
    ) -> Estimate:
        half = quantile * math.hypot(weights.spread(varied), beyond)
        is_known = math.isfinite(half)
        return Estimate(
            value=float(value) if math.isfinite(value) else None,
            low=max(limits[0], float(value) - half) if is_known else None,
            high=min(limits[1], float(value) + half) if is_known else None,
            n=round(n),
            groups=num_groups,
        )

    found = {
        POINT.format(point.percent): estimate(once[0, place], replicates[:, place], point.num_train, (0.0, 1.0))
        for place, point in enumerate(points)
    }
    known = replicates[np.isfinite(replicates).all(axis=1)]
    if len(known) < len(replicates) / 2 or not np.isfinite(once).all() or len(points) < len(PERCENTS):
        return found
    last, twice = float(sizes[-1]), 2 * float(sizes[-1])
    gained, varied = (
        predict_power_law(law, last) - predict_power_law(law, twice)
        for law in (fit_power_law(sizes, 1 - values) for values in (once, known))
    )
    missed = misfit(sizes, 1 - once[0])
    found[GAIN] = estimate(gained[0], varied, twice, (-1.0, 1.0), missed)
    doubled = once[0, -1] + gained[0]
    found[POINT.format(DOUBLED)] = estimate(doubled, known[:, -1] + varied, twice, (0.0, 1.0), missed)
    return found
