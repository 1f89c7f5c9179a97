"""Small copies of pictures, for a page."""

import numpy as np
import pandas as pd

from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding, content_hash
from pipeline.media.picture_codec import PictureCodec
from pipeline.media.reader import SampleReader
from pipeline.media.thumbnails import load_thumbnails


def test_they_keep_the_shape_and_leave_out_what_went_away(picture_folder, noise):
    source = Folder(name="pets", path=str(picture_folder), watch="x")
    reader = SampleReader(source=source, codec=PictureCodec(decoding=Decoding(max_pixels=100_000)))
    manifest = pd.DataFrame(
        {
            "sample_id": ["small", "gone", "changed", "other"],
            "path": ["cat/0.png", "cat/9.png", "cat/1.png", "cat/2.png"],
            "content_hash": [content_hash(noise(number)) for number in (0, 1, 2, 2)],
        }
    )
    found = load_thumbnails(reader, manifest, ["changed", "gone", "small"], 16)
    assert list(found) == ["small"]
    assert found["small"].shape == (12, 16, 3)  # of 24 x 32
    as_it_is = load_thumbnails(reader, manifest, ["small"], 100)["small"]
    np.testing.assert_array_equal(as_it_is, noise(0))  # never enlarged
    assert load_thumbnails(reader, manifest, [], 16) == {}
