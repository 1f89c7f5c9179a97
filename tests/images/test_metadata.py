"""What a file tells beside its pixels, bounded and cleaned."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from pipeline.images.metadata import read_metadata


def told(kind="JPEG", exif=None, **options):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, kind, **({"exif": exif} if exif else {}), **options)
    with Image.open(buffer) as image:
        return read_metadata(image)


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 95, 100])
def test_the_quality_that_libjpeg_was_asked_for(quality):
    assert told(quality=quality).jpeg_quality == quality


def test_no_jpeg_has_no_quality():
    assert np.isnan(told("PNG").jpeg_quality)
    assert (told("PNG").format, told().format) == ("PNG", "JPEG")


def test_camera_and_time_are_cleaned_and_bounded():
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Maker\n<b>", "M" * 900
    exif[ExifTags.Base.DateTime] = "2026:01:02 03:04:05"
    found = told(exif=exif)
    assert found.camera == ("Maker <b> " + "M" * 64)[:64]
    assert found.time == "2026-01-02 03:04:05"


def test_what_is_no_time_is_not_told():
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "yesterday"
    assert (told(exif=exif).camera, told(exif=exif).time) == (None, None)
