"""Made-up photographs, look-alikes that differ only in details, and what may happen to a copy of one."""

import io

import numpy as np
from PIL import Image

SIDE = 200


def photograph(seed, grain=12):
    """Soft random shapes, `grain` of them along a side."""
    small = np.random.default_rng(seed).integers(0, 256, (grain, grain), dtype=np.uint8)
    return Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def look_alike(seed):
    """Dark bars as every other look-alike has them, and a faint pattern of its own."""
    pixels = 0.14 * np.asarray(photograph(seed, 20), dtype=float) + 110
    for place in range(4):
        pixels[place::50, :] = pixels[:, place::40] = 20
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def recompressed(image, quality=40):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue()))


CHANGES = {
    "halved": lambda one: one.resize((SIDE // 2, SIDE // 2)),
    "recompressed": recompressed,
    "cropped": lambda one: one.crop((8, 8, SIDE - 8, SIDE - 8)),
    "mirrored": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "brightened": lambda one: one.point(lambda value: min(255, 1.3 * value)),
}
