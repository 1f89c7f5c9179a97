"""Pictures of samples: frames and slices, and what stays in memory."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from films import film, numbered, reading
from PIL import Image
from volume_examples import LIMITS

from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import content_hash
from pipeline.labelling.web.pictures import BoundedCache, PictureStore, encode
from pipeline.media.clip_codec import ClipCodec
from pipeline.media.reader import SampleReader
from pipeline.media.volume_codec import VolumeCodec
from pipeline.serving.limits import Refusal


@dataclass(frozen=True)
class OneSample:
    """A source of one sample."""

    data: bytes

    def open(self, path):
        if path == "gone":
            raise ItemRejected("unreadable", "no such file")
        return self.data


def make_store(data, codec, monkeypatch):
    monkeypatch.setattr(SampleReader, "source_of", lambda self, path: self.source)
    decoded = content_hash(codec.decode(data))
    return PictureStore(SampleReader(source=OneSample(data), codec=codec), [("a", decoded), ("gone", "")], 1)


def open_picture(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_slices_of_a_volume_one_by_one(monkeypatch):
    voxels = (40 * np.arange(4)[:, None, None] + np.zeros((4, 6, 5))).astype(np.uint8)
    file = io.BytesIO()
    np.save(file, voxels)
    codec = VolumeCodec(bounds=LIMITS, depth=None, spacing=None, window=None, node={})
    store = make_store(file.getvalue(), codec, monkeypatch)
    assert (store.has_frames, store.num_frames(0)) == (True, 4)
    assert open_picture(store.frame(0, 3)).shape == (6, 5, 3)
    assert open_picture(store.frame(0, 3)).mean() - open_picture(store.frame(0, 1)).mean() == 80
    with pytest.raises(Refusal, match="there are frames 0 to 3, none has the number 4"):
        store.frame(0, 4)
    with pytest.raises(Refusal, match="gone could be read by ingest"):
        store.thumbnail(1)


def test_frames_of_a_clip_as_the_model_reads_them(monkeypatch):
    codec = ClipCodec(reading=reading())
    store = make_store(film(numbered(20)), codec, monkeypatch)
    assert store.num_frames(0) == 4
    levels = [open_picture(store.frame(0, number)).mean() for number in range(4)]
    assert levels == sorted(levels)
    assert levels[3] > levels[0] + 60
    assert open_picture(store.thumbnail(0)).shape == (96, 128, 3)  # four frames in one picture


def test_a_cache_holds_what_was_used_last():
    cache = BoundedCache(max_bytes=10)
    made = []

    def make(name, size=4):
        return lambda: made.append(name) or b"x" * size

    for name in (1, 2, 1, 3, 1, 2):  # 2 was used longest ago when 3 came
        cache.get((name,), make(name))
    cache.get((9,), make(9, size=11))  # larger than all
    cache.get((1,), make(1))
    assert made == [1, 2, 3, 2, 9, 1] or made == [1, 2, 3, 2, 9]


def test_large_pictures_become_small():
    assert Image.open(io.BytesIO(encode(np.zeros((400, 800), np.uint8), 160))).size == (160, 80)
