"""The measurements of a volume: hashes, sizes and properties."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pipeline.core.sample_codec import SampleMeasurements
from pipeline.images import properties
from pipeline.images.decoding import content_hash
from pipeline.volumes.foreground import AXES, find_foreground, measure_shape
from pipeline.volumes.scan import Scan
from pipeline.volumes.views import twelve_slices
from pipeline.volumes.window import Greys


def measure(scan: Scan, greys: Greys, pixels: np.ndarray, view: np.ndarray, num_bytes: int) -> SampleMeasurements:
    """What ingest stores of a volume.

    The properties of a picture are those of the view that a person is shown; `num_pixels` and `aspect_ratio` are of a
    slice. All others are of the volume before it was resampled.

    Args:
        scan: As read.
        greys: The same in 256 greys.
        pixels: As decoded for the network.
        view: (H, W) uint8, of these.
        num_bytes: Of the file or of all files.
    """
    of_view = properties.measure(view, num_bytes)
    depth, height, width = scan.voxels.shape
    steps = scan.spacing or (math.nan,) * 3
    return SampleMeasurements(
        content_hash=content_hash(pixels),
        perceptual_hash=properties.perceptual_hash(Image.fromarray(twelve_slices(pixels))),
        height=height,
        width=width,
        depth=depth,
        channels=1,
        properties={
            **of_view.properties,
            "aspect_ratio": width / height,
            "num_pixels": float(height * width),
            **spacing_properties(scan, steps),
            **greys.intensities,
            "window_low": greys.low,
            "window_high": greys.high,
            "level_width": greys.level_width,
            "clipped": greys.clipped,
            **measure_shape(find_foreground(greys.voxels), scan.spacing),
        },
        encoding={"format": scan.format, "camera": None, "time": None},
        attributes=dict(scan.attributes),
    )


def spacing_properties(scan: Scan, steps: tuple[float, ...]) -> dict[str, float]:
    """Distances in mm, NaN where the file does not say.

    Returns:
        `spacing` (mean of the three axes), `spacing_depth`, `spacing_height` and `spacing_width`, `spacing_through`
        (of acquired slices; the largest of the three where the file does not say how it was acquired) and
        `slice_thickness`.
    """
    through = max(steps) if scan.through_plane is None else scan.through_plane
    return {
        "spacing": sum(steps) / 3,
        **{f"spacing_{name}": step for name, step in zip(AXES, steps, strict=True)},
        "spacing_through": through,
        "slice_thickness": math.nan if scan.slice_thickness is None else scan.slice_thickness,
    }
