"""One volume as its file gives it, in the orientation in which all volumes are stored; limits; damage of files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.errors import ItemRejected, UserError
from pipeline.images.silence import ignore_warnings

if TYPE_CHECKING:
    from types import ModuleType

MAX_SLICES = 4096
MAX_SIDE = 2**16  # of a slice
MIN_SIDE = 2  # of each axis; what has one slice is a picture
EXTRA = "the extra volumes: make install EXTRAS=volumes"


@final
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is accepted, checked before anything is unpacked.

    Attributes:
        max_voxels: Of a volume, also after it was resampled.
        max_pixels: Of a slice.
    """

    max_voxels: int
    max_pixels: int

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuses a shape, (slices, rows, columns) or the same axes in another order.

        Raises:
            ItemRejected: `too_large`, or `unsupported` where it has another number of axes.
        """
        named = " x ".join(map(str, shape)) or "no axis"
        if len(shape) != 3:
            raise ItemRejected(
                "unsupported", f"an array of {named}, which has {len(shape)} axes; a volume has three, or a fourth of 1"
            )
        if min(shape) < MIN_SIDE:
            raise ItemRejected(
                "unsupported", f"{named} voxels; a volume has at least {MIN_SIDE} along each axis (media=image)"
            )
        if math.prod(shape) > self.max_voxels:
            raise ItemRejected("too_large", f"{named} voxels, at most {self.max_voxels:,} allowed (media.max_voxels)")

    def check_slices(self, shape: tuple[int, ...]) -> None:
        """Refuses (slices, rows, columns) with too many slices or too large ones."""
        slices, rows, columns = shape
        if rows * columns > self.max_pixels:
            raise ItemRejected(
                "too_large", f"slices of {rows} x {columns}, at most {self.max_pixels:,} pixels allowed (max_pixels)"
            )
        if max(rows, columns) > MAX_SIDE:
            raise ItemRejected("too_large", f"slices of {rows} x {columns}, at most {MAX_SIDE:,} along a side allowed")
        if slices > MAX_SLICES:
            raise ItemRejected("too_large", f"{slices:,} slices, at most {MAX_SLICES:,} allowed")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """A volume before it is reduced to 8 bits.

    Attributes:
        voxels: (slices, rows, columns) of any type of number, in the unit of the file: slices from the feet to the
            head, rows from front to back, columns from the patient's right to the left, where the file says where
            these are; else as stored. NaN where the file says that nothing was measured.
        format: `NIfTI`, `DICOM`, `MRC`, `NPY` or `array`.
        spacing: Distance of neighbouring voxels along the three axes in mm; None where the file does not say.
        through_plane: Distance of acquired slices in mm; None where the file does not say.
        slice_thickness: In mm; None where the file does not say.
        is_calibrated: Whether the file says that the numbers have a scale of their own, as Hounsfield units have.
        is_inverted: Whether small numbers are bright.
        attributes: Categories and numbers that say nothing of a person; None where the file does not say.
    """

    voxels: np.ndarray
    format: str
    spacing: tuple[float, float, float] | None = None
    through_plane: float | None = None
    slice_thickness: float | None = None
    is_calibrated: bool = False
    is_inverted: bool = False
    attributes: Mapping[str, str | float | None] = field(default_factory=dict)


def apply_scale(raw: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """raw x slope + intercept in float32, or the array itself where that changes nothing.

    Raises:
        ItemRejected: The numbers are no real ones, or the scale is none.
    """
    if raw.dtype.kind not in "biuf":
        raise ItemRejected("unsupported", f"voxels of the type {raw.dtype}; whole and real numbers are read")
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        raise ItemRejected("truncated", f"a scale of {slope} and {intercept}, which is none")
    if slope == 1 and intercept == 0:
        return raw
    with np.errstate(all="ignore"):
        scaled = raw.astype(np.float32)
        scaled *= np.float32(slope)
        scaled += np.float32(intercept)
    return scaled


def checked_spacing(values: tuple[float, ...]) -> tuple[float, float, float] | None:
    """The spacing in mm, or None where a value is no length."""
    slices, rows, columns = (float(value) for value in values)
    usable = all(math.isfinite(one) and 1e-12 < one < 1e6 for one in (slices, rows, columns))
    return (slices, rows, columns) if usable else None


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Within the block every error of a damaged file is an `ItemRejected`; warnings of the libraries are ignored."""
    try:
        with ignore_warnings():
            yield
    except (ItemRejected, UserError):
        raise
    except MemoryError:
        raise ItemRejected("too_large", "there is not enough memory to decode it") from None
    except ImportError as error:
        raise UserError(f"{kind} files need a package that cannot be loaded ({error}); install {EXTRA}") from None
    except Exception as error:  # whatever the file holds: readers of headers raise dozens of kinds
        # without its text, which may repeat what the file says of a person
        raise ItemRejected("truncated", f"a damaged {kind} file ({type(error).__name__})") from None


def import_reader(package: str, kind: str) -> ModuleType:
    """The package that reads a kind of files.

    Raises:
        UserError: It is not installed.
    """
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError as error:
        top = package.partition(".")[0]
        raise UserError(
            f"{kind} files need the package {top}, which cannot be loaded ({error}); install {EXTRA}"
        ) from None
