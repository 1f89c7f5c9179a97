"""The five severities of a corruption, and the size of the pictures that the published ones were made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

NUM_SEVERITIES = 5
PUBLISHED_SIDE = 224  # pixels of the pictures of ImageNet-C


def scale_to_side(images: np.ndarray, power: float) -> float:
    """The shorter side of (N, *spatial, C) pictures or frames as a share of `PUBLISHED_SIDE`, to a power."""
    return float((min(images.shape[-3:-1]) / PUBLISHED_SIDE) ** power)


def change_frames(sample: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A (*spatial, C) sample whose picture, or each of whose frames or slices, is changed in the same way.

    Args:
        sample: uint8.
        change: Of one (H, W, C) picture to another of the same shape.
    """
    frames = sample.reshape(-1, *sample.shape[-3:])
    return np.stack([change(one) for one in frames]).reshape(sample.shape)


def check_levels(name: str, levels: Sequence[float], low: float, high: float) -> None:
    """Refuses what are not five numbers from `low` to `high`.

    Raises:
        ValueError: They are not.
    """
    if len(levels) != NUM_SEVERITIES or not all(low <= one <= high for one in levels):
        raise ValueError(
            f"{name} must be five numbers from {low:g} to {high:g}, one for each severity, got {[*levels]}"
        )
