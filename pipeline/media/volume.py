"""Each sample is one volume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

from pipeline.core import config
from pipeline.core.open_types import JsonObject
from pipeline.core.ranges import PositiveFloat, PositiveInt
from pipeline.core.sample_codec import Media
from pipeline.media.volume_codec import VolumeCodec
from pipeline.volumes.formats import SUFFIXES, ZIP_SUFFIX
from pipeline.volumes.scan import Bounds
from pipeline.volumes.window import Window

AUTO = "auto"


@final
@dataclass(frozen=True, kw_only=True)
class Volume(Media):
    """A volume: one NIfTI, MRC or NPY file, one DICOM series (a folder, a zip, or one file with many frames).

    Args:
        depth: Slices of a stored volume; null: as many as its height and width.
        spacing: Null: each volume is resized to the stored size, whatever its voxels are. A number: it is resampled to
            voxels that are cubes of so many mm, then cut or filled around its centre.
        window: What becomes black and white: `auto` (whole numbers of 8 bits as they are, masks black and white, of
            others the 0.5 to the 99.5 percentile of each volume), or two numbers, in Hounsfield units of CT.
        max_voxels: Most voxels of a volume, also after it was resampled; decoding takes up to 14 bytes of memory each.
    """

    suffixes: ClassVar[frozenset[str]] = SUFFIXES | {ZIP_SUFFIX}
    takes_folders: ClassVar[bool] = True

    depth: PositiveInt | None = None
    spacing: PositiveFloat | None = None
    window: Any = AUTO
    max_voxels: PositiveInt = 512**3

    def __post_init__(self) -> None:
        self._limits()

    def codec(self, facts: JsonObject) -> VolumeCodec:
        return VolumeCodec(
            bounds=Bounds(max_voxels=self.max_voxels, max_pixels=facts["max_pixels"]),
            depth=self.depth,
            spacing=self.spacing,
            window=self._limits(),
            node=config.to_node(self),
        )

    def _limits(self) -> Window:
        if self.window == AUTO:
            return None
        try:
            low, high = (float(number) for number in self.window)
        except (TypeError, ValueError):
            raise ValueError(f"window must be auto or two numbers such as [-160, 240], got {self.window!r}") from None
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"window must begin below its end, got {self.window!r}")
        return low, high
