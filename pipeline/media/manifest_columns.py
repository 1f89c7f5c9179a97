"""The columns of the manifest that come from the samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from pipeline.core.manifest_schema import ATTRIBUTE, EXIF, property_column
from pipeline.core.sample_codec import SampleMeasurements
from pipeline.images import grey_scales

FROM_FILE = ("camera", "time")
EXIF_COLUMNS = tuple(EXIF + name for name in FROM_FILE)


def manifest_columns(measured: Sequence[SampleMeasurements], media: str = "image") -> pd.DataFrame:
    """One manifest row for each measured sample of one media.

    Built by columns: one dictionary for each row takes half as much memory again.
    """
    names = measured[0].properties if measured else ()
    return pd.DataFrame(
        {
            "media": [media] * len(measured),
            "format": [one.encoding["format"] for one in measured],
            "content_hash": [one.content_hash for one in measured],
            "perceptual_hash": [one.perceptual_hash for one in measured],
            "height": [one.height for one in measured],
            "width": [one.width for one in measured],
            "depth": [one.depth for one in measured],
            "channels": [one.channels for one in measured],
            **_grey_columns(measured),
            **{property_column(name): [one.properties[name] for one in measured] for name in names},
            **{
                column: [one.encoding[name] for one in measured]
                for column, name in zip(EXIF_COLUMNS, FROM_FILE, strict=True)
            },
            **{
                ATTRIBUTE + name: [one.attributes.get(name) for one in measured]
                for name in sorted({name for one in measured for name in one.attributes})
            },
        }
    )


def _grey_columns(measured: Sequence[SampleMeasurements]) -> dict[str, list[float]]:
    """The values of black and white of pictures of more than 8 bits; no column without such pictures."""
    scales = [one.grey_scale or [math.nan, math.nan] for one in measured]
    deep = any(one.grey_scale for one in measured)
    return {name: [scale[index] for scale in scales] for index, name in enumerate(grey_scales.COLUMNS)} if deep else {}
