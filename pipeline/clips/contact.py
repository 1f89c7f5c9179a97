"""A clip as one picture: four of its frames, for display and for a hash."""

from __future__ import annotations

import numpy as np

ACROSS = 2  # frames of a row, and rows


def contact_sheet(frames: np.ndarray) -> np.ndarray:
    """Four frames from the middles of the clip's quarters, in two rows from left to right; a single frame is itself.

    Args:
        frames: (T, H, W) or (T, H, W, 3) uint8.

    Returns:
        (2 H, 2 W) or (2 H, 2 W, 3) uint8.
    """
    if len(frames) == 1:
        return frames[0]
    number = ACROSS * ACROSS
    taken = frames[[(2 * position + 1) * len(frames) // (2 * number) for position in range(number)]]
    return np.concatenate(
        [np.concatenate(list(taken[row : row + ACROSS]), axis=1) for row in range(0, number, ACROSS)], axis=0
    )
