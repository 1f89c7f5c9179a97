"""What of a volume is not background, and its shape in numbers."""

from __future__ import annotations

import math

import numpy as np

LEVELS = np.arange(256)
AXES = ("depth", "height", "width")


def find_foreground(volume: np.ndarray) -> np.ndarray:
    """Whether each voxel is brighter than the threshold that splits the greys into two groups best.

    Args:
        volume: uint8 of any shape.

    Source: Otsu 1979, A threshold selection method from gray-level histograms, doi:10.1109/TSMC.1979.4310076.
    """
    return volume > _threshold(np.bincount(volume.ravel(), minlength=256))


def _threshold(counts: np.ndarray) -> int:
    """The last grey of the darker group; the darkest grey of two, so that a mask is its own foreground."""
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * LEVELS).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = sums / below - (sums[-1] - sums) / above
        variance = np.nan_to_num(below * above * difference**2, nan=-1.0)
    return int(variance.argmax()) if variance.max() > 0 else 255


def measure_shape(foreground: np.ndarray, spacing: tuple[float, float, float] | None) -> dict[str, float]:
    """The size and the surface of the foreground, in voxels and in mm.

    Args:
        foreground: (slices, rows, columns) bool.
        spacing: Distance of voxels along the three axes in mm; None where it is unknown.

    Returns:
        `foreground_voxels` (number) and `foreground_mm3`; `extent_depth`, `extent_height` and `extent_width`
        (voxels from the first to the last slice, row and column with foreground) and each with `_mm`; `surface`
        (faces of voxels between foreground and background, the edge of the volume counts as background) and
        `surface_mm2`, which is larger than that of the smooth body, by half for a ball; `surface_to_volume` (faces
        per voxel, 0 without foreground) and `surface_to_volume_per_mm`. All in mm are NaN where the spacing is
        unknown.
    """
    voxels = int(foreground.sum())
    extents = [_extent(foreground.sum(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    faces = [_faces(foreground, axis) for axis in range(3)]
    steps = spacing or (math.nan,) * 3
    cube = math.prod(steps)
    area = sum(count * cube / step for count, step in zip(faces, steps, strict=True))
    return {
        "foreground_voxels": float(voxels),
        "foreground_mm3": voxels * cube,
        **{f"extent_{name}": float(extent) for name, extent in zip(AXES, extents, strict=True)},
        **{f"extent_{name}_mm": extent * step for name, extent, step in zip(AXES, extents, steps, strict=True)},
        "surface": float(sum(faces)),
        "surface_mm2": area,
        "surface_to_volume": sum(faces) / voxels if voxels else 0.0,
        "surface_to_volume_per_mm": area / (voxels * cube) if voxels else cube * 0,
    }


def _extent(counts: np.ndarray) -> int:
    places = np.flatnonzero(counts)
    return int(places[-1] - places[0]) + 1 if len(places) else 0


def _faces(foreground: np.ndarray, axis: int) -> int:
    """Faces across an axis between foreground and background."""
    planes = np.moveaxis(foreground, axis, 0)
    inner = np.count_nonzero(planes[1:] != planes[:-1])
    return int(inner) + int(planes[0].sum()) + int(planes[-1].sum())
