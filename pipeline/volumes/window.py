"""From the numbers of a volume to 256 greys, and what is lost by it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.volumes.scan import Scan

Window = tuple[float, float] | None  # None: chosen by the volume itself
TAILS = (0.5, 99.5)  # per cent of the voxels, of a window that the volume chooses
QUANTILES = {"intensity_01": 1, "intensity_25": 25, "intensity_50": 50, "intensity_75": 75, "intensity_99": 99}
WHITE = 255


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Greys:
    """A volume in 256 greys.

    Attributes:
        voxels: Of the shape of the volume, uint8.
        low: Number of the file that becomes black.
        high: Number of the file that becomes white.
        clipped: Share of the voxels beyond these, and of those that are no number, 0 to 1.
        intensities: Name to quantile of the numbers of the file.
    """

    voxels: np.ndarray
    low: float
    high: float
    clipped: float
    intensities: dict[str, float]

    @property
    def level_width(self) -> float:
        """How far two neighbouring greys are apart in the unit of the file."""
        return (self.high - self.low) / WHITE


def reduce(scan: Scan, window: Window) -> Greys:
    """The volume in 256 greys.

    Masks (nothing but 0 and 1, or truth values) become black and white, whole numbers of 8 bits stay as they are. Of
    other volumes the numbers from the 0.5 to the 99.5 percentile become black to white, unless a window is given. A
    voxel that is no number or minus infinity becomes black, infinity white.

    Args:
        scan: With numbers of any type.
        window: The numbers that become black and white, in the unit of the file (Hounsfield units of CT).

    Raises:
        ItemRejected: The file does not say that its numbers have a scale, where a window is given; or no voxel lies
            in it; or no voxel is a number.
    """
    numbers, ends = _finite(scan.voxels)
    quantiles = np.percentile(numbers, [*TAILS, *QUANTILES.values()]).astype(float)
    low, high = _choose(scan, window, (float(quantiles[0]), float(quantiles[1])), ends)
    grey = _to_grey(scan.voxels, low, high)
    return Greys(
        voxels=WHITE - grey if scan.is_inverted else grey,
        low=low,
        high=high,
        clipped=int((~((scan.voxels >= low) & (scan.voxels <= high))).sum()) / scan.voxels.size,
        intensities=dict(zip(QUANTILES, map(float, quantiles[2:]), strict=True)),
    )


def _finite(voxels: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The voxels that are numbers, and the smallest and the largest of them."""
    numbers = voxels.ravel()
    if voxels.dtype.kind == "b":
        numbers = numbers.view(np.uint8)
    elif voxels.dtype.kind == "f":
        known = np.isfinite(numbers)
        numbers = numbers if known.all() else numbers[known]
        if not numbers.size:
            raise ItemRejected("truncated", "no voxel is a number")
    return numbers, (float(numbers.min()), float(numbers.max()))


def _choose(scan: Scan, window: Window, tails: tuple[float, float], ends: tuple[float, float]) -> tuple[float, float]:
    if window is not None:
        if not scan.is_calibrated:
            raise ItemRejected(
                "unsupported",
                f"media.window {list(window)} needs numbers with a scale, such as Hounsfield units, and this "
                f"{scan.format} does not say that it has one; media.window=auto takes any",
            )
        if ends[1] < window[0] or ends[0] > window[1]:
            raise ItemRejected(
                "unsupported", f"no voxel lies in media.window {list(window)}; they go from {ends[0]:g} to {ends[1]:g}"
            )
        return window
    if scan.voxels.dtype.kind == "b" or (ends == (0.0, 1.0) and _has_two(scan.voxels)):
        return 0.0, 1.0
    if scan.voxels.dtype == np.uint8:
        return 0.0, float(WHITE)
    return tails if tails[1] > tails[0] else ends


def _has_two(voxels: np.ndarray) -> bool:
    """Whether every voxel is 0 or 1."""
    return voxels.dtype.kind in "iu" or bool(((voxels == 0) | (voxels == 1)).all())


def _to_grey(voxels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Each number to 0 to 255, rounded; slice by slice, so that little more memory is needed than for the result."""
    if voxels.dtype == np.uint8 and (low, high) == (0, WHITE):
        return np.ascontiguousarray(voxels)
    grey = np.zeros(voxels.shape, np.uint8)
    width = high - low
    if not (width > 0 and math.isfinite(width)):
        return grey
    for plane, numbers in zip(grey, voxels, strict=True):
        scaled = (np.clip(numbers.astype(np.float64), low, high) - low) * (WHITE / width)
        plane[...] = np.rint(np.nan_to_num(scaled, nan=0.0))
    return grey
