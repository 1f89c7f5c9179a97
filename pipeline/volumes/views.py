"""Pictures of a volume: three slices for a person, twelve for the perceptual hash, and means that show copies."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pipeline.volumes.foreground import find_foreground

GAP = 2  # black columns between two slices
PLACES = (0.2, 0.4, 0.6, 0.8)  # of the slices of a hash, as shares of the foreground's extent along an axis
SIDE = 32  # pixels of each
THUMBNAIL = 64  # pixels of a slice by which copies are found
LONGEST = 4096  # side of a slice that is shown


def three_slices(volume: np.ndarray, has_cubes: bool) -> np.ndarray:
    """(H, W) uint8: from above, from the front and from the patient's left, all as high as the tallest.

    Each goes through the foreground near its centre, so that it is not blank where anything is there. The patient's
    right is on the left of the first two; the head is above in the last two; the front is above in the first and on
    the left in the last.

    Args:
        volume: (slices, rows, columns) uint8, in the stored orientation.
        has_cubes: Whether its voxels are cubes; else nothing is known of their shape here, and a slice is stretched to
            the height of the others, as the network sees it.
    """
    views = _central_slices(volume)
    height = min(max(view.shape[0] for view in views), LONGEST)
    fitted = [_fill(view, height) if has_cubes else _stretch(view, height) for view in views]
    gap = np.zeros((height, GAP), np.uint8)
    return np.hstack([fitted[0], gap, fitted[1], gap, fitted[2]])


def twelve_slices(volume: np.ndarray) -> np.ndarray:
    """(96, 128) uint8: four slices along each axis, of the box around the foreground, each 32 x 32.

    Two volumes with different bodies in the same place so differ: of 1,584 adrenal glands 502 pairs have hashes of
    three middle slices within 2 bits, 20 of these twelve, and none within 1.

    Args:
        volume: (slices, rows, columns) uint8, in the stored orientation.
    """
    box = volume[_box(find_foreground(volume))]
    lines = []
    for axis in range(3):
        chosen = [np.take(box, int(place * (box.shape[axis] - 1)), axis=axis) for place in PLACES]
        lines.append(np.hstack([_square(one) for one in chosen]))
    return np.vstack(lines)


def copy_pictures(volume: np.ndarray) -> list[np.ndarray]:
    """Four pictures by which copies are found, (H, W) uint8: three slices, and the mean along each axis.

    In the means every voxel takes part, and noise and the choice of a slice hardly matter. Of a volume with left and
    right exchanged each picture is mirrored: views from above and from the front are so, and one from the side, which
    is the same for both, stands next to its own mirror image.

    Args:
        volume: (slices, rows, columns) uint8, in the stored orientation.
    """
    above, front, side = map(_thumbnail, _central_slices(volume))
    means = projections(volume)
    slices = np.vstack([above, front, _thumbnail(_with_mirror_image(side))])
    return [slices, means[0], means[1], _with_mirror_image(means[2])]


def projections(volume: np.ndarray) -> list[np.ndarray]:
    """Three pictures, (H, W) uint8: the mean along each axis, the brightest place of each white."""
    means = [volume.mean(axis=axis, dtype=np.float32) for axis in range(3)]
    return [(mean * (255 / max(float(mean.max()), 1e-3))).astype(np.uint8) for mean in means]


def _with_mirror_image(view: np.ndarray) -> np.ndarray:
    return np.hstack([view, view[:, ::-1]])


def _central_slices(volume: np.ndarray) -> list[np.ndarray]:
    """From above, from the front and from the left, through the foreground near its centre."""
    slices, rows, columns = _central(volume)
    return [volume[slices], volume[::-1, rows], volume[::-1, :, columns]]


def _box(foreground: np.ndarray) -> tuple[slice, ...]:
    """The smallest box that holds the foreground; all where there is none."""
    bounds = []
    for axis in range(3):
        present = np.flatnonzero(foreground.any(axis=tuple({0, 1, 2} - {axis})))
        bounds.append(slice(int(present[0]), int(present[-1]) + 1) if len(present) else slice(None))
    return tuple(bounds)


def _square(view: np.ndarray, side: int = SIDE) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(view))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _thumbnail(view: np.ndarray) -> np.ndarray:
    return _square(view, THUMBNAIL)


def _central(volume: np.ndarray) -> list[int]:
    """Of each axis the place nearest to the centre of the foreground that has any; the middle without foreground."""
    foreground = find_foreground(volume)
    places = []
    for axis in range(3):
        counts = foreground.sum(axis=tuple({0, 1, 2} - {axis}))
        present = np.flatnonzero(counts)
        if not len(present):
            places.append(len(counts) // 2)
            continue
        middle = float(counts @ np.arange(len(counts))) / int(counts.sum())
        places.append(int(present[np.abs(present - middle).argmin()]))
    return places


def _fill(view: np.ndarray, height: int) -> np.ndarray:
    above = (height - view.shape[0]) // 2
    return np.pad(view, ((above, height - view.shape[0] - above), (0, 0)))


def _stretch(view: np.ndarray, height: int) -> np.ndarray:
    width = min(view.shape[1], LONGEST)
    if view.shape == (height, width):
        return view
    image = Image.fromarray(np.ascontiguousarray(view))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
