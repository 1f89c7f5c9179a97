"""A picture as ingest saw it, or one line that says why not."""

import io
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.core.errors import ItemRejected, UserError
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import REJECTION_REASONS, Decoding, content_hash
from pipeline.images.storage import SquareFormat
from pipeline.media.picture_codec import PictureCodec
from pipeline.media.reader import SampleReader, make_reader

LARGE = Decoding(max_pixels=100_000)
SMALL = SquareFormat(size=8, fit="crop", channels=3)


@pytest.fixture
def source(picture_folder):
    return Folder(name="pets", path=str(picture_folder), watch="x")


@pytest.fixture
def reader(source):
    return SampleReader(source=source, codec=PictureCodec(decoding=LARGE))


def test_a_picture_that_is_as_it_was(reader, noise):
    found = reader.load_picture(("cat/0.png", content_hash(noise(0))))
    np.testing.assert_array_equal(found, noise(0))
    mirrored = reader.load_picture(("cat/0.png", content_hash(noise(0))), mirrored=True)
    np.testing.assert_array_equal(mirrored, noise(0)[:, ::-1])


@pytest.mark.parametrize("load", [SampleReader.load_picture, lambda reader, item: reader.load_stored(item, SMALL)])
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
        SampleReader(source=One(), codec=PictureCodec(decoding=LARGE)).load_stored(
            ("one", content_hash(noise(0))), SMALL
        )


@pytest.mark.parametrize(
    ("path", "limits", "reason"), [("cat/9.png", LARGE, "missing"), ("cat/0.png", Decoding(max_pixels=9), "too_large")]
)
def test_a_picture_that_cannot_be_read_any_more(source, path, limits, reason):
    message = rf"^{path} could be read by ingest but cannot be read now \({reason}.*\); run dvc repro to ingest again$"
    with pytest.raises(UserError, match=message):
        SampleReader(source=source, codec=PictureCodec(decoding=limits)).load_picture((path, ""))


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
    assert make_reader(params, pd.DataFrame({"path": []})) == SampleReader(
        source=source, codec=PictureCodec(decoding=LARGE)
    )


def test_a_card_tells_how_it_reads(reader):
    assert Decoding.of_card(reader.for_card()) == LARGE


def test_it_goes_to_other_processes(reader):
    assert pickle.loads(pickle.dumps(reader)) == reader


NAME = f"feedback:{'0' * 63}"


class Deep:
    """A source with these pictures of more than 8 bits, and its feedback."""

    name = "scans"

    def __init__(self, **pictures):
        self.pictures = pictures

    def open(self, path):
        buffer = io.BytesIO()
        Image.fromarray(self.pictures[path.replace(NAME, "f").removesuffix(".tif")]).save(buffer, "TIFF")
        return buffer.getvalue()


def deep(dtype, *greys):
    return np.array([[*greys]] * 4, dtype)


@pytest.mark.parametrize("added", [deep(np.uint16, 0, 60_000), deep(np.float32, 0, 0.5), deep(np.float32, -7, 90_000)])
def test_feedback_of_other_greys_leaves_those_of_the_source(added, monkeypatch):
    """12 bits with 16 bits or fractions: the scale is that of the source alone, and one rejection names the greys."""
    source = Deep(a=deep(np.uint16, 0, 4000), f1=added, f2=deep(np.uint16, 9, 3000))
    monkeypatch.setattr("pipeline.media.reader.source_of", lambda source, path, root: source)
    reader = SampleReader(source=source, codec=PictureCodec(decoding=LARGE))
    alone = reader.measure(["a"], cache=False)[1]
    rejections, table = reader.measure([f"{NAME}1.tif", "a", f"{NAME}2.tif"], cache=False)
    assert [one and one.reason for one in rejections] == ["other_greys", None, None]
    assert rejections[0].reason in REJECTION_REASONS
    assert re.fullmatch(
        r"(whole|real) greys from .* to .*, those of the source mean 0 to 4095; set ingest\..*", rejections[0].detail
    )
    assert table[["grey_low", "grey_high"]].to_numpy().tolist() == [[0, 4095]] * 2
    assert table["content_hash"][0] == alone["content_hash"][0]


def test_deep_feedback_on_a_source_without_deep_pictures_stops_nothing(monkeypatch):
    """Fractions up to 1.5 are ambiguous; 12 bits are not."""
    source = Deep(a=deep(np.uint8, 0, 200), f1=deep(np.float32, 0, 1.5), f2=deep(np.uint16, 0, 4000))
    monkeypatch.setattr("pipeline.media.reader.source_of", lambda source, path, root: source)
    reader = SampleReader(source=source, codec=PictureCodec(decoding=LARGE))
    rejections, _ = reader.measure(["a", f"{NAME}1.tif"], cache=False)
    assert rejections[0] is None
    assert rejections[1].detail.startswith("real greys from 0 to 1.5, black and white cannot be inferred; set ingest.")
    rejections, table = reader.measure(["a", f"{NAME}2.tif"], cache=False)
    assert rejections == [None, None]
    assert table["grey_high"].fillna(0).tolist() == [0, 4095]
