"""The metadata of a file, bounded and cleaned."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from pipeline.images.metadata import read_metadata


def metadata_of(kind="JPEG", exif=None, **options):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, kind, **({"exif": exif} if exif else {}), **options)
    with Image.open(buffer) as image:
        return read_metadata(image)


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 95, 100])
def test_the_quality_that_libjpeg_was_asked_for(quality):
    assert metadata_of(quality=quality).jpeg_quality == quality


def test_no_jpeg_has_no_quality():
    assert np.isnan(metadata_of("PNG").jpeg_quality)
    assert (metadata_of("PNG").format, metadata_of().format) == ("PNG", "JPEG")


def test_camera_and_time_are_cleaned_and_bounded():
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Maker\n<b>", "M" * 900
    exif[ExifTags.Base.DateTime] = "2026:01:02 03:04:05"
    found = metadata_of(exif=exif)
    assert found.camera == ("Maker <b> " + "M" * 64)[:64]
    assert found.time == "2026-01-02 03:04:05"


def test_what_is_no_time_is_not_told():
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "yesterday"
    assert (metadata_of(exif=exif).camera, metadata_of(exif=exif).time) == (None, None)
