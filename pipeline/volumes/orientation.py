"""Voxels in the one orientation in which volumes are stored.

Files say where their axes lead in a patient. Voxels are first brought to the canonical orientation RAS (axes to the
right, to the front, to the head), then stored with these axes in reverse order, and right and front at their beginning:
(slices, rows, columns) = (feet to head, front to back, the patient's right to left). So one slice is shown as
radiologists show it: the patient's right is on the left of the picture, the front is above.

The nearest axis is taken, nothing is interpolated, so an oblique volume stays oblique by up to 45 degrees.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.errors import ItemRejected

STORED = ("S", "P", "L")  # where index 0, 1 and 2 grow to: head, back, left
MAX_SHEAR = 0.0175  # cosine of the angle between two axes: one degree


def to_stored_axes(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]]:
    """The array with its axes exchanged and flipped, and the spacing of the new axes.

    Args:
        array: Three axes, in any orientation.
        affine: 4 x 4, from indices to millimetres to the right, to the front and to the head (RAS+).

    Raises:
        ItemRejected: The affine is no orientation, or its axes are not at right angles (a gantry tilt that was stored
            as a shear).
    """
    from nibabel import orientations

    spacing = check_affine(affine)
    start = orientations.io_orientation(affine)
    transform = orientations.ornt_transform(start, orientations.axcodes2ornt(STORED))
    order = np.argsort(transform[:, 0])
    return np.asarray(orientations.apply_orientation(array, transform)), tuple(float(spacing[axis]) for axis in order)


def stored_shape(shape: tuple[int, ...], affine: np.ndarray) -> tuple[int, ...]:
    """The shape after `to_stored_axes`, which says what it raises."""
    return to_stored_axes(np.broadcast_to(np.uint8(0), shape), affine)[0].shape


def check_affine(affine: np.ndarray) -> np.ndarray:
    """(3,) lengths of its three axes in mm; raises as `to_stored_axes`."""
    axes = np.asarray(affine, dtype=np.float64)[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not (np.isfinite(axes).all() and lengths.min() > 0):
        raise ItemRejected("truncated", "the axes of the volume have no direction")
    unit = axes / lengths
    angles = np.abs(unit.T @ unit - np.eye(3))
    if angles.max() > MAX_SHEAR:
        degrees = 90 - float(np.degrees(np.arccos(min(1.0, angles.max()))))
        raise ItemRejected(
            "unsupported",
            f"two axes of the volume are {degrees:.1f} degrees from a right angle (a gantry tilt stored as a shear, or "
            "a fit to an atlas); resample it to axes at right angles",
        )
    return lengths
