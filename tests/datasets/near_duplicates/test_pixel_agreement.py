"""Copies of a picture have its pixels; a picture with a crack looks alike."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from pipeline.datasets.near_duplicates import pixel_agreement
from pipeline.datasets.near_duplicates.pixel_agreement import (
    MAX_DIFFERENCE,
    add_same_picture,
    is_same_picture,
    largest_local_difference,
)


def texture(seed, side=200):
    """A grey picture of blobs, as the grains of a crystal are."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(side, side))
    blobs = gaussian_filter(noise, 6) + 0.3 * gaussian_filter(noise[::-1], 2)
    return Image.fromarray(np.clip(128 + 35 * blobs / blobs.std(), 0, 255).astype(np.uint8))


def crack(image):
    changed = image.copy()
    ImageDraw.Draw(changed).line([(80, 60), (120, 130)], fill=0, width=5)
    return changed


def jpeg(image, quality=40):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


COPIES = {
    "itself": lambda image: image,
    "in colour": lambda image: image.convert("RGB"),
    "JPEG": jpeg,
    "half the size": lambda image: image.resize((100, 100)),
    "darker": lambda image: image.point(lambda value: 0.6 * value),
    "brighter, white parts cut off": lambda image: image.point(lambda value: min(255, 1.2 * value)),
    "a crop": lambda image: image.crop((10, 6, 196, 190)),
    "all of it": lambda image: jpeg(image.crop((4, 8, 192, 196)).resize((110, 110)).point(lambda value: 0.8 * value)),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_has_the_same_pixels(kind):
    image = texture(0)
    assert is_same_picture(np.asarray(image), np.asarray(COPIES[kind](image)))
    assert not is_same_picture(np.asarray(image), np.asarray(COPIES[kind](crack(image))))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mirror_image_is_compared_as_such(make_manifest, mirrored):
    image = np.asarray(texture(0))
    pictures = {"s00": image, "s01": image[:, ::-1]}
    samples = make_manifest(["good", "bad"], path=list(pictures), perceptual_hash=["0" * 16, "f" * 16])
    pairs = pd.DataFrame({"left": ["s00"], "right": ["s01"], "mirrored": [mirrored]})
    found = add_same_picture(samples, pairs, Reader(pictures))
    assert found["same_picture"].notna().tolist() == [mirrored] * 2


def test_the_same_pixels_differ_by_nothing():
    image = np.asarray(texture(1))
    assert largest_local_difference(image, image) == pytest.approx(0, abs=1e-6)


def test_other_pictures_differ():
    assert largest_local_difference(np.asarray(texture(1)), np.asarray(texture(2))) > 4 * MAX_DIFFERENCE


@pytest.mark.parametrize("side", [1, 8, 300])
def test_uniform_pictures_of_any_size(side):
    grey = np.full((side, side), 90, np.uint8)
    assert is_same_picture(grey, np.full((side, 2 * side), 90, np.uint8))
    assert not is_same_picture(grey, np.asarray(texture(0)))


class Reader:
    """Pictures by path; it remembers which were read."""

    def __init__(self, pictures):
        self.pictures, self.read = pictures, []

    def load_picture(self, item, mirrored=False):
        self.read.append(item[0])
        picture = np.asarray(self.pictures[item[0]])
        return picture[:, ::-1] if mirrored else picture


def test_only_pairs_that_contradict_each_other_are_read(make_manifest):
    image = texture(0)
    pictures = {
        "s00": image,
        "s01": jpeg(image),
        "s02": crack(image),
        "s03": image,
        "s04": texture(4),
        "s05": texture(5),
    }
    samples = make_manifest(
        ["good", "bad", "bad", "good", [], "bad"], path=list(pictures), perceptual_hash=["0" * 16] * 4 + ["f" * 16] * 2
    )
    pairs = [("s00", "s01"), ("s00", "s03"), ("s02", "s03"), ("s04", "s05")]
    duplicates = pd.DataFrame(pairs, columns=["left", "right"]).assign(mirrored=False)
    reader = Reader(pictures)
    found = add_same_picture(samples, duplicates, reader)
    assert found["same_picture"].tolist()[:2] == ["s00", "s00"]
    assert found["same_picture"].isna().tolist() == [False, False, True, True, True, True]
    assert set(reader.read) == {"s00", "s01", "s02", "s03"}  # s04 has no label


def test_pairs_that_are_not_compared_are_reported(make_manifest, monkeypatch, capsys):
    monkeypatch.setattr(pixel_agreement, "MAX_PAIRS", 1)
    image = texture(0)
    pictures = {"s00": image, "s01": image, "s02": image}
    samples = make_manifest(["good", "bad", "worse"], path=list(pictures), perceptual_hash=["0" * 16] * 3)
    reader = Reader(pictures)
    found = add_same_picture(samples, pd.DataFrame({"left": [], "right": []}), reader)
    assert found["same_picture"].notna().tolist() == [True, True, False]
    assert set(reader.read) == {"s00", "s01"}
    assert capsys.readouterr().err == (
        "check: 2 pairs of similar pictures have different labels; the pixels of the first 1 are compared, the others "
        "count as look-alikes\n"
    )


def test_without_any_pair(make_manifest):
    samples = make_manifest("ab", path=["x", "y"])
    found = add_same_picture(samples, pd.DataFrame({"left": [], "right": []}), Reader({}))
    assert found["same_picture"].isna().all()
