"""The number of epochs, and the learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Callable


def learning_rate_factor(num_steps: int, warmup_fraction: float) -> Callable[[int], float]:
    """The factor of the learning rate at each step: linear up to 1, then half a cosine down towards 0."""
    warmup = warmup_fraction * num_steps

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, num_steps - warmup)))

    return factor


def num_epochs(epochs: int, min_steps: int, steps_per_epoch: int) -> int:
    """The larger of `epochs` and the fewest epochs with at least `min_steps` steps."""
    return max(epochs, -(-min_steps // steps_per_epoch))
