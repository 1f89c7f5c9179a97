"""The measurements of a picture: hashes, size and properties, all from pixels decoded once."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.core.sample_codec import GreyRange, SampleMeasurements
from pipeline.images.decoding import Decoding, content_hash, open_or_range
from pipeline.images.grey_scales import Greys
from pipeline.images.metadata import Encoding

MEASURED_SIDE = 128  # measured on a copy whose shorter side is 128 to 255 pixels, so that size has no influence
MAX_ASPECT = 16  # of that copy: a longer picture is reduced further, so that no copy is larger than 255 x 2,048
HASH_SIDE = 8
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
LEVELS = np.arange(256)
CORNERS = {"top_left": (0, 0), "top_right": (0, 1), "bottom_left": (1, 0), "bottom_right": (1, 1)}  # bottom, right


def decode_and_measure(data: bytes | np.ndarray, decoding: Decoding) -> SampleMeasurements | GreyRange:
    """The measurements of a picture, decoded once; its grey range where it has more than 8 bits and no scale is given.

    Raises:
        ItemRejected: It cannot be decoded, or there is not enough memory.
    """
    try:
        opened = open_or_range(data, decoding)
        if isinstance(opened, GreyRange):
            return opened
        image, encoding = opened
        return measure(image, len(data) if isinstance(data, bytes) else data.nbytes, encoding, decoding.grey_scale)
    except MemoryError:
        raise ItemRejected("too_large", "there is not enough memory to measure it") from None


def measure(
    picture: Image.Image | np.ndarray,
    num_bytes: int,
    encoding: Encoding | None = None,
    grey_scale: Greys | None = None,
) -> SampleMeasurements:
    """Hashes, size and properties of decoded pixels.

    Args:
        picture: Mode L or RGB, or (H, W) or (H, W, 3) uint8.
        num_bytes: Size as stored.
        encoding: Of the file; None for a picture that came as pixels.
        grey_scale: Of the data set's pictures of more than 8 bits.
    """
    encoding = encoding or Encoding()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    width, height = image.size
    small = _reduce(image)
    luma = small.convert("L")
    return SampleMeasurements(
        content_hash=content_hash(np.asarray(picture)),
        perceptual_hash=perceptual_hash(luma if min(luma.size) < MEASURED_SIDE else luma.reduce(2)),
        height=height,
        width=width,
        channels=len(image.getbands()),
        properties={
            **image_properties(small, luma),
            "aspect_ratio": width / height,
            "num_pixels": float(height * width),
            "num_bytes": float(num_bytes),
            "jpeg_quality": encoding.jpeg_quality,
        },
        encoding={"format": encoding.format, "camera": encoding.camera, "time": encoding.time},
        grey_scale=[grey_scale.low, grey_scale.high] if grey_scale and encoding.deep else None,
    )


def _reduce(image: Image.Image) -> Image.Image:
    """A smaller copy, each pixel the average of a square block."""
    short, long = sorted(image.size)
    factor = max(1, short // MEASURED_SIDE, math.ceil(long / (MAX_ASPECT * MEASURED_SIDE)))
    return image.reduce(factor) if factor > 1 else image


def perceptual_hash(luma: Image.Image) -> str:
    """16 hexadecimal digits: whether each of the 8 x 8 lowest frequencies of a 32 x 32 copy is above their median.

    Equals imagehash.phash.

    Source: C. Zauner 2010, Implementation and Benchmarking of Perceptual Image Hash Functions, section 3.2.1.
    """
    from scipy.fftpack import dct

    side = 4 * HASH_SIDE
    pixels = np.asarray(luma.resize((side, side), Image.Resampling.LANCZOS))
    low = dct(dct(pixels, axis=0), axis=1)[:HASH_SIDE, :HASH_SIDE].ravel()
    middle = np.sort(low)[low.size // 2 - 1 : low.size // 2 + 1]
    return np.packbits(low > (middle[0] + middle[1]) / 2).tobytes().hex()


def image_properties(small: Image.Image, luma: Image.Image) -> dict[str, float]:
    """The properties of a picture apart from its size: light, colour, sharpness and noise.

    All sums are of integers, so exact. Luma is rounded to 8 bit, except in `brightness`: rounding changes a property by
    at most 0.002, entropy by at most 0.01 bits.

    Args:
        small: The reduced copy, mode L or RGB.
        luma: The same in mode L.

    Returns:
        `brightness` (mean luma, 0 black to 1 white), `contrast` (standard deviation of luma, 0 to 0.5),
        `dark_level` and `light_level` (luma below which 5 % and 99 % of the pixels lie, 0 to 1),
        `saturation` (mean of HSV saturation, 0 to 1), `red_green` (mean red - green, -1 to 1) and `blue_yellow` (mean
        blue - the mean of red and green), which together are the hue of the mean colour and how strong it is,
        `sharpness` (mean absolute difference of neighbouring luma, 0 to 1), `noise` (`noise_level`, 0 to 3.4),
        `entropy` (bits of the 256-bin luma histogram, 0 to 8); of the outermost 5 % `border_brightness`,
        `border_red_green` and `border_blue_yellow`; of squares with a tenth of the shorter side
        `corner_top_left`, `corner_top_right`, `corner_bottom_left`, `corner_bottom_right` (mean luma, 0 to 1), and each
        with `_red_green` and `_blue_yellow` behind its name.
    """
    width, height = luma.size
    size = width * height
    counts = np.array(luma.histogram())
    total = int(counts @ LEVELS)
    share = counts[counts > 0] / size
    dark, light = np.searchsorted(counts.cumsum(), (0.05 * size, 0.99 * size))
    grey = np.asarray(luma)
    planes = np.ascontiguousarray(np.moveaxis(np.asarray(small), -1, 0)) if small.mode == "RGB" else grey[None]
    sums = _sum(planes)
    means, border = sums / size / 255, _border_means(planes, sums)
    steps = grey.astype(np.int16)
    across, down = steps[:, 1:] - steps[:, :-1], steps[1:] - steps[:-1]
    return {
        "brightness": _luma(means),
        "contrast": math.sqrt(size * int(counts @ LEVELS**2) - total**2) / size / 255,
        "dark_level": int(dark) / 255,
        "light_level": int(light) / 255,
        "saturation": _saturation(planes),
        **_cast("", means),
        "sharpness": float(_sum(np.abs(across)) + _sum(np.abs(down))) / max(1, across.size + down.size) / 255,
        "noise": noise_level(across),
        "entropy": float(-(share * np.log2(share)).sum()) + 0.0,
        "border_brightness": _luma(border),
        **_cast("border_", border),
        **_corners(planes),
    }


def noise_level(across: np.ndarray) -> float:
    """Standard deviation of the noise, as a share of white, by a mask whose response to planes is zero.

    The mask is the difference of two Laplacians, (1 -2 1) across and down; the mean absolute value of its
    response to noise of standard deviation s is 6 s sqrt(2 / pi). Texture adds to it. 0 below 3 x 3 pixels.

    Args:
        across: (H, W - 1) int16 differences of neighbouring luma, which lie between -255 and 255.

    Source: Immerkaer 1996, Fast Noise Variance Estimation, doi:10.1006/cviu.1996.0060.
    """
    bends = across[:, 1:] - across[:, :-1]
    slopes = bends[1:] - bends[:-1]
    response = slopes[1:] - slopes[:-1]
    return math.sqrt(math.pi / 2) * float(_sum(np.abs(response))) / max(1, response.size) / 6 / 255


def _sum(numbers: np.ndarray) -> np.ndarray:
    """The sum over the last two axes; 32 bits suffice: a copy has at most 522,240 pixels, no value is above 2,040."""
    return numbers.sum(axis=(-2, -1), dtype=np.int32)


def _border_means(planes: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Mean of each channel over the outermost 5 % of the shorter side, 0 to 1."""
    margin = max(1, round(0.05 * min(planes.shape[1:])))
    inner = planes[:, margin:-margin, margin:-margin]
    return (sums - _sum(inner)) / (planes[0].size - inner[0].size) / 255


def _luma(means: np.ndarray) -> float:
    return float(np.dot(LUMA, means)) if len(means) == 3 else float(means[0])


def _cast(prefix: str, means: np.ndarray) -> dict[str, float]:
    red, green, blue = means if len(means) == 3 else (0.0, 0.0, 0.0)
    return {f"{prefix}red_green": float(red - green), f"{prefix}blue_yellow": float(blue - (red + green) / 2)}


def _corners(planes: np.ndarray) -> dict[str, float]:
    side = max(1, round(0.1 * min(planes.shape[1:])))
    start, end = slice(None, side), slice(-side, None)
    properties: dict[str, float] = {}
    for name, (rows, columns) in CORNERS.items():
        part = planes[:, end if rows else start, end if columns else start]
        means = _sum(part) / part[0].size / 255
        properties |= {f"corner_{name}": _luma(means), **_cast(f"corner_{name}_", means)}
    return properties


def _saturation(planes: np.ndarray) -> float:
    if len(planes) == 1:
        return 0.0
    red, green, blue = planes
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    grey = float((low / np.maximum(high, 1)).sum())
    black = high.size - np.count_nonzero(high)  # no colour, where the line above counts full colour
    return max(0.0, 1 - (grey + black) / high.size)
