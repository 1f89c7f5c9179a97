"""How volumes are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast, final

import numpy as np

from pipeline.core.errors import ItemRejected
from pipeline.core.open_types import JsonObject, Params
from pipeline.core.sample_codec import (
    DecodedSample,
    FileSet,
    SampleCodec,
    SampleHeader,
    SampleMeasurements,
)
from pipeline.volumes import measuring
from pipeline.volumes.formats import read_scan, read_shape
from pipeline.volumes.resampling import to_spacing
from pipeline.volumes.scan import Bounds, Scan
from pipeline.volumes.storage import Fit, VolumeFormat
from pipeline.volumes.views import copy_pictures, three_slices
from pipeline.volumes.window import Greys, Window, reduce


@final
@dataclass(frozen=True, kw_only=True)
class VolumeCodec(SampleCodec):
    """Reads volumes.

    Args:
        bounds: What is accepted.
        depth: Slices of a stored volume; None: as many as its height.
        spacing: Of the voxels in mm, to which volumes are resampled; None: each as it is.
        window: Numbers that become black and white; None: chosen by each volume.
        node: From which the same media is built again.
    """

    media: ClassVar[str] = "volume"

    bounds: Bounds
    depth: int | None
    spacing: float | None
    window: Window
    node: Params

    def header(self, data: bytes | np.ndarray | FileSet) -> SampleHeader:
        depth, height, width = read_shape(data, self.bounds)
        return SampleHeader(width=width, height=height, depth=depth)

    def decode(self, data: bytes | np.ndarray | FileSet) -> np.ndarray:
        return self._read(data)[2]

    def decode_with_views(self, data: bytes | np.ndarray | FileSet) -> tuple[np.ndarray, list[list[np.ndarray]]]:
        sample = self.decode(data)
        return sample, [copy_pictures(sample)]

    def open(self, data: bytes | np.ndarray | FileSet) -> DecodedSample:
        scan, greys, pixels = self._read(data)
        size = len(data) if isinstance(data, bytes) else data.nbytes
        return DecodedSample(
            pixels=pixels,
            measure=lambda: measuring.measure(scan, greys, pixels, self.show(pixels), size),
        )

    def examine(self, data: bytes | np.ndarray | FileSet) -> SampleMeasurements:
        try:
            return self.open(data).measure()
        except MemoryError:
            raise ItemRejected("too_large", "there is not enough memory to measure it") from None

    def show(self, sample: np.ndarray) -> np.ndarray:
        return three_slices(sample, has_cubes=self.spacing is not None)

    def storage(self, size: int, fit: str, channels: int) -> VolumeFormat:
        if fit not in ("crop", "pad", "stretch"):
            raise ValueError(f"fit must be crop, pad or stretch, got {fit!r}")
        return VolumeFormat(
            size=size,
            depth=self.depth or size,
            fit=cast(Fit, fit),
            channels=channels,
            has_cubes=self.spacing is not None,
        )

    def for_card(self) -> JsonObject:
        return {"max_pixels": self.bounds.max_pixels, "media": self.node}

    def _read(self, data: bytes | np.ndarray | FileSet) -> tuple[Scan, Greys, np.ndarray]:
        """The volume as read, in 256 greys, and resampled."""
        try:
            scan = read_scan(data, self.bounds)
            greys = reduce(scan, self.window)
            return scan, greys, self._resample(scan, greys.voxels)
        except MemoryError:
            raise ItemRejected("too_large", "there is not enough memory to decode it") from None

    def _resample(self, scan: Scan, voxels: np.ndarray) -> np.ndarray:
        if self.spacing is None:
            return voxels
        if scan.spacing is None:
            raise ItemRejected(
                "unsupported",
                f"media.spacing {self.spacing:g} needs the distance of voxels, which this {scan.format} does not give; "
                "media.spacing=null takes any",
            )
        return to_spacing(voxels, scan.spacing, self.spacing, self.bounds.max_voxels)
