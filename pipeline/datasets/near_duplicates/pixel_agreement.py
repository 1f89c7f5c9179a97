"""Whether two similar pictures have the same pixels, or only look alike: aligned, then compared part by part."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.core import terminal
from pipeline.core.labels import are_labelled, labels_to_text
from pipeline.core.parallel import parallel_map
from pipeline.datasets.near_duplicates.groups import add_duplicate_group
from pipeline.media.reader import SampleReader

SIDE = 128  # of the pictures compared
REDUCED = (4, 2, 1)  # the alignment begins on a copy of a quarter of the side,
ZOOMS = (1.0, 0.9, 1 / 0.9)  # from each of these: a crop shows the same things larger
NUM_STEPS = 10  # of the alignment, on each copy
SMOOTHING = 1.5  # pixels; compression changes single pixels
WINDOW = 9  # side of the parts compared: a crack or a chip is as large
MAX_DIFFERENCE = 0.25  # of the largest part, in standard deviations of the picture; measured, see `is_same_picture`
MAX_GAIN = 4.0  # in contrast, from one copy to the other
LEAST_OVERLAP = 0.5  # of the picture
MAX_PAIRS = 20_000  # compared, 40 minutes of one core; of more the rest counts as look-alikes


def add_same_picture(samples: pd.DataFrame, duplicates: pd.DataFrame, reader: SampleReader) -> pd.DataFrame:
    """The samples with `same_picture`: one name for those of other labels whose pixels agree, None for all others.

    Pixels are compared of pairs with different labels that are near-duplicates, or of which one is the first sample
    with the perceptual hash of the other.

    Args:
        samples: Manifest rows with a label, or a statement that none applies.
        duplicates: `data/duplicates.parquet`.
        reader: Of the pictures.
    """
    pairs = _contradicting_pairs(samples, duplicates)
    if len(pairs) > MAX_PAIRS:
        terminal.warn(
            f"check: {len(pairs):,} pairs of similar pictures have different labels; the pixels of the first "
            f"{MAX_PAIRS:,} are compared, the others count as look-alikes"
        )
        pairs = pairs.head(MAX_PAIRS)
    items = samples.set_index("sample_id")[["path", "content_hash"]]
    left, right = (list(items.loc[pairs[side]].itertuples(index=False, name=None)) for side in ("left", "right"))
    compared = zip(left, right, pairs["mirrored"].tolist(), strict=True)
    agree = list(parallel_map(partial(_compare, reader), compared, len(pairs), "check"))
    same = add_duplicate_group(samples, pairs[np.array(agree, dtype=bool)])["duplicate"]
    return samples.assign(same_picture=same)


def _contradicting_pairs(samples: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """`left`, `right` (sample_id) and `mirrored` of pairs with different labels."""
    known = samples[are_labelled(samples)]
    text = known["labels"].map(lambda names: labels_to_text(list(names))).set_axis(known["sample_id"])
    usual = pd.DataFrame({"hash": known["perceptual_hash"].to_numpy(), "text": text.to_numpy(), "left": text.index})
    first = usual.groupby("hash", sort=False).head(1).set_index("hash")
    usual["right"] = usual["hash"].map(first["left"])
    pairs = pd.concat(
        [duplicates.reindex(columns=["left", "right", "mirrored"]), usual[["left", "right"]].assign(mirrored=False)]
    )
    pairs = pairs[pairs["left"].isin(text.index) & pairs["right"].isin(text.index)]
    contradicting = text.loc[pairs["left"]].to_numpy() != text.loc[pairs["right"]].to_numpy()
    return pairs[contradicting].drop_duplicates(["left", "right"]).astype({"mirrored": bool})


def _compare(reader: SampleReader, pair: tuple[tuple[str, str], tuple[str, str], bool]) -> bool:
    first, second, mirrored = pair
    return is_same_picture(reader.load_picture(first), reader.load_picture(second, mirrored))


def is_same_picture(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether no part of one picture differs from the other, after alignment, by more than a copy of it would.

    Two solar cells cut from one crystal have the same grains; a crack in one of them is a part that differs. Planted
    copies and such pairs are compared in docs/evidence/near_duplicates.md.

    Args:
        first: (H, W) or (H, W, 3) uint8.
        second: The same, of any other size.
    """
    return largest_local_difference(first, second) <= MAX_DIFFERENCE


def largest_local_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square difference of the worst part, in standard deviations of the picture: 0 for the same pixels.

    Size, a crop, brightness and contrast have no influence: the second picture is displaced, zoomed and sheared onto
    the first one, and the brightness of one fitted to the other, whichever way leaves less: from the white parts of a
    picture that was made brighter nobody can find what they were. Infinite where the two hardly overlap.

    Source: Lucas and Kanade 1981, An Iterative Image Registration Technique, IJCAI.
    """
    ours, theirs = _grey(first), _grey(second)
    moved, inside = _warp(theirs, _align(ours, theirs))
    if inside.mean() < LEAST_OVERLAP:
        return float("inf")
    return min(_worst_part(ours, moved, inside), _worst_part(moved, ours, inside))


def _grey(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels).convert("L")
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0), dtype=np.float64)


def _align(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(2, 3) affine change of coordinates (-1 to 1, rows first) that takes a place of ours to its place of theirs."""
    coarse, *finer = [(_reduce(ours, factor), _reduce(theirs, factor)) for factor in REDUCED]
    starts = [_refine(*coarse, zoom * np.eye(2, 3) - np.eye(2, 3)) for zoom in ZOOMS]
    change = max(starts, key=lambda one: _correlation(*coarse, one))
    for target, moving in finer:
        change = _refine(target, moving, change)
    return change


def _reduce(pixels: np.ndarray, factor: int) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    side = SIDE // factor
    return np.asarray(gaussian_filter(pixels.reshape(side, factor, side, factor).mean(axis=(1, 3)), SMOOTHING))


def _correlation(target: np.ndarray, moving: np.ndarray, change: np.ndarray) -> float:
    moved, inside = _warp(moving, change)
    if inside.mean() < LEAST_OVERLAP or not (np.ptp(target[inside]) and np.ptp(moved[inside])):
        return -1.0
    return float(np.corrcoef(target[inside], moved[inside])[0, 1])


def _refine(target: np.ndarray, moving: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The change after steps of least squares, which also fit brightness and contrast."""
    side = len(target)
    slopes = np.gradient(moving, 2 / (side - 1))  # by the coordinates
    rows, columns = (one.ravel() for one in _places(side))
    for _ in range(NUM_STEPS):
        moved, inside = _warp(moving, change)
        down, across = (_warp(one, change)[0].ravel() for one in slopes)
        known = [rows * down, columns * down, down, rows * across, columns * across, across]
        design = np.stack([*known, moved.ravel(), np.ones(side * side)], axis=1)[inside.ravel()]
        if len(design) < LEAST_OVERLAP * side * side:
            break
        normal = design.T @ design + 1e-6 * np.eye(design.shape[1])
        solved = np.linalg.solve(normal, design.T @ target.ravel()[inside.ravel()])
        step = np.clip(solved[:6] / max(abs(solved[6]), 0.2), -0.1, 0.1).reshape(2, 3)
        change = change + step
        if np.abs(step).max() < 0.05 / side:
            break
    return change


def _places(side: int) -> np.ndarray:
    """(2, side, side) rows and columns of all pixels, -1 to 1."""
    return np.stack(np.meshgrid(*[np.linspace(-1, 1, side)] * 2, indexing="ij"))


def _warp(pixels: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(side, side) the pixels at the changed places, and whether those lie inside the picture."""
    from scipy.ndimage import map_coordinates

    rows, columns = _places(len(pixels))
    places = np.stack([rows, columns, np.ones_like(rows)])
    moved = np.stack([rows, columns]) + np.tensordot(change, places, axes=1)
    pixel = (moved + 1) / 2 * (len(pixels) - 1)
    return map_coordinates(pixels, pixel, order=1, mode="nearest"), (np.abs(moved) <= 1).all(axis=0)


def _worst_part(target: np.ndarray, source: np.ndarray, inside: np.ndarray) -> float:
    """The difference of the worst part, the source's brightness and contrast fitted to the target's."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    inside = inside.copy()
    edge = WINDOW // 2
    inside[:edge], inside[-edge:], inside[:, :edge], inside[:, -edge:] = False, False, False, False
    target, source = gaussian_filter(target, SMOOTHING), gaussian_filter(source, SMOOTHING)
    fitted = inside & (np.minimum(target, source) > 2) & (np.maximum(target, source) < 253)
    fitted = fitted if fitted.sum() > inside.sum() / 10 else inside
    ours, theirs = target[fitted] - target[fitted].mean(), source[fitted] - source[fitted].mean()
    gain = np.clip((ours * theirs).sum() / max(float((theirs**2).sum()), 1e-6), 1 / MAX_GAIN, MAX_GAIN)
    explained = np.clip(target[fitted].mean() + gain * (source - source[fitted].mean()), 0, 255)
    difference = np.where(inside, target - explained, 0.0)
    spread = max(float(target[inside].std()), 1.0)  # a grey level: a uniform picture has none
    return float(np.sqrt(uniform_filter(difference**2, WINDOW).clip(0).max())) / spread
