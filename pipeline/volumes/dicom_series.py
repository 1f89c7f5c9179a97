"""The order of the slices of a DICOM series, and its refusal where they do not make one volume.

Slices are sorted along the normal of their plane, never by the names of files or by InstanceNumber, which need not
follow the patient.

Source: the DICOM standard, PS3.3, C.7.6.2.1.1: the position and the orientation of a slice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.volumes.dicom_headers import SliceHeader

REASON = "bad_series"
TOLERANCE = 0.05  # of the spacing, by which the distance of two slices may differ
DUPLICATE = 0.01  # of the spacing; nearer slices have one place
MAX_TURN = 1e-3  # by which a number of the orientation may differ within a series
MAX_TILT = 1.0  # degrees between the way from slice to slice and the normal of the slices
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """Where the slices of a series lie.

    Attributes:
        order: Of the slices, by their place along the normal.
        affine: 4 x 4, from (slice, row, column) to mm to the right, front and head (RAS).
        through_plane: Distance of slices in mm.
    """

    order: list[int]
    affine: np.ndarray
    through_plane: float


def arrange(slices: Sequence[SliceHeader]) -> Geometry:
    """The order and the orientation of slices.

    Raises:
        ItemRejected: `bad_series`, with what is wrong.
    """
    _refuse_mixtures(slices)
    first = slices[0]
    if first.orientation is None or any(entry.position is None for entry in slices):
        raise ItemRejected(REASON, f"{_count_missing(slices)} of {len(slices)} slices have no place in the patient")
    if first.pixel_spacing is None or min(first.pixel_spacing) <= 0:
        raise ItemRejected(REASON, "the distance of pixels is missing")
    along_row, along_column = _directions(first.orientation)
    normal = np.cross(along_row, along_column)
    positions = np.array([entry.position for entry in slices])
    places = positions @ normal
    order = np.argsort(places, kind="stable")
    step = _spacing(places[order])
    way = (positions[order[-1]] - positions[order[0]]) / (len(slices) - 1)
    _refuse_tilt(way, normal, positions[order], step)
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1] = along_column * first.pixel_spacing[0]
    affine[:3, 2] = along_row * first.pixel_spacing[1]
    return Geometry(order=[int(index) for index in order], affine=LPS_TO_RAS @ affine, through_plane=step)


def _refuse_mixtures(slices: Sequence[SliceHeader]) -> None:
    """Refuses slices that are not of one series, or not alike."""
    series = Counter(entry.series for entry in slices)
    if len(series) > 1:
        sizes = ", ".join(str(count) for count in series.values())
        raise ItemRejected(REASON, f"{len(series)} series in one folder, of {sizes} slices; give each its own folder")
    if len(slices) < 2:
        raise ItemRejected(REASON, "one slice alone, which is a picture (media=image)")
    for name in ("shape", "pixel_spacing", "kind"):
        different = Counter(getattr(entry, name) for entry in slices)
        if len(different) > 1:
            what = {"shape": "sizes", "pixel_spacing": "distances of pixels", "kind": "kinds of pixels"}[name]
            raise ItemRejected(REASON, f"{len(different)} {what} in one series, of {sorted(different.values())} slices")
    oriented = [entry.orientation for entry in slices if entry.orientation is not None]
    if len(oriented) not in (0, len(slices)) or any(np.abs(one - oriented[0]).max() > MAX_TURN for one in oriented):
        raise ItemRejected(REASON, "the slices are turned differently (a localizer among them, or two series)")


def _count_missing(slices: Sequence[SliceHeader]) -> int:
    return sum(entry.position is None or entry.orientation is None for entry in slices)


def _directions(orientation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if max(abs(length - 1) for length in lengths) > 0.01 or abs(along_row @ along_column) > 0.01:
        raise ItemRejected(REASON, "the orientation is none: rows and columns are not at right angles")
    return along_row / lengths[0], along_column / lengths[1]


def _spacing(places: np.ndarray) -> float:
    """The distance of neighbouring slices in mm, of sorted places along the normal."""
    gaps = np.diff(places)
    step = float(np.median(gaps))
    doubled = int((gaps <= max(1e-6, DUPLICATE * step)).sum())
    if doubled:
        raise ItemRejected(
            REASON, f"{doubled} of {len(places)} slices lie where another one lies (several phases or echoes?)"
        )
    wrong = np.flatnonzero(np.abs(gaps - step) > TOLERANCE * step)
    if len(wrong):
        gap = float(gaps[wrong[0]])
        missing = round(gap / step)
        where = f"of {step:g} mm, {gap:g} mm after slice {int(wrong[0]) + 1} of {len(places)}"
        if missing >= 2 and abs(gap / step - missing) <= TOLERANCE * missing:
            raise ItemRejected(REASON, f"slices are missing: {missing - 1} within a spacing {where}")
        raise ItemRejected(REASON, f"{len(wrong)} unequal spacings: the usual one is {where}")
    return float(places[-1] - places[0]) / (len(places) - 1)


def _refuse_tilt(way: np.ndarray, normal: np.ndarray, positions: np.ndarray, step: float) -> None:
    """Refuses slices that do not lie straight behind one another."""
    tilt = math.degrees(math.acos(min(1.0, float(way @ normal) / float(np.linalg.norm(way)))))
    if tilt > MAX_TILT:
        raise ItemRejected(
            REASON,
            f"a gantry tilt of {tilt:.1f} degrees: each slice is shifted sideways; resample it to a straight one",
        )
    sideways = positions - positions[0] - np.outer((positions - positions[0]) @ normal, normal)
    off = float(np.linalg.norm(sideways, axis=1).max()) - step * len(positions) * math.tan(math.radians(MAX_TILT))
    if off > 0:
        raise ItemRejected(REASON, "the slices do not lie on one line")
