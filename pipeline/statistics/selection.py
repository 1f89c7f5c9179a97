"""How much better the best of several equal models looks than it is."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.special import log_ndtr


def expected_maximum(count: int) -> float:
    """The expected largest of `count` independent standard normal numbers: 0 for 1, 0.56 for 2, 1.97 for 25.

    In standard errors of a figure it is how much better the best of so many equal models looks than it is. Models that
    were trained on the same pictures make many mistakes together, so for them it is an upper bound.

    Raises:
        ValueError: `count` is below 1.

    Source: H. A. David and H. N. Nagaraja 2003, Order Statistics, section 3.2, doi:10.1002/0471722162; that choosing by
        one test set uses it up: Dwork et al. 2015, doi:10.1126/science.aaa9375.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")

    def integrand(x: float) -> float:
        density = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
        return float(x * count * density * np.exp((count - 1) * log_ndtr(x)))

    return float(quad(integrand, -12.0, 12.0, limit=200)[0])
