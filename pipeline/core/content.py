"""What a content check gets in addition to the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.core.batches import Change


@dataclass(frozen=True, eq=False)
class EmbeddedImages:
    """The pictures as frozen features, a row for each sample in the same order.

    Attributes:
        features: (N, D) floating point, memory-mapped.
        policy: The augmentations of training, by name.
        pictures: (n,) rows to (n, *spatial, C) uint8, as they were embedded.
        embed: (n, *spatial, C) uint8 to (n, D) float32, as `features` were made.
    """

    features: np.ndarray
    policy: dict[str, Change]
    pictures: Callable[[np.ndarray], np.ndarray]
    embed: Callable[[np.ndarray], np.ndarray]
