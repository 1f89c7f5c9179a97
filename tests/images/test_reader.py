"""A picture as ingest saw it, or one line that says why not."""

import pickle

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding, content_hash
from pipeline.images.reader import ImageReader, make_reader
from pipeline.images.storage import SquareFormat

LARGE = Decoding(max_pixels=100_000)
SMALL = SquareFormat(size=8, fit="crop", channels=3)


@pytest.fixture
def source(picture_folder):
    return Folder(name="pets", path=str(picture_folder), watch="x")


@pytest.fixture
def reader(source):
    return ImageReader(source=source, decoding=LARGE)


def test_a_picture_that_is_as_it_was(reader, noise):
    found = reader.load_picture(("cat/0.png", content_hash(noise(0))))
    np.testing.assert_array_equal(found, noise(0))


@pytest.mark.parametrize("load", [ImageReader.load_picture, lambda reader, item: reader.load_stored(item, SMALL)])
def test_a_picture_that_has_changed(reader, noise, load):
    with pytest.raises(UserError, match=r"^cat/1\.png has changed since ingest; run dvc repro to ingest again$"):
        load(reader, ("cat/1.png", content_hash(noise(0))))


def test_a_picture_of_which_one_number_has_changed(noise):
    changed = noise(0)
    changed[0, 0, 0] ^= 1

    class One:
        def open(self, path):
            return changed

    with pytest.raises(UserError, match=r"^one has changed since ingest; run dvc repro to ingest again$"):
        ImageReader(source=One(), decoding=LARGE).load_stored(("one", content_hash(noise(0))), SMALL)


@pytest.mark.parametrize(
    ("path", "limits", "reason"), [("cat/9.png", LARGE, "missing"), ("cat/0.png", Decoding(max_pixels=9), "too_large")]
)
def test_a_picture_that_cannot_be_read_any_more(source, path, limits, reason):
    message = rf"^{path} could be read by ingest but cannot be read now \({reason}.*\); run dvc repro to ingest again$"
    with pytest.raises(UserError, match=message):
        ImageReader(source=source, decoding=limits).load_picture((path, ""))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_as_it_is_stored(reader, noise, channels):
    storage = SquareFormat(size=8, fit="crop", channels=channels)
    found = reader.load_stored(("cat/0.png", content_hash(noise(0))), storage)
    assert (found.shape, found.dtype) == ((8, 8, channels), np.uint8)
    np.testing.assert_array_equal(found, storage.convert(noise(0)))


def test_measuring_accounts_for_every_path_in_order(reader, noise):
    rejections, table = reader.measure(["cat/1.png", "cat/9.png", "cat/0.png"], cache=False)
    assert [one and one.reason for one in rejections] == [None, "missing", None]
    assert isinstance(rejections[1], ItemRejected)
    assert table["content_hash"].tolist() == [content_hash(noise(1)), content_hash(noise(0))]
    assert table[["media", "height", "width", "depth", "channels"]].to_numpy().tolist() == [["image", 24, 32, 1, 3]] * 2


def test_it_reads_as_the_manifest_says(picture_folder, source):
    node = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "pets", "path": str(picture_folder)}
    params = {"source": {**node, "watch": "x"}, "ingest": {"max_pixels": 100_000}}
    assert make_reader(params, pd.DataFrame({"path": []})) == ImageReader(source=source, decoding=LARGE)


def test_a_card_tells_how_it_reads(reader):
    assert Decoding.of_card(reader.for_card()) == LARGE


def test_it_goes_to_other_processes(reader):
    assert pickle.loads(pickle.dumps(reader)) == reader
