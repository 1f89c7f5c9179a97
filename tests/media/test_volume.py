"""media=volume: what is read, stored, measured, and written to a card."""

import json
import math
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from volume_examples import canonical, nifti, series, voxels

from pipeline.core import config
from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import SampleMeasurements
from pipeline.images.decoding import content_hash
from pipeline.images.properties import measure, perceptual_hash
from pipeline.media.choice import codec_of_card, storage_of_card
from pipeline.media.volume import Volume
from pipeline.media.volume_codec import VolumeCodec
from pipeline.volumes.views import twelve_slices

FACTS = {"max_pixels": 10_000}
ARRAY = voxels((6, 9, 8))
FILE = nifti(canonical(ARRAY), np.diag([0.5, 0.5, 2, 1]), slope=1)


def codec(**options: Any) -> VolumeCodec:
    return Volume(**options).codec(FACTS)


def test_what_is_decoded_measured_and_shown() -> None:
    reader = codec()
    pixels = reader.decode(FILE)
    assert (pixels.shape, pixels.dtype) == ((6, 9, 8), np.uint8)
    assert reader.header(FILE)[:3] == (8, 9, 6)
    found = reader.examine(FILE)
    assert isinstance(found, SampleMeasurements)
    assert (found.depth, found.height, found.width, found.channels) == (6, 9, 8, 1)
    assert found.content_hash == content_hash(pixels)
    assert found.encoding == {"format": "NIfTI", "camera": None, "time": None}
    view = measure(reader.show(pixels), len(FILE))
    assert found.perceptual_hash == perceptual_hash(Image.fromarray(twelve_slices(pixels)))
    assert set(view.properties) < set(found.properties)  # so that every check of pictures finds its column
    assert {name: found.properties[name] for name in ("brightness", "contrast", "num_bytes")} == {
        name: view.properties[name] for name in ("brightness", "contrast", "num_bytes")
    }
    assert found.properties["spacing"] == 1.0
    assert found.properties["spacing_through"] == 2.0  # the largest, since NIfTI does not say
    assert math.isnan(found.properties["slice_thickness"])
    assert found.properties["foreground_mm3"] == found.properties["foreground_voxels"] / 2
    json.dumps(found.attributes)


def test_of_a_series_spacing_and_thickness_are_those_of_the_file() -> None:
    found = codec().examine(series(ARRAY))
    assert (found.properties["spacing_through"], found.properties["slice_thickness"]) == (2.0, 2.5)
    assert found.properties["num_bytes"] == series(ARRAY).nbytes
    assert found.attributes["modality"] == "CT"


def test_every_sample_has_the_same_properties() -> None:
    names = [list(codec().examine(data).properties) for data in (FILE, series(ARRAY), ARRAY, ARRAY > 500)]
    assert names.count(names[0]) == 4


def test_resampling_to_cubes() -> None:
    reader = codec(spacing=1)
    assert reader.decode(FILE).shape == (12, 4, 4)  # 2 x 0.5 x 0.5 mm
    found = reader.examine(FILE)
    assert (found.depth, found.height, found.width) == (6, 9, 8)  # of the file
    with pytest.raises(ItemRejected, match=r"media\.spacing 1 needs the distance of voxels, which this array does not"):
        reader.decode(ARRAY)
    with pytest.raises(ItemRejected, match=r"too_large: .* at media\.spacing 0\.01 mm"):
        codec(spacing=0.01, max_voxels=10_000).decode(FILE)


def test_a_window_reaches_the_pixels() -> None:
    assert codec(window=[0, 1000]).decode(FILE)[ARRAY == 2000].tolist() == [255]
    with pytest.raises(ItemRejected, match="needs numbers with a scale"):
        codec(window=[0, 1000]).decode(ARRAY)


@pytest.mark.parametrize("options", [{}, {"depth": 3, "spacing": 1.5, "window": [-160, 240]}])
def test_a_card_describes_the_same_codec(options: dict[str, Any]) -> None:
    reader = codec(**options)
    card = json.loads(json.dumps({**reader.for_card(), **reader.storage(8, "pad", 1).for_card()}))
    assert codec_of_card(card) == reader
    assert storage_of_card(card) == reader.storage(8, "pad", 1)
    assert storage_of_card(card).shape == (options.get("depth") or 8, 8, 8, 1)


def test_conf_builds_it() -> None:
    text = (Path(__file__).parents[2] / "conf/media/volume.yaml").read_text(encoding="utf-8")
    built = config.build(yaml.safe_load(text), "media")
    assert built == Volume()
    assert built.takes_folders
    assert {".nii.gz", ".dcm", ".npy", ".map", ".zip"} <= built.suffixes


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("soft", r"window must be auto or two numbers such as \[-160, 240\], got 'soft'"),
        ([1], r"window must be auto or two numbers such as \[-160, 240\], got \[1\]"),
        ([5, 5], r"window must begin below its end, got \[5, 5\]"),
        ([0, math.inf], r"window must begin below its end, got \[0, inf\]"),
    ],
)
def test_windows_that_are_none(window: Any, message: str) -> None:
    node = {"_target_": "pipeline.media.volume.Volume", "window": window}
    with pytest.raises(UserError, match=message):
        config.build(node, "media")


def test_a_fit_that_is_none() -> None:
    with pytest.raises(ValueError, match="fit must be crop, pad or stretch, got 'squash'"):
        codec().storage(8, "squash", 1)


@pytest.mark.parametrize("place", ["pipeline.media.volume_codec.read_scan", "pipeline.volumes.measuring.measure"])
def test_lack_of_memory_is_a_refusal(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(place, fail)
    with pytest.raises(ItemRejected, match="too_large: there is not enough memory"):
        codec().examine(FILE)


def test_it_goes_to_other_processes() -> None:
    reader = codec(window=[0, 5])
    assert pickle.loads(pickle.dumps(reader)) == reader


@pytest.mark.parametrize(
    ("package", "data"),
    [("nibabel", FILE), ("pydicom", series(ARRAY)), ("mrcfile.dtypes", bytes(208) + b"MAP " + bytes(900))],
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, package: str, data: Any
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    top = package.partition(".")[0]
    with pytest.raises(UserError, match=rf"need the package {top}, .*make install EXTRAS=volumes$"):
        codec().decode(data)
