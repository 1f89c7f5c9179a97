"""Clips through the reader: ingest measures them, later stages read them again."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from films import animation, film, moving_texture, numbers, reading, sound_alone
from PIL import Image

from pipeline.clips import decoder_process
from pipeline.core import safe_files
from pipeline.core.code_digest import imported_modules
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.manifest_schema import check_manifest
from pipeline.datasets.ingestion import ingest
from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import Decoding
from pipeline.images.storage import SquareFormat
from pipeline.media import clip_codec, measurement_cache
from pipeline.media.clip import Clip
from pipeline.media.clip_codec import ClipCodec
from pipeline.media.picture_codec import PictureCodec
from pipeline.media.reader import SampleReader

OPTIONS = {"num_frames": 4, "sampling": "uniform", "stride": 2, "max_frames": 400, "max_seconds": 60, "time_limit": 20}
CODEC = Clip(**OPTIONS).codec({"max_pixels": 1_000_000})
REFUSED = {"sound.mp4": "no_frames", "text.mp4": "not_a_clip", "cut.mp4": "truncated", "empty.avi": "empty"}


class Films:
    """A source of the files of a folder, each with its first letter as the label."""

    name = "films"

    def __init__(self, root):
        self.root = root

    def read(self):
        names = sorted(one.name for one in self.root.iterdir())
        return pd.DataFrame({"path": names, "labels": [[name[0]] for name in names], "group": None})

    def open(self, path):
        return safe_files.read_sample(self.root, path)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("films")
    files = {
        "a.mp4": film(),
        "b.gif": animation("GIF"),
        "c.webm": film(moving_texture(0, 10), "webm", "libvpx-vp9", cpu_used="8"),
        "sound.mp4": sound_alone(),
        "text.mp4": b"no film",
        "cut.mp4": film()[:900],
        "empty.avi": b"",
    }
    for name, data in files.items():
        (root / name).write_bytes(data)
        os.utime(root / name, (1e9, 1e9))
    frames = root / "d"
    frames.mkdir()
    for number, frame in enumerate(moving_texture(1, 12)):
        Image.fromarray(frame).save(frames / f"frame{number}.png")
    yield Films(root)
    decoder_process.stop()


@pytest.fixture
def reader(source, tmp_path):
    return SampleReader(source=source, codec=CODEC, feedback=tmp_path)


def test_ingest_accepts_or_refuses_each_with_a_reason(reader):
    manifest, quarantine = ingest(reader)
    check_manifest(manifest)
    assert dict(zip(quarantine["path"], quarantine["reason"], strict=True)) == REFUSED
    rows = manifest.set_index("path")
    assert rows["media"].tolist() == ["clip"] * 4
    assert rows["format"].to_dict() == {"a.mp4": "mov", "b.gif": "gif", "c.webm": "matroska", "d": "frames"}
    assert rows["attr_codec"].dropna().to_dict() == {"a.mp4": "h264", "b.gif": "gif", "c.webm": "vp9"}
    assert rows.loc["d", ["height", "width", "depth", "channels"]].tolist() == [96, 128, 4, 3]
    assert rows["prop_num_frames"].tolist() == [20, 20, 10, 12]
    assert rows["prop_fps"].isna().tolist() == [False, False, False, True]
    assert rows["prop_motion_energy"].between(0.01, 1).all()
    assert rows["prop_jpeg_quality"].isna().all()


def test_later_stages_read_the_same_frames(reader):
    manifest, _ = ingest(reader)
    items = list(zip(manifest["path"], manifest["content_hash"], strict=True))
    storage = reader.storage(16, "crop", 3)
    stored = np.stack([reader.load_stored(item, storage) for item in items])
    assert stored.shape == (4, 4, 16, 16, 3)
    assert numbers(stored[0]) == numbers(stored[1]) == [2, 7, 12, 17]
    assert reader.load_picture(items[0]).shape == (96, 128, 3)
    assert all([one.shape for one in view] == [(64, 64)] * 3 for view in reader.load_views(items[3]))
    with pytest.raises(UserError, match=r"^a\.mp4 has changed since ingest; run dvc repro to ingest again$"):
        reader.load_views((items[0][0], items[1][1]))


def folder(root):
    return Folder(name="films", path=str(root), watch="x")


def test_a_second_ingest_decodes_nothing(source, tmp_path, monkeypatch):
    reader = SampleReader(source=folder(source.root), codec=CODEC, feedback=tmp_path)
    monkeypatch.setattr(measurement_cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(measurement_cache, "RACY_SECONDS", -60.0)
    paths = ["a.mp4", "b.gif", "d"]
    first = reader.measure(paths, cache=True)[1]
    monkeypatch.setattr(decoder_process, "DECODE", "no_such_module:decode")
    pd.testing.assert_frame_equal(reader.measure(paths, cache=True)[1], first)


def test_another_choice_measures_again():
    keys = {
        measurement_cache.cache_key(folder("x"), Clip(**{**OPTIONS, **other}).codec({"max_pixels": 9}))
        for other in ({}, {"num_frames": 5}, {"sampling": "dense"}, {"time_limit": 5})
    }
    assert len(keys) == 4


def test_the_cache_knows_the_code_that_decodes():
    """In the process of its own, too: what it imports is part of the key."""
    seen, waiting = set(), [Path(clip_codec.__file__)]
    while waiting:
        found = set(imported_modules(waiting.pop())) - seen
        seen |= found
        waiting += found
    assert {"video.py", "decoder.py", "key_frames.py", "picture_frames.py"} <= {one.name for one in seen}


def test_a_codec_is_what_the_options_say():
    assert ClipCodec(reading=reading()) == CODEC
    assert CODEC.for_card() == {"max_pixels": 1_000_000, "media": {"_target_": "pipeline.media.clip.Clip", **OPTIONS}}
    assert CODEC.storage(8, "pad", 1).square == SquareFormat(size=8, fit="pad", channels=1)


def test_a_reader_of_pictures_says_what_reads_a_film():
    pictures = PictureCodec(decoding=Decoding(max_pixels=10**6))
    with pytest.raises(
        ItemRejected, match=r"^unsupported: .* a film, which is not read: media=clip reads it \(docs/clips"
    ):
        pictures.decode(film())
