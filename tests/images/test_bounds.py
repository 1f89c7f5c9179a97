"""What a picture may take, known before a pixel is decoded."""

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.images import bounds
from pipeline.images.decoding import Decoding, decode
from pipeline.images.grey_scales import Greys


def taken(encode, pixels, kind, **options):
    with Image.open(io.BytesIO(encode(pixels, kind, **options))) as image:
        return bounds.bytes_to_decode(image)


@pytest.mark.parametrize(
    ("pixels", "kind", "expected"),
    [
        (np.zeros((10, 20), np.uint8), "PNG", 200),
        (np.zeros((10, 20, 3), np.uint8), "PNG", 800),
        (np.zeros((10, 20), np.uint16), "PNG", 400),
        (np.zeros((10, 20), np.uint16), "TIFF", 400 + 400),
        (np.zeros((10, 20), np.int32), "TIFF", 800 + 800),
        (np.zeros((16, 16, 3), np.uint8), "JPEG", 1024),
    ],
)
def test_bytes_by_hand(encode, pixels, kind, expected):
    assert taken(encode, pixels, kind) == expected


@pytest.mark.parametrize(("subsampling", "samples"), [(0, 3), (1, 2), (2, 1.5)])
def test_a_progressive_jpeg_keeps_its_coefficients(encode, subsampling, samples):
    picture = np.zeros((16, 16, 3), np.uint8)
    found = taken(encode, picture, "JPEG", progressive=True, subsampling=subsampling)
    assert found == 256 * 4 + 256 * samples * 2


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", np.uint16), ("TIFF", np.uint16), ("TIFF", np.int32)])
def test_the_limit_counts_bytes_too(encode, kind, dtype, monkeypatch):
    deep = encode(np.zeros((40, 50), dtype), kind)
    limits = Decoding(max_pixels=2000, grey_scale=Greys.of_bits(16))
    assert decode(deep, limits).shape == (40, 50)
    monkeypatch.setattr(bounds, "BYTES_PER_PIXEL", 1)
    with pytest.raises(
        ItemRejected, match=r"^too_large: 50 x 40 pixels need \d+ bytes of memory, at most 2000 allowed"
    ):
        decode(deep, limits)


def test_large_progressive_pictures_may_have_fewer_scans(encode, noise):
    data = encode(noise(height=64, width=64), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    many = data[:last] + data[last:-2] * 11 + data[-2:]  # 20 scans in all
    assert bounds.num_scans(many) == 20
    assert decode(many, Decoding(max_pixels=64 * 64 * 20 // 16)).shape == (64, 64, 3)
    with pytest.raises(ItemRejected, match=r"^too_large: 20 progressive scans of 64 x 64 pixels, at most 16 allowed$"):
        decode(many, Decoding(max_pixels=64 * 64))
