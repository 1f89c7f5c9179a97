"""Volumes of other lengths: resized along each axis with antialiasing, cut and filled around their centre."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipeline.core.errors import ItemRejected


def resize(volume: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """A copy with other lengths; each axis with antialiasing where it shrinks.

    Args:
        volume: (slices, rows, columns) uint8.
        shape: Of the result.
    """
    slices, rows, columns = shape
    if volume.shape[1:] != (rows, columns):
        volume = np.stack([_resize_plane(plane, rows, columns) for plane in volume])
    if volume.shape[0] != slices:
        flat = np.ascontiguousarray(volume).reshape(volume.shape[0], rows * columns)
        volume = _resize_plane(flat, slices, rows * columns).reshape(shape)
    return volume


def _resize_plane(plane: np.ndarray, rows: int, columns: int) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR))


def to_spacing(volume: np.ndarray, spacing: tuple[float, float, float], wanted: float, max_voxels: int) -> np.ndarray:
    """A copy whose voxels are cubes.

    Args:
        volume: (slices, rows, columns) uint8.
        spacing: Distance of its voxels in mm.
        wanted: That of the result in mm.
        max_voxels: Of the result.

    Raises:
        ItemRejected: It would have more.
    """
    lengths = [max(1, round(length * step / wanted)) for length, step in zip(volume.shape, spacing, strict=True)]
    if lengths[0] * lengths[1] * lengths[2] > max_voxels:
        raise ItemRejected(
            "too_large",
            f"{' x '.join(map(str, lengths))} voxels at media.spacing {wanted:g} mm, at most {max_voxels:,} allowed",
        )
    return resize(volume, (lengths[0], lengths[1], lengths[2]))


def centre(volume: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """A copy of another shape with the same centre: cut where it is longer, black where it is shorter."""
    result = np.zeros(shape, volume.dtype)
    source, target = [], []
    for have, want in zip(volume.shape, shape, strict=True):
        shared = min(have, want)
        source.append(slice((have - shared) // 2, (have - shared) // 2 + shared))
        target.append(slice((want - shared) // 2, (want - shared) // 2 + shared))
    result[tuple(target)] = volume[tuple(source)]
    return result
