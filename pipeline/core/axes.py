"""The axes of samples: (N, *spatial, C) as they are stored, (B, C, *spatial) as a network takes them.

A picture has two spatial axes, (H, W). A clip and a volume have three, of which frames or slices are the first. An
encoder, a transform, an augmentation and a mix say in `spatial_rank` how many axes they take, None for two or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core.errors import UserError

if TYPE_CHECKING:
    import torch


ON_FRAMES = {"encoder": "encoder=frame_mean, which takes them frame by frame", "embed": "embed=frames"}


def to_tensor(stored: np.ndarray) -> torch.Tensor:
    """(B, *spatial, C) uint8 array to (B, C, *spatial) uint8 tensor with the memory layout of the array."""
    import torch

    return torch.from_numpy(np.require(stored, requirements=["C", "W"])).movedim(-1, 1)


def to_array(batch: torch.Tensor) -> np.ndarray:
    """(B, C, *spatial) tensor to (B, *spatial, C) array: the inverse of `to_tensor`."""
    result: np.ndarray = batch.movedim(1, -1).contiguous().numpy()
    return result


def middle_pictures(stored: np.ndarray) -> np.ndarray:
    """(N, *spatial, C) to (N, H, W, C) for display: the picture itself, or the middle frame or slice."""
    while stored.ndim > 4:
        stored = stored[:, stored.shape[1] // 2]
    return stored


def check_spatial_rank(components: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Refuses a component that takes samples with another number of spatial axes.

    Args:
        components: Key in params.yaml to an augmentation, mix, transform or encoder.
        shape: (*spatial, C) of the samples as they are stored.

    Raises:
        UserError: A component does not fit; the message names the first.
    """
    rank = len(shape) - 1
    for key, component in components.items():
        expected = component.spatial_rank
        if expected not in (None, rank):
            section = key.partition(".")[0]
            remedy = f", such as {ON_FRAMES[section]}" if rank > 2 and section in ON_FRAMES else ""
            raise UserError(
                f"params.yaml: {key} takes samples with {expected} spatial axes, but the stored samples have {rank} "
                f"({' x '.join(map(str, shape[:-1]))}); choose another {section}{remedy}"
            )
