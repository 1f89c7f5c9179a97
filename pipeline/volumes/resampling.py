"""Volumes of other lengths: resized along each axis with antialiasing, cut and filled around their centre."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.volumes.scan import MAX_SLICES

Box = tuple[float, float, float, float]  # left, upper, right and lower edge in columns and rows


def resize(volume: np.ndarray, shape: tuple[int, int, int], box: Box | None = None) -> np.ndarray:
    """A copy with other lengths; each axis with antialiasing where it shrinks.

    What shrinks goes before what grows, so that nothing in between is larger than both the volume and the result.

    Args:
        volume: (slices, rows, columns) uint8.
        shape: Of the result.
        box: The part of each slice that is taken; None: all of it.
    """
    slices, rows, columns = shape
    left, upper, right, lower = box or (0, 0, volume.shape[2], volume.shape[1])
    grows = rows * columns > (right - left) * (lower - upper)
    if grows and slices < volume.shape[0]:
        volume = _resize_slices(volume, slices)
    if box is not None or volume.shape[1:] != (rows, columns):
        volume = np.stack([_resize_plane(plane, rows, columns, box) for plane in volume])
    return _resize_slices(volume, slices)


def _resize_slices(volume: np.ndarray, slices: int) -> np.ndarray:
    if volume.shape[0] == slices:
        return volume
    flat = np.ascontiguousarray(volume).reshape(volume.shape[0], -1)
    return _resize_plane(flat, slices, flat.shape[1]).reshape(slices, *volume.shape[1:])


def _resize_plane(plane: np.ndarray, rows: int, columns: int, box: Box | None = None) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(plane))
    if box is None and rows < image.height and columns > image.width:  # Pillow would begin with the columns
        image = image.resize((image.width, rows), Image.Resampling.BILINEAR)
    return np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR, box=box))


def to_spacing(volume: np.ndarray, spacing: tuple[float, float, float], wanted: float, max_voxels: int) -> np.ndarray:
    """A copy whose voxels are cubes.

    Args:
        volume: (slices, rows, columns) uint8.
        spacing: Distance of its voxels in mm.
        wanted: That of the result in mm.
        max_voxels: Of the result.

    Raises:
        ItemRejected: It would have more, or an axis would be longer than `MAX_SLICES`.
    """
    exact = [length * step / wanted for length, step in zip(volume.shape, spacing, strict=True)]
    if max(exact) > MAX_SLICES:
        raise ItemRejected(
            "too_large",
            f"{max(exact):,.0f} voxels along an axis at media.spacing {wanted:g} mm, at most {MAX_SLICES:,} allowed",
        )
    lengths = [max(1, round(length)) for length in exact]
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
