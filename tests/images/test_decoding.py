"""Pictures as they come are seen as a person sees them, or refused with a reason."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import REJECTION_REASONS, Decoding, decode, image_size
from pipeline.images.grey_scales import Greys

LIMITS = Decoding(max_pixels=1_000_000)
ORIENTED = {  # EXIF orientation: how a person sees the stored pixels
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.swapaxes(0, 1), 2),
    8: lambda a: np.rot90(a, 1),
}


def oriented(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def png(width, height, body=b""):
    """A PNG that claims a size, whatever its body holds."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


class TestDecode:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize(
        ("kind", "options"),
        [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {})],
        ids=["png", "bmp", "tiff", "lzw", "ppm"],
    )
    def test_lossless_formats_come_back_exactly(self, noise, encode, kind, options, channels):
        picture = noise(channels=channels)
        np.testing.assert_array_equal(decode(encode(picture, kind, **options), LIMITS), picture)

    def test_lossless_webp(self, noise, encode):
        np.testing.assert_array_equal(decode(encode(noise(), "WEBP", lossless=True), LIMITS), noise())

    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}])
    def test_jpeg_is_near(self, encode, options):
        ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (32, 1))
        seen = decode(encode(np.dstack([ramp, ramp, ramp]), "JPEG", **options), LIMITS)
        assert seen.shape == (32, 64, 3)
        assert np.abs(seen.astype(int) - ramp[..., None]).max() <= 6

    @pytest.mark.parametrize("number", ORIENTED)
    def test_orientation_is_applied(self, noise, encode, number):
        data = encode(noise(), "PNG", exif=oriented(number))
        np.testing.assert_array_equal(decode(data, LIMITS), ORIENTED[number](noise()))

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_orientation_beside_a_tag_of_the_wrong_type(self, noise, encode, kind):
        exif = oriented(6)
        exif[0x010F] = "maker"
        odd = exif.tobytes().replace(b"\x01\x0f", b"\x01\x4c")  # InkSet, a number, holds a text
        assert decode(encode(noise(height=4, width=9), kind, exif=odd), LIMITS).shape == (9, 4, 3)

    def test_orientation_of_a_jpeg(self, encode):
        left_red = np.zeros((8, 16, 3), dtype=np.uint8)
        left_red[:, :8, 0] = 255
        seen = decode(encode(left_red, "JPEG", exif=oriented(6), quality=95), LIMITS)
        assert seen.shape == (16, 8, 3)
        assert seen[2, 4, 0] > 240
        assert seen[13, 4, 0] < 15

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [
            ("RGBA", (255, 0, 0, 0), [255, 255, 255]),
            ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
            ("RGBA", (0, 0, 0, 51), [204, 204, 204]),
            ("LA", (0, 51), [204, 204, 204]),
            ("L", 7, 7),
            ("1", 1, 255),
        ],
    )
    def test_transparency_is_on_white_and_grey_stays_grey(self, encode, mode, colour, expected):
        seen = decode(encode(Image.new(mode, (4, 3), colour)), LIMITS)
        assert (seen == np.array(expected, dtype=np.uint8)).all()
        assert seen.shape[:2] == (3, 4)

    def test_palette(self, encode):
        image = Image.new("P", (4, 3), 1)
        image.putpalette([0, 0, 0, 10, 20, 30])
        assert (decode(encode(image), LIMITS) == [10, 20, 30]).all()
        assert (decode(encode(image, transparency=1), LIMITS) == 255).all()

    def test_gif_shows_its_first_frame(self, encode):
        data = encode(Image.new("RGB", (4, 3), "blue"), "GIF", save_all=True, append_images=[Image.new("RGB", (4, 3))])
        assert (decode(data, LIMITS) == [0, 0, 255]).all()

    def test_cmyk(self, encode):
        seen = decode(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), LIMITS)
        assert np.abs(seen.astype(int) - [255, 0, 0]).max() <= 3

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    @pytest.mark.parametrize(("value", "expected"), [(0, 0), (200, 1), (257, 1), (25_700, 100), (65_535, 255)])
    def test_16_bit_uses_the_full_range(self, encode, kind, value, expected):
        picture = np.full((3, 4), value, dtype=np.uint16)
        assert (decode(encode(picture, kind), LIMITS) == expected).all()

    def test_16_bit_in_the_other_byte_order(self, encode):
        image = Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 200, 100))  # dim: neither goes past 255
        assert decode(encode(image, "TIFF"), LIMITS).tolist() == [[1, 0]]

    @pytest.mark.parametrize(
        ("values", "expected", "scale"),
        [
            ([0, 128, 255], [0, 128, 255], (0, 255)),
            ([0, 257, 65_535], [0, 1, 255], (0, 65_535)),
            ([-5, 3, 70_000], [0, 0, 255], (0, 65_535)),
            ([-1000, 0, 1000], [0, 128, 255], (-1000, 1000)),  # 127.5 is rounded to the even one
        ],
    )
    def test_32_bit_has_the_scale_of_its_data_set(self, encode, values, expected, scale):
        picture = encode(np.array([values], dtype=np.int32), "TIFF")
        assert decode(picture, replace(LIMITS, grey_scale=Greys(*scale))).tolist() == [expected]
        with pytest.raises(
            ItemRejected, match=r"^unsupported: 32 bits per pixel, whose type does not give the values of black"
        ):
            decode(picture, LIMITS)

    def test_a_scale_does_not_touch_8_bits(self, noise, encode):
        scaled = replace(LIMITS, grey_scale=Greys(0, 10))
        np.testing.assert_array_equal(decode(encode(noise(channels=1)), scaled), noise(channels=1))

    def test_pixels_already_decoded_are_handed_through(self, noise):
        picture = noise()
        assert decode(picture, Decoding(max_pixels=1)) is picture

    def test_max_pixels_is_the_largest_accepted(self, noise, encode):
        assert decode(encode(noise(height=10, width=20)), Decoding(max_pixels=200)).shape == (10, 20, 3)


class TestRefused:
    @pytest.fixture
    def broken(self, noise, encode):
        picture = encode(noise(height=64, width=64))
        jpeg = encode(noise(height=64, width=64), "JPEG")
        return {
            "empty": b"",
            "text": b"<html>404</html>",
            "cut png": picture[: len(picture) // 2],
            "cut jpeg": jpeg[: len(jpeg) // 2],
            "cut header": jpeg[:30],
            "no data": png(8, 8),
            "claims": png(1_001, 1_000),
            "bomb": png(60_000, 60_000),
            "garbled exif": encode(noise(), exif=b"Exif\0\0garbage"),
        }

    @pytest.mark.parametrize(
        ("name", "reason", "detail"),
        [
            ("empty", "empty", r"0 bytes"),
            ("text", "not_a_picture", r"starts with b'<html>40'"),
            ("cut png", "truncated", r"truncated"),
            ("cut jpeg", "truncated", r"truncated"),
            ("cut header", "truncated", r"Truncated"),
            ("no data", "truncated", r"."),
            ("claims", "too_large", r"1001 x 1000 pixels, at most 1000000 allowed"),  # not truncated: before decoding
            ("bomb", "too_large", r"exceeds limit of \d+ pixels"),
            ("garbled exif", "truncated", r"not a TIFF file"),
        ],
    )
    def test_with_its_reason(self, broken, name, reason, detail):
        with pytest.raises(ItemRejected, match=rf"^{reason}: .*{detail}") as caught:
            decode(broken[name], LIMITS)
        assert caught.value.reason in REJECTION_REASONS

    @pytest.mark.parametrize("size", [(60, 40), (40, 60)])
    def test_the_limit_counts_pixels(self, encode, size):
        with pytest.raises(ItemRejected, match=rf"too_large: {size[0]} x {size[1]} pixels, at most 2399 allowed"):
            decode(encode(Image.new("RGB", size)), Decoding(max_pixels=2399))

    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("JPEG", {"exif": oriented(6)}),
            ("PNG", {}),
            ("WEBP", {"exif": oriented(6)}),
            ("TIFF", {}),
            ("GIF", {}),
            ("BMP", {}),
        ],
    )
    def test_damage_of_any_kind_is_refused_or_seen(self, noise, encode, kind, options):
        data = encode(noise(), kind, **options)
        generator = np.random.default_rng(0)
        outcomes = {damaged_outcome(data, generator) for _ in range(150)}
        assert outcomes <= {"seen", *REJECTION_REASONS}
        assert {"seen", "truncated"} <= outcomes


def damaged_outcome(data, generator):
    damaged = bytearray(data)
    reach = min(len(data), generator.choice([40, 200, len(data)]))
    for place in generator.integers(0, reach, generator.integers(1, 4)):
        damaged[place] = generator.integers(256)
    try:
        seen = decode(bytes(damaged), LIMITS)
    except ItemRejected as refused:
        return refused.reason
    return "seen" if seen.dtype == np.uint8 and seen.ndim in (2, 3) else "odd"


class TestSize:
    @pytest.mark.parametrize("number", ORIENTED)
    def test_as_a_person_sees_it(self, noise, encode, number):
        data = encode(noise(height=10, width=20), "JPEG", exif=oriented(number))
        height, width = decode(data, LIMITS).shape[:2]
        assert image_size(data) == (width, height)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
    @pytest.mark.parametrize("number", ORIENTED)
    def test_of_other_formats(self, noise, encode, kind, number):
        data = encode(noise(height=10, width=20), kind, exif=oriented(number))
        height, width = decode(data, LIMITS).shape[:2]
        assert image_size(data) == (width, height)

    def test_of_pixels(self):
        assert image_size(np.zeros((3, 5, 3), np.uint8)) == (5, 3)

    def test_nothing_is_decoded(self):
        assert image_size(png(9_000, 8_000)) == (9_000, 8_000)

    @pytest.mark.parametrize(
        ("data", "reason"), [(b"", "empty"), (b"<html>", "not_a_picture"), (png(60_000, 60_000), "too_large")]
    )
    def test_what_has_none_is_refused(self, data, reason):
        with pytest.raises(ItemRejected, match=f"^{reason}: ") as refused:
            image_size(data)
        assert refused.value.reason in REJECTION_REASONS


def test_pillows_own_limit_is_put_back(encode, noise):
    before = Image.MAX_IMAGE_PIXELS
    decode(encode(noise()), Decoding(max_pixels=10_000))
    with pytest.raises(ItemRejected, match="at most 100 allowed"):
        decode(encode(noise(height=11, width=10)), Decoding(max_pixels=100))
    assert before == Image.MAX_IMAGE_PIXELS
