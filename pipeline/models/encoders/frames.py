"""An image encoder applied to each frame of a clip, or to each slice of a volume."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

FRAMES = 2  # the axis of frames or slices in (B, 3, T, H, W)


def check_frame_encoder(encoder: Any) -> int:
    """The length of the feature vector of an encoder of single frames.

    Raises:
        ValueError: The encoder takes no pictures.
    """
    if encoder.spatial_rank not in (None, 2):
        raise ValueError(
            f"frame_encoder must take pictures, and {type(encoder).__name__} takes samples with "
            f"{encoder.spatial_rank} spatial axes; choose another one, such as encoder@encoder.frame_encoder=small"
        )
    return int(encoder.feature_dim)


def choose_frames(x: Tensor, number: int | None) -> Tensor:
    """(B, C, T, H, W) to at most `number` of the T frames, those in the middle of so many equal parts; None: all."""
    total = x.shape[FRAMES]
    if number is None or number >= total:
        return x
    places = [(2 * part + 1) * total // (2 * number) for part in range(number)]
    return x[:, :, places]


def encode_frames(encoder: nn.Module, x: Tensor) -> Tensor:
    """(B, 3, T, H, W) clips or volumes to (B, T, D) features; all frames go through the encoder in one batch."""
    frames = x.movedim(FRAMES, 1)
    features: Tensor = encoder(frames.flatten(0, 1))
    return features.unflatten(0, frames.shape[:2])
