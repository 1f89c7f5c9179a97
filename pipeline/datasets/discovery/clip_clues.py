"""Whether pictures of a place are clips: animations, or frames that follow each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from PIL import Image

from pipeline.core.errors import ItemRejected
from pipeline.datasets.discovery.file_listing import FileListing
from pipeline.images.decoding import Decoding, decode

NUM_LOOKED = 8  # files or folders, evenly over all
MAX_BYTES = 16 * 1024**2  # of a frame that is decoded
MAX_PIXELS = 25_000_000
SIDE = 16  # pixels of the copies that are compared
DELAY = re.compile(rb"!\xf9\x04.(?!\0\0)..", re.DOTALL)  # a graphic control extension of a GIF with a delay
MAX_RATIO = 0.5  # difference of frames that follow each other, over that of frames of different folders


def are_animated(place: FileListing, paths: Sequence[str]) -> bool:
    """Whether most of the GIF and WebP files are animations, as their first bytes say."""
    looked = _evenly(paths)
    return 2 * sum(is_animation(place.head(path, 4096)) for path in looked) > len(looked)


def is_animation(head: bytes) -> bool:
    """Whether a GIF is played in a loop or shows its first frame for a time, or a WebP has the flag of an animation."""
    is_webp = head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20
    if is_webp:
        return bool(head[20] & 2)
    return head.startswith(b"GIF8") and (b"NETSCAPE2.0" in head or DELAY.search(head) is not None)


def are_frames(place: FileListing, folders: Mapping[str, Sequence[str]]) -> bool:
    """Whether pictures of one folder that follow each other are much more alike than those of different folders.

    Args:
        place: Of the folders.
        folders: Each to its pictures in the order of their numbers, at least two.
    """
    pairs = [(_load(place, folders[one][0]), _load(place, folders[one][1])) for one in _evenly(sorted(folders))]
    known = [(first, second) for first, second in pairs if first is not None and second is not None]
    if len(known) < 2:
        return False
    within = [_difference(first, second) for first, second in known]
    between = [_difference(known[row - 1][0], known[row][0]) for row in range(len(known))]
    return median(within) < MAX_RATIO * median(between)


def _evenly(paths: Sequence[str]) -> list[str]:
    number = min(len(paths), NUM_LOOKED)
    return [paths[position * len(paths) // number] for position in range(number)]


def _load(place: FileListing, path: str) -> np.ndarray | None:
    """(SIDE, SIDE) float32 greys of a picture; None where it cannot be read."""
    try:
        pixels = decode(place.head(path, MAX_BYTES), Decoding(max_pixels=MAX_PIXELS))
    except ItemRejected:
        return None
    return np.asarray(Image.fromarray(pixels).convert("L").resize((SIDE, SIDE)), dtype=np.float32)


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean())
