"""Hashes and properties of decoded pixels, in numbers worked out by hand."""

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import Decoding, decode
from pipeline.images.properties import CORNERS, decode_and_measure, measure, perceptual_hash

MAX_PIXELS = 1_000_000
LIMITS = Decoding(max_pixels=MAX_PIXELS)


def of(picture):
    return measure(np.asarray(picture, dtype=np.uint8), num_bytes=7).properties


def halves(size=10):
    picture = np.zeros((size, size))
    picture[:, size // 2 :] = 255
    return picture


def framed(inner, border):
    picture = np.full((40, 40), border)
    picture[2:-2, 2:-2] = inner
    return picture


def marked():
    """A tenth of the side, 4 x 4 pixels, in one corner."""
    picture = np.zeros((40, 40, 3))
    picture[:4, -4:] = (255, 102, 0)
    return picture


class TestProperties:
    @pytest.mark.parametrize("value", [0, 51, 255])
    @pytest.mark.parametrize("shape", [(30, 20), (30, 20, 3), (1, 1), (1, 9, 3)])
    def test_a_uniform_picture(self, value, shape):
        assert of(np.full(shape, value)) == pytest.approx(
            {
                "brightness": value / 255,
                "contrast": 0,
                "dark_level": value / 255,
                "light_level": value / 255,
                "saturation": 0,
                "red_green": 0,
                "blue_yellow": 0,
                "sharpness": 0,
                "noise": 0,
                "entropy": 0,
                "border_brightness": value / 255,
                "border_red_green": 0,
                "border_blue_yellow": 0,
                "corner_top_left": value / 255,
                "corner_top_right": value / 255,
                "corner_bottom_left": value / 255,
                "corner_bottom_right": value / 255,
                **{f"corner_{one}_{two}": 0 for one in CORNERS for two in ("red_green", "blue_yellow")},
                "aspect_ratio": shape[1] / shape[0],
                "num_pixels": shape[0] * shape[1],
                "num_bytes": 7,
                "jpeg_quality": float("nan"),
            },
            abs=1e-6,
            nan_ok=True,
        )

    @pytest.mark.parametrize(
        ("picture", "name", "expected"),
        [
            (halves(), "brightness", 0.5),
            (halves(), "contrast", 0.5),
            (halves(), "entropy", 1.0),
            (halves(), "sharpness", 10 / 180),  # one step in each of 10 rows; 90 neighbours across, 90 down
            (np.arange(256).reshape(16, 16), "entropy", 8.0),
            ([[0, 255], [255, 0]], "sharpness", 1.0),
            (np.repeat([[0, 51, 255]], [4, 95, 1], axis=1), "dark_level", 0.2),  # 5 % are at or below 51
            (np.repeat([[0, 51, 255]], [5, 94, 1], axis=1), "dark_level", 0.0),
            (np.repeat([[0, 51, 255]], [4, 95, 1], axis=1), "light_level", 0.2),
            (np.repeat([[0, 51, 255]], [4, 94, 2], axis=1), "light_level", 1.0),
            (framed(255, 0), "border_brightness", 0.0),  # 5 % of 40 are 2 pixels
            (framed(255, 0), "brightness", 36**2 / 40**2),
            (framed(0, 255), "border_brightness", 1.0),
            (framed(0, 51), "border_brightness", 0.2),
            ([[[255, 0, 0]]], "brightness", 0.299),
            ([[[0, 255, 0]]], "brightness", 0.587),
            ([[[0, 0, 255]]], "brightness", 0.114),
            ([[[255, 0, 0]]], "saturation", 1.0),
            ([[[200, 100, 100]]], "saturation", 0.5),
            ([[[255, 51, 0]]], "red_green", 0.8),
            ([[[255, 51, 0]]], "blue_yellow", -0.6),
            ([[[0, 0, 255]]], "border_blue_yellow", 1.0),
            (np.pad([[255]], ((0, 39), (0, 39))), "corner_top_left", 1 / 16),  # a tenth of 40 are 4 pixels
            (np.pad([[255]], ((0, 39), (39, 0))), "corner_top_right", 1 / 16),
            (np.pad([[255]], ((39, 0), (0, 39))), "corner_bottom_left", 1 / 16),
            (np.pad([[255]], ((39, 0), (39, 0))), "corner_bottom_right", 1 / 16),
            (marked(), "corner_top_right_red_green", 0.6),
            (marked(), "corner_top_right_blue_yellow", -0.7),
            (marked(), "corner_top_left_red_green", 0.0),
            ([[0, 0, 0], [0, 255, 0], [0, 0, 0]], "noise", 4 / 6 * (np.pi / 2) ** 0.5),  # the mask answers 4 x 255
            (np.add.outer(np.arange(20), 3 * np.arange(20)), "noise", 0.0),  # a plane
            ([[[200, 100, 100], [0, 0, 0]]], "saturation", 0.25),
        ],
    )
    def test_by_hand(self, picture, name, expected):
        assert of(picture)[name] == pytest.approx(expected, abs=1e-6)

    def test_grey_and_equal_colours_measure_alike(self, noise):
        grey = noise(channels=1)
        assert of(grey) == pytest.approx(of(np.dstack([grey] * 3)), abs=1e-6, nan_ok=True)

    def test_size_does_not_enter(self):
        small = np.kron(np.array([[0, 255], [255, 0]]), np.ones((128, 128)))
        large = np.kron(small, np.ones((4, 4)))
        for name in ("brightness", "contrast", "saturation", "sharpness", "entropy", "border_brightness"):
            assert of(large)[name] == pytest.approx(of(small)[name], abs=1e-6)
        assert of(large)["num_pixels"] == 16 * of(small)["num_pixels"]

    @given(
        st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3])),
        st.integers(0, 2**32 - 1),
        st.sampled_from([0, 1, 255]),
    )
    def test_stay_in_their_ranges(self, shape, seed, border):
        picture = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        picture[[0, -1]], picture[:, [0, -1]] = border, border
        measured = of(picture[..., 0] if shape[2] == 1 else picture)
        for name in ("brightness", "contrast", "saturation", "sharpness", "border_brightness"):
            assert 0 <= measured[name] <= 1
        assert 0 <= measured["entropy"] <= 8


class TestHashes:
    def test_content_hash_is_of_pixels_not_of_bytes(self, noise, encode):
        hashes = {measure(decode(encode(noise(), kind), LIMITS), 1).content_hash for kind in ("PNG", "BMP", "TIFF")}
        assert len(hashes) == 1
        assert len(hashes.pop()) == 32

    def test_content_hash_knows_the_shape(self):
        wide, high, coloured = np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), np.zeros((1, 2, 3), np.uint8)
        assert len({measure(one, 1).content_hash for one in (wide, high, coloured)}) == 3

    def test_perceptual_hash_outlives_resizing_and_compression(self, encode):
        y, x = np.mgrid[0:96, 0:128]
        picture = (127 + 80 * np.sin(x / 17) * np.cos(y / 11) + x / 4).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(picture)
        copies = [decode(encode(picture, "JPEG"), LIMITS), np.asarray(image.resize((64, 48)))]
        original = int(measure(picture, 1).perceptual_hash, 16)
        for copy in copies:
            assert (original ^ int(measure(copy, 1).perceptual_hash, 16)).bit_count() <= 2
        assert (original ^ int(measure(picture[::-1], 1).perceptual_hash, 16)).bit_count() > 16

    @pytest.mark.parametrize(("shape", "channels"), [((600, 700), 1), ((600, 700, 3), 3), ((1, 1), 1)])
    def test_sizes_are_the_pictures_own(self, shape, channels):
        measured = measure(np.zeros(shape, dtype=np.uint8), num_bytes=1)
        assert (measured.height, measured.width, measured.channels) == (*shape[:2], channels)
        assert len(measured.perceptual_hash) == 16

    @given(st.tuples(st.integers(1, 80), st.integers(1, 80)), st.integers(0, 2**32 - 1), st.integers(1, 256))
    def test_perceptual_hash_is_imagehash(self, shape, seed, num_levels):
        picture = np.random.default_rng(seed).integers(0, num_levels, shape, dtype=np.uint8)
        image = Image.fromarray(picture)
        assert perceptual_hash(image) == str(imagehash.phash(image))

    @pytest.mark.parametrize(("side", "factor"), [(90, 1), (130, 2), (400, 6)])
    def test_perceptual_hash_of_a_photograph_is_that_of_its_reduced_copy(self, noise, side, factor):
        expected = imagehash.phash(
            Image.fromarray(noise(height=side, width=side)).reduce(factor // 2 or 1).convert("L")
        )
        if factor > 1:
            reduced = Image.fromarray(noise(height=side, width=side)).reduce(factor // 2).convert("L")
            expected = imagehash.phash(reduced.reduce(2))
        assert measure(noise(height=side, width=side), 1).perceptual_hash == str(expected)


def test_noise_is_the_standard_deviation_of_gaussian_noise():
    picture = np.random.default_rng(0).normal(128, 10, (120, 120)).round()
    assert of(picture)["noise"] == pytest.approx(10 / 255, rel=0.03)


def test_a_thread_of_pixels_is_measured_on_a_small_copy():
    measured = measure(np.arange(2_000_000, dtype=np.uint32).astype(np.uint8)[None], 1)
    assert (measured.height, measured.width) == (1, 2_000_000)
    assert measured.properties["contrast"] < 0.02  # averages of 977 neighbours


def test_encoded_and_decoded_pictures_measure_alike(noise, encode):
    data = encode(noise())
    plain, found = decode_and_measure(noise(), Decoding(max_pixels=1)), decode_and_measure(data, LIMITS)
    assert found.content_hash == plain.content_hash
    assert found.properties == pytest.approx({**plain.properties, "num_bytes": len(data)}, nan_ok=True)


def test_lack_of_memory_refuses_the_picture(monkeypatch, noise):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr("pipeline.images.properties.image_properties", exhausted)
    with pytest.raises(ItemRejected, match=r"too_large: there is not enough memory to measure it"):
        decode_and_measure(noise(), LIMITS)
