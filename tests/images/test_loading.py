"""A picture as ingest saw it, or one line that says why not."""

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding, content_hash
from pipeline.images.loading import load_resized, load_thumbnails, load_verified

LARGE = Decoding(max_pixels=100_000)


@pytest.fixture
def source(picture_folder):
    return Folder(name="pets", path=str(picture_folder), watch="x")


def test_a_picture_that_is_as_it_was(source, noise):
    found = load_verified(source, LARGE, "cat/0.png", content_hash(noise(0)))
    np.testing.assert_array_equal(found, noise(0))


def test_a_picture_that_has_changed(source, noise):
    with pytest.raises(UserError, match=r"^cat/1\.png has changed since ingest; run dvc repro to ingest again$"):
        load_verified(source, LARGE, "cat/1.png", content_hash(noise(0)))


@pytest.mark.parametrize(
    ("path", "limits", "reason"), [("cat/9.png", LARGE, "missing"), ("cat/0.png", Decoding(max_pixels=9), "too_large")]
)
def test_a_picture_that_cannot_be_read_any_more(source, path, limits, reason):
    message = rf"^{path} could be read by ingest but not now \({reason}.*\); run dvc repro to ingest again$"
    with pytest.raises(UserError, match=message):
        load_verified(source, limits, path, "")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_the_wanted_size(source, noise, channels):
    found = load_resized(source, LARGE, 8, "crop", channels, ("cat/0.png", content_hash(noise(0))))
    assert (found.shape, found.dtype) == ((8, 8, channels), np.uint8)


def test_glimpses_keep_the_shape_and_leave_out_what_went_away(source, noise):
    manifest = pd.DataFrame(
        {
            "sample_id": ["small", "gone", "changed", "other"],
            "path": ["cat/0.png", "cat/9.png", "cat/1.png", "cat/2.png"],
            "content_hash": [content_hash(noise(number)) for number in (0, 1, 2, 2)],
        }
    )
    found = load_thumbnails(source, LARGE, manifest, ["changed", "gone", "small"], 16)
    assert list(found) == ["small"]
    assert found["small"].shape == (12, 16, 3)  # of 24 x 32
    as_it_is = load_thumbnails(source, LARGE, manifest, ["small"], 100)["small"]
    np.testing.assert_array_equal(as_it_is, noise(0))  # never enlarged
    assert load_thumbnails(source, LARGE, manifest, [], 16) == {}
